"""What collectors of kept records have in common: bounds, months, and state as it was."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.base import Source

LIVING: Final = ("live", "quarantined", "marked")
"""States of objects that are not destroyed."""

Condition = sa.ColumnElement[bool]
Row = sa.Row[*tuple[Any, ...]]


def within(column: Any, source: Source) -> Condition:
    """SQL: a moment in the period."""
    return sa.and_(column >= source.start, column < source.end)


def month_of(moment: datetime) -> str:
    """London month, ``YYYY-MM``."""
    return f"{london_day(moment):%Y-%m}"


def newest_of(source: Source, column: Any, *which: Condition) -> datetime | None:
    """The newest moment before the period's end, however long before its start."""
    query = sa.select(sa.func.max(column)).where(column < source.end, *which)
    found: datetime | None = source.connection.scalar(query)
    return found


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The newest of those that there are."""
    return max((one for one in moments if one is not None), default=None)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a stage counted for a controller in one transaction."""

    night: str
    controller: str
    counts: Mapping[str, int]
    at: datetime


def counted(source: Source, stage: str) -> Iterator[Counted]:
    """A stage's counts of the period, oldest first. They are never changed."""
    row = t.stage_counts.c
    query = (
        sa.select(row.night, row.controller, row.counts, row.at)
        .where(row.stage == stage, within(row.at, source))
        .order_by(row.id)
    )
    return (Counted(*one) for one in source.connection.execute(query))


def summed(source: Source, stage: str) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """A stage's counts of the period: of all of it, and by month."""
    whole, months = Counter[str](), dict[str, Counter[str]]()
    for one in counted(source, stage):
        whole.update(one.counts)
        months.setdefault(month_of(one.at), Counter()).update(one.counts)
    return whole, months


def with_prefix(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    """Those whose names begin with ``prefix``, without it, sorted."""
    return {
        name.removeprefix(prefix): counts[name]
        for name in sorted(counts)
        if name.startswith(prefix)
    }


def kept_at_end(source: Source, *which: Condition) -> Condition:
    """SQL: the object was there, not destroyed, when the period ended.

    ``which``: what else is asked, put where an index can be used for it. What has been
    destroyed since then is found by the sweeps that had not ended.
    """
    objects, sweep = t.objects.c, t.sweeps.c
    later = sa.select(sweep.id).where(
        sa.or_(sweep.completed_at.is_(None), sweep.completed_at >= source.end)
    )
    return sa.and_(
        objects.created_at < source.end,
        sa.or_(
            sa.and_(objects.state.in_(LIVING), *which),
            sa.and_(objects.sweep_id.in_(later), objects.shredded_at >= source.end, *which),
        ),
    )


def early_at_end(source: Source) -> Condition:
    """SQL: the object's erasure had been instructed when the period ended."""
    asked = t.erasures.c
    return (
        sa.exists()
        .where(asked.object_id == t.objects.c.id, asked.asked_at < source.end)
        .correlate(t.objects)
    )


def weeks_of(source: Source) -> list[date]:
    """The Mondays of the weeks that end in the period, from the instance's first whole one.

    So every week is in one period of any two that follow each other.
    """
    first = source.period.from_day - timedelta(days=6)
    created = source.connection.scalar(sa.select(sa.func.min(t.instance.c.created_at)))
    if created is not None:
        first = max(first, london_day(created))
    monday = first + timedelta(days=-first.weekday() % 7)
    return [
        monday + timedelta(weeks=number)
        for number in range(max(0, ((source.day - monday).days + 1) // 7))
    ]


def weeks_without(source: Source, column: Any, *which: Condition) -> list[str]:
    """The weeks of the period without any such moment, also before it began, by their Mondays."""
    since = source.start - timedelta(weeks=1)
    query = sa.select(column).where(column >= since, column < source.end, *which)
    done = {monday_of(moment) for moment in source.connection.scalars(query)}
    return [day.isoformat() for day in weeks_of(source) if day not in done]


def first_day(source: Source) -> date:
    """The first day of the period on which the instance was there."""
    created = source.connection.scalar(sa.select(sa.func.min(t.instance.c.created_at)))
    return (
        source.period.from_day
        if created is None
        else max(source.period.from_day, london_day(created))
    )


def in_first_week(source: Source) -> bool:
    """Whether the instance was younger than a week on the last day."""
    created = source.connection.scalar(sa.select(sa.func.min(t.instance.c.created_at)))
    return created is not None and bool(source.day - london_day(created) < timedelta(weeks=1))


def monday_of(moment: datetime) -> date:
    """The Monday of a moment's week."""
    day = london_day(moment)
    return day - timedelta(days=day.weekday())
