"""The pack's zip container: one way to write it, so that any other bytes are wrong.

Members are stored, not deflated: compressed bytes differ between versions of
zlib, and a stored archive can hide no bomb. Order, time stamps and permissions
are fixed. Reading checks that the file is, byte for byte, what writing its
members again gives; so nothing can hide between them. Format: PKWARE APPNOTE
6.3, without Zip64.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from callward.errors import DefectError, IntegrityError

MAX_BYTES: Final = 2 * 1024**3
MAX_MEMBERS: Final = 50_000

_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MAX_NAME = 255
_VERSION = 20
_UNIX = 3
_DATE_1980 = (1 << 5) | 1
_REGULAR_0644 = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the central directory repeats about a member."""

    name: bytes
    crc: int
    size: int
    offset: int


def zip_chunks(names: Iterable[str], read: Callable[[str], bytes]) -> Iterator[bytes]:
    """Yield the archive of the members ``names`` piece by piece, in the order of their names.

    Raises DefectError for names outside the plain relative ones, twice the same
    name, or more than fits.
    """
    entries: list[_Entry] = []
    offset = 0
    for name in sorted(names):
        entry, content = _entry(name, read(name), offset, entries)
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", *_common(entry)) + entry.name
        yield header
        yield content
        entries.append(entry)
        offset += len(header) + entry.size
    directory = b"".join(_central(entry) for entry in entries)
    yield directory
    many = len(entries)
    yield struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, many, many, len(directory), offset, 0)


def open_zip(path: Path) -> tuple[ZipFile, list[str]]:
    """Open a pack's archive and return it with its member names.

    Raises IntegrityError unless the file is exactly what ``zip_chunks`` writes
    for its members. The caller closes the archive.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_BYTES:
            raise IntegrityError(f"not a file of at most {MAX_BYTES} bytes")
        archive = ZipFile(path)
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        raise IntegrityError("not a zip archive that can be read") from None
    try:
        names = _checked_names(archive, size)
        _check_bytes(path, zip_chunks(names, lambda name: read_member(archive, name)))
    except BaseException:
        archive.close()
        raise
    return archive, names


def read_member(archive: ZipFile, name: str) -> bytes:
    """Return a member's bytes; IntegrityError if they do not fit their checksum."""
    try:
        return archive.read(name)
    except (BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise IntegrityError("a member of the archive cannot be read") from None
    except (KeyError, struct.error, zlib.error):
        raise IntegrityError("a member of the archive cannot be read") from None


def _entry(name: str, content: bytes, offset: int, before: list[_Entry]) -> tuple[_Entry, bytes]:
    entry = _Entry(name.encode("ascii", "replace"), zlib.crc32(content), len(content), offset)
    if not is_plain(name) or (before and before[-1].name == entry.name):
        raise DefectError("a member's name is not a plain relative one, or is there twice")
    if len(before) >= MAX_MEMBERS or offset + entry.size > MAX_BYTES:
        raise DefectError(f"more than {MAX_MEMBERS} members or {MAX_BYTES} bytes")
    return entry, content


def is_plain(name: str) -> bool:
    """Tell whether a member's name stays below the folder it is unpacked into."""
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def _common(entry: _Entry) -> tuple[int, ...]:
    length = len(entry.name)
    return (_VERSION, 0, 0, 0, _DATE_1980, entry.crc, entry.size, entry.size, length, 0)


def _central(entry: _Entry) -> bytes:
    made_by = _UNIX << 8 | _VERSION
    tail = (0, 0, 0, _REGULAR_0644, entry.offset)
    packed = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", made_by, *_common(entry), *tail)
    return packed + entry.name


def _checked_names(archive: ZipFile, size: int) -> list[str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > MAX_MEMBERS:
        raise IntegrityError(f"the archive has more than {MAX_MEMBERS} members")
    # Before anything is read: what claims to be larger than the file is a bomb.
    if any(member.compress_type or member.compress_size != member.file_size for member in members):
        raise IntegrityError("a member is compressed; packs are stored plainly")
    if sum(member.file_size for member in members) > size:
        raise IntegrityError("the members claim more bytes than the archive has")
    if not all(map(is_plain, names)):
        raise IntegrityError("a member's name would lead outside the pack's folder")
    if len(set(names)) != len(names):
        raise IntegrityError("a member is there twice")
    return names


def _check_bytes(path: Path, expected: Iterator[bytes]) -> None:
    with path.open("rb") as file:
        for chunk in expected:
            if file.read(len(chunk)) != chunk:
                raise IntegrityError("the archive holds bytes that Callward does not write")
        if file.read(1):
            raise IntegrityError("there are bytes after the archive's end")
