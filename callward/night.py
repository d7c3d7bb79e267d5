"""The night: what each stage does from start to end, whoever runs it.

``Step`` is how one part is run: directly, or as a task that an orchestrator
shows. Parts that fail with a Callward error are counted; the same controller's
later batches of that stage wait for the next night, and everybody else's go on;
anything unforeseen becomes a DefectError that says no more than its type.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

from callward.assurance import stage as assurance_check
from callward.backup import stage as backups
from callward.cardscan.plan import batches, plan_scan
from callward.cardscan.stage import scan_batch
from callward.catalogue.guard import BusyError, exclusive, sharing
from callward.clock import today
from callward.collecting import collect, few_collections
from callward.evidence.collect import bounds
from callward.evidence.model import PackKind, Period
from callward.evidence.stage import collect_evidence
from callward.flowruns.stage import Findings, History, read_runs
from callward.gatebook import KeptGates
from callward.gates import Gates
from callward.halves import remove_halves
from callward.instance import Instance
from callward.instructions.load import load_folder, require_controller
from callward.intake.ahead import turns
from callward.intake.batches import plan_ingest
from callward.intake.claims import Claims
from callward.intake.sources import clear_spool, landing_of
from callward.intake.stage import reconcile
from callward.intake.volumes import check_volumes
from callward.material.stage import noted_changes
from callward.parts import Step, attempt, directly
from callward.retention import residual
from callward.retention.muted import waiting_originals
from callward.retention.residual import report_of, scan_whole
from callward.retention.stage import enforce
from callward.run import Progress, Run, StageReport, Work, check_as_of, no_progress
from callward.speech.plan import SpeechPlan, plan_speech
from callward.speech.shards import under_way
from callward.speech.sharedout import HandOut, Parent, alone_soon
from callward.speech.slots import listeners
from callward.speech.stage import gave_up, record_refusals, transcribe_shard
from callward.subprocessors import stage as register_check
from callward.subprocessors.load import load_register
from callward.workers import Workers

Found = TypeVar("Found")
STAGES = ("ingest", "cards", "transcribe", "retention", "evidence")


def new_run(
    instance: Instance,
    *,
    as_of: date | None = None,
    controller: str | None = None,
    night: str | None = None,
    approve: str | None = None,
    dry_run: bool = False,
    only: Collection[str] | None = None,
) -> Run:
    """A run for today (London) unless told otherwise.

    FutureAsOfError as ``check_as_of``; NotFoundError for a controller that nobody knows.
    """
    run = Run(
        night=night or token_hex(8),
        as_of=as_of or today(instance.clock),
        controller=controller,
        dry_run=dry_run,
        approve=approve,
        only=None if only is None else frozenset(only),
    )
    check_as_of(run, instance.clock)
    if controller is not None:
        with instance.unit() as connection:
            require_controller(connection, instance, controller)
    return run


def work_for(instance: Instance, gates: Gates, run: Run, progress: Progress = no_progress) -> Work:
    """Gates that keep a record of their verdicts, and whoever watches."""
    return Work(KeptGates(gates, instance, run), progress)


def ingest(instance: Instance, work: Work, run: Run, step: Step = directly) -> StageReport:
    """Take in every complete drop, batch by batch."""
    report = StageReport("ingest")
    # One more than there are processors: each waits for the disk a good part of its time.
    with (
        landing_of(instance) as landing,
        instance.workers(extra=1) as workers,
        few_collections(),
    ):
        run = _begin(instance, run, report, alone=False)
        stopped: set[str] = set()
        planned = plan_ingest(instance, run, workers, landing)
        ahead = turns(instance, work, run, workers, planned, stopped)
        for number, turn in enumerate(ahead, start=1):
            batch = turn.batch
            name = f"{batch.controller} batch {number}, {turn.what}"
            waits = batch.controller in stopped
            if not waits and attempt(report, step, name, turn.act) is None:
                stopped.add(batch.controller)
            landing.done(drop.arrival for drop in batch.finishing)
            collect()
    attempt(report, step, "volumes", partial(check_volumes, instance, work, run))
    if not report.counts and not report.failures:
        report.outcome = "NothingNew"
    return report


def cards(instance: Instance, work: Work, run: Run, step: Step = directly) -> StageReport:
    """Listen for card numbers in what nobody has listened to yet, and mute them."""
    report = StageReport("cards")
    with exclusive(instance.engine), instance.workers() as workers:
        run = _begin(instance, run, report)
        _scan(instance, work, run, workers, report, step)
    if not report.counts and not report.failures:
        report.outcome = "NothingToScan"
    return report


def transcribe(
    instance: Instance,
    work: Work,
    run: Run,
    step: Step = directly,
    hand_out: HandOut | None = None,
) -> StageReport:
    """Transcribe what controllers have asked for; enter every refusal.

    ``hand_out``: gives a shard to workers elsewhere, if the settings want that; else
    all is done here. Card numbers that only the transcripts show are muted at its end.
    """
    report = StageReport("transcribe")
    if hand_out is not None and instance.settings.scale == "work-pool":
        _share_out(instance, work, run, report, step, hand_out)
    else:
        _transcribe_here(instance, work, run, report, step)
    if not report.counts and not report.failures:
        report.outcome = "NothingToTranscribe"
    return report


def _transcribe_here(
    instance: Instance, work: Work, run: Run, report: StageReport, step: Step
) -> None:
    with exclusive(instance.engine), instance.workers() as workers:
        run = _register(instance, _begin(instance, run, report), report)
        with instance.unit() as connection:
            under_way(connection)  # nobody is: what an earlier night has left is abandoned
        plan = plan_speech(instance, run)
        _refuse(instance, run, plan, report, step)
        _transcribe(instance, work, run, workers, plan, report, step)
        _scan(instance, _muting(work), run, workers, report, step, found_only=True)


def _share_out(
    instance: Instance,
    work: Work,
    run: Run,
    report: StageReport,
    step: Step,
    hand_out: HandOut,
) -> None:
    """Have the pool's workers transcribe, beside whom the catalogue is shared."""
    seconds = instance.settings.shard_lease_seconds
    with sharing(instance.engine) as holder, Claims(instance.engine, holder, seconds) as claims:
        run = _register(instance, _begin(instance, run, report, alone=False), report)
        parent = Parent(instance, work, run, claims, hand_out)
        plan = plan_speech(instance, run, parent.find_left())
        _refuse(instance, run, plan, report, step)
        # Not as a step: what is handed out there would belong to a task, not to the flow.
        attempt(report, directly, "shards", partial(parent.share_out, plan.shards))
    try:
        # The last workers need a moment to let go; one that was given up, a recording more.
        with alone_soon(instance, seconds), instance.workers() as workers:
            _scan(instance, _muting(work), run, workers, report, step, found_only=True)
    except BusyError as error:
        report.failures.append(str(error))


