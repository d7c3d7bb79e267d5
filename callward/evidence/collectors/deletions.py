"""What was destroyed and when, against the day on which it was due; sweeps and certificates."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held_at
from callward.clock import london_day
from callward.errors import DefectError
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.lateness import Circumstances, Late
from callward.evidence.collectors.reading import (
    kept_at_end,
    latest,
    month_of,
    newest_of,
    within,
)
from callward.instructions.periods import due_day
from callward.ledger.leaves import parse_leaf

SOURCE: Final = "objects, sweeps, certificates, holds and instructions in the catalogue"
_AT_ONCE: Final = 400
"""Pairs to a statement; SQLite takes some thousands of values."""
_REPLANNED: Final = "due-days-replanned"


@dataclass(slots=True)
class _Class:
    """What became of one retention class."""

    destroyed: int = 0
    late: int = 0
    early: int = 0
    excused: int = 0
    instructed: int = 0
    days_late: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        days = {str(number): self.days_late[number] for number in sorted(self.days_late)}
        names = ("destroyed", "late", "early", "excused", "instructed")
        return {**{name: getattr(self, name) for name in names}, "days_late": days}


class _Book:
    """The account of a period."""

    def __init__(self) -> None:
        self.classes: dict[str, _Class] = defaultdict(_Class)
        self.months: dict[str, Counter[str]] = defaultdict(Counter)
        self.rows: Counter[tuple[str, str, int]] = Counter()
        self.late_in: dict[tuple[str, date], None] = {}
        """Sweeps, and the due days past which they took something, in order."""
        self.not_told: Counter[str] = Counter()
        """By class, what only a person's hold can excuse, and nobody can tell any more."""

    def take(self, row: sa.Row[Any]) -> None:
        """Objects of one sweep that share class and due day."""
        day, mine = london_day(row.shredded_at), self.classes[row.retention_class]
        mine.destroyed += row.number
        self.months[month_of(row.shredded_at)]["destroyed"] += row.number
        if row.early and (row.due_day is None or day <= row.due_day):
            mine.instructed += row.number
        elif row.due_day is None or day < row.due_day:
            mine.early += row.number
        elif day == row.due_day:
            self._count(row.retention_class, row.shredded_at, 0, row.number)
        else:
            self.late_in[row.sweep_id, row.due_day] = None

    def take_late(self, late: Late, about: Circumstances) -> None:
        """Objects past their due day: reckoned from the day on which they could have gone."""
        one = late.alike
        if one.shredded_at is None:
            raise DefectError("what is not destroyed was not destroyed late")
        day = london_day(one.shredded_at)
        # At least so many: of whom nobody knows any more, every person's hold is counted.
        days = max(0, (day - about.ripe(late, day, one.shredded_at, at_best=True)).days)
        mine = self.classes[one.retention_class]
        if not days and day > about.ripe(late, day, one.shredded_at):
            self.not_told[one.retention_class] += late.count
            return
        if not days and one.instructed:
            mine.instructed += late.count
            return
        if days:
            mine.late += late.count
            self.months[month_of(one.shredded_at)]["late"] += late.count
        else:
            mine.excused += late.count
        self._count(one.retention_class, one.shredded_at, days, late.count)

    def _count(self, name: str, at: datetime, days: int, count: int) -> None:
        self.classes[name].days_late[days] += count
        self.rows[month_of(at), name, days] += count

    def total(self, name: str) -> int:
        """Over all classes."""
        return sum(getattr(one, name) for one in self.classes.values())


