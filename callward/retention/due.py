"""Due days follow the instruction in force: a changed period re-plans what it touches."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.upsert import insert_missing
from callward.instructions.classes import RETENTION_CLASSES, WHILE_ACTIVE, RetentionClass
from callward.instructions.periods import due_day
from callward.instructions.registry import VersionedInstruction
from callward.ledger import log
from callward.vault.filing import FILED

KEPT = ("live", "quarantined")
"""States of objects that can still be opened."""
RESTORED = "restored"
"""Mark that the catalogue came out of a backup and no sweep has had a person's word since."""
MARKED = "marked"
"""State of an object that a sweep has marked: it goes, unless the sweep lets go of it."""

_PART = 10_000
_moves = sa.Table(
    "moves",
    sa.MetaData(),
    sa.Column("controller", t.ID, primary_key=True),
    sa.Column("retention_class", t.CODE, primary_key=True),
    sa.Column("anchor_day", sa.Date, primary_key=True),
    sa.Column("due_day", sa.Date, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class _Move:
    """Objects of one controller, class and anchor day whose due day changes; how many."""

    controller: str
    retention_class: RetentionClass
    anchor_day: date
    due_day: date
    earlier: bool
    count: int


def replan(
    connection: sa.Connection, in_force: Mapping[str, VersionedInstruction], at: datetime
) -> frozenset[str]:
    """Bring due days in line with the instructions in force.

    Only what may be out of line is looked at: whoever files objects notes by which
    periods (``vault.filing``), so a controller of whom nothing but the periods in
    force is noted has every due day right already. What was instructed to be erased
    early stays as it is, and a transcript's day is its recording's.
    Returns the controllers of whom something is now due earlier than it was.
    """
    noted = _noted(connection)
    stale = {
        controller: version
        for controller, version in in_force.items()
        if noted[controller] != {version.instruction.retention.key}
    }
    if not stale:
        return frozenset()
    # What is noted was read first: what is filed from now on notes itself for the next time.
    earlier, later = _move(connection, list(_wanted(connection, stale)))
    for before, count in follow(connection, t.objects.c.controller.in_(sorted(stale))).items():
        (earlier if before.earlier else later)[before.controller] += count
    for controller, version in stale.items():
        _settle(connection, controller, version, noted[controller], at)
        counts = {"earlier": earlier[controller], "later": later[controller]}
        if any(counts.values()):
            ids = {"controller": controller, "digest": version.digest}
            log.append(connection, "due-days-replanned", [], at=at, counts=counts, ids=ids)
    return frozenset(controller for controller in stale if earlier[controller])


def _noted(connection: sa.Connection) -> Mapping[str, set[str]]:
    """Per controller, the periods (keys) by which something kept may have been filed."""
    found: dict[str, set[str]] = defaultdict(set)
    names = sa.select(t.marks.c.name).where(t.marks.c.name.startswith(FILED))
    for name in connection.scalars(names):
        controller, _, key = name.removeprefix(FILED).rpartition(":")
        found[controller].add(key)
    return found


def _wanted(
    connection: sa.Connection, stale: Mapping[str, VersionedInstruction]
) -> Iterator[_Move]:
    """What has another due day than it should have, in one pass over the objects."""
    objects = t.objects.c
    key = (objects.controller, objects.retention_class, objects.anchor_day, objects.due_day)
    rows = connection.execute(
        sa.select(*key, sa.func.count())
        .where(
            objects.controller.in_(sorted(stale)),
            objects.retention_class.in_(RETENTION_CLASSES),
            _may_move(),
        )
        .group_by(*key)
    )
    for controller, name, anchor, before, count in rows:
        after = due_day(anchor, stale[controller].instruction.retention.of(name))
        if before == after or (before is None and name == WHILE_ACTIVE):
            continue
        yield _Move(controller, name, anchor, after, before is None or after < before, count)


def _may_move() -> sa.ColumnElement[bool]:
    """SQL: the object is still there, and its due day follows a period."""
    objects = t.objects.c
    return sa.and_(objects.state.in_((*KEPT, MARKED)), ~objects.early, objects.parent_id.is_(None))


def _move(connection: sa.Connection, moves: Sequence[_Move]) -> tuple[Counter[str], Counter[str]]:
    """Move due days in one statement; how many objects are due earlier, and later, by controller.

    Through a temporary table: a statement per day would read all objects a thousand times.
    """
    earlier, later = Counter[str](), Counter[str]()
    for one in moves:
        (earlier if one.earlier else later)[one.controller] += one.count
    if not moves:
        return earlier, later
    days = {(one.controller, one.retention_class, one.anchor_day): one.due_day for one in moves}
    names = ("controller", "retention_class", "anchor_day", "due_day")
    rows = [dict(zip(names, (*key, day), strict=True)) for key, day in days.items()]
    _moves.create(connection, checkfirst=False)
    connection.execute(_moves.insert(), rows)
    objects, move = t.objects.c, _moves.c
    connection.execute(
        t.objects.update()
        .where(
            objects.controller == move.controller,
            objects.retention_class == move.retention_class,
            objects.anchor_day == move.anchor_day,
            _may_move(),
            sa.or_(
                objects.due_day != move.due_day,
                sa.and_(objects.due_day.is_(None), objects.retention_class != WHILE_ACTIVE),
            ),
        )
        .values(due_day=move.due_day)
    )
    _moves.drop(connection, checkfirst=False)
    return earlier, later


@dataclass(frozen=True, slots=True)
class Followed:
    """Whose transcripts followed their recordings, and whether to an earlier day."""

    controller: str
    earlier: bool


def follow(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Mapping[Followed, int]:
    """Give the transcripts among ``which`` their recordings' class and days; how many moved.

    DESIGN rule 6: whatever happens to a recording happens to them. One whose own
    erasure was instructed goes no later than that.
    """
    objects, recording = t.objects.c, t.objects.alias("recording")
    behind = sa.and_(
        objects.parent_id == recording.c.id,
        objects.state.in_((*KEPT, MARKED)),
        which,
        sa.or_(
            objects.due_day.is_distinct_from(recording.c.due_day),
            objects.retention_class != recording.c.retention_class,
            objects.early != recording.c.early,
        ),
        ~sa.and_(
            objects.early,
            sa.or_(recording.c.due_day.is_(None), objects.due_day <= recording.c.due_day),
        ),
    )
    forward = sa.func.coalesce(recording.c.due_day >= objects.due_day, sa.false())
    found = connection.execute(
        sa.select(objects.controller, ~forward, sa.func.count())
        .where(behind)
        .group_by(objects.controller, forward)
    ).all()
    if not found:
        return {}
    connection.execute(
        t.objects.update()
        .where(behind)
        .values(
            anchor_day=recording.c.anchor_day,
            due_day=recording.c.due_day,
            retention_class=recording.c.retention_class,
            early=sa.or_(objects.early, recording.c.early),
        )
    )
    return {Followed(controller, bool(earlier)): count for controller, earlier, count in found}


def follow_recordings(connection: sa.Connection, recordings: Collection[str]) -> None:
    """Have the transcripts of some recordings follow them."""
    ids = sorted(recordings)
    for start in range(0, len(ids), _PART):
        follow(connection, t.objects.c.parent_id.in_(ids[start : start + _PART]))


def _settle(
    connection: sa.Connection,
    controller: str,
    version: VersionedInstruction,
    noted: Collection[str],
    at: datetime,
) -> None:
    """Note that all due days of a controller go by the periods in force, and by no others."""
    now = version.instruction.retention.key
    others = [f"{FILED}{controller}:{key}" for key in sorted(noted) if key != now]
    connection.execute(t.marks.delete().where(t.marks.c.name.in_(others)))
    insert_missing(connection, t.marks, [{"name": f"{FILED}{controller}:{now}", "moment": at}])


def set_mark(connection: sa.Connection, name: str, at: datetime, text: str | None = None) -> None:
    """Keep a named moment, replacing the one before."""
    connection.execute(t.marks.delete().where(t.marks.c.name == name))
    connection.execute(t.marks.insert().values(name=name, moment=at, text=text))


def get_mark(connection: sa.Connection, name: str) -> datetime | None:
    """When ``name`` was last marked, UTC."""
    return connection.scalar(sa.select(t.marks.c.moment).where(t.marks.c.name == name))
