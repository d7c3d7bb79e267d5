"""Which figures each kind of evidence has to show: pure, over the facts of one item."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from callward.evidence.clauses.model import Facts, Item, Need
from callward.evidence.reporting import charts
from callward.evidence.reporting.drawing import (
    ROWS,
    Asked,
    counts,
    figure,
    in_numbers,
    listed,
    monthly,
    number,
    ranked,
    slug,
)
from callward.evidence.reporting.parts import Column, Figure, Span, line
from callward.evidence.reporting.words import day_of, many, name, words

Drawer = Callable[[Facts, Asked], Iterable[Figure]]

_BUCKETS: Final = (
    (0, "on the day"),
    (1, "1 day late"),
    (7, "2 to 7 days late"),
    (30, "8 to 30 days late"),
)
_LONGER: Final = "more than 30 days late"
_SERIES: Final = 4


def of_need(need: Need, item: Item, asked: Asked) -> list[Figure]:
    """The figures of an item that a clause rests on, each with the file it came from.

    Where the facts are not as expected, that is said in place of the figures.
    """
    found: list[Figure] = []
    drawer, drawn = FIGURES.get(need.kind, (_months_of_any, frozenset({"by_month"})))
    try:
        found += drawer(item.facts, asked)
    except (LookupError, TypeError, ValueError, AttributeError):
        title = f"{name(need.kind)}: not all of it could be read"
        told = [["Facts", "not as this version expects them; the file has them all"]]
        head = [Column("What"), Column("Why")]
        found.append(figure(slug(need.kind, "unread"), title, head, told))
    found += in_numbers(item.facts, asked, drawn)
    return [replace(one, source=source_of(item)) for one in found]


def source_of(item: Item) -> tuple[Span, ...]:
    """A link to an item's file, beside the report, by its place in the pack."""
    return line(Span(item.file, "code", beside(item.file)))


def beside(file: str) -> str:
    """Where a file of the pack lies, seen from the report in ``data/``."""
    return file.removeprefix("data/") if file.startswith("data/") else f"../{file}"


def _deletions(facts: Facts, asked: Asked) -> Iterator[Figure]:
    wanted = asked.options.get("classes", "").split()
    classes = {
        label: found
        for label, found in sorted(facts["by_class"].items())
        if not wanted or label in wanted
    }
    rows = [row for label, found in classes.items() for row in _lateness(label, found)]
    if rows:
        key = slug("deletions", "days", *wanted)
        title = "Days between the day due and destruction" + (
            f": {', '.join(words(one) for one in wanted)}" if wanted else ""
        )
        yield listed(key, title, rows, "Class, and how late", "Objects")
    by_month = {
        label: {"in time": number(one["destroyed"]) - number(one["late"]), "late": one["late"]}
        for label, one in facts["by_month"].items()
    }
    series = {"in time": "In time", "late": "Late"}
    title = "Objects destroyed per month"
    yield monthly(slug("deletions", "months"), title, {"by_month": by_month}, series, asked)