def collect(source: Source) -> Collected:
    """Timeliness by class: days between the day it was to go and the day it went.

    What was erased on instruction (rejected, replaced, muted, asked for) is due since then:
    it is ``instructed``, and has no days, if it went by the next night. What a hold, a late
    delivery or a new instruction kept past its due day, and the next night took, is
    ``excused``; what only a person's hold can have kept, and nobody can tell any more, is
    ``hold_not_told``.
    """
    book, about = _Book(), Circumstances(source)
    for row in source.connection.execute(_destroyed(source)):
        book.take(row)
    for late in _past_due(source, about, list(book.late_in)):
        book.take_late(late, about)
    overdue, on_hold = _left(source, about, book.not_told)
    sweeps = _sweeps(source)
    certificates, uncertified = _certificates(source, sweeps)
    open_since = [one["started_at"] for one in sweeps if one["open"]]
    facts = {
        "destroyed": book.total("destroyed"),
        "late": book.total("late"),
        "early": book.total("early"),
        "by_class": {name: one.as_json() for name, one in sorted(book.classes.items())},
        "overdue": overdue,
        "held": on_hold,
        "hold_not_told": dict(sorted(book.not_told.items())),
        "by_month": {
            month: {"destroyed": counts["destroyed"], "late": counts["late"]}
            for month, counts in sorted(book.months.items())
        },
        "sweeps": sum(source.start <= one["started_at"] for one in sweeps),
        "open_sweeps": len(open_since),
        "open_days": max(((source.day - london_day(one)).days for one in open_since), default=0),
        "certificates": certificates,
        "uncertified": uncertified,
    }
    details = {
        "timeliness": [
            {"month": month, "class": name, "days_late": days, "objects": count}
            for (month, name, days), count in sorted(book.rows.items())
        ],
        "sweeps": sweeps,
    }
    return Collected(SOURCE, _newest(source), facts, details)


def _destroyed(source: Source) -> sa.Select[Any]:
    """What went in the period, found by the sweeps of it: shredded rows are kept for ever."""
    objects = t.objects.c
    keys = (
        objects.sweep_id,
        objects.shredded_at,
        objects.retention_class,
        objects.due_day,
        objects.early,
    )
    return (
        sa.select(*keys, sa.func.count().label("number"))
        .where(objects.sweep_id.in_(_sweeps_of(source)), within(objects.shredded_at, source))
        .group_by(*keys)
        .order_by(objects.sweep_id)
    )


def _sweeps_of(source: Source) -> sa.Select[tuple[str]]:
    """SQL: ids of the sweeps of the period, and of older ones that were open in it."""
    row = t.sweeps.c
    return sa.select(row.id).where(
        row.started_at < source.end,
        sa.or_(row.completed_at.is_(None), row.completed_at >= source.start),
    )


def _past_due(
    source: Source, about: Circumstances, which: Sequence[tuple[str, date]]
) -> Iterator[Late]:
    """What went in the period after its due day, by sweep and due day."""
    objects = t.objects.c
    gone = within(objects.shredded_at, source)
    pair, parts = sa.tuple_(objects.sweep_id, objects.due_day), []
    for start in range(0, len(which), _AT_ONCE):
        pairs = which[start : start + _AT_ONCE]
        # The sweeps once more, for no index is used for pairs.
        sweeps = objects.sweep_id.in_(sorted({sweep for sweep, _ in pairs}))
        parts.append(sa.and_(gone, sweeps, pair.in_(pairs)))
    return about.groups(gone, parts) if parts else iter(())


