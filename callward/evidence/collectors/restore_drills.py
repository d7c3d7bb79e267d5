"""Restore drills: what was destroyed does not open from a backup, and what is kept does."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    LIVING,
    in_first_week,
    month_of,
    newest_of,
    weeks_of,
    weeks_without,
    within,
)

SOURCE: Final = "restore drills in the catalogue"
_NIGHT: Final = timedelta(days=1)
_TRIED: Final = (
    "targets_tried",
    "opened_by_force",
    "opened_before_replay",
    "not_shredded",
    "survivors_tried",
    "survivors_failed",
)


def collect(source: Source) -> Collected:
    """Drills of the period; ``last``: the outcome of the newest, however long ago, or null.

    ``empty``: those that passed and tried nothing, though something was kept by then.
    """
    row = t.drills.c
    query = sa.select(t.drills).where(within(row.at, source)).order_by(row.at, row.id)
    rows = source.connection.execute(query).all()
    trials = [trial for one in rows for trial in one.body.get("trials", [])]
    months: dict[str, Counter[str]] = {}
    for one in rows:
        months.setdefault(month_of(one.at), Counter())[one.outcome] += 1
    facts = {
        "drills": len(rows),
        "failed": sum(one.outcome != "passed" for one in rows),
        "empty": sum(_is_empty(source, one) for one in rows),
        "last": _last(source),
        "by_month": {
            month: {name: counts[name] for name in ("passed", "failed")}
            for month, counts in sorted(months.items())
        },
        **{name: sum(int(trial.get(name, 0)) for trial in trials) for name in _TRIED},
        "weeks": len(weeks_of(source)),
        "missing_weeks": weeks_without(source, row.at),
    }
    newest = newest_of(source, row.at)
    facts["not_yet_due"] = newest is None and in_first_week(source)
    details = {
        "drills": [
            {"id": one.id, "outcome": one.outcome, "at": one.at, "trials": _trials(one.body)}
            for one in rows
        ]
    }
    return Collected(SOURCE, newest, facts, details)


def _is_empty(source: Source, drill: sa.Row[Any]) -> bool:
    """What a backup of the night before can have had in it shows that there was something."""
    tried = ("targets_tried", "survivors_tried")
    trials = drill.body.get("trials", [])
    if drill.outcome != "passed" or any(trial.get(name) for trial in trials for name in tried):
        return False
    objects, before = t.objects.c, drill.at - _NIGHT
    there = sa.select(objects.id).where(
        objects.created_at < before,
        sa.or_(objects.state.in_(LIVING), objects.shredded_at >= before),
    )
    return source.connection.scalar(there.limit(1)) is not None


def _last(source: Source) -> str | None:
    row = t.drills.c
    query = sa.select(row.outcome).where(row.at < source.end)
    found: str | None = source.connection.scalar(
        query.order_by(row.at.desc(), row.id.desc()).limit(1)
    )
    return found


def _trials(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Without the ids of objects: how many is enough here."""
    names = ("backup", "which", "generation", "journals", "destroyed_since", *_TRIED, "error")
    return [
        {name: trial[name] for name in names if name in trial} for trial in body.get("trials", [])
    ]
