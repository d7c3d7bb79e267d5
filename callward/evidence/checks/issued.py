"""Reading certificates, one a line, and what is kept of each."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from callward.errors import IntegrityError
from callward.evidence.certificate import Statement, verify_certificate
from callward.evidence.checks.pack import line_chunks
from callward.evidence.container import Member
from callward.ledger.keys import History
from callward.ledger.notes import Checkpoint, note_text, parse_checkpoint


class Issued(NamedTuple):
    """What is kept of a certificate that was read.

    ``digest``: SHA-256 (hex) of its text; ``complete``: the leaf that enters it; ``size`` and
    ``root`` (hex): the head it rests on.
    """

    id: str
    controller: str
    objects: int
    issued_at: str
    digest: str
    sweep: str
    complete: int | None
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Read:
    """The certificates of some files; ``failure``: what is wrong with the first that is wrong."""

    issued: Sequence[Issued]
    failure: str = ""


def read_files(file: BinaryIO, files: Iterable[tuple[str, Member]], keys: History) -> Read:
    """Check the certificates of some files of an archive; one that fails does not hide the rest."""
    issued: list[Issued] = []
    failure = ""
    for name, member in files:
        for number, text in enumerate(_texts(file, member, name), start=1):
            try:
                issued.append(_issued(verify_certificate(text, keys), text))
            except IntegrityError as error:
                failure = failure or f"{name} line {number}: {error.args[0]}"
    return Read(issued, failure)


def _texts(file: BinaryIO, member: Member, name: str) -> Iterator[str]:
    for some in line_chunks(file, member, name):
        try:
            yield from some.decode().split("\n")
        except UnicodeDecodeError:
            raise IntegrityError(f"{name} is not UTF-8") from None


def _issued(statement: Statement, text: str) -> Issued:
    if not statement.is_certificate:
        raise IntegrityError("a statement that certifies nothing is filed as a certificate")
    said = statement.predicate
    head = _head(said["ledger"]["checkpoint"])
    return Issued(
        id=statement.id,
        controller=statement.controller,
        objects=len(statement.subjects),
        issued_at=said["issued_at"],
        digest=hashlib.sha256(text.encode()).hexdigest(),
        sweep=said["sweep"]["id"],
        complete=said["ledger"]["complete"],
        size=head.size,
        root=head.root.hex(),
    )


# That of all certificates of a sweep is the same.
@lru_cache(maxsize=256)
def _head(note: str) -> Checkpoint:
    return parse_checkpoint(note_text(note))
