"""What the pack records beside the promises: stages, gates, instructions, certificates, runs.

A year may hold a hundred thousand certificates and runs: they are counted per month, and
the newest are listed.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from callward.clock import london_day
from callward.evidence.model import CertificateRow, FlowRunRow, GateRow, PackContents, StageRow
from callward.evidence.reporting.drawing import ROWS, months_of, slug
from callward.evidence.reporting.parts import (
    Block,
    Bullets,
    Code,
    Column,
    Line,
    Section,
    Span,
    Table,
    Text,
    line,
)
from callward.evidence.reporting.summary import evidence_link
from callward.evidence.reporting.words import day, many, moment, month, name, words

_STAGES = ("ingest", "cards", "transcribe", "retention", "evidence")
_COUNTS = ("files", "ingested", "duplicate", "quarantined", "transcribed", "due", "shredded")
_OUTCOMES = ("passed", "rows-failed", "empty", "failed")


@dataclass(frozen=True, slots=True)
class StageTable:
    """One stage over the period: a row of totals per controller, and one of all."""

    stage: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    total: tuple[int, ...]


def record_sections(contents: PackContents) -> Iterator[Section]:
    """A section for each subject."""
    yield Section("stages", "What each stage did", tuple(_stages(contents)))
    yield Section("gates", "Quality checks", tuple(_gates(contents.gates)))
    yield Section("instructions", "Instructions", tuple(_instructions(contents)))
    yield Section("certificates", "Certificates of destruction", tuple(_certificates(contents)))
    yield Section("ledger", "Ledger", tuple(_ledger(contents)))
    yield Section("runs", "Runs", tuple(_runs(contents)))


def summarise(contents: PackContents) -> tuple[str, str, str]:
    """Say in three sentences what came in, what was destroyed and what the gates found."""
    came: Counter[str] = Counter()
    nights = set()
    for row in contents.stages:
        nights.add(row.night)
        if row.stage == "ingest":
            came.update(row.counts)
    objects = [row.objects for row in contents.certificates]
    outcomes = [gate.outcome for gate in contents.gates]
    received = (
        f"Received over {many(len(nights), 'run')}: {many(came['files'], 'file')}, of which "
        f"{came['ingested']:,} taken into keeping, {came['duplicate']:,} there already "
        f"and {came['quarantined']:,} set aside in quarantine."
    )
    destroyed = (
        f"Destroyed at the end of the agreed retention period: {many(sum(objects), 'object')}, "
        f"under {many(len(objects), 'certificate')} of destruction."
    )
    checked = (
        f"Quality gates asked before and after the stages: {many(len(outcomes), 'time')}, "
        f"of which {outcomes.count('failed'):,} stopped a stage."
    )
    return received, destroyed, checked


def stage_tables(rows: Iterable[StageRow]) -> list[StageTable]:
    """Add up the counts per stage and controller, stages in the order of the night."""
    stages: dict[str, dict[str, Counter[str]]] = {}
    for row in rows:
        counter = stages.setdefault(row.stage, {}).setdefault(row.controller, Counter())
        counter.update(row.counts)
    return [_table(stage, stages[stage]) for stage in sorted(stages, key=_stage_order)]


def _table(stage: str, controllers: dict[str, Counter[str]]) -> StageTable:
    names = {one for counts in controllers.values() for one in counts}
    columns = tuple(sorted(names, key=lambda one: (_place(one, _COUNTS), one)))
    rows = tuple(
        (controller, tuple(counts[one] for one in columns))
        for controller, counts in sorted(controllers.items())
    )
    total = tuple(sum(column) for column in zip(*(values for _, values in rows), strict=True))
    return StageTable(stage, columns, rows, total)


def _stage_order(stage: str) -> tuple[int, str]:
    return _place(stage, _STAGES), stage


def _place(one: str, order: tuple[str, ...]) -> int:
    return order.index(one) if one in order else len(order)


def _stages(contents: PackContents) -> Iterator[Block]:
    yield from (Text(line(sentence)) for sentence in summarise(contents))
    yield _note(
        "Totals for the period, by organisation on whose behalf the records are kept (the "
        "controller). The figures run by run are in ",
        "data/counts.csv",
    )
    tables = stage_tables(contents.stages)
    for one in tables:
        head = (Column("Controller"), *(Column(name(each), numeric=True) for each in one.columns))
        rows = [(line(label), *_numbers(values)) for label, values in one.rows]
        if len(rows) > 1:
            rows.append((line("All"), *_numbers(one.total)))
        yield Table(slug("stage", one.stage), name(one.stage), head, tuple(rows), len(rows) > 1)
    if not tables:
        yield Text(line("No stage ran in the period."))


def _numbers(values: Iterable[int]) -> list[Line]:
    return [line(f"{value:,}") for value in values]


def _note(text: str, file: str) -> Text:
    return Text(line(text, evidence_link(file), "."), "note")


def _gates(gates: Iterable[GateRow]) -> Iterator[Block]:
    yield _note(
        "Before and after every stage a gate looks at what goes in and what comes out. Items that "
        "fail are set aside; if a batch as a whole fails, the stage stops. Every check is in ",
        "data/gates.json",
    )
    outcomes: dict[str, Counter[str]] = {}
    for gate in gates:
        found = outcomes.setdefault(gate.suite, Counter())
        found.update({gate.outcome: 1, "rows": gate.rows, "failed-rows": gate.failed_rows})
    if not outcomes:
        yield Text(line("No gate was asked in the period."))
        return
    columns = ("Passed", "Items set aside", "Nothing to check", "Stopped", "Items seen", "Failed")
    rows = tuple(
        (line(name(suite)), *_numbers(found[one] for one in (*_OUTCOMES, "rows", "failed-rows")))
        for suite, found in sorted(outcomes.items())
    )
    head = (Column("Gate"), *(Column(one, numeric=True) for one in columns))
    yield Table("gates-table", "What each gate found, and of how many items", head, rows)


def _instructions(contents: PackContents) -> Iterator[Block]:
    yield _note(
        "What each controller has decided in writing, version by version. All are in ",
        "data/instructions.json",
    )
    ordered = sorted(contents.instructions, key=lambda row: (row.controller, row.version))
    if not ordered:
        yield Text(line("None."))
        return
    rows = tuple(
        (
            line(row.controller),
            line(str(row.version)),
            line(day(row.effective_from)),
            line(", ".join(f"{words(one)} {kept}" for one, kept in sorted(row.retention.items()))),
            line(row.transcription),
            line(words(row.lawful_basis)),
            line(f"{row.approved_by}, {row.reference}"),
        )
        for row in ordered[-ROWS:]
    )
    head = (
        Column("Controller"),
        Column("Version", numeric=True),
        Column("In effect from"),
        Column("Kept for", share=3),
        Column("Transcription"),
        Column("Lawful basis"),
        Column("Approved by, reference", share=3),
    )
    caption = "Instructions" if len(ordered) <= ROWS else f"The last {ROWS} of {len(ordered):,}"
    yield Table("instructions-table", caption, head, rows)


def _certificates(contents: PackContents) -> Iterator[Block]:
    yield _note(
        "Each is a signed document that lists what was destroyed, and was issued only after every "
        "key cell had destroyed the root key above it and a search found nothing left. They are "
        "in the folder ",
        "data/certificates/",
    )
    number: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    for row in contents.certificates:
        label = f"{london_day(row.issued_at):%Y-%m}"
        number[label] += 1
        objects[label] += row.objects
    if not number:
        yield Text(line("None was issued in the period."))
        return
    months = months_of(contents.period, number)
    rows = [(line(month(one)), *_numbers((number[one], objects[one]))) for one in months]
    rows.append((line("All"), *_numbers((number.total(), objects.total()))))
    counted = (Column("Certificates", numeric=True), Column("Objects", numeric=True))
    head = (Column("Month"), *counted)
    yield Table("certificates-months", "Certificates per month", head, tuple(rows), total=True)
    newest = heapq.nlargest(ROWS, contents.certificates, key=_certificate_order)
    columns = (Column("Certificate", share=2), Column("Issued"), Column("Controller"), counted[1])
    listed = tuple(
        (
            line(Span(row.id, "code")),
            line(moment(row.issued_at)),
            line(row.controller),
            line(f"{row.objects:,}"),
        )
        for row in newest
    )
    yield Table("certificates-newest", _newest(len(newest), number.total()), columns, listed)


def _newest(shown: int, known: int) -> str:
    return f"The newest {shown} of {known:,}" if known > shown else f"All {known}, newest first"


def _certificate_order(row: CertificateRow) -> tuple[datetime, str]:
    return row.issued_at, row.id


def _ledger(contents: PackContents) -> Iterator[Block]:
    ledger = contents.ledger
    yield Text(
        line(
            "Every change is entered in a log that can only grow: altering or removing an entry "
            f"later would change the digest below. This pack holds {ledger.size - ledger.first:,} "
            f"entries, up to number {ledger.size:,}; the log's state at the end of them was signed "
            "as follows (a checkpoint)."
        )
    )
    yield Code(ledger.checkpoint)


def _runs(contents: PackContents) -> Iterator[Block]:
    states: dict[str, Counter[str]] = {}
    total = 0
    for row in contents.flow_runs:
        total += 1
        label = f"{london_day(row.started):%Y-%m}" if row.started else "not started"
        states.setdefault(label, Counter())[row.state] += 1
    if total:
        yield _note("Runs of the orchestrator, as we keep them. All are in ", "data/flow-runs.json")
        yield _run_months(states)
        yield _newest_runs(contents.flow_runs, total)
    else:
        yield Text(line("No runs of the orchestrator are part of this pack."))
    compared = list(contents.compared.lines()) if contents.compared else []
    if compared:
        yield Text(
            line(
                "What does not fit between the orchestrator, the records kept of its runs, the "
                "ledger and the nights:"
            )
        )
        yield Bullets(tuple(line(one) for one in compared))


def _run_months(states: dict[str, Counter[str]]) -> Table:
    names = sorted({one for found in states.values() for one in found})
    rows = [
        (line(month(label)), *_numbers(found[one] for one in names))
        for label, found in sorted(states.items())
    ]
    head = (Column("Month"), *(Column(one, numeric=True) for one in names))
    return Table("runs-months", "Runs per month, by state", head, tuple(rows))


def _newest_runs(runs: Iterable[FlowRunRow], total: int) -> Table:
    newest = heapq.nlargest(ROWS, runs, key=_run_order)
    head = (
        Column("Run", share=2),
        Column("Flow"),
        Column("Started"),
        Column("Ended"),
        Column("State"),
    )
    rows = tuple(
        tuple(
            line(one)
            for one in (row.name, row.flow, moment(row.started), moment(row.ended), row.state)
        )
        for row in newest
    )
    return Table("runs-newest", _newest(len(newest), total), head, rows)


def _run_order(run: FlowRunRow) -> tuple[datetime, str]:
    return run.started or datetime.min.replace(tzinfo=UTC), run.id
