"""The files of a pack while it is made: each is digested as it is written, none is held."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from callward.errors import DefectError
from callward.evidence.container import CHUNK, Part

_LINES_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the pack: its path there, size in bytes, SHA-512 (hex) and CRC-32."""

    path: str
    size: int
    sha512: str
    crc: int
    kept: Path

    def part(self, folder: str) -> Part:
        """The same as a member of an archive, in which everything lies in ``folder``."""
        return Part(f"{folder}/{self.path}", self.crc, self.size, partial(_chunks, self.kept))


@dataclass(slots=True)
class Draft:
    """Files in ``folder``, which is the draft's own; ``written`` by their path in the pack."""

    folder: Path
    written: dict[str, Written] = field(default_factory=dict)

    def write(self, path: str, chunks: Iterable[bytes]) -> Written:
        """Write a file; DefectError if there is one of that path already."""
        if path in self.written:
            raise DefectError("two files of a pack have the same name")
        # By number: no path of the pack leads anywhere here.
        kept = self.folder / f"{len(self.written):06}"
        digest, crc, size = hashlib.sha512(), 0, 0
        with kept.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        found = Written(path, size, digest.hexdigest(), crc, kept)
        self.written[path] = found
        return found

    def write_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write small files."""
        for path, content in files:
            self.write(path, (content,))

    def digests(self, *, payload: bool) -> dict[str, str]:
        """SHA-512 by path, of the payload or of all other files."""
        return {
            path: one.sha512
            for path, one in self.written.items()
            if path.startswith("data/") is payload
        }


def lines(texts: Iterable[str]) -> Iterator[bytes]:
    """Texts, each ended by a newline, a good many at once."""
    waiting = iter(texts)
    while some := list(islice(waiting, _LINES_AT_ONCE)):
        yield "".join(f"{one}\n" for one in some).encode()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
