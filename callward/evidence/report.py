"""The pack's report: one HTML page for a reader who is no engineer. It reads and prints alone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from callward.evidence.model import FlowRunRow, GateRow, PackContents, StageRow

_STAGES = ("ingest", "cards", "transcribe", "retention", "evidence")
_COUNTS = ("files", "ingested", "duplicate", "quarantined", "transcribed", "due", "shredded")


@dataclass(frozen=True, slots=True)
class StageTable:
    """One stage over the period: a row of totals per controller, and one of all."""

    stage: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    total: tuple[int, ...]


def render_report(contents: PackContents, verifier: str) -> str:
    """Return the report of ``contents``; ``verifier`` is the key the pack will be signed with."""
    environment = Environment(
        loader=PackageLoader("callward.evidence"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": _words, "day": _day, "moment": _moment}
    return environment.get_template("report.html").render(
        contents=contents,
        verifier=verifier,
        summary=summarise(contents),
        stages=stage_tables(contents.stages),
        gates=_gates(contents.gates),
        instructions=sorted(contents.instructions, key=lambda row: (row.controller, row.version)),
        certificates=sorted(contents.certificates, key=lambda row: (row.issued_at, row.id)),
        flow_runs=sorted(contents.flow_runs, key=_run_order),
        compared=list(contents.compared.lines()) if contents.compared else [],
    )


def summarise(contents: PackContents) -> tuple[str, str, str]:
    """Say in three sentences what came in, what was destroyed and what the gates found."""
    came: Counter[str] = Counter()
    for row in contents.stages:
        if row.stage == "ingest":
            came.update(row.counts)
    nights = len({row.night for row in contents.stages})
    gone = sum(row.objects for row in contents.certificates)
    stopped = sum(gate.outcome == "failed" for gate in contents.gates)
    certificates = _many(len(contents.certificates), "certificate")
    received = (
        f"Received over {_many(nights, 'run')}: {_many(came['files'], 'file')}, of which "
        f"{came['ingested']:,} taken into keeping, {came['duplicate']:,} there already "
        f"and {came['quarantined']:,} set aside in quarantine."
    )
    destroyed = (
        f"Destroyed at the end of the agreed retention period: {_many(gone, 'object')}, "
        f"under {certificates} of destruction."
    )
    checked = (
        f"Quality gates asked before and after the stages: {_many(len(contents.gates), 'time')}, "
        f"of which {stopped:,} stopped a stage."
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
    names = {name for counts in controllers.values() for name in counts}
    columns = tuple(sorted(names, key=lambda name: (_place(name, _COUNTS), name)))
    rows = tuple(
        (controller, tuple(counts[name] for name in columns))
        for controller, counts in sorted(controllers.items())
    )
    total = tuple(sum(column) for column in zip(*(values for _, values in rows), strict=True))
    return StageTable(stage, columns, rows, total)


def _stage_order(stage: str) -> tuple[int, str]:
    return _place(stage, _STAGES), stage


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


def _gates(gates: Iterable[GateRow]) -> list[tuple[str, Counter[str], int, int]]:
    """Return per suite: how often each outcome, rows seen, rows failed."""
    suites: dict[str, list[GateRow]] = {}
    for gate in gates:
        suites.setdefault(gate.suite, []).append(gate)
    return [
        (
            suite,
            Counter(gate.outcome for gate in found),
            sum(gate.rows for gate in found),
            sum(gate.failed_rows for gate in found),
        )
        for suite, found in sorted(suites.items())
    ]


def _run_order(run: FlowRunRow) -> tuple[datetime, str]:
    return run.started or datetime.max.replace(tzinfo=UTC), run.id


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _words(code: str) -> str:
    return code.replace("-", " ").replace("_", " ").strip()


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def _moment(value: datetime | None) -> str:
    return "-" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
