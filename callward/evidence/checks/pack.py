"""A pack that is being checked: its files, and what has been established so far."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from callward.errors import IntegrityError
from callward.evidence.checks.model import NotCheckedError, Wanted
from callward.evidence.container import Member, read_chunks
from callward.evidence.statement import Said
from callward.ledger.keys import History
from callward.ledger.leaves import Leaf

if TYPE_CHECKING:
    from callward.evidence.checks.helper import Begun
    from callward.evidence.checks.issued import Issued

MAX_LINE: Final = 256 * 1024 * 1024
MAX_WHOLE: Final = 512 * 1024 * 1024
"""Bytes of a file that is read at once, of a pack that the key expected has signed."""
MAX_UNKNOWN: Final = 64 * 1024 * 1024
"""The same of any other pack: JSON takes many times its size, and anybody can write it."""


@dataclass(slots=True)
class Head:
    """The signed head of the pack's ledger, and what its leaves have shown.

    ``leaves``: those that other checks need, by position; ``roots``: of the log at sizes
    that other checks need.
    """

    size: int = 0
    root: bytes = b""
    origin: str = ""
    first: int = 0
    proved: bool = False
    leaves: dict[int, Leaf] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=dict)
    keys: History | None = None


@dataclass(slots=True)
class Pack:
    """Later checks build on what earlier ones have established."""

    path: Path
    file: BinaryIO
    base: str
    members: Mapping[str, Member]
    expected: History | None
    wanted: Wanted
    said: Said | None = None
    head: Head = field(default_factory=Head)
    issued: "Sequence[Issued]" = ()
    all_issued: bool = False
    """Whether ``issued`` are all its certificates."""
    begun: "Begun | None" = None

    @property
    def key(self) -> str:
        """The key that has signed it; empty if none has."""
        return self.said.key if self.said else ""

    @property
    def known(self) -> bool:
        """Whether the key that the reader has from elsewhere has signed it."""
        return bool(self.key) and self.expected is not None and self.expected.knows(self.key)

    def read(self, name: str) -> bytes:
        """A file of the pack."""
        member = self.member(name)
        if member.size > (MAX_WHOLE if self.known else MAX_UNKNOWN):
            raise IntegrityError(
                f"{name} is larger than {MAX_UNKNOWN} bytes, which are read only of a pack signed "
                f"by the key that was given, nor than {MAX_WHOLE} of any"
            )
        return b"".join(read_chunks(self.file, member))

    def text(self, name: str) -> str:
        """A file of the pack as text."""
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise IntegrityError(f"{name} is not UTF-8") from None

    def member(self, name: str) -> Member:
        """Where a file of the pack lies."""
        if name not in self.members:
            raise IntegrityError(f"{name} is missing")
        return self.members[name]

    def lines(self, name: str) -> Iterator[list[str]]:
        """The lines of a file of the pack, many at once."""
        for some in line_chunks(self.file, self.member(name), name):
            try:
                yield some.decode().split("\n")
            except UnicodeDecodeError:
                raise IntegrityError(f"{name} is not UTF-8") from None

    def need_said(self) -> Said:
        """What its statement says, if it is signed at all."""
        if self.said is None:
            raise NotCheckedError("not checked, because no key has signed this pack")
        return self.said

    def need_head(self) -> Head:
        """Its ledger, if its leaves have been established."""
        if not self.head.proved:
            raise NotCheckedError("not checked, because the ledger's leaves are not established")
        return self.head


def line_chunks(file: BinaryIO, member: Member, name: str) -> Iterator[bytes]:
    """Whole lines, many at once, without the newline of the last of them."""
    rest: list[bytes] = []
    waiting = 0
    for chunk in read_chunks(file, member):
        whole, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield b"".join((*rest, whole))
            rest, waiting = [], 0
        rest.append(tail)
        waiting += len(tail)
        if waiting > MAX_LINE:
            raise IntegrityError(f"a line of {name} is longer than {MAX_LINE} bytes")
    if waiting:
        raise IntegrityError(f"{name} is cut off")
