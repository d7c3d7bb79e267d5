"""Transcribe: plan, gate, let the workers listen, gate, seal the transcripts, record."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from secrets import token_hex
from typing import Any

import pandas as pd
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import KeyMissingError
from callward.gates import GateResult, require
from callward.instance import Instance
from callward.instructions.classes import class_of
from callward.instructions.registry import VersionedInstruction, in_force
from callward.intake.quarantine import TRANSCRIPT_GATE
from callward.ledger import log
from callward.retention.due import follow_recordings
from callward.retention.plan import held_by_join
from callward.run import Run, StageReport, Work, record_counts
from callward.speech.decision import Candidate, Refused, decide
from callward.speech.plan import SCANNED
from callward.speech.work import UNDECODABLE, SpeechTask, Spoken, Undecodable, engine, hear
from callward.vault.filing import NewObject, file_objects, seal_payload
from callward.vault.intents import claim_intent
from callward.workers import WorkerFailure, Workers

STAGE = "transcribe"
_SLOWEST = 20
"""Seconds a worker may take, as a multiple of the setting for one file."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording and what came of it."""

    recording: Candidate
    result: Spoken | str
    """The transcript, or why there is none (a code)."""


def record_refusals(
    instance: Instance, run: Run, refused: Sequence[tuple[Candidate, str]]
) -> StageReport:
    """Enter every new refusal and its code."""
    report, now = StageReport(STAGE), instance.clock.now()
    for controller in sorted({one.controller for one, _ in refused}):
        mine = [(one, code) for one, code in refused if one.controller == controller]
        counts = Counter(f"refused:{code}" for _, code in mine)
        with instance.unit() as connection:
            _replace(
                connection,
                [_row(one, "refused", now, code=str(code)) for one, code in mine],
            )
            items = [log.Item(one.id, {"code": str(code)}) for one, code in mine]
            ids = {"controller": controller, "night": run.night}
            log.append(connection, "transcription-refused", items, at=now, ids=ids)
            record_counts(connection, run, STAGE, controller, counts, at=now)
        report.add(controller, counts)
    return report


def transcribe_batch(
    instance: Instance,
    work: Work,
    run: Run,
    workers: Workers,
    batch: Sequence[Candidate],
) -> StageReport:
    """Transcribe recordings of one controller, from entry gate to ledger.

    Raises GateFailedError, with nothing recorded, if a batch-level check failed.
    """
    version, verdicts = _decide_anew(instance, batch)
    refused = [(one, str(verdicts[one.id])) for one in batch if one.id in verdicts]
    free = [one for one in batch if one.id not in verdicts]
    if version is None or not free:
        return record_refusals(instance, run, refused)
    entry = work.gates.check("transcribe_entry", _entry_frame(free, version, run))
    require(entry)
    refused += [
        (one, f"gate-{entry.failed_ids[one.id]}") for one in free if one.id in entry.failed_ids
    ]
    report = record_refusals(instance, run, refused)
    admitted = [one for one in free if one.id not in entry.failed_ids]
    if not admitted:
        return report
    heard, late = _still_wanted(instance, list(_listen(instance, work, workers, version, admitted)))
    report.merge(record_refusals(instance, run, late))
    if not heard:
        return report
    exit_gate = work.gates.check("transcribe_exit", _exit_frame(heard, _due_days(instance, heard)))
    require(exit_gate)
    unfit = [(one.recording, one.result) for one in heard if isinstance(one.result, Undecodable)]
    report.merge(record_refusals(instance, run, unfit))
    heard = [one for one in heard if not isinstance(one.result, Undecodable)]
    if not heard:
        return report
    counts = _record(instance, run, version, heard, exit_gate)
    report.add(version.instruction.controller, counts)
    report.failures.extend(f"{one.recording.id}: {one.result}" for one in _failed(heard))
    return report


def _decide_anew(
    instance: Instance, batch: Sequence[Candidate]
) -> tuple[VersionedInstruction | None, dict[str, Refused]]:
    """The instruction in force now, and who is not to be transcribed: the plan may be hours old."""
    day = today(instance.clock)
    with instance.unit() as connection:
        version = in_force(connection, batch[0].controller, day)
        on_hold = held_by_join(connection, [one.id for one in batch])
        going = _going(connection, [one.id for one in batch])
        scanned = _scanned(connection, [one.id for one in batch])
    instruction = version.instruction if version else None
    codes = {
        one.id: decide(
            replace(
                one,
                held=one.id in on_hold,
                early=one.id in going,
                scanned=one.id in scanned,
            ),
            instruction,
            engine().languages,
            day,
        )
        for one in batch
    }
    return version, {one: code for one, code in codes.items() if code is not None}