def _muting(work: Work) -> Work:
    """Without progress: that is told in seconds of audio, not in items."""
    return replace(work, progress=no_progress)


def _refuse(
    instance: Instance, run: Run, plan: SpeechPlan, report: StageReport, step: Step
) -> None:
    if plan.refused:
        name = f"{len(plan.refused)} refusals"
        attempt(report, step, name, partial(record_refusals, instance, run, plan.refused))


def _register(instance: Instance, run: Run, report: StageReport) -> Run:
    """Load the register of sub-processors; nothing goes to those of which it is unclear."""
    register = load_register(instance)
    report.failures.extend(register.problems.values())
    return replace(run, unclear_register=frozenset(register.problems))


def _transcribe(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    plan: SpeechPlan,
    report: StageReport,
    step: Step,
) -> None:
    """Do every shard of the plan; the progress told is in seconds of audio of the whole."""
    stopped: set[str] = set()
    broken: dict[str, str] = {}
    done, whole = 0.0, round(plan.work)
    for number, shard in enumerate(plan.shards, start=1):
        before = done
        done += shard.work
        if shard.controller in stopped:
            continue
        if shard.engine in broken:
            waiting = len(shard.recordings)
            report.failures.append(gave_up(shard.engine, broken[shard.engine], waiting))
            continue
        amount = f"{len(shard.recordings)} recordings"
        name = f"{shard.controller} shard {number}, {shard.engine}, {amount}"
        mine = replace(work, progress=_within(work.progress, before, whole))
        with listeners(instance, workers, shard.engine) as allowed:
            part = partial(transcribe_shard, instance, mine, run, allowed, shard, broken=broken)
            if attempt(report, step, name, part) is None:
                stopped.add(shard.controller)


def _within(progress: Progress, before: float, whole: int) -> Progress:
    """Progress of a part told as that of the whole."""
    return lambda done, _: progress(min(round(before) + done, whole), whole)


