"""Changes that make a review of the notice necessary: found, dealt with, still waiting.

``callward.material`` finds them, and reads the clause map for it; so the table is read here.
"""

from collections import Counter
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue.review_tables import material_changes
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source

Row = dict[str, Any]


def collect(source: Source) -> Collected:
    """Those found or dealt with in the period, and any found before that still wait.

    ``waiting_days``: by kind, for how many days each has waited; ``dealt_days``: had waited.
    """
    # What happened just now is in a period that goes on until now.
    end = source.end
    ours = [
        one
        for one in _found(source.connection, end)
        if one["dealt_at"] is None or max(one["found_at"], one["dealt_at"]) >= source.start
    ]
    dealt = [one for one in ours if one["dealt_at"]]
    waited: dict[str, list[int]] = {}
    waiting: dict[str, list[int]] = {}
    for one in ours:
        until = london_day(one["dealt_at"]) if one["dealt_at"] else source.day
        days = waited if one["dealt_at"] else waiting
        days.setdefault(one["kind"], []).append((until - london_day(one["found_at"])).days)
    return Collected(
        source="tables material_changes and material_facts; review-needed in the ledger",
        newest=max((one["dealt_at"] or one["found_at"] for one in ours), default=None),
        facts={
            "found": sum(one["found_at"] >= source.start for one in ours),
            "dealt": len(dealt),
            "dealt_by_kind": Counter(one["kind"] for one in dealt),
            "waiting": len(ours) - len(dealt),
            "waiting_days": waiting,
            "dealt_days": waited,
        },
        details={"changes": ours},
    )


def _found(connection: sa.Connection, end: datetime) -> list[Row]:
    """Every change found before ``end``, as it stood then; the oldest first."""
    row = material_changes.c
    query = sa.select(material_changes).where(row.found_at < end)
    ordered = query.order_by(row.found_at, row.kind, row.subject, row.id)
    found = [dict(one) for one in connection.execute(ordered).mappings()]
    later = {"review": None, "dealt_at": None}
    return [one | later if one["dealt_at"] and one["dealt_at"] >= end else one for one in found]
