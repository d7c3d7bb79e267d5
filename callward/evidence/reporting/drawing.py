"""From figures to a chart and the same as a table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from callward.evidence.clauses.model import Facts, Period
from callward.evidence.reporting import charts
from callward.evidence.reporting.parts import Column, Figure, Line, Table, line
from callward.evidence.reporting.words import listing, month, name, words

ROWS: Final = 50
"""Rows of any table that could be long."""
_COLUMNS_BESIDE: Final = 5
_ROWS_BESIDE: Final = 18


@dataclass(frozen=True, slots=True)
class Asked:
    """What a drawer of figures may know beside the facts: as a judge's ``Context``."""

    kind: str
    period: Period
    day: date
    options: Mapping[str, str]


def number(value: Any) -> int:
    """A whole number; TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a figure is a whole number")
    return value


def counts(found: Any) -> dict[str, int]:
    """Numbers by name, as facts hold them."""
    return {str(key): number(value) for key, value in dict(found).items()}


def slug(*parts: str) -> str:
    """A key fit for an anchor."""
    return "f-" + re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def figure(
    key: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Line]],
    *,
    svg: str = "",
    says: str = "",
    total: bool = False,
) -> Figure:
    """A figure over a table of plain text."""
    cells = tuple(
        tuple(one if isinstance(one, tuple) else line(one) for one in row) for row in rows
    )
    beside = bool(svg) and len(columns) <= _COLUMNS_BESIDE and len(rows) <= _ROWS_BESIDE
    table = Table(f"{key}-table", title, tuple(columns), cells, total)
    return Figure(key, title, table, svg=svg, says=says, beside=beside)


def months_of(period: Period, found: Mapping[str, Any]) -> list[str]:
    """Every month of the period, and others that there are figures of."""
    first = period.from_day.year * 12 + period.from_day.month - 1
    last = period.to_day.year * 12 + period.to_day.month - 1
    own = {f"{one // 12:04}-{one % 12 + 1:02}" for one in range(first, last + 1)}
    return sorted(own | set(found))


def monthly(
    key: str,
    title: str,
    facts: Facts,
    series: Mapping[str, str],
    asked: Asked,
    *,
    stacked: bool = True,
) -> Figure:
    """Figures month by month; ``series``: name of a count to what it is called."""
    found = {label: counts(values) for label, values in facts["by_month"].items()}
    months = months_of(asked.period, found)
    drawn = [
        charts.Series(called, [found.get(one, {}).get(code, 0) for one in months])
        for code, called in series.items()
    ]
    rows = [
        [month(one), *(f"{each.values[n]:,}" for each in drawn)] for n, one in enumerate(months)
    ]
    sums = [sum(one.values) for one in drawn]
    rows.append(["All", *(f"{one:,}" for one in sums)])
    columns = [Column("Month"), *(Column(called, numeric=True) for called in series.values())]
    says = f"{title}. In all: {_said(list(series.values()), sums)}."
    svg = ""
    if len(months) > 1 and any(sums):
        labels = _letters(months)
        about = charts.Drawing(key, title, says)
        svg = charts.columns(about, labels, drawn, stacked=stacked)
    return figure(key, title, columns, rows, svg=svg, says=says, total=True)


def _letters(months: Sequence[str]) -> list[str]:
    """Months without their years, but for the first and every January."""
    return [
        month(one) if n == 0 or one.endswith("-01") else month(one)[:3]
        for n, one in enumerate(months)
    ]


def _said(names: Sequence[str], sums: Sequence[int]) -> str:
    pairs = zip(names, sums, strict=True)
    return listing(f"{one[:1].lower()}{one[1:]} {total:,}" for one, total in pairs)


def ranked(
    key: str, title: str, found: Mapping[str, int], what: str, counted: str = "Number"
) -> Figure:
    """Counts by code, the greatest first; a chart if there are several."""
    rows = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return listed(key, title, [(words(code), value) for code, value in rows], what, counted)


def listed(
    key: str, title: str, rows: Sequence[tuple[str, int]], what: str, counted: str = "Number"
) -> Figure:
    """Counts by name in the order given; a chart if there are several."""
    shown = list(rows[:ROWS])
    table = [[label, f"{value:,}"] for label, value in shown]
    left = rows[ROWS:]
    if left:
        table.append([f"and {len(left):,} more", f"{sum(value for _, value in left):,}"])
    top = shown[:8]
    says = f"{title}: {listing(f'{label} {value:,}' for label, value in top) or 'none'}."
    svg = ""
    if len(shown) > 1 and any(value for _, value in shown):
        svg = charts.bars(charts.Drawing(key, title, says), shown[:12])
    columns = [Column(what), Column(counted, numeric=True)]
    return figure(key, title, columns, table, svg=svg, says=says)


_LABELS: Final[Mapping[str, str]] = {
    "asked": "Times a gate was asked",
    "certificates": "Certificates of destruction",
    "cosigned": "Signed by the witness too",
    "destroyed": "Objects destroyed",
    "early": "Destroyed before their day",
    "failed_rows": "Items that failed",
    "late": "Destroyed after their day",
    "leaves": "Entries",
    "open_sweeps": "Sweeps that have not ended",
    "orphans": "Transcripts without their recording",
    "outside": "Outside the United Kingdom and the EEA",
    "rows": "Items looked at",
    "runs": "Runs",
    "stamp_set": "A time stamp is asked for",
    "transfers_refused": "Transfers refused",
    "uncertified": "Sweeps without a certificate",
    "uncovered": "Without a safeguard",
    "uninstructed": "Without an instruction",
    "witness_set": "A witness is named",
}


def in_numbers(facts: Facts, asked: Asked, drawn: frozenset[str]) -> list[Figure]:
    """What of the facts is plain: numbers, words, and numbers by name, but those ``drawn``."""
    rows: list[list[str]] = []
    for key, value in facts.items():
        if key in drawn:
            continue
        label = _LABELS.get(key, name(key))
        if isinstance(value, Mapping):
            rows += [
                [f"{label}: {words(str(one))}", _plain(each)]
                for one, each in value.items()
                if not isinstance(each, Mapping | list)
            ]
        elif isinstance(value, list):
            rows.append([label, f"{len(value):,}"])
        else:
            rows.append([label, _plain(value)])
    if not rows:
        return []
    if len(rows) > ROWS:
        rows = [*rows[:ROWS], [f"and {len(rows) - ROWS:,} more", "in the file"]]
    columns = [Column("What"), Column("Number", numeric=True)]
    return [figure(slug(asked.kind, "numbers"), f"{name(asked.kind)} in numbers", columns, rows)]


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