def _going(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Which recordings are to be erased early, or gone."""
    objects = t.objects.c
    there = sa.select(objects.id).where(
        objects.id.in_(ids), objects.state == "live", ~objects.early
    )
    return set(ids) - set(connection.scalars(there))


def _scanned(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Which recordings were listened to for card numbers, and hold none any more."""
    scans = t.card_scans.c
    query = sa.select(scans.object_id).where(scans.object_id.in_(ids), scans.state.in_(SCANNED))
    return set(connection.scalars(query))


def _failed(heard: Sequence[Heard]) -> list[Heard]:
    return [one for one in heard if isinstance(one.result, str)]


def _listen(
    instance: Instance,
    work: Work,
    workers: Workers,
    version: VersionedInstruction,
    batch: Sequence[Candidate],
) -> Iterator[Heard]:
    # The longest first, so that no worker is left with one at the end.
    ordered = sorted(batch, key=lambda one: -one.seconds * one.channels)
    with instance.unit() as connection:
        keys = instance.vault.object_keys(connection, [one.id for one in ordered])
    yield from (Heard(one, KeyMissingError.code) for one in ordered if one.id not in keys)
    ordered = [one for one in ordered if one.id in keys]
    tasks = [
        SpeechTask(
            object_id=one.id,
            controller=one.controller,
            kind=one.kind,
            language=version.instruction.transcription.language,
            channels=one.channels,
            store_url=instance.vault.store.url,
            store_key=one.store_key,
            key=keys[one.id],
        )
        for one in ordered
    ]
    seconds = instance.settings.seconds_per_file * _SLOWEST
    results = workers.map(hear, tasks, seconds_each=seconds)
    for done, (index, result) in enumerate(results, start=1):
        work.progress(done, len(tasks))
        code = f"worker-{result.kind}" if isinstance(result, WorkerFailure) else result
        yield Heard(ordered[index], code)


def _still_wanted(
    instance: Instance, heard: Sequence[Heard]
) -> tuple[list[Heard], list[tuple[Candidate, str]]]:
    """Leave out recordings whose erasure was instructed while they were being listened to."""
    with instance.unit() as connection:
        going = _going(connection, [one.recording.id for one in heard])
    late = [one.recording for one in heard if one.recording.id in going]
    wanted = [one for one in heard if one.recording.id not in going]
    return wanted, [(one, str(Refused.ERASURE)) for one in late]


def _record(
    instance: Instance,
    run: Run,
    version: VersionedInstruction,
    heard: Sequence[Heard],
    gate: GateResult,
) -> Counter[str]:
    """Seal and catalogue the transcripts, those that failed the gate in quarantine."""
    now, controller = instance.clock.now(), version.instruction.controller
    intent = token_hex(8)
    with instance.unit() as connection:
        connection.execute(t.intents.insert().values(id=intent, kind="seal", created_at=now))
    new: list[NewObject] = []
    rows: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    for number, one in enumerate(heard):
        if isinstance(one.result, str):
            rows.append(_row(one.recording, "failed", now, code=one.result))
            counts[f"failed:{one.result}"] += 1
            continue
        bad = one.recording.id in gate.failed_ids
        transcript = _transcript(
            instance, one.recording, one.result, f"{intent}/{number:06d}", bad=bad
        )
        new.append(transcript)
        state = "quarantined" if bad else "done"
        if one.result.card_spans:
            found.append(_found_row(one.recording, one.result, now))
            counts["card-numbers-masked"] += one.result.cards
        rows.append(_row(one.recording, state, now, spoken=one.result, transcript=transcript.id))
        counts["quarantined:" + TRANSCRIPT_GATE if bad else "transcribed"] += 1
        if bad:
            refused.append(_quarantine_row(transcript, now))
    instance.vault.store.settle(intent)
    with instance.unit() as connection:
        claim_intent(connection, intent)
        file_objects(connection, instance.vault, new, now)
        # Whatever became of the recordings while they were listened to.
        follow_recordings(connection, {one.parent_id for one in new if one.parent_id})
        _replace(connection, rows)
        _note_found(connection, found)
        if refused:
            connection.execute(t.quarantine.insert(), refused)
        ids = {"controller": controller, "night": run.night, "instruction": version.digest}
        items = [log.Item(one.id, {**one.ledger_body(), "of": one.parent_id}) for one in new]
        log.append(connection, "transcribed", items, at=now, ids=ids, counts=counts)
        record_counts(connection, run, STAGE, controller, counts, at=now)
        connection.execute(t.intents.delete().where(t.intents.c.id == intent))
    return counts


def _transcript(
    instance: Instance, recording: Candidate, spoken: Spoken, store_key: str, *, bad: bool
) -> NewObject:
    """A transcript shares class and days with its recording: it must not outlive it."""
    transcript_id = token_hex(16)
    sealed = seal_payload(
        instance.vault,
        recording.controller,
        transcript_id,
        "transcript",
        spoken.transcript,
        store_key,
    )
    return NewObject(
        id=transcript_id,
        controller=recording.controller,
        kind="transcript",
        retention_class=class_of(recording.kind),
        anchor_day=recording.anchor_day,
        due_day=recording.due_day,
        sealed=sealed,
        interaction_id=recording.interaction_id,
        parent_id=recording.id,
        state="quarantined" if bad else "live",
    )


def _quarantine_row(transcript: NewObject, now: Any) -> dict[str, Any]:
    return {
        "id": token_hex(16),
        "controller": transcript.controller,
        "drop_id": None,
        "reason": TRANSCRIPT_GATE,
        "state": "held",
        "media_id": transcript.id,
        "row_id": None,
        "created_at": now,
    }


def _row(
    recording: Candidate,
    state: str,
    now: Any,
    *,
    code: str | None = None,
    spoken: Spoken | None = None,
    transcript: str | None = None,
) -> dict[str, Any]:
    return {
        "recording_id": recording.id,
        "controller": recording.controller,
        "state": state,
        "code": code,
        "transcript_id": transcript,
        "engine": engine().name if spoken or (code or "").startswith(UNDECODABLE) else None,
        "seconds": spoken.seconds if spoken else None,
        "words": spoken.words if spoken else None,
        "at": now,
    }


def _found_row(recording: Candidate, spoken: Spoken, now: Any) -> dict[str, Any]:
    """What the scan for card numbers must still mute: it had missed it."""
    return {
        "object_id": recording.id,
        "controller": recording.controller,
        "state": "found",
        "spans": [list(span) for span in spoken.card_spans],
        "seconds": spoken.seconds,
        "at": now,
    }


def _note_found(connection: sa.Connection, found: Sequence[Mapping[str, Any]]) -> None:
    """Leave numbers that a transcript has shown to be muted in the recording."""
    if not found:
        return
    scans = t.card_scans
    ids = [row["object_id"] for row in found]
    connection.execute(scans.delete().where(scans.c.object_id.in_(ids)))
    connection.execute(scans.insert(), list(found))


def _replace(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put the newest word on each recording in place of the one before."""
    if not rows:
        return
    made = t.transcriptions
    ids = [row["recording_id"] for row in rows]
    for start in range(0, len(ids), 10_000):
        part = ids[start : start + 10_000]
        connection.execute(made.delete().where(made.c.recording_id.in_(part)))
    connection.execute(made.insert(), list(rows))


def _entry_frame(
    batch: Sequence[Candidate], version: VersionedInstruction, run: Run
) -> pd.DataFrame:
    transcription = version.instruction.transcription
    return pd.DataFrame(
        {
            "id": pd.Series([one.id for one in batch], dtype="str"),
            "controller": pd.Series([one.controller for one in batch], dtype="str"),
            "enabled": transcription.enabled,
            "language": pd.Series([transcription.language for _ in batch], dtype="str"),
            "seconds": pd.Series([one.seconds for one in batch], dtype="float64"),
            "channels": pd.Series([one.channels for one in batch], dtype="int64"),
            "due_day": pd.Series([one.due_day for one in batch], dtype="datetime64[us]"),
            "as_of": pd.Series([run.as_of for _ in batch], dtype="datetime64[us]"),
            "held": pd.Series([one.held for one in batch], dtype="bool"),
        }
    )


def _due_days(instance: Instance, heard: Sequence[Heard]) -> dict[str, date | None]:
    """The recordings' due days as they stand now, to hold the transcripts' against."""
    ids = [one.recording.id for one in heard]
    query = sa.select(t.objects.c.id, t.objects.c.due_day).where(t.objects.c.id.in_(ids))
    with instance.unit() as connection:
        return {row.id: row.due_day for row in connection.execute(query)}


def _exit_frame(heard: Sequence[Heard], due: Mapping[str, date | None]) -> pd.DataFrame:
    spoken = [(one.recording, one.result) for one in heard if isinstance(one.result, Spoken)]
    numbers = ("mean_confidence", "words_per_minute", "first_start", "last_end", "seconds")
    return pd.DataFrame(
        {
            "id": pd.Series([recording.id for recording, _ in spoken], dtype="str"),
            "words": pd.Series([result.words for _, result in spoken], dtype="int64"),
            **{
                name: pd.Series([_gauge(result, name) for _, result in spoken], dtype="float64")
                for name in numbers
            },
            "monotonic": pd.Series([result.monotonic for _, result in spoken], dtype="bool"),
            "same_due_day": pd.Series(
                [recording.due_day == due.get(recording.id) for recording, _ in spoken],
                dtype="bool",
            ),
        }
    )


def _gauge(spoken: Spoken, name: str) -> float | None:
    """A figure for the gate; confidence and times are missing where nothing was said."""
    if not spoken.words and name == "mean_confidence":
        return None
    value: float | None = getattr(spoken, name)
    return value
