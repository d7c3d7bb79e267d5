"""What a reader is: it says which files are its own, and makes records of them.

A reader is pure: an open file and what it is told in; records and refusals out.
It runs in a worker process with a limit on time and memory, on files made to
break it. Whatever it meets, it raises nothing but ``Refusal`` (the file as a
whole cannot be read) and costs a bad record's neighbours nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, ClassVar, Final, Protocol
from zoneinfo import ZoneInfo

from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

SLICE_RECORDS: Final = 500
SLICE_BYTES: Final = 4 * 1024 * 1024
"""A slice of a file that can be cut holds at most so many records, or bytes."""
WHOLE_BYTES: Final = 64 * 1024 * 1024
"""A file that cannot be cut is at most so large."""
HEAD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """What a reader is told beside the file.

    ``zone``: of times without an offset; ``mapping``: the column mapping of the
    controller's instruction that the drop names (its validated dump), or None;
    ``region``: where numbers without a country code are (ISO 3166-1). ``roots``:
    certificates (DER) that the chains of signers must end in, if any are given.
    """

    now: datetime
    zone: ZoneInfo
    region: str = "GB"
    mapping: Mapping[str, Any] | None = None
    roots: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Sight:
    """What can be seen of a file before it is read: its path in the drop and its first bytes."""

    name: str
    head: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes ``start`` to before ``end``: whole records, about ``records`` of them."""

    start: int
    end: int
    records: int


class Reader(Protocol):
    """One source format."""

    name: ClassVar[str]
    """As a drop names it in ``source``, kebab-case; it is part of a record's identity."""
    kinds: ClassVar[frozenset[str]]
    """The kinds of record it makes."""

    def claims(self, sight: Sight) -> bool:
        """Whether the file looks like this format and no other; never raises."""
        ...

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """Cut the file, always alike for the same bytes. Raises Refusal."""
        ...

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """The records of one slice, in order. Raises Refusal if it as a whole cannot be read."""
        ...


class WholeFile:
    """For formats that cannot be cut: one slice, read at once by ``parse``."""

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """The whole file; Refusal too-large or empty."""
        del file
        if size > WHOLE_BYTES:
            raise Refusal(Reason.TOO_LARGE)
        if size == 0:
            raise Refusal(Reason.EMPTY)
        yield Slice(0, size, max(1, size // 2048))

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """Read it all, then ``parse``."""
        file.seek(part.start)
        yield from self.parse(file.read(part.end - part.start), told)

    def parse(self, data: bytes, told: Told) -> Iterator[Record | Refused]:
        """Make records of the file's bytes. Raises Refusal."""
        raise NotImplementedError
