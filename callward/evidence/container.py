"""The pack's zip container: one way to write it, so that any other bytes are wrong.

Members are stored, not deflated: compressed bytes differ between versions of
zlib, and a stored archive can hide no bomb. Order, time stamps and permissions
are fixed. Reading checks that the file is, byte for byte, what writing its
members again gives; so nothing can hide between them. Format: PKWARE APPNOTE
6.3, without Zip64.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

from callward.errors import DefectError, IntegrityError

MAX_BYTES: Final = 2 * 1024**3
MAX_MEMBERS: Final = 50_000
CHUNK: Final = 1 << 20
"""Bytes that are read at once."""

_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MAX_NAME = 255
_VERSION = 20
_UNIX = 3
_DATE_1980 = (1 << 5) | 1
_END = struct.Struct("<4s4H2LH")
_LISTED = 46
"""Bytes of the directory for a member, beside its name."""
_REGULAR_0644 = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """A member to be written: its name, CRC-32, size in bytes, and where its bytes come from."""

    name: str
    crc: int
    size: int
    chunks: Callable[[], Iterable[bytes]]

    @classmethod
    def of(cls, name: str, content: bytes) -> "Part":
        """A member that is small enough to be at hand."""
        return cls(name, zlib.crc32(content), len(content), lambda: (content,))


@dataclass(frozen=True, slots=True)
class Member:
    """A member as it was found: where its bytes begin, how many, and their SHA-512 (hex)."""

    start: int
    size: int
    sha512: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the central directory repeats about a member."""

    name: bytes
    crc: int
    size: int
    offset: int


def zip_chunks(parts: Iterable[Part]) -> Iterator[bytes]:
    """Yield the archive of ``parts`` piece by piece, in the order of their names.

    Raises DefectError for names outside the plain relative ones, twice the same
    name, or more than fits.
    """
    entries: list[_Entry] = []
    offset = 0
    for part in sorted(parts, key=lambda one: one.name):
        entry = _entry(part, offset, entries)
        header = _local(entry)
        yield header
        yield from part.chunks()
        entries.append(entry)
        offset += len(header) + entry.size
    yield _directory(entries, offset)


def open_zip(path: Path) -> tuple[BinaryIO, dict[str, Member]]:
    """Read a pack's archive wholly; its open file and its members by name.

    Raises IntegrityError unless the file is exactly what ``zip_chunks`` writes
    for its members. The caller closes the file.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_BYTES:
            raise IntegrityError(f"not a file of at most {MAX_BYTES} bytes")
        _check_end(path, size)
        with ZipFile(path) as archive:
            found = _checked(archive, size)
        file = path.open("rb")
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        raise IntegrityError("not a zip archive that can be read") from None
    try:
        return file, dict(_members(file, found))
    except BaseException:
        file.close()
        raise


def read_chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """A member's bytes, piece by piece; others may read from the same file in between."""
    place, end = member.start, member.start + member.size
    while place < end:
        file.seek(place)
        chunk = file.read(min(CHUNK, end - place))
        if not chunk:
            raise IntegrityError("the archive has become shorter while it was read")
        place += len(chunk)
        yield chunk


def is_plain(name: str) -> bool:
    """Tell whether a member's name stays below the folder it is unpacked into."""
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def _entry(part: Part, offset: int, before: list[_Entry]) -> _Entry:
    entry = _Entry(part.name.encode("ascii", "replace"), part.crc, part.size, offset)
    if not is_plain(part.name) or (before and before[-1].name == entry.name):
        raise DefectError("a member's name is not a plain relative one, or is there twice")
    if len(before) >= MAX_MEMBERS or offset + entry.size > MAX_BYTES:
        raise DefectError(f"more than {MAX_MEMBERS} members or {MAX_BYTES} bytes")
    return entry


def _local(entry: _Entry) -> bytes:
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", *_common(entry)) + entry.name


def _directory(entries: list[_Entry], offset: int) -> bytes:
    listed = b"".join(_central(entry) for entry in entries)
    many = len(entries)
    end = _END.pack(b"PK\x05\x06", 0, 0, many, many, len(listed), offset, 0)
    return listed + end


def _common(entry: _Entry) -> tuple[int, ...]:
    length = len(entry.name)
    return (_VERSION, 0, 0, 0, _DATE_1980, entry.crc, entry.size, entry.size, length, 0)


def _central(entry: _Entry) -> bytes:
    made_by = _UNIX << 8 | _VERSION
    tail = (0, 0, 0, _REGULAR_0644, entry.offset)
    packed = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", made_by, *_common(entry), *tail)
    return packed + entry.name


def _check_end(path: Path, size: int) -> None:
    """Before the directory is read: it must be one that we could have written."""
    with path.open("rb") as file:
        file.seek(max(0, size - _END.size))
        mark, _, _, _, many, listed, start, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment or start + listed + _END.size != size:
        raise IntegrityError("not a zip archive as Callward writes them")
    if many > MAX_MEMBERS or listed > MAX_MEMBERS * (_LISTED + _MAX_NAME):
        raise IntegrityError(f"the archive has more than {MAX_MEMBERS} members")


def _checked(archive: ZipFile, size: int) -> Mapping[str, tuple[int, int]]:
    """CRC-32 and size of each member as the directory has them."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise IntegrityError(f"the archive has more than {MAX_MEMBERS} members")
    # Before anything is read: what claims to be larger than the file is a bomb.
    if any(member.compress_type or member.compress_size != member.file_size for member in members):
        raise IntegrityError("a member is compressed; packs are stored plainly")
    if sum(member.file_size for member in members) > size:
        raise IntegrityError("the members claim more bytes than the archive has")
    if not all(is_plain(member.filename) for member in members):
        raise IntegrityError("a member's name would lead outside the pack's folder")
    found = {member.filename: (member.CRC, member.file_size) for member in members}
    if len(found) != len(members):
        raise IntegrityError("a member is there twice")
    return found


def _members(file: BinaryIO, found: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Member]]:
    """Go through the file once: every byte must be the one that writing it again gives."""
    entries: list[_Entry] = []
    place = 0
    for name in sorted(found):
        crc, size = found[name]
        entry = _Entry(name.encode(), crc, size, place)
        header = _local(entry)
        if file.read(len(header)) != header:
            raise IntegrityError("the archive holds bytes that Callward does not write")
        yield name, Member(place + len(header), size, _digest(file, name, entry))
        entries.append(entry)
        place += len(header) + size
    directory = _directory(entries, place)
    if file.read(len(directory)) != directory:
        raise IntegrityError("the archive's directory is not as Callward writes it")
    if file.read(1):
        raise IntegrityError("there are bytes after the archive's end")


def _digest(file: BinaryIO, name: str, entry: _Entry) -> str:
    digest, crc, left = hashlib.sha512(), 0, entry.size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise IntegrityError("the archive is shorter than its members")
        digest.update(chunk)
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
    if crc != entry.crc:
        raise IntegrityError(f"{name} does not fit its checksum")
    return digest.hexdigest()
