"""Due days follow the instruction in force: a changed period re-plans what it touches."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instructions.model import RETENTION_CLASSES
from callward.instructions.periods import due_day
from callward.instructions.registry import VersionedInstruction
from callward.ledger import log

KEPT = ("live", "quarantined")
"""States of objects that can still be opened."""
MARKED = "marked"
"""State of an object that a sweep has marked: it goes, unless the sweep lets go of it."""


def replan(
    connection: sa.Connection, in_force: Mapping[str, VersionedInstruction], at: datetime
) -> frozenset[str]:
    """Bring due days in line with the instructions in force.

    Every object is looked at, not only those of changed instructions: a run for
    an earlier day may have filed some by a version that no longer counts.
    Returns the controllers of whom something is now due earlier than it was.
    """
    return frozenset(
        controller
        for controller, version in in_force.items()
        if _replan_controller(connection, controller, version, at)
    )


def _replan_controller(
    connection: sa.Connection, controller: str, version: VersionedInstruction, at: datetime
) -> bool:
    counts = {"earlier": 0, "later": 0}
    objects = t.objects.c
    for name in RETENTION_CLASSES:
        period = version.instruction.retention.of(name)
        mine = sa.and_(
            objects.controller == controller,
            objects.retention_class == name,
            objects.state.in_((*KEPT, MARKED)),
        )
        days = sa.select(objects.anchor_day, objects.due_day).where(mine).distinct()
        for anchor, before in connection.execute(days).all():
            after = due_day(anchor, period)
            if before == after:
                continue
            moved = connection.execute(
                t.objects.update()
                .where(mine, objects.anchor_day == anchor, objects.due_day == before)
                .values(due_day=after)
            )
            counts["later" if before is not None and before < after else "earlier"] += (
                moved.rowcount
            )
    if any(counts.values()):
        ids = {"controller": controller, "digest": version.digest}
        log.append(connection, "due-days-replanned", [], at=at, counts=counts, ids=ids)
    return counts["earlier"] > 0


def set_mark(connection: sa.Connection, name: str, at: datetime, text: str | None = None) -> None:
    """Keep a named moment, replacing the one before."""
    connection.execute(t.marks.delete().where(t.marks.c.name == name))
    connection.execute(t.marks.insert().values(name=name, moment=at, text=text))


def get_mark(connection: sa.Connection, name: str) -> datetime | None:
    """When ``name`` was last marked, UTC."""
    return connection.scalar(sa.select(t.marks.c.moment).where(t.marks.c.name == name))
