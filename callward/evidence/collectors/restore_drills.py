"""Restore drills: what was destroyed does not open from a backup, and what is kept does."""

from collections import Counter
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    first_day,
    monday_of,
    month_of,
    newest_of,
    weeks_of,
    within,
)

SOURCE: Final = "restore drills in the catalogue"
_TRIED: Final = (
    "targets_tried",
    "opened_by_force",
    "opened_before_replay",
    "not_shredded",
    "survivors_tried",
    "survivors_failed",
)


def collect(source: Source) -> Collected:
    """Drills of the period; ``last``: the outcome of the newest, however long ago, or null."""
    row = t.drills.c
    query = sa.select(t.drills).where(within(row.at, source)).order_by(row.at, row.id)
    rows = source.connection.execute(query).all()
    trials = [trial for one in rows for trial in one.body.get("trials", [])]
    weeks = weeks_of(first_day(source), source.day)
    drilled = {monday_of(one.at) for one in rows}
    months: dict[str, Counter[str]] = {}
    for one in rows:
        months.setdefault(month_of(one.at), Counter())[one.outcome] += 1
    facts = {
        "drills": len(rows),
        "failed": sum(one.outcome != "passed" for one in rows),
        "last": _last(source),
        "by_month": {
            month: {name: counts[name] for name in ("passed", "failed")}
            for month, counts in sorted(months.items())
        },
        **{name: sum(int(trial.get(name, 0)) for trial in trials) for name in _TRIED},
        "weeks": len(weeks),
        "missing_weeks": [day.isoformat() for day in weeks if day not in drilled],
    }
    details = {
        "drills": [
            {"id": one.id, "outcome": one.outcome, "at": one.at, "trials": _trials(one.body)}
            for one in rows
        ]
    }
    return Collected(SOURCE, newest_of(source, row.at), facts, details)


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