def _left(
    source: Source, about: Circumstances, not_told: Counter[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """By class: what should have gone before the last day and is there; what a hold keeps."""
    overdue, on_hold = Counter[str](), Counter[str]()
    for which, late in _candidates(source, about):
        name = late.alike.retention_class
        if which == "held":
            on_hold[name] += late.count
        elif about.ripe(late, source.day, source.end) < source.day:
            (not_told if about.may_have_been_held(late) else overdue)[name] += late.count
    return dict(sorted(overdue.items())), dict(sorted(on_hold.items()))


def _candidates(source: Source, about: Circumstances) -> Iterator[tuple[str, Late]]:
    objects, moved = t.objects.c, _replanned_since(source)
    past = objects.due_day < source.day
    elsewhere = objects.controller.not_in(sorted(moved))
    for name, held in (("free", ~held_at(source.end)), ("held", held_at(source.end))):
        for late in about.groups(sa.and_(kept_at_end(source, past), elsewhere, held)):
            yield name, late
        mine = objects.controller.in_(sorted(moved))
        if moved:
            for late in about.groups(sa.and_(kept_at_end(source, mine), held)):
                before = _as_it_was(late, source, about)
                if before is not None:
                    yield name, before


def _replanned_since(source: Source) -> set[str]:
    """Controllers whose due days were moved after the period: what they were is reckoned again."""
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.event == _REPLANNED, leaf.at >= source.end)
    return {parse_leaf(body).ids["controller"] for body in source.connection.scalars(query)}


def _as_it_was(late: Late, source: Source, about: Circumstances) -> Late | None:
    """The same with the due day of the instruction that was in force; None if not past it.

    An account's day follows from its newest version, so that it is left as it is, as is
    that of what had been instructed to be erased.
    """
    one = late.alike
    terms = [
        term
        for term in about.terms(one.controller, one.retention_class)
        if term.since <= source.day
    ]
    day = one.due_day
    if terms and one.asked_at is None:
        newest = max(terms, key=lambda term: term.version)
        day = due_day(one.anchor_day, newest.period)
    if day is None or day >= source.day:
        return None
    return Late(one._replace(due_day=day), late.count, late.spans)


def _sweeps(source: Source) -> list[dict[str, Any]]:
    """Sweeps of the period, and older ones that were open in it, as they stood at its end."""
    row = t.sweeps.c
    query = (
        sa.select(row.id, row.kind, row.as_of, row.approved, row.started_at, row.completed_at)
        .where(
            row.started_at < source.end,
            sa.or_(row.completed_at.is_(None), row.completed_at >= source.start),
        )
        .order_by(row.started_at, row.id)
    )
    found = []
    for one in source.connection.execute(query):
        ended = one.completed_at is not None and one.completed_at < source.end
        found.append(
            {
                "id": one.id,
                "kind": one.kind,
                "as_of": one.as_of,
                "approved": one.approved,
                "started_at": one.started_at,
                "completed_at": one.completed_at if ended else None,
                "open": not ended,
            }
        )
    return found


def _certificates(source: Source, sweeps: list[dict[str, Any]]) -> tuple[int, int]:
    """How many were issued; how many objects of sweeps that are over are in none.

    A sweep is counted whole where it was completed, whichever side of midnight its
    objects went.
    """
    row, swept = t.certificates.c, _swept(source)
    query = sa.select(row.sweep_id, row.controller, row.objects, row.issued_at).where(
        row.issued_at < source.end,
        sa.or_(row.issued_at >= source.start, row.sweep_id.in_(_sweeps_of(source))),
    )
    issued, covered = 0, Counter[tuple[str, str]]()
    for one in source.connection.execute(query):
        issued += one.issued_at >= source.start
        covered[one.sweep_id, one.controller] += one.objects
    missing = 0
    for sweep in sweeps:
        objects = swept.get(sweep["id"], {})
        sweep["objects"] = sum(objects.values())
        if not sweep["open"]:
            missing += sum(
                max(0, count - covered[sweep["id"], controller])
                for controller, count in objects.items()
            )
    return issued, missing


def _swept(source: Source) -> Mapping[str, Mapping[str, int]]:
    """By sweep and controller, the objects that went in it by the period's end."""
    objects = t.objects.c
    query = (
        sa.select(objects.sweep_id, objects.controller, sa.func.count())
        .where(objects.sweep_id.in_(_sweeps_of(source)), objects.shredded_at < source.end)
        .group_by(objects.sweep_id, objects.controller)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for sweep, controller, count in source.connection.execute(query):
        found[sweep][controller] = count
    return found


def _newest(source: Source) -> datetime | None:
    """The last sweep; or the last night in which nothing was due, and the gate says so."""
    row = t.gate_results.c
    gate = sa.and_(row.suite == "retention_entry", row.outcome != "failed")
    return latest(
        [
            newest_of(source, t.sweeps.c.started_at),
            newest_of(source, row.at, gate),
            newest_of(source, t.stage_counts.c.at, t.stage_counts.c.stage == "retention"),
        ]
    )
