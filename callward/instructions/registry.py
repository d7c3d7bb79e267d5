"""The instructions catalogued so far, version by version, and which is in force.

Every function works inside the caller's transaction on the connection it is given.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa

from callward.catalogue.tables import instructions
from callward.instructions.classes import RETENTION_CLASSES, RetentionClass
from callward.instructions.model import Instruction
from callward.instructions.periods import is_shorter
from callward.instructions.reader import Loaded

LOADED_EVENT = "instruction-loaded"


class Record(Protocol):
    """Writes one ledger entry in the same transaction."""

    def __call__(self, event: str, ids: Mapping[str, str], counts: Mapping[str, int]) -> object:
        """Enter ``event`` with opaque ids or digests, and counts."""
        ...


@dataclass(frozen=True, slots=True)
class VersionedInstruction:
    """An instruction as catalogued: version from 1, file digest (hex), when loaded (UTC)."""

    version: int
    digest: str
    loaded_at: datetime
    instruction: Instruction


def load(connection: sa.Connection, loaded: Loaded, *, at: datetime, record: Record) -> int | None:
    """Catalogue ``loaded`` as its controller's next version and enter it in the ledger.

    Returns the new version's number, or None, with nothing written, if the
    newest version already has this digest. Earlier versions are left as they are.
    """
    instruction = loaded.instruction
    newest = _newest(connection, instruction.controller)
    if newest is not None and newest.digest == loaded.digest:
        return None
    version = 1 if newest is None else newest.version + 1
    connection.execute(
        instructions.insert().values(
            controller=instruction.controller,
            version=version,
            digest=loaded.digest,
            effective_from=instruction.effective_from,
            approved_by=instruction.approved_by,
            reference=instruction.reference,
            body=instruction.model_dump(mode="json"),
            loaded_at=at,
        )
    )
    ids = {"controller": instruction.controller, "digest": loaded.digest}
    shorter = () if newest is None else shortened(newest.instruction, instruction)
    record(LOADED_EVENT, ids, {"version": version, "shortened": len(shorter)})
    return version


def in_force(connection: sa.Connection, controller: str, day: date) -> VersionedInstruction | None:
    """Return the controller's instruction on ``day`` (London), or None.

    Of the versions effective by then the highest wins: what was loaded later
    was decided later, whatever date it takes effect from.
    """
    return next(iter(_in_force(connection, day, instructions.c.controller == controller)), None)


def all_in_force(connection: sa.Connection, day: date) -> dict[str, VersionedInstruction]:
    """Return every controller's instruction on ``day`` (London), by controller, sorted."""
    found = _in_force(connection, day, sa.true())
    return {version.instruction.controller: version for version in found}


def versions(connection: sa.Connection, controller: str) -> list[VersionedInstruction]:
    """Return all versions of a controller's instruction, oldest first."""
    query = (
        sa.select(instructions)
        .where(instructions.c.controller == controller)
        .order_by(instructions.c.version)
    )
    return [_from_row(row) for row in connection.execute(query)]


def known_before(
    connection: sa.Connection, moment: datetime
) -> dict[str, list[VersionedInstruction]]:
    """Return all versions loaded before a moment (aware), oldest first, by controller, sorted."""
    found: dict[str, list[VersionedInstruction]] = {}
    query = sa.select(instructions).where(instructions.c.loaded_at < moment)
    for row in connection.execute(
        query.order_by(instructions.c.controller, instructions.c.version)
    ):
        found.setdefault(row.controller, []).append(_from_row(row))
    return dict(sorted(found.items()))


def shortened(older: Instruction, newer: Instruction) -> frozenset[RetentionClass]:
    """Return the retention classes that ``newer`` keeps for less time than ``older``."""
    return frozenset(
        name
        for name in RETENTION_CLASSES
        if is_shorter(newer.retention.of(name), older.retention.of(name))
    )


def _newest(connection: sa.Connection, controller: str) -> VersionedInstruction | None:
    found = versions(connection, controller)
    return found[-1] if found else None


def _in_force(
    connection: sa.Connection, day: date, which: sa.ColumnElement[bool]
) -> Sequence[VersionedInstruction]:
    chosen = (
        sa.select(instructions.c.controller, sa.func.max(instructions.c.version).label("version"))
        .where(instructions.c.effective_from <= day, which)
        .group_by(instructions.c.controller)
        .subquery()
    )
    query = (
        sa.select(instructions)
        .join(
            chosen,
            sa.and_(
                instructions.c.controller == chosen.c.controller,
                instructions.c.version == chosen.c.version,
            ),
        )
        .order_by(instructions.c.controller)
    )
    return [_from_row(row) for row in connection.execute(query)]


def _from_row(row: sa.Row[*tuple[Any, ...]]) -> VersionedInstruction:
    # Through JSON: strict validation takes a day as text only from there.
    instruction = Instruction.model_validate_json(json.dumps(row.body))
    return VersionedInstruction(row.version, row.digest, row.loaded_at, instruction)
