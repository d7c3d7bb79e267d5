"""Residual scans: every store searched for what should be gone, after sweeps and every week."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    in_first_week,
    month_of,
    newest_of,
    weeks_of,
    weeks_without,
    within,
)

SOURCE: Final = "residual scans in the catalogue"
_LOOKED: Final = "looked-at"


def collect(source: Source) -> Collected:
    """Scans of the period; ``standing``: findings that no later scan has shown to be gone.

    A finding of a scan behind a sweep is gone when that sweep, or everything, was
    searched later and it was not found. ``newest`` is that of the whole scans.
    """
    rows = _rows(source)
    found, cleared = Counter[str](), Counter[str]()
    for number, one in enumerate(rows):
        for code, count in _findings(one.counts).items():
            gone = any(_covers(later, one, code) for later in rows[number + 1 :])
            (cleared if gone else found)[code] += count
    whole = [one for one in rows if one.scope == "whole"]
    mine = [one for one in whole if one.at >= source.start]
    row = t.scans.c
    facts = {
        "scans": sum(one.at >= source.start for one in rows),
        "whole": len(mine),
        "sweep": sum(one.at >= source.start and one.scope == "sweep" for one in rows),
        "found": sum(one.at >= source.start and one.outcome != "clean" for one in rows),
        "by_month": _by_month(source, rows),
        "standing": dict(sorted(found.items())),
        "cleared": dict(sorted(cleared.items())),
        "weeks": len(weeks_of(source)),
        "missing_weeks": weeks_without(source, row.at, row.scope == "whole"),
    }
    newest = newest_of(source, row.at, row.scope == "whole")
    facts["not_yet_due"] = newest is None and in_first_week(source)
    details = {
        "scans": [
            {
                "id": one.id,
                "scope": one.scope,
                "sweep": one.sweep_id,
                "outcome": one.outcome,
                "at": one.at,
                "looked_at": sum(counts.get(_LOOKED, 0) for counts in one.counts.values()),
                "findings": _findings(one.counts),
            }
            for one in rows
            if one.at >= source.start
        ]
    }
    return Collected(SOURCE, newest, facts, details)


def _rows(source: Source) -> Sequence[sa.Row[Any]]:
    """Those of the period, and the last whole one before it: what that found may be there yet."""
    row = t.scans.c
    before = (
        sa.select(row.id)
        .where(row.scope == "whole", row.at < source.start)
        .order_by(row.at.desc(), row.id.desc())
        .limit(1)
    )
    query = sa.select(t.scans).where(
        sa.or_(within(row.at, source), row.id.in_(before.scalar_subquery()))
    )
    return source.connection.execute(query.order_by(row.at, row.id)).all()


def _findings(counts: dict[str, dict[str, int]]) -> dict[str, int]:
    """How many of each code, of all stores."""
    found = Counter[str]()
    for codes in counts.values():
        found.update({code: count for code, count in codes.items() if code != _LOOKED})
    return dict(sorted((+found).items()))


def _covers(later: sa.Row[Any], earlier: sa.Row[Any], code: str) -> bool:
    """Whether a later scan has looked for the same, and not found it."""
    same = later.scope == "whole" or (
        earlier.scope == "sweep" and later.sweep_id == earlier.sweep_id
    )
    asked = any(code in codes for codes in later.counts.values())
    return same and asked and not _findings(later.counts).get(code)


def _by_month(source: Source, rows: Sequence[sa.Row[Any]]) -> dict[str, dict[str, int]]:
    months: dict[str, Counter[str]] = {}
    for one in rows:
        if one.at >= source.start:
            counts = months.setdefault(month_of(one.at), Counter())
            counts.update({one.scope: 1, "found": int(one.outcome != "clean")})
    return {
        month: {name: counts[name] for name in ("whole", "sweep", "found")}
        for month, counts in sorted(months.items())
    }
