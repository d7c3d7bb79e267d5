"""What came in, by month and kind, and what was set aside and waits for a decision."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    latest,
    month_of,
    newest_of,
    summed,
    with_prefix,
    within,
)

SOURCE: Final = "counts of the ingest stage, quarantine in the catalogue"
_OUTCOMES: Final = ("files", "ingested", "duplicate", "quarantined")
_SUITES: Final = ("ingest_entry", "ingest_exit", "ingest_volumes", "records_entry", "records_exit")


def collect(source: Source) -> Collected:
    """Counts of the period, and the quarantine as it stood at its end (ages in days)."""
    whole, months = summed(source, "ingest")
    waiting = _waiting(source)
    reasons = Counter(one.reason for one in waiting)
    oldest = min((one.created_at for one in waiting), default=None)
    facts = {
        "by_month": {
            month: {name: counts[name] for name in _OUTCOMES}
            for month, counts in sorted(months.items())
        },
        "by_kind": with_prefix(whole, "kind:"),
        "quarantine": {
            "held": len(waiting),
            "oldest_days": _age(source, oldest),
            "by_reason": dict(sorted(reasons.items())),
            "expired": _expired(source),
        },
    }
    details = {
        "refused": with_prefix(whole, "quarantined:"),
        "decided": _decided(source),
        "waiting": [
            {
                "id": one.id,
                "controller": one.controller,
                "reason": one.reason,
                "days": _age(source, one.created_at),
            }
            for one in waiting
        ],
    }
    return Collected(SOURCE, _newest(source), facts, details)


def _age(source: Source, moment: datetime | None) -> int:
    return 0 if moment is None else max(0, (source.day - london_day(moment)).days)


def _waiting(source: Source) -> list[sa.Row[Any]]:
    """What nobody had decided about at the end, nor a sweep destroyed, nor an erasure sent off."""
    row, one = t.quarantine.c, t.objects.alias("about").c
    destroyed = sa.exists().where(one.id == _about(), one.shredded_at < source.end)
    query = sa.select(row.id, row.controller, row.reason, row.created_at).where(
        row.created_at < source.end,
        sa.or_(row.decided_at.is_(None), row.decided_at >= source.end),
        ~destroyed.correlate(t.quarantine),
        _not_going(source),
    )
    return list(source.connection.execute(query.order_by(row.created_at, row.id)))


def _expired(source: Source) -> dict[str, int]:
    """What went on its last day without anybody's decision: how many had waited how many days."""
    row, about = t.quarantine.c, t.objects.alias("gone")
    one = about.c
    query = (
        sa.select(row.created_at, one.shredded_at)
        .join(about, one.id == _about())
        .where(row.decided_at.is_(None), within(one.shredded_at, source), _not_going(source))
    )
    days = Counter(
        (london_day(gone) - london_day(came)).days
        for came, gone in source.connection.execute(query)
    )
    return {str(waited): count for waited, count in sorted(days.items())}


def _about() -> sa.ColumnElement[Any]:
    """The object that a refusal is about."""
    return sa.func.coalesce(t.quarantine.c.media_id, t.quarantine.c.row_id)


def _not_going(source: Source) -> sa.ColumnElement[bool]:
    asked = t.erasures.c
    going = sa.exists().where(asked.object_id == _about(), asked.asked_at < source.end)
    return ~going.correlate(t.quarantine)


def _decided(source: Source) -> list[dict[str, Any]]:
    """Decisions of the period by month and what was decided."""
    row = t.quarantine.c
    query = sa.select(row.state, row.decided_at).where(within(row.decided_at, source))
    counts = Counter((month_of(at), state) for state, at in source.connection.execute(query))
    return [
        {"month": month, "decision": state, "items": count}
        for (month, state), count in sorted(counts.items())
    ]


def _newest(source: Source) -> datetime | None:
    """Also of nights in which nothing was delivered: the next stage's gate saw them through."""
    counts, results = t.stage_counts.c, t.gate_results.c
    suites = (*_SUITES, "retention_entry")
    return latest(
        [
            newest_of(source, counts.at, counts.stage == "ingest"),
            newest_of(source, results.at, results.suite.in_(suites)),
        ]
    )
