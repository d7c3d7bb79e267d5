"""Recording transcripts, refusals and failures: every change with its ledger entry."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.gates import GateResult
from callward.instance import Instance
from callward.instructions.classes import class_of
from callward.instructions.registry import VersionedInstruction
from callward.intake.quarantine import TRANSCRIPT_GATE
from callward.ledger import log
from callward.retention import erasures
from callward.retention.due import KEPT, follow_recordings
from callward.run import Run, StageReport, record_counts
from callward.speech.decision import Candidate
from callward.speech.frames import Heard
from callward.speech.tenure import ALONE, Tenure, together
from callward.speech.work import UNDECODABLE, Spoken
from callward.vault.filing import NewObject, file_objects, seal_payload
from callward.vault.intents import claim_intent

STAGE: Final = "transcribe"
REDONE: Final = "It was transcribed again, by another engine; the newer transcript took its place."
_PART = 10_000


def record_refusals(
    instance: Instance,
    run: Run,
    refused: Sequence[tuple[Candidate, str]],
    title: str = "",
    tenure: Tenure = ALONE,
) -> StageReport:
    """Enter every new refusal and its code; ``title``: of the engine that heard in vain."""
    report, now = StageReport(STAGE), instance.clock.now()
    for controller in sorted({one.controller for one, _ in refused}):
        mine = [(one, code) for one, code in refused if one.controller == controller]
        counts = Counter(f"refused:{code}" for _, code in mine)
        rows = [_row(one, "refused", now, code=str(code), engine=title) for one, code in mine]
        with instance.unit() as connection:
            tenure.check(connection)
            # Whoever has a transcript keeps it, if it was to be made again.
            _replace(
                connection, [row for row, (one, _) in zip(rows, mine, strict=True) if not one.redo]
            )
            _unwish(connection, [one for one, _ in mine if one.redo])
            items = [log.Item(one.id, {"code": str(code)}) for one, code in mine]
            ids = {"controller": controller, "night": run.night}
            log.append(connection, "transcription-refused", items, at=now, ids=ids)
            record_counts(connection, run, STAGE, controller, counts, at=now)
        report.add(controller, counts)
    return report


def record_heard(
    instance: Instance,
    run: Run,
    version: VersionedInstruction,
    heard: Sequence[Heard],
    gate: GateResult,
    intent: str,
    tenure: Tenure = ALONE,
    so_far: StageReport | None = None,
) -> Counter[str]:
    """Seal and catalogue the transcripts, those that failed the gate in quarantine.

    ``intent``: declared before; what is too large for a row goes into the store under it.
    ``so_far``: what else the shard has come to. LeaseLostError, with nothing recorded, if
    ``tenure`` has ended.
    """
    so_far = so_far or StageReport(STAGE)
    made = _Made(instance, intent, gate, instance.clock.now())
    for number, one in enumerate(heard):
        made.take(number, one)
    instance.vault.store.settle(intent)
    controller = version.instruction.controller
    ids = {"controller": controller, "night": run.night, "instruction": version.digest}
    with instance.unit() as connection:
        tenure.check(connection)
        instance.vault.generation(connection, lock=True)  # before any row, as a turn does
        claim_intent(connection, intent)
        made.write(connection, ids)
        record_counts(connection, run, STAGE, controller, made.counts, at=made.now)
        connection.execute(t.intents.delete().where(t.intents.c.id == intent))
        counts = together(so_far.counts.get(controller, {}), made.counts)
        tenure.done(connection, counts, [*so_far.failures, *failures_of(heard)])
    return made.counts


def failures_of(heard: Sequence[Heard]) -> list[str]:
    """Ids and codes of those that could not be transcribed this time."""
    return [f"{one.recording.id}: {one.result}" for one in heard if isinstance(one.result, str)]


class _Made:
    """What a shard came to, ready to be written."""

    def __init__(self, instance: Instance, intent: str, gate: GateResult, now: datetime) -> None:
        self.now, self.counts = now, Counter[str]()
        self._instance, self._intent, self._gate = instance, intent, gate
        self._new: list[NewObject] = []
        self._rows: list[dict[str, Any]] = []
        self._refused: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []
        self._redone: dict[str, str] = {}
        self._unfit: list[tuple[Candidate, str]] = []

    def take(self, number: int, one: Heard) -> None:
        """Make the rows of one recording; the transcript is sealed."""
        recording, spoken, counts = one.recording, one.result, self.counts
        if isinstance(spoken, str):
            counts[f"failed:{spoken}"] += 1
            if not recording.redo:  # else what there was stays, and is tried again
                self._rows.append(_row(recording, "failed", self.now, code=spoken))
            return
        if spoken.card_spans:
            self._found.append(_found_row(recording, spoken, self.now))
            counts["card-numbers-masked"] += spoken.cards
        bad = recording.id in self._gate.failed_ids
        if bad and recording.redo:  # it is no better: what there was stays
            code = f"gate-{self._gate.failed_ids[recording.id]}"
            self._unfit.append((recording, code))
            counts[f"refused:{code}"] += 1
            return
        place = f"{self._intent}/{number:06d}"
        transcript = _transcript(self._instance, recording, spoken, place, bad=bad)
        self._new.append(transcript)
        state = "quarantined" if bad else "done"
        row = _row(recording, state, self.now, spoken=spoken, transcript=transcript.id)
        self._rows.append(row)
        counts["quarantined:" + TRANSCRIPT_GATE if bad else "transcribed"] += 1
        if bad:
            self._refused.append(_quarantine_row(transcript, self.now))
        if recording.redo:
            self._redone[recording.id] = recording.redo
            counts["redone"] += 1

    def write(self, connection: sa.Connection, ids: Mapping[str, str]) -> None:
        """Write all of it, and the ledger's entry."""
        before = _transcripts_of(connection, list(self._redone))
        file_objects(connection, self._instance.vault, self._new, self.now)
        # Whatever became of the recordings while they were listened to.
        follow_recordings(connection, {one.parent_id for one in self._new if one.parent_id})
        _replace(connection, self._rows, self._redone)
        _note_found(connection, self._found)
        if self._refused:
            connection.execute(t.quarantine.insert(), self._refused)
        if before:
            erasures.instruct(connection, self._instance, before, REDONE)
        items = [log.Item(one.id, {**one.ledger_body(), "of": one.parent_id}) for one in self._new]
        log.append(connection, "transcribed", items, at=self.now, ids=ids, counts=self.counts)
        if self._unfit:
            _unwish(connection, [one for one, _ in self._unfit])
            items = [log.Item(one.id, {"code": code}) for one, code in self._unfit]
            log.append(connection, "transcription-refused", items, at=self.now, ids=ids)


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