def _scan(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    report: StageReport,
    step: Step,
    *,
    found_only: bool = False,
) -> None:
    """Scan for card numbers, or mute only those that transcripts have shown."""
    stopped: set[str] = set()
    wanted = plan_scan(instance, run, found_only=found_only)
    for number, batch in enumerate(batches(wanted), start=1):
        if batch[0].controller in stopped:
            continue
        name = f"{batch[0].controller} cards batch {number}, {len(batch)} recordings"
        part = partial(scan_batch, instance, work, run, workers, batch)
        if attempt(report, step, name, part) is None:
            stopped.add(batch[0].controller)


def retention(instance: Instance, work: Work, run: Run, step: Step = directly) -> StageReport:
    """Destroy what is due: first, if the brake would stop them, originals of muted recordings."""
    report = StageReport("retention")
    with exclusive(instance.engine):
        run = _begin(instance, run, report)
        first = partial(_sweep_originals, instance, work, run, step)
        before = attempt(report, directly, "muted originals", first)
        done = attempt(report, step, f"sweep {run.as_of}", partial(enforce, instance, work, run))
    if done is not None and (before is None or not before.counts):
        report.outcome = done.outcome
    return report


def _sweep_originals(instance: Instance, work: Work, run: Run, step: Step) -> StageReport:
    """A sweep of its own for what the general one would leave; nothing shows where it would not."""
    limited = waiting_originals(instance, run)
    if limited is None:
        return StageReport("retention")
    part = partial(enforce, instance, work, limited)
    return step(f"sweep of muted originals {limited.as_of}", part)


def residual_scan(instance: Instance, step: Step = directly) -> StageReport:
    """Look in every store for what should not be there, while others may be at work."""
    report = StageReport(residual.STAGE)
    attempt(report, step, "whole scan", lambda: report_of(scan_whole(instance)))
    return report


def restore_drill(instance: Instance, step: Step = directly) -> StageReport:
    """Restore backups into a scratch place and try what opens; runs wait meanwhile."""
    report = StageReport(backups.STAGE)
    attempt(report, step, "restore drill", lambda: backups.run_drill(instance))
    return report


def sub_processors(
    instance: Instance, step: Step = directly
) -> tuple[StageReport, register_check.Checked | None]:
    """Look at everything in the register of sub-processors; what was found, if it came to that."""
    look = partial(register_check.check_register, instance)
    return _checked(register_check.STAGE, step, look, register_check.report_of)


def assurance(
    instance: Instance, step: Step = directly
) -> tuple[StageReport, assurance_check.Checked | None]:
    """Look at everything in the register of assurance; what was found, if it came to that."""
    look = partial(assurance_check.check_assurance, instance)
    return _checked(assurance_check.STAGE, step, look, assurance_check.report_of)


def _checked(
    stage: str, step: Step, look: Callable[[], Found], report_of: Callable[[Found], StageReport]
) -> tuple[StageReport, Found | None]:
    report = StageReport(stage)
    found: list[Found] = []

    def check() -> StageReport:
        found.append(look())
        return report_of(found[0])

    done = attempt(report, step, "register", check)
    report.outcome = done.outcome if done else ""
    return report, found[0] if found else None


def evidence(
    instance: Instance,
    work: Work,
    run: Run,
    history: History | None,
    step: Step = directly,
    period: Period | None = None,
    kind: PackKind = "nightly",
) -> tuple[StageReport, Path | None]:
    """Build the pack of ``period``, by default the run's day.

    Before that, what would make a review of the notice necessary is looked at, and what is
    new of flow runs is read (``history`` is None where nobody has any): if either fails, so
    does the stage, and the pack is of what is stored.
    """
    report = StageReport("evidence")
    period = period or Period(run.as_of, today(instance.clock))
    packs: list[Path] = []
    found = Findings()

    def build() -> StageReport:
        part, path = collect_evidence(instance, work, run, period, found, kind=kind)
        packs.append(path)
        return part

    with exclusive(instance.engine):
        attempt(report, directly, "material changes", partial(noted_changes, instance, run))
        if history is not None:
            read = partial(read_runs, instance, history, *bounds(period), found)
            attempt(report, step, "flow runs", read)
        attempt(report, step, f"pack {period.from_day} to {period.to_day}", build)
    return report, packs[0] if packs else None


def _begin(instance: Instance, run: Run, report: StageReport, *, alone: bool = True) -> Run:
    """Tidy up after a run cut short and load the instructions; what is unclear is left out."""
    reconcile(instance, alone=alone)
    remove_halves(instance.settings.ours, instance.clock.now())
    clear_spool(instance)
    _, folder = load_folder(instance)
    report.failures.extend(folder.problems.values())
    return replace(run, unclear=frozenset(folder.problems))
