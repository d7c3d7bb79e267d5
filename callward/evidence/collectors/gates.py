"""What the gates said: outcomes by month and suite, and what they stopped."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import Row, month_of, newest_of, within

SOURCE: Final = "gate results in the catalogue"
OUTCOMES: Final = ("passed", "rows-failed", "empty", "failed")
_SHOWN: Final = 50


def collect(source: Source) -> Collected:
    """Every verdict of the period.

    ``standing``: suites that stopped any of what they were asked about in the last night in
    which they were asked, for they are asked about each batch on its own; ``in_a_row``: on how many
    days one after the other a suite stopped its stage, at most; ``stops``: how often.
    """
    rows = _rows(source)
    by_month: dict[str, Counter[str]] = defaultdict(Counter)
    by_suite: dict[str, Counter[str]] = defaultdict(Counter)
    for one in rows:
        by_month[month_of(one.at)][one.outcome] += 1
        by_suite[one.suite][one.outcome] += 1
    stops = [one for one in rows if one.outcome == "failed"]
    stopped = list(dict.fromkeys((one.night, one.suite) for one in stops))
    last = {one.suite: one.night for one in rows}
    facts = {
        "asked": len(rows),
        "by_month": _table(by_month),
        "by_suite": _table(by_suite),
        "rows": sum(one.rows for one in rows),
        "failed_rows": sum(one.failed_rows for one in rows),
        "stops": len(stops),
        "stopped": [list(pair) for pair in stopped[-_SHOWN:]],
        "standing": sorted({one.suite for one in stops if one.night == last[one.suite]}),
        "in_a_row": _in_a_row(rows),
    }
    details = {
        "stops": [
            {"night": one.night, "suite": one.suite, "at": one.at, "rows": one.rows}
            for one in stops
        ],
        "by_suite_and_month": [
            {"suite": suite, "month": month, "outcome": outcome, "verdicts": count}
            for (suite, month, outcome), count in sorted(
                Counter((one.suite, month_of(one.at), one.outcome) for one in rows).items()
            )
        ],
    }
    newest: datetime | None = newest_of(source, t.gate_results.c.at)
    return Collected(SOURCE, newest, facts, details)


def _rows(source: Source) -> Sequence[Row]:
    """In order of time; without what every expectation found."""
    row = t.gate_results.c
    query = (
        sa.select(row.night, row.suite, row.outcome, row.rows, row.failed_rows, row.at)
        .where(within(row.at, source))
        .order_by(row.at, row.id)
    )
    return source.connection.execute(query).all()


def _table(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {
        name: {outcome: found.get(outcome, 0) for outcome in OUTCOMES}
        for name, found in sorted(counts.items())
    }


def _in_a_row(rows: Iterable[Row]) -> dict[str, int]:
    """By suite, the most days in a row, of those on which it was asked, that it stopped on."""
    days: dict[str, dict[date, bool]] = defaultdict(dict)
    for one in rows:
        day = london_day(one.at)
        days[one.suite][day] = days[one.suite].get(day, False) or one.outcome == "failed"
    found = {suite: _longest(of_days) for suite, of_days in sorted(days.items())}
    return {suite: longest for suite, longest in found.items() if longest}


def _longest(days: Mapping[date, bool]) -> int:
    longest = run = 0
    for day in sorted(days):
        run = run + 1 if days[day] else 0
        longest = max(longest, run)
    return longest
