"""The commands that run stages: plainly, in Prefect, or only as a plan."""

import importlib
import os
import textwrap
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any

from callward import night
from callward.cli_tables import console, show_rows
from callward.errors import SettingsError, StageFailedError, scrubbed
from callward.evidence.months import period_of
from callward.evidence.stage import stored_gates
from callward.instance import Instance
from callward.material.book import changes
from callward.material.comparing import told
from callward.retention.stage import plan_rows, prepare
from callward.review import stage as reviewing
from callward.review.model import Review
from callward.run import EVERYBODY, Progress, Run, StageReport, Work, unit_of
from callward.speech.advice import to_do
from callward.speech.figures import engine_rows
from callward.speech.record import STAGE as SPEECH
from callward.status import night_counts

NIGHTLY = "nightly"
_EVERY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asked for."""

    stage: str
    as_of: date | None
    controller: str | None
    approve: str | None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages to run; SettingsError if there is none of that name."""
        if self.stage == NIGHTLY:
            return night.STAGES
        if self.stage not in night.STAGES:
            raise SettingsError(f"there is no such stage; there are {NIGHTLY}, " + _stages())
        if self.stage == "evidence" and self.controller is not None:
            raise SettingsError("a pack is of all controllers, not of one")
        return (self.stage,)


def _stages() -> str:
    return ", ".join(night.STAGES)


def show_plan(instance: Instance, order: Order) -> None:
    """Print what a sweep would destroy; changes nothing."""
    if "retention" not in order.stages:
        raise SettingsError("only retention, and nightly with it, can show what it would do")
    run = night.new_run(instance, as_of=order.as_of, controller=order.controller, dry_run=True)
    prepared = prepare(instance, run)
    rows = [
        {"controller": controller, "kind": kind, "due": count}
        for controller, kind, count in plan_rows(prepared)
    ]
    show_rows(rows, f"nothing is due by {run.as_of}")
    held = sum(prepared.plan.held.values())
    console.print(f"{len(prepared.plan.due)} to destroy, {held} due but on hold; nothing was done")
    if prepared.brake:
        console.print(f"this sweep needs approval ({', '.join(prepared.brake)}):")
        console.print(f"--approve {prepared.plan.hash}", soft_wrap=True)


def run_plain(instance: Instance, order: Order) -> None:
    """Run stages one after the other in this process, without Prefect."""
    from data_checks.gate import GreatExpectationsGates

    stages = order.stages
    run = night.new_run(
        instance, as_of=order.as_of, controller=order.controller, approve=order.approve
    )
    gates = GreatExpectationsGates()
    failures: list[str] = []
    reports: list[StageReport] = []
    for stage in stages:
        work = night.work_for(instance, gates, run, progress_lines(stage))
        report = _plain_stage(instance, stage, work, run)
        failures += [f"{stage}: {failure}" for failure in report.failures]
        reports.append(report)
    _write_docs(instance)
    show_night(instance, run.night, reports, failed=bool(failures))
    if failures:
        raise StageFailedError("; ".join(failures))


def sweep_only(instance: Instance, ids: Collection[str]) -> None:
    """Sweep these objects now and nothing else; what is held stays, and is counted."""
    from callward.erasing import sweep_only as sweep
    from data_checks.gate import GreatExpectationsGates

    _show_erased(instance, sweep(instance, GreatExpectationsGates(), ids))


def reject(instance: Instance, quarantine_id: str) -> None:
    """Reject a refused item and destroy it at once."""
    from callward.erasing import reject as decide
    from data_checks.gate import GreatExpectationsGates

    _show_erased(instance, decide(instance, GreatExpectationsGates(), quarantine_id))


def _show_erased(instance: Instance, report: StageReport) -> None:
    _write_docs(instance)
    gone, kept = report.total("shredded"), report.total("held")
    console.print(f"{gone} destroyed, {kept} kept because they are on hold")
    if report.failures:
        raise StageFailedError("; ".join(report.failures))


def run_in_prefect(home: Path, order: Order) -> None:
    """Run the flow in this process, seen by the server that PREFECT_API_URL names.

    Without one, Prefect's embedded server runs for as long, on files under the home.
    """
    from callward.instance import open_instance

    stages, night_id = order.stages, token_hex(8)
    instance = open_instance(home)
    try:  # what is wrong is said before 20 s of starting a server
        night.new_run(instance, as_of=order.as_of, controller=order.controller)
    finally:
        instance.close()
    prefect_environment(home)
    parameters: dict[str, Any] = {"as_of": order.as_of, "night": night_id}
    if order.stage != "evidence":
        parameters["controller"] = order.controller
    if order.approve and "retention" in stages:
        parameters["approve"] = order.approve
    if not os.environ.get("PREFECT_API_URL"):
        console.print("starting Prefect; its embedded server takes about 20 seconds")
    flow = _flow(order.stage)
    state = flow(**parameters, return_state=True)
    instance = open_instance(home)
    try:
        show_night(instance, night_id, _reports_of(state), failed=not state.is_completed())
    finally:
        instance.close()
    if not state.is_completed():
        raise StageFailedError(f"{order.stage}: {state.message}")


def build_pack(home: Path, from_day: date, to_day: date) -> None:
    """Build a period's pack, with the flow runs that Prefect knows of."""
    from callward.instance import open_instance

    if to_day < from_day:
        raise SettingsError("the period ends before it begins")
    instance = open_instance(home)
    prefect_environment(home)
    night_id = token_hex(8)
    flow = _flow("evidence")
    state = flow(from_day=from_day, to_day=to_day, night=night_id, return_state=True)
    if not state.is_completed():
        raise StageFailedError(f"evidence: {state.message}")
    show_pack(instance)
    instance.close()


