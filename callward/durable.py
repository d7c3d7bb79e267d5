"""Files that are whole and on disk before anything relies on them."""

import errno
import os
import tempfile
from pathlib import Path

_PAGE = 4096
_DIRECT = getattr(os, "O_DIRECT", 0)  # not everywhere


def write_durably(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Write ``content`` to ``path`` atomically and flush it and its folder to disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, buffer: memoryview, length: int) -> None:
    """Write the first ``length`` bytes of ``buffer`` and flush them; the folder is the caller's.

    Past the page cache where the system lets us (a page-aligned buffer with room up
    to the next page): most ciphertexts are not read again before they go, and
    finding memory for them costs more than encrypting them.
    """
    padded = -(-length // _PAGE) * _PAGE
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    if padded <= len(buffer) and _write(path, flags | _DIRECT, buffer[:padded], length):
        return
    _write(path, flags, buffer[:length], length)


def _write(path: Path, flags: int, content: memoryview, length: int) -> bool:
    """Write and cut to ``length``; False, and nothing done, where the flags are not supported."""
    try:
        handle = os.open(path, flags, 0o640)
    except OSError as error:
        if error.errno == errno.EINVAL and flags & _DIRECT:
            return False
        raise
    try:
        while content:
            content = content[os.write(handle, content) :]
        os.ftruncate(handle, length)
        os.fsync(handle)
    except OSError as error:
        if error.errno == errno.EINVAL and flags & _DIRECT:
            return False
        raise
    finally:
        os.close(handle)
    return True


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Flush one file's content to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
