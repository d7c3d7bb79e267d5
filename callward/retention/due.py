"""Due days follow the instruction in force: a changed period re-plans what it touches."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instructions.model import RETENTION_CLASSES, RetentionClass
from callward.instructions.periods import Period, due_day
from callward.instructions.registry import VersionedInstruction
from callward.ledger import log

KEPT = ("live", "quarantined")
"""States of objects that can still be opened."""


def replan(
    connection: sa.Connection, in_force: Mapping[str, VersionedInstruction], at: datetime
) -> frozenset[str]:
    """Bring due days in line with changed instructions.

    Returns the controllers of whom something is now due earlier than it was.
    """
    return frozenset(
        controller
        for controller, version in in_force.items()
        if _is_new(connection, controller, version.digest, at)
        and _replan_controller(connection, controller, version, at)
    )


def _is_new(connection: sa.Connection, controller: str, digest: str, at: datetime) -> bool:
    name = f"replanned:{controller}"
    known = connection.scalar(sa.select(t.marks.c.text).where(t.marks.c.name == name))
    if known == digest:
        return False
    set_mark(connection, name, at, digest)
    return True


def _replan_controller(
    connection: sa.Connection, controller: str, version: VersionedInstruction, at: datetime
) -> bool:
    counts = {"earlier": 0, "later": 0}
    for name in RETENTION_CLASSES:
        period = version.instruction.retention.of(name)
        _replan_class(connection, controller, name, period, counts)
    if any(counts.values()):
        ids = {"controller": controller, "digest": version.digest}
        log.append(connection, "due-days-replanned", [], at=at, counts=counts, ids=ids)
    return counts["earlier"] > 0


def _replan_class(
    connection: sa.Connection,
    controller: str,
    name: RetentionClass,
    period: Period,
    counts: dict[str, int],
) -> None:
    objects = t.objects.c
    mine = sa.and_(
        objects.controller == controller,
        objects.retention_class == name,
        objects.state.in_(KEPT),
    )
    anchors = connection.scalars(sa.select(objects.anchor_day).where(mine).distinct()).all()
    for anchor in anchors:
        due = due_day(anchor, period)
        for word, moved in (("earlier", objects.due_day > due), ("later", objects.due_day < due)):
            changed = connection.execute(
                t.objects.update()
                .where(mine, objects.anchor_day == anchor, moved)
                .values(due_day=due)
            )
            counts[word] += changed.rowcount


def set_mark(connection: sa.Connection, name: str, at: datetime, text: str | None = None) -> None:
    """Keep a named moment, replacing the one before."""
    connection.execute(t.marks.delete().where(t.marks.c.name == name))
    connection.execute(t.marks.insert().values(name=name, moment=at, text=text))


def get_mark(connection: sa.Connection, name: str) -> datetime | None:
    """When ``name`` was last marked, UTC."""
    return connection.scalar(sa.select(t.marks.c.moment).where(t.marks.c.name == name))