def _lateness(label: str, found: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Rows of one class: how many how many days after they were due, and those before it."""
    sums = {called: 0 for _, called in _BUCKETS} | {_LONGER: 0}
    for days, value in counts(found.get("days_late", {})).items():
        called = next((text for most, text in _BUCKETS if int(days) <= most), _LONGER)
        sums[called] += value
    if early := number(found.get("early", 0)):
        yield f"{words(label)}, before the day", early
    for called, value in sums.items():
        if value or called == _BUCKETS[0][1]:
            yield f"{words(label)}, {called}", value


_OUTCOMES: Final = {
    "passed": "Passed",
    "rows-failed": "Items set aside",
    "empty": "Nothing to check",
    "failed": "Stopped the stage",
}


def _gates(facts: Facts, asked: Asked) -> Iterator[Figure]:
    yield monthly(
        slug("gates", "months"), "What the gates found per month", facts, _OUTCOMES, asked
    )
    head = [Column("Gate"), *(Column(one, numeric=True) for one in _OUTCOMES.values())]
    head.append(Column("Passed, of 100", numeric=True))
    rows = []
    for suite, found in sorted(facts.get("by_suite", {}).items()):
        numbers = [number(found.get(code, 0)) for code in _OUTCOMES]
        asked_of = sum(numbers) - numbers[2]
        rate = f"{100 * numbers[0] / asked_of:.1f}" if asked_of else "-"
        rows.append([name(suite), *(f"{one:,}" for one in numbers), rate])
    if rows:
        yield figure(slug("gates", "suites"), "Gates, one by one", head, rows[:ROWS])
    stopped = [[str(night), name(str(suite))] for night, suite in facts.get("stopped", [])]
    if stopped:
        columns = [Column("Night"), Column("Gate")]
        yield figure(slug("gates", "stopped"), "Stages stopped", columns, stopped[:ROWS])


def _intake(facts: Facts, asked: Asked) -> Iterator[Figure]:
    series = {"ingested": "Taken in", "duplicate": "There already", "quarantined": "Set aside"}
    yield monthly(slug("intake", "months"), "Files received per month", facts, series, asked)
    if facts.get("by_kind"):
        found = counts(facts["by_kind"])
        yield ranked(slug("intake", "kinds"), "Records taken in, by kind", found, "Kind")
    held = counts(facts.get("quarantine", {}).get("by_reason", {}))
    if held:
        yield ranked(slug("intake", "aside"), "Set aside, by reason", held, "Reason")


def _transcription(facts: Facts, asked: Asked) -> Iterator[Figure]:
    series = {"transcribed": "Transcribed", "refused": "Refused"}
    title = "Transcription per month"
    yield monthly(slug("transcription", "months"), title, facts, series, asked)
    refusals = counts(facts.get("refusals", {}))
    if refusals:
        key = slug("transcription", "refusals")
        yield ranked(key, "Transcriptions refused, by reason", refusals, "Reason")


def _assurance(facts: Facts, asked: Asked) -> Iterator[Figure]:
    rows = sorted(facts["items"], key=lambda one: (one["kind"], one["first_day"] or "", one["id"]))
    kind = asked.options.get("kind")
    columns = [
        Column("Document"),
        Column("Kind"),
        Column("From"),
        Column("Until"),
        Column("Days old", numeric=True),
        Column("Days left", numeric=True),
    ]
    if rows:
        title = "Age and remaining life of what others have assured"
        key = slug("assurance", "life")
        about = charts.Drawing(key, title, "")
        lasting = [one for row in rows[:12] if (one := _lasting(row, asked.day))]
        about = charts.Drawing(key, title, _lives(lasting))
        svg = charts.timeline(about, lasting, asked.day) if lasting else ""
        table = [_document(row, asked.day) for row in rows[:ROWS]]
        yield figure(key, title, columns, table, svg=svg, says=about.says)
    lapsed = [
        [name(one), f"{number(found['days']):,}", day_of(found["from"]), day_of(found["to"])]
        for one, found in sorted(facts.get("lapsed", {}).items())
        if kind in {None, one}
    ]
    if lapsed:
        head = [Column("Kind"), Column("Days", numeric=True), Column("From"), Column("Until")]
        title = "Days on which it was not in force" + (f": {words(kind)}" if kind else "")
        yield figure(slug("assurance", "lapsed", kind or ""), title, head, lapsed)


def _lasting(row: Mapping[str, Any], today: date) -> charts.Lasting | None:
    if not row.get("first_day"):
        return None
    label, first = f"{name(row['kind'])} ({row['id']})", date.fromisoformat(row["first_day"])
    if not row.get("last_day"):
        return charts.Lasting(label, first, None, "no end is set")
    last = date.fromisoformat(row["last_day"])
    left = (last - today).days
    note = f"{many(left, 'day')} left" if left >= 0 else f"ended {many(-left, 'day')} ago"
    return charts.Lasting(label, first, last, note, over=left < 0)


def _lives(lasting: list[charts.Lasting]) -> str:
    return " ".join(f"{one.label}: {one.note}." for one in lasting)


def _document(row: Mapping[str, Any], today: date) -> list[str]:
    first, last = row.get("first_day"), row.get("last_day")
    age = f"{(today - date.fromisoformat(first)).days:,}" if first else "-"
    left = f"{(date.fromisoformat(last) - today).days:,}" if last else "-"
    days = [day_of(one) if one else "-" for one in (first, last)]
    return [str(row["id"]), name(row["kind"]), *days, age, left]


def _ledger(facts: Facts, asked: Asked) -> Iterator[Figure]:
    series = {
        "checkpoints": "Signed heads",
        "cosigned": "Signed by the witness too",
        "stamped": "With a time stamp",
    }
    title = "States of the ledger signed per month"
    yield monthly(slug("ledger", "months"), title, facts, series, asked, stacked=False)


def _flow_runs(facts: Facts, asked: Asked) -> Iterator[Figure]:
    yield from _months_of_any(facts, asked)
    if facts.get("by_state"):
        found = counts(facts["by_state"])
        yield ranked(slug(asked.kind, "states"), "Runs by the state they ended in", found, "State")


def _disclosures(facts: Facts, asked: Asked) -> Iterator[Figure]:
    yield from _months_of_any(facts, asked)
    for key, title, what in (
        ("by_country", "Recordings disclosed, by country", "Country"),
        ("by_sub_processor", "Recordings disclosed, by sub-processor", "Sub-processor"),
    ):
        found = counts(facts.get(key, {}))
        rows = sorted(found.items(), key=lambda one: (-one[1], one[0]))
        if rows:
            yield listed(slug("disclosures", key), title, rows, what, "Recordings")


def _nights(facts: Facts, asked: Asked) -> Iterator[Figure]:
    yield from _months_of_any(facts, asked)
    rows = [
        [day_of(str(one)), said]
        for key, said in (("missing_days", "no run"), ("failed_days", "failed"))
        for one in facts.get(key, [])
    ]
    if rows:
        more = [[f"and {len(rows) - ROWS:,} more", "in the file"]] if len(rows) > ROWS else []
        columns = [Column("Day"), Column("What happened")]
        title = "Nights that did not run, or failed"
        yield figure(slug("nights", "days"), title, columns, [*rows[:ROWS], *more])


def _sub_processors(facts: Facts, _: Asked) -> Iterator[Figure]:
    rows = [
        [str(one), ", ".join(words(str(code)) for code in codes)]
        for one, codes in sorted(facts.get("unusable", {}).items())
    ]
    if rows:
        columns = [Column("Sub-processor"), Column("Why it may not be used")]
        title = "Sub-processors that may not be used"
        yield figure(slug("sub-processors", "unusable"), title, columns, rows[:ROWS])


def _months_of_any(facts: Facts, asked: Asked) -> Iterator[Figure]:
    """Month by month, whatever is counted: the four most frequent."""
    months = {
        month: counts(found) if isinstance(found, Mapping) else {"number": number(found)}
        for month, found in facts.get("by_month", {}).items()
    }
    sums: dict[str, int] = {}
    for counted in months.values():
        for code, value in counted.items():
            sums[code] = sums.get(code, 0) + value
    most = sorted(sums, key=lambda code: (-sums[code], code))[:_SERIES]
    if most:
        series = {code: name(code) for code in most}
        key, title = slug(asked.kind, "months"), f"{name(asked.kind)} per month"
        yield monthly(key, title, {"by_month": months}, series, asked)


FIGURES: Final[Mapping[str, tuple[Drawer, frozenset[str]]]] = {
    "assurance": (_assurance, frozenset({"items", "lapsed"})),
    "deletions": (_deletions, frozenset({"by_class", "by_month"})),
    "disclosures": (_disclosures, frozenset({"by_month", "by_country", "by_sub_processor"})),
    "flow-runs": (_flow_runs, frozenset({"by_month", "by_state"})),
    "gates": (_gates, frozenset({"by_month", "by_suite", "stopped"})),
    "intake": (_intake, frozenset({"by_month", "by_kind"})),
    "ledger": (_ledger, frozenset({"by_month"})),
    "nights": (_nights, frozenset({"by_month", "missing_days", "failed_days"})),
    "sub-processors": (_sub_processors, frozenset({"unusable"})),
    "transcription": (_transcription, frozenset({"by_month", "refusals"})),
}
"""By kind of evidence: what draws its figures, and which of the facts these show."""
