"""Having a witness cosign the log's last checkpoint, and keeping what it said."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import sqlalchemy as sa

from callward.catalogue.engine import unit_of_work
from callward.catalogue.tables import ledger_checkpoints, ledger_cosignatures
from callward.clock import Clock
from callward.errors import IntegrityError
from callward.ledger import log, notes, proving
from callward.ledger.cosigning import WitnessKey, find_line, verify_line
from callward.ledger.outside import OutsideError, Reply, post
from callward.ledger.witness import Request

_TRIES = 3
_AHEAD = timedelta(minutes=5)


class WitnessRefusalError(IntegrityError):
    """The witness has seen another history than this ledger holds."""

    code = "witness-refusal"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint's size, and when the witness cosigned it (its clock, UTC)."""

    size: int
    at: datetime


def ask(engine: sa.Engine, url: str, witness_key: str, clock: Clock) -> Cosigned:
    """Ask the witness at ``url`` to cosign the last checkpoint, and keep its line.

    Always asks, also for what is cosigned already: a ledger that was cut back is
    found out so. Raises NoCheckpointError, OutsideError if the witness does not
    answer as it must, WitnessRefusalError if it has seen another history.
    """
    witness = WitnessKey.parse(witness_key)
    with unit_of_work(engine) as connection:
        size, note = proving.latest_checkpoint(connection)
        old = _cosigned_size(connection, str(witness), size)
    for _ in range(_TRIES):
        with unit_of_work(engine) as connection:
            proof = tuple(log.consistency(connection, old, size)) if old else ()
        request = Request(old, proof, note).encoded()
        reply = post(f"{url.rstrip('/')}/add-checkpoint", request, "text/plain; charset=utf-8")
        if reply.status == HTTPStatus.CONFLICT:
            old = _size_seen(reply, old, size)
            continue
        line, at = _line(reply, note, witness)
        if at > clock.now() + _AHEAD:
            raise OutsideError("the witness's clock is ahead of ours")
        with unit_of_work(engine) as connection:
            _keep(connection, size, str(witness), line, at)
        return Cosigned(size, at)
    raise OutsideError(f"the witness does not settle on a size after {_TRIES} tries")


def cosigned_note(connection: sa.Connection, size: int, note: str) -> str:
    """The checkpoint of ``size`` with the cosignatures that are kept for it."""
    line = ledger_cosignatures.c
    query = sa.select(line.line).where(line.size == size).order_by(line.witness)
    return note + "".join(f"{one}\n" for one in connection.scalars(query))


def verify_kept(connection: sa.Connection) -> int:
    """Check every cosignature kept against its checkpoint; how many. IntegrityError."""
    one, head = ledger_cosignatures.c, ledger_checkpoints.c
    joined = sa.select(one.size, one.witness, one.line, head.note).join_from(
        ledger_cosignatures, ledger_checkpoints, one.size == head.size, isouter=True
    )
    count = 0
    for row in connection.execute(joined):
        if row.note is None:
            raise IntegrityError(f"a cosignature is of a checkpoint {row.size} that is not there")
        verify_line(row.line, row.note, WitnessKey.parse(row.witness))
        count += 1
    return count


def _cosigned_size(connection: sa.Connection, witness: str, most: int) -> int:
    line = ledger_cosignatures.c
    query = sa.select(sa.func.max(line.size)).where(line.witness == witness, line.size <= most)
    return int(connection.scalar(query) or 0)


def _size_seen(reply: Reply, old: int, size: int) -> int:
    """What the witness has; it must be a part of what we have."""
    try:
        seen = notes.parse_size(reply.content.decode().removesuffix("\n"))
    except (UnicodeDecodeError, IntegrityError):
        raise OutsideError("the witness's answer is malformed") from None
    if seen > size:
        raise WitnessRefusalError(f"the witness has seen {seen} leaves; the ledger signed {size}")
    if seen == old:
        raise WitnessRefusalError(f"the witness has seen another head of {seen} leaves")
    return seen


def _line(reply: Reply, note: str, witness: WitnessKey) -> tuple[str, datetime]:
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise WitnessRefusalError("the witness does not find the ledger to extend what it has seen")
    if reply.status != HTTPStatus.OK:
        raise OutsideError(f"the witness answers {reply.status}")
    try:
        lines = reply.content.decode().removesuffix("\n").split("\n")
        return find_line(lines, note, witness)
    except (UnicodeDecodeError, IntegrityError):
        raise OutsideError("the witness's answer is no cosignature by the key expected") from None


def _keep(connection: sa.Connection, size: int, witness: str, line: str, at: datetime) -> None:
    """The newest says most: until then the witness had seen nothing larger."""
    one = ledger_cosignatures.c
    same = sa.delete(ledger_cosignatures).where(one.size == size, one.witness == witness)
    connection.execute(same)
    row = {"size": size, "witness": witness, "line": line, "at": at}
    connection.execute(sa.insert(ledger_cosignatures), row)
