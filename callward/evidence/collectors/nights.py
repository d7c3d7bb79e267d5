"""Nights: on which days of the period one was run, and what did not run in it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import LONDON, london_day
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.flow_runs import states
from callward.evidence.collectors.reading import first_day, latest, within
from callward.flowruns.comparing import NIGHTLY
from callward.ledger.leaves import parse_leaf

SOURCE: Final = "stage counts, gate results and flow runs in the catalogue, sweeps in the ledger"
_RETENTION: Final = "retention"
_FLOWS: Final = (NIGHTLY, _RETENTION)
_ENTRY: Final = "retention_entry"
_EXIT: Final = "retention_exit"


@dataclass(slots=True)
class _Night:
    """What one night left behind; ``as_of`` where a flow run says it."""

    first: datetime | None = None
    last: datetime | None = None
    traces: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    as_of: date | None = None

    def saw(self, what: str, first: datetime, last: datetime) -> None:
        self.traces.add(what)
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    @property
    def day(self) -> date | None:
        return self.as_of or (None if self.first is None else london_day(self.first))


def collect(source: Source) -> Collected:
    """Expected is every day from the one after the instance was made.

    The last day counts once it is over, or its night has run. A night belongs to the
    London day that its flow run says, else to that of the first thing it left behind. A
    sweep of what somebody had erased or rejected is no night.
    """
    nights = _nights(source)
    by_day: dict[date, list[_Night]] = defaultdict(list)
    for night in nights.values():
        if night.day is not None:
            by_day[night.day].append(night)
    expected = _expected(source, by_day)
    run = [day for day in expected if day in by_day]
    without = [day for day in run if not any(_RETENTION in one.traces for one in by_day[day])]
    failed = [day for day in run if any(one.stopped for one in by_day[day])]
    missing = [day for day in expected if day not in by_day]
    months = {f"{day:%Y-%m}": Counter[str]() for day in expected}
    for name, days in (("expected", expected), ("run", run), ("failed", failed)):
        for day in days:
            months[f"{day:%Y-%m}"][name] += 1
    facts = {
        "expected": len(expected),
        "run": len(run),
        "missing_days": _told(missing),
        "failed_days": _told(failed),
        "without_retention": _told(without),
        "last_days": _told(expected[-3:]),
        "by_month": {
            month: {name: counts[name] for name in ("expected", "run", "failed")}
            for month, counts in sorted(months.items())
        },
    }
    details = {
        "nights": [
            {
                "night": name,
                "day": one.day,
                "first": one.first,
                "last": one.last,
                "seen": sorted(one.traces),
                "stopped": sorted(one.stopped),
            }
            for name, one in sorted(nights.items(), key=lambda pair: (str(pair[1].day), pair[0]))
        ]
    }
    return Collected(SOURCE, latest(one.last for one in nights.values()), facts, details)


def _told(days: list[date]) -> list[str]:
    return [day.isoformat() for day in days]


def _expected(source: Source, by_day: Mapping[date, Any]) -> list[date]:
    first = first_day(source)
    if _made_on(source) == first:
        first += timedelta(days=1)  # nobody runs a night before there is an instance
    days = [first + timedelta(days=n) for n in range((source.day - first).days + 1)]
    over = datetime.combine(source.day + timedelta(days=1), datetime.min.time(), LONDON)
    if days and source.now < over and days[-1] not in by_day:
        days.pop()
    return days


def _made_on(source: Source) -> date | None:
    created = source.connection.scalar(sa.select(sa.func.min(t.instance.c.created_at)))
    return None if created is None else london_day(created)


def _nights(source: Source) -> dict[str, _Night]:
    """By id, without sweeps of their own."""
    found: dict[str, _Night] = defaultdict(_Night)
    counts, results = t.stage_counts.c, t.gate_results.c
    for row, what in ((counts, counts.stage), (results, results.suite)):
        query = (
            sa.select(row.night, what, sa.func.min(row.at), sa.func.max(row.at))
            .where(within(row.at, source))
            .group_by(row.night, what)
        )
        for night, name, first, last in source.connection.execute(query):
            found[night].saw(_RETENTION if name == _EXIT else name, first, last)
    _add_entries(source, found)
    failed = sa.select(results.night, results.suite).where(
        within(results.at, source), results.outcome == "failed"
    )
    for night, suite in source.connection.execute(failed):
        found[night].stopped.add(suite)
    _add_runs(source, found)
    swept = _erasures(source)
    return {
        name: one
        for name, one in found.items()
        if name not in swept or not one.traces <= {_RETENTION, _ENTRY}
    }


def _add_entries(source: Source, nights: dict[str, _Night]) -> None:
    """Where the gate before it stopped it, retention has not run, whatever else it counted."""
    row = t.gate_results.c
    query = sa.select(row.night, row.outcome, row.at).where(
        within(row.at, source), row.suite == _ENTRY
    )
    let: dict[str, datetime] = {}
    for night, outcome, at in source.connection.execute(query):
        nights[night].traces.discard(_RETENTION)
        if outcome != "failed":
            let[night] = at
    for night, at in let.items():
        nights[night].saw(_RETENTION, at, at)


def _add_runs(source: Source, nights: dict[str, _Night]) -> None:
    """What flow runs say of nights, if the ledger knew of them by the end: for which day."""
    row = t.flow_runs.c
    known = states(source)
    query = sa.select(row.id, row.night, row.body).where(
        row.flow.in_(_FLOWS), row.night.is_not(None), within(row.begun, source)
    )
    for run, name, body in source.connection.execute(query.order_by(row.begun, row.id)):
        if name not in nights or run not in known:
            continue  # nothing of it is in the catalogue: the flow runs' own evidence says so
        told = (body.get("parameters") or {}).get("as_of")
        if isinstance(told, str):
            nights[name].as_of = date.fromisoformat(told)


def _erasures(source: Source) -> set[str]:
    """Nights, so called, that only swept what somebody had erased or rejected."""
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.event == "sweep-intent", within(leaf.at, source))
    kinds: dict[str, set[str]] = defaultdict(set)
    for body in source.connection.scalars(query):
        ids = parse_leaf(body).ids
        kinds[ids.get("night", "")].add(ids.get("kind", ""))
    return {night for night, told in kinds.items() if told == {"erasure"}}