def _quarantine_row(transcript: NewObject, now: datetime) -> dict[str, Any]:
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
    now: datetime,
    *,
    code: str | None = None,
    spoken: Spoken | None = None,
    transcript: str | None = None,
    engine: str = "",
) -> dict[str, Any]:
    in_vain = engine if (code or "").startswith(UNDECODABLE) else None
    return {
        "recording_id": recording.id,
        "controller": recording.controller,
        "state": state,
        "code": code,
        "transcript_id": transcript,
        "engine": spoken.engine if spoken else in_vain,
        "wanted": None,
        "seconds": spoken.seconds if spoken else None,
        "words": spoken.words if spoken else None,
        "at": now,
    }


def _found_row(recording: Candidate, spoken: Spoken, now: datetime) -> dict[str, Any]:
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


def _replace(
    connection: sa.Connection,
    rows: Sequence[Mapping[str, Any]],
    redone: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Put the newest word on each recording in place of the one before.

    ``redone``: whose wish for another engine has come true, and for which one; a wish that
    came meanwhile stays.
    """
    made = t.transcriptions
    ids = [row["recording_id"] for row in rows]
    wishes: dict[str, str] = {}
    for start in range(0, len(ids), _PART):
        mine = made.c.recording_id.in_(ids[start : start + _PART])
        wished = sa.select(made.c.recording_id, made.c.wanted).where(
            mine, made.c.wanted.is_not(None)
        )
        wishes.update(tuple(row) for row in connection.execute(wished.with_for_update()))
        connection.execute(made.delete().where(mine))
    still = {one: wish for one, wish in wishes.items() if redone.get(one) != wish}
    if rows:
        connection.execute(
            made.insert(), [{**row, "wanted": still.get(row["recording_id"])} for row in rows]
        )


def _unwish(connection: sa.Connection, refused: Sequence[Candidate]) -> None:
    """These will not be transcribed again after all, unless somebody wants another engine now."""
    made = t.transcriptions.c
    for engine in sorted({one.redo for one in refused}):
        ids = [one.id for one in refused if one.redo == engine]
        connection.execute(
            t.transcriptions.update()
            .where(made.recording_id.in_(ids), made.wanted == engine)
            .values(wanted=None)
        )


def _transcripts_of(connection: sa.Connection, recordings: Sequence[str]) -> list[str]:
    """The transcripts that these have until now, as far as they are still there."""
    if not recordings:
        return []
    made, objects = t.transcriptions.c, t.objects.c
    query = (
        sa.select(objects.id)
        .join(t.transcriptions, made.transcript_id == objects.id)
        .where(made.recording_id.in_(recordings), objects.state.in_(KEPT))
    )
    return list(connection.scalars(query))
