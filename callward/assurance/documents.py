"""The papers behind the register: read where they lie, hashed, never copied.

They may hold personal data, so nothing of them but whether they are as they were is told.
"""

import hashlib
import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Final

from callward.assurance.model import Document

MOST_BYTES: Final = 64 * 1024**2
_PIECE: Final = 1024**2


class Seen(StrEnum):
    """How a document was found."""

    THERE = "there"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


def look_at(folder: Path, document: Document) -> Seen:
    """Read a document's file; one longer than ``MOST_BYTES``, or that is none, is unreadable."""
    try:
        # A link would lead out of the folder, and a pipe would wait for somebody to write.
        handle = os.open(folder / document.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Seen.MISSING
    except OSError:
        return Seen.UNREADABLE
    try:
        digest = _digest(handle) if stat.S_ISREG(os.fstat(handle).st_mode) else None
    except OSError:
        return Seen.UNREADABLE
    finally:
        os.close(handle)
    if digest is None:
        return Seen.UNREADABLE
    return Seen.THERE if digest == document.sha256 else Seen.CHANGED


def _digest(handle: int) -> str | None:
    found, size = hashlib.sha256(), 0
    while piece := os.read(handle, _PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            return None
        found.update(piece)
    return found.hexdigest()
