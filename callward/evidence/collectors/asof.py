"""What was known, and what was kept, when the period ended: shared by collectors.

Collected again later, a closed period must give the same: whatever came after its end
is left out, and days are those of ``source.day``, never of the clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.base import Source
from callward.evidence.collectors.reading import kept_at_end
from callward.instructions.registry import VersionedInstruction
from callward.registers.book import Entry, Version
from callward.vault.filing import ADMINISTRATION

_ONE_DAY = timedelta(days=1)
_WHEN = TypeVar("_WHEN", date, datetime)


def within(column: sa.ColumnElement[datetime], source: Source) -> sa.ColumnElement[bool]:
    """Whether a moment lies in the period."""
    return sa.and_(column >= source.start, column < source.end)


def month(moment: datetime) -> str:
    """The month in London, as ``2026-01``."""
    return london_day(moment).strftime("%Y-%m")


def whole_months(first: date, last: date) -> list[str]:
    """The months that lie wholly between two days, both included."""
    day = first if first.day == 1 else _next_month(first)
    found = []
    while _next_month(day) - _ONE_DAY <= last:
        found.append(day.strftime("%Y-%m"))
        day = _next_month(day)
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def first_day(source: Source) -> date:
    """The first London day of the period on which there was this instance."""
    made = source.connection.scalar(sa.select(sa.func.min(t.instance.c.created_at)))
    return source.period.from_day if made is None else max(source.period.from_day, london_day(made))


def newest(moments: Iterable[_WHEN | None]) -> _WHEN | None:
    """The latest there is."""
    return max((one for one in moments if one is not None), default=None)


def kept(source: Source) -> sa.ColumnElement[bool]:
    """Whether an object, none of our own notes, was there when the period ended."""
    return kept_at_end(source, t.objects.c.retention_class != ADMINISTRATION)


def holding(source: Source) -> list[str]:
    """The controllers of whom something was kept when the period ended, sorted."""
    row = t.objects.c
    query = sa.select(row.controller).where(kept(source)).distinct()
    return sorted(source.connection.scalars(query))


def in_force(
    versions: Sequence[VersionedInstruction], day: date, known_by: datetime
) -> VersionedInstruction | None:
    """The version in force on a London day, of those loaded by a moment (included)."""
    counting = [
        one
        for one in versions
        if one.loaded_at <= known_by and one.instruction.effective_from <= day
    ]
    return counting[-1] if counting else None


def counting(versions: Sequence[Version[Entry]], known_by: datetime) -> Version[Entry] | None:
    """The version of a register's entry that counted at a moment; the oldest first."""
    known = [one for one in versions if one.loaded_at <= known_by]
    return known[-1] if known else None


def began(source: Source) -> Mapping[str, date]:
    """By night, the London day of the first thing that it left behind.

    Of those that left something in the period, or on the day before it.
    """
    found: dict[str, date] = {}
    for row in (t.stage_counts.c, t.gate_results.c):
        query = sa.select(row.night, sa.func.min(row.at)).where(
            row.at >= source.start - _ONE_DAY, row.at < source.end
        )
        for night, first in source.connection.execute(query.group_by(row.night)):
            day = london_day(first)
            found[night] = min(found.get(night, day), day)
    return found


def days_of(moment: datetime, begun: date | None) -> tuple[date, ...]:
    """The London days for which a night that is at work at a moment may work.

    That of the moment, and the one before it if the night had begun by then: what it
    admitted before midnight may come after it.
    """
    day = london_day(moment)
    return (day, day - _ONE_DAY) if begun is not None and begun < day else (day,)
