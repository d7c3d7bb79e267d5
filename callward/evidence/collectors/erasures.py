"""Erasures before the due day: those instructed, those done, and those that wait."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held_at
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.lateness import Circumstances, Late
from callward.evidence.collectors.reading import Condition, month_of, newest_of, within

SOURCE: Final = "erasures and objects in the catalogue"


def collect(source: Source) -> Collected:
    """Objects, not requests: also rejected, muted and replaced ones, which go the same way.

    ``days``: how many went so many days after they could have (the night after it was
    instructed, or the hold lifted); ``waiting``: those that could have gone and are there,
    by how many days; ``held``: those that a hold keeps.
    """
    about, asked = Circumstances(source), t.erasures.c
    months: dict[str, Counter[str]] = {}
    days, waiting = Counter[int](), Counter[int]()
    done = not_told = 0
    for late in _groups(source, about, within(t.objects.c.shredded_at, source)):
        gone = late.alike.shredded_at
        if gone is not None:
            done += late.count
            day = london_day(gone)
            over = max(0, (day - about.ripe(late, day, gone, at_best=True)).days)
            if not over and day > about.ripe(late, day, gone):
                not_told += late.count
            else:
                days[over] += late.count
            months.setdefault(month_of(gone), Counter())["done"] += late.count
    held = 0
    for late in _groups(source, about, _there(source)):
        over = (source.day - about.ripe(late, source.day, source.end)).days
        if over > 0 and about.may_have_been_held(late):
            not_told += late.count
        elif over > 0:
            waiting[over] += late.count
    held += _count(source, _there(source, held=True))
    instructed = _instructed(source)
    for at, count in instructed:
        months.setdefault(month_of(at), Counter())["asked"] += count
    facts = {
        "asked": sum(count for _, count in instructed),
        "done": done,
        "held": held,
        "hold_not_told": not_told,
        "waiting": sum(waiting.values()),
        "waiting_days": max(waiting, default=0),
        "days": {str(number): days[number] for number in sorted(days)},
        "by_month": {
            month: {name: counts[name] for name in ("asked", "done")}
            for month, counts in sorted(months.items())
        },
    }
    details = {
        "waiting": [{"days": number, "objects": waiting[number]} for number in sorted(waiting)]
    }
    newest = newest_of(source, asked.asked_at)
    return Collected(SOURCE, newest, facts, details)


def _instructed(source: Source) -> Sequence[Any]:
    asked = t.erasures.c.asked_at
    query = sa.select(asked, sa.func.count()).where(within(asked, source)).group_by(asked)
    return source.connection.execute(query.order_by(asked)).all()


def _asked(source: Source) -> Condition:
    """SQL: of an object that its erasure had been instructed by the end."""
    asked = t.erasures.c
    ids = sa.select(asked.object_id).where(asked.asked_at < source.end)
    return t.objects.c.id.in_(ids)


def _there(source: Source, *, held: bool = False) -> Condition:
    objects, stands = t.objects.c, held_at(source.end)
    there = sa.or_(objects.shredded_at.is_(None), objects.shredded_at >= source.end)
    return sa.and_(there, _asked(source), stands if held else ~stands)


def _count(source: Source, which: Condition) -> int:
    query = sa.select(sa.func.count()).select_from(t.objects).where(which)
    return int(source.connection.scalar(query) or 0)


def _groups(source: Source, about: Circumstances, which: Condition) -> Iterator[Late]:
    """Groups of objects; known since their erasure was instructed, and due since that day."""
    asked = t.erasures.c
    since = (
        sa.select(asked.asked_at)
        .where(asked.object_id == t.objects.c.id)
        .correlate(t.objects)
        .scalar_subquery()
    )
    for late in about.groups(sa.and_(which, _asked(source)), known=since):
        day = london_day(late.alike.known_at)
        yield Late(late.alike._replace(due_day=day), late.count, late.spans)
