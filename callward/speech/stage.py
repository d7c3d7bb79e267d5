"""Transcribe a shard: gate, let the workers listen, gate, seal the transcripts, record."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import KeyMissingError
from callward.gates import GateResult, require
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction
from callward.run import EngineFigures, Run, StageReport, Work
from callward.speech import disclosure, engines, frames
from callward.speech.admission import Admission, decide_now, gone
from callward.speech.decision import Candidate, Refused
from callward.speech.engine import EngineFailedError
from callward.speech.frames import Heard
from callward.speech.plan import Shard
from callward.speech.record import STAGE, failures_of, record_heard, record_refusals
from callward.speech.tenure import ALONE, Tenure
from callward.speech.work import Undecodable, hear
from callward.vault.intents import declare_intent
from callward.workers import WorkerFailure, Workers

__all__ = ["STAGE", "record_refusals", "transcribe_shard"]

_SLOWEST = 20
"""Seconds a worker may take, as a multiple of the setting for one file."""


def transcribe_shard(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    shard: Shard,
    tenure: Tenure = ALONE,
    broken: dict[str, str] | None = None,
) -> StageReport:
    """Transcribe a shard, from entry gate to ledger.

    ``broken``: engines that have failed on whatever they were given, with the code; one
    that does so now is added, and what it has not been given waits for another night.
    Raises GateFailedError, with nothing recorded, if a batch-level check failed, and
    LeaseLostError, with nothing more recorded, if ``tenure`` ended.
    """
    broken = {} if broken is None else broken
    report = StageReport(STAGE)
    _transcribe(instance, work, run, workers, shard, report, tenure, broken)
    counts = dict(report.counts.get(shard.controller, {}))
    report.figures.append(EngineFigures(shard.controller, shard.engine, counts))
    return report


def _transcribe(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    shard: Shard,
    report: StageReport,
    tenure: Tenure,
    broken: dict[str, str],
) -> None:
    version, admitted = _admit(instance, work, run, shard, report, tenure)
    if version is None or not admitted:
        return
    shard = Shard(shard.controller, shard.engine, tuple(admitted))
    heard = _listen(instance, work, run, workers, version, shard, report, tenure, broken)
    if not heard:
        return
    exit_gate = work.gates.check("transcribe_exit", frames.exit_(heard, _due_days(instance, heard)))
    require(exit_gate)
    _record(instance, run, version, shard, heard, exit_gate, report, tenure)


def _admit(
    instance: Instance,
    work: Work,
    run: Run,
    shard: Shard,
    report: StageReport,
    tenure: Tenure,
) -> tuple[VersionedInstruction | None, list[Candidate]]:
    """Decide anew, for the plan may be hours old, and gate; refusals are entered."""
    with instance.reading() as connection:
        verdicts = decide_now(connection, instance, run, shard)
    refused = [
        (one, verdicts.codes[one.id]) for one in shard.recordings if one.id in verdicts.codes
    ]
    free = verdicts.free(shard.recordings)
    if verdicts.version is None or not free:
        report.merge(record_refusals(instance, run, refused, tenure=tenure))
        return None, []
    entry = work.gates.check("transcribe_entry", frames.entry(free, verdicts.version, run))
    require(entry)
    failed = entry.failed_ids
    refused += [(one, f"gate-{failed[one.id]}") for one in free if one.id in failed]
    report.merge(record_refusals(instance, run, refused, tenure=tenure))
    return verdicts.version, [one for one in free if one.id not in failed]


def _listen(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    version: VersionedInstruction,
    shard: Shard,
    report: StageReport,
    tenure: Tenure,
    broken: dict[str, str],
) -> list[Heard]:
    """What came of every recording that was still to be transcribed when its turn came."""
    place = instance.settings.engines[shard.engine].place
    made = None
    if place.sub_processor:
        made = disclosure.announce(instance, run, version, place, shard.engine, shard.recordings)
    admission, began = Admission(instance, run, shard), time.monotonic()
    heard: list[Heard] = []
    try:
        heard.extend(_hear(instance, work, workers, admission))
    finally:
        if made is not None:
            disclosure.end(instance, made, disclosure.went(admission.given, heard))
    if admission.fault:
        broken[shard.engine] = admission.fault
        report.failures.append(gave_up(shard.engine, admission.fault, admission.waiting))
    seconds, wall = sum(one.work for one in admission.given), time.monotonic() - began
    report.figures.append(EngineFigures(shard.controller, shard.engine, {}, seconds, wall))
    heard += [Heard(one, KeyMissingError.code) for one in admission.keyless]
    with instance.reading() as connection:
        going = gone(connection, [one.recording.id for one in heard])
    # Erasure was instructed while they were listened to.
    late = [(one.recording, str(Refused.ERASURE)) for one in heard if one.recording.id in going]
    refused = [*admission.refused, *late]
    report.merge(record_refusals(instance, run, refused, tenure=tenure))
    return [one for one in heard if one.recording.id not in going]


def _hear(
    instance: Instance, work: Work, workers: Workers, admission: Admission
) -> Iterator[Heard]:
    seconds = instance.settings.seconds_per_file * _SLOWEST
    done = 0.0
    for index, result in workers.map(hear, admission.tasks(), seconds_each=seconds):
        recording = admission.given[index]
        done += recording.work
        work.progress(round(done), round(admission.shard.work))
        code = f"worker-{result.kind}" if isinstance(result, WorkerFailure) else result
        admission.hear_of(code)
        yield Heard(recording, code)


def gave_up(engine: str, code: str, waiting: int) -> str:
    """What a night says of an engine that is asked no more."""
    return f"[{code}] engine {engine} is asked no more tonight; recordings that wait: {waiting}"


def _record(
    instance: Instance,
    run: Run,
    version: VersionedInstruction,
    shard: Shard,
    heard: Sequence[Heard],
    gate: GateResult,
    report: StageReport,
    tenure: Tenure,
) -> None:
    unfit = [(one.recording, one.result) for one in heard if isinstance(one.result, Undecodable)]
    report.merge(record_refusals(instance, run, unfit, _title(instance, shard), tenure))
    heard = [one for one in heard if not isinstance(one.result, Undecodable)]
    if not heard:
        return
    intent = declare_intent(instance.engine, instance.clock.now(), tenure.holder)
    made = record_heard(instance, run, version, heard, gate, intent, tenure, report)
    report.add(shard.controller, made)
    report.failures.extend(failures_of(heard))


def _title(instance: Instance, shard: Shard) -> str:
    """What the engine calls itself; empty if it cannot be had any more."""
    settings = instance.settings
    with suppress(EngineFailedError):
        return engines.engine_of(settings.engines[shard.engine], settings.home).name
    return ""


def _due_days(instance: Instance, heard: Sequence[Heard]) -> dict[str, date | None]:
    """The recordings' due days as they stand now, to hold the transcripts' against."""
    ids = [one.recording.id for one in heard]
    query = sa.select(t.objects.c.id, t.objects.c.due_day).where(t.objects.c.id.in_(ids))
    with instance.reading() as connection:
        return {row.id: row.due_day for row in connection.execute(query)}