def review(
    instance: Instance, from_day: date | None, to_day: date | None, say: Callable[[Review], None]
) -> None:
    """Begin a review or take the open one up, without Prefect; publish what is approved.

    ``say``: tells how it stands. Raises StageFailedError behind that if a part has failed.
    """
    from data_checks.gate import GreatExpectationsGates

    period = period_of(from_day, to_day)
    run = night.new_run(instance)
    work = night.work_for(instance, GreatExpectationsGates(), run)
    report = StageReport(reviewing.STAGE)
    found = reviewing.proceed(instance, work, run, report, period=period)
    _write_docs(instance)
    for note in report.notes:
        console.print(note, soft_wrap=True, markup=False, highlight=False)
    say(found)
    if report.failures:
        raise StageFailedError("; ".join(report.failures))


def prefect_environment(home: Path) -> None:
    """What Prefect and Great Expectations must find in the environment before they load."""
    from callward.settings import load_settings

    wanted = {
        "CALLWARD_HOME": str(home),
        "CALLWARD_SHOW_PROGRESS": "1",
        "PREFECT_HOME": str(load_settings(home).prefect),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    os.environ["CALLWARD_HOME"] = str(home)


def show_night(
    instance: Instance, night_id: str, reports: Sequence[StageReport], *, failed: bool
) -> None:
    """What a night did, per controller and engine, what is to do, and where its pack is."""
    with instance.unit() as connection:
        counts = night_counts(connection, night_id)
    rows = [
        {
            "controller": controller,
            **{title: _sum(found, names) for title, names in COLUMNS.items()},
        }
        for controller, found in counts.items()
        if controller != EVERYBODY
    ]
    show_rows(rows, "nothing was done" if failed else "there is nothing new")
    _show_speech(instance, night_id, reports)
    if EVERYBODY in counts:
        show_pack(instance)
    _show_changes(instance)


def _show_changes(instance: Instance) -> None:
    """What waits for a review of the notice."""
    with instance.reading() as connection:
        lines = told(changes(connection))
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show_speech(instance: Instance, night_id: str, reports: Sequence[StageReport]) -> None:
    """What each engine did, where a report says so, and what to do about refusals and failures."""
    rows = [row for report in reports for row in engine_rows(report)]
    if rows:
        console.print()
        show_rows(rows, "")
    with instance.unit() as connection:
        counts = night_counts(connection, night_id, SPEECH)
    failures = [one for report in reports if report.stage == SPEECH for one in report.failures]
    asked = to_do(counts.values(), failures)
    if asked:
        console.print("\nwhat to do:")
    for one in asked:
        number = f"{one.count} " if one.count else ""
        said = f"{number}{one.code}: {one.advice}"
        console.print(textwrap.fill(said, 78, initial_indent="  ", subsequent_indent="    "))


def _reports_of(state: Any) -> list[StageReport]:
    """What the run of a single stage reports; the night as a whole says it in its artifacts."""
    found = state.result(raise_on_failure=False)
    return [found] if isinstance(found, StageReport) else []


def show_pack(instance: Instance) -> None:
    """The newest pack and the command that verifies it."""
    packs = sorted(instance.settings.evidence.glob("*.zip"), key=lambda path: path.stat().st_mtime)
    if packs:
        console.print(f"evidence pack: {packs[-1]}", soft_wrap=True)
        key = instance.signer.verifier
        console.print(f"verify it with: callward verify {packs[-1]} --key {key}", soft_wrap=True)


COLUMNS = {
    "in": ("files",),
    "new": ("ingested",),
    "dup.": ("duplicate",),
    "quar.": ("quarantined", "quarantined:gate-transcript"),
    "texts": ("transcribed",),
    "refused": ("refused:", "unscannable"),
    "shredded": ("shredded",),
    "cert.": ("certificates",),
}
"""Columns of the night's table, which is to fit 80 characters: came in, ingested,
duplicates, quarantined, transcripts, transcriptions refused (and recordings that cannot be
listened to), shredded, certificates.
A name that ends in a colon takes in all that begin so."""


def _sum(counts: Mapping[str, int], names: tuple[str, ...]) -> int:
    return sum(
        count
        for name, count in counts.items()
        if name in names or any(one.endswith(":") and name.startswith(one) for one in names)
    )


def progress_lines(stage: str) -> Progress:
    """Progress for a terminal: a line every few seconds."""
    told = [float("-inf")]

    def tell(done: int, known: int) -> None:
        now = time.monotonic()
        if now - told[0] >= _EVERY_SECONDS or done == known:
            told[0] = now
            console.print(f"  {stage}: {done} of {known} {unit_of(stage)}")

    return tell


def _flow(name: str) -> Any:
    return getattr(importlib.import_module(f"flows.{name}"), name)


def _plain_stage(instance: Instance, stage: str, work: Work, run: Run) -> StageReport:
    """Run one stage; if it cannot run at all, the others do so all the same."""
    try:
        return _stage(instance, stage, work, run)
    except Exception as error:  # noqa: BLE001 - its text may quote content
        return StageReport(stage, failures=[str(scrubbed(error))])


def _stage(instance: Instance, stage: str, work: Work, run: Run) -> StageReport:
    if stage == "evidence":
        report, _ = night.evidence(instance, work, run, None)
        return report
    function: Callable[..., StageReport] = getattr(night, stage)
    return function(instance, work, run)


def _write_docs(instance: Instance) -> None:
    from data_checks.docs import StoredResult, write_docs

    results = [StoredResult(**row) for row in stored_gates(instance)]
    write_docs(instance.settings.data_docs, results)
