"""Take in a batch of records: gate, read and seal, gate, record, and only then remove."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.gates import GateResult, require
from callward.instance import Instance
from callward.instructions.model import Retention
from callward.intake import record_frames
from callward.intake.arrival import holder_of, require_mine
from callward.intake.judging import Days, Judged, interaction_of, judge
from callward.intake.leaving import PART, finish, remove_source, write_drops
from callward.intake.plan import Drop
from callward.intake.reading import Answer
from callward.intake.record_plan import RecordBatch, Unit
from callward.intake.record_rows import Batched, RowMaker, known_of
from callward.intake.record_write import write_ledger, write_rows
from callward.intake.take import Taken
from callward.run import Run, StageReport, Work, record_counts
from callward.vault.blind import Blinder
from callward.vault.intents import claim_intent, declare_intent, settle_intent

STAGE = "ingest"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that has passed its entry gate: what is to be read, and where it may be sealed."""

    batch: RecordBatch
    fresh: list[Unit]
    drops: list[Drop]
    intent: str


def prepare(instance: Instance, work: Work, batch: RecordBatch) -> Prepared:
    """Gate what is to be read and say where; GateFailedError, with nothing changed."""
    fresh = [unit for unit in batch.units if unit.item.outcome is None]
    require(work.gates.check("records_entry", record_frames.entry(fresh, instance.clock)))
    drops = [*(unit.item.drop for unit in batch.units), *batch.finishing]
    intent = declare_intent(instance.engine, instance.clock.now(), holder_of(drops))
    return Prepared(batch, fresh, drops, intent)


def record_read(
    instance: Instance, work: Work, run: Run, prepared: Prepared, answers: Sequence[Answer]
) -> StageReport:
    """Record what was read of a batch, from exit gate to the removal of its sources.

    Raises GateFailedError, with nothing catalogued, if a batch-level check failed.
    """
    batch, intent, report = prepared.batch, prepared.intent, StageReport(STAGE)
    keyed = _keyed(instance, batch, answers)
    exit_gate = _gate(instance, work, batch, keyed)
    require(exit_gate)
    instance.vault.store.settle(intent)
    with instance.unit() as connection:
        require_mine(connection, instance, batch.controller, prepared.drops)
        claim_intent(connection, intent)
        recording = _Recording(connection, instance, run, batch)
        recorded = recording.record(keyed, exit_gate)
    # Of a record known already, of a worker that died or of a slice that waits: whatever it is.
    instance.vault.store.tidy(intent)
    instance.vault.store.delete(set(instance.vault.store.list(intent)).difference(recorded.stored))
    settle_intent(instance.engine, intent)
    _remove(batch, recorded)
    work.progress(len(answers), len(prepared.fresh))
    report.add(batch.controller, recorded.counts)
    report.failures.extend(
        f"drop {drop} has files that could not be read now" for drop in sorted(recorded.waiting)
    )
    finish(instance, batch.finishing, report)
    return report


@dataclass(slots=True)
class _Recorded:
    """What a batch added up to, and what may be removed because of it."""

    counts: Mapping[str, int]
    stored: Collection[str]
    """Ciphertexts in the store that are catalogued now."""
    ended: list[Answer] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)


def _gate(instance: Instance, work: Work, batch: RecordBatch, keyed: "_Keyed") -> GateResult:
    """Show the gate what was read, judged by what the catalogue knows just now."""
    with instance.reading() as connection:
        judged = _View(connection, instance, batch, keyed).judge({})
    return work.gates.check("records_exit", record_frames.exit_(judged))


@dataclass(frozen=True, slots=True)
class _Keyed:
    """The records of some answers, keyed once: which they are, and what is in them."""

    blinder: Blinder
    answers: Sequence[Answer]
    records: list[tuple[str, Taken]]
    """Each with the source it was read from."""
    drops: list[str]
    interactions: list[str]
    contents: list[str]

    @classmethod
    def of(cls, blinder: Blinder, answers: Sequence[Answer]) -> "_Keyed":
        """Key the records of these answers."""
        found = [
            (answer.unit.surveyed.source, taken, answer.unit.item.drop.id)
            for answer in answers
            for taken in answer.taken or ()
            if taken.parts
        ]
        return cls(
            blinder,
            answers,
            [(source, taken) for source, taken, _ in found],
            [drop for *_, drop in found],
            [interaction_of(blinder, source, taken) for source, taken, _ in found],
            [blinder.content(taken.sha256) if taken.sha256 else "" for _, taken, _ in found],
        )


def _keyed(instance: Instance, batch: RecordBatch, answers: Sequence[Answer]) -> _Keyed:
    with instance.reading() as connection:
        blinder = instance.vault.blinder(connection, batch.controller, instance.clock.now())
    return _Keyed.of(blinder, answers)


class _View:
    """The records of a batch beside what the catalogue knows of them."""

    def __init__(
        self, connection: sa.Connection, instance: Instance, batch: RecordBatch, keyed: _Keyed
    ) -> None:
        self.now, self.keyed = instance.clock.now(), keyed
        self.retention = (
            batch.instruction.instruction.retention if batch.instruction else Retention()
        )
        self.days = Days(self.retention, self.now)
        pairs = zip(keyed.interactions, keyed.records, strict=True)
        self.known = known_of(connection, [one for one, (_, taken) in pairs if not taken.reason])

    def judge(self, failed: Mapping[str, str]) -> list[Judged]:
        """Say what becomes of each; ``failed`` are those that a gate refused."""
        keyed = self.keyed
        return list(
            judge(keyed.records, keyed.interactions, keyed.contents, self.known, self.days, failed)
        )


class _Recording:
    """One transaction: the batch's records, its files, counts and ledger entries."""

    def __init__(
        self, connection: sa.Connection, instance: Instance, run: Run, batch: RecordBatch
    ) -> None:
        self._connection, self._instance, self._run, self._batch = connection, instance, run, batch
        self._now: datetime = instance.clock.now()

    def record(self, keyed: _Keyed, gate: GateResult) -> _Recorded:
        """Write everything."""
        connection, batch, vault = self._connection, self._batch, self._instance.vault
        vault.generation(connection, lock=True)
        ready, waiting = self._contiguous(keyed.answers)
        if len(ready) < len(keyed.answers):
            keyed = _Keyed.of(keyed.blinder, ready)
        view = _View(connection, self._instance, batch, keyed)
        maker = RowMaker(keyed.blinder, batch.controller, view.days, self._now)
        for one, drop in zip(view.judge(gate.failed_ids), keyed.drops, strict=True):
            maker.take(one, drop, view.known)
        rows = maker.rows
        self._bare(ready, rows)
        write_rows(connection, vault, rows, self._now, by=view.retention.key)
        ended = self._files(ready, keyed.blinder)
        drops = {unit.item.drop.id: unit.item.drop for unit in batch.units}
        drops.update({drop.id: drop for drop in batch.finishing})
        write_drops(connection, list(drops.values()), self._now)
        ids = {"controller": batch.controller, "night": self._run.night}
        write_ledger(connection, rows, self._now, ids=ids)
        if rows.counts:
            record_counts(connection, self._run, STAGE, batch.controller, rows.counts, at=self._now)
        keys = (one.sealed.store_key for one in rows.objects)
        stored = {key for key in keys if key is not None}
        return _Recorded(rows.counts, stored, ended, waiting)

    def _contiguous(self, answers: Sequence[Answer]) -> tuple[list[Answer], set[str]]:
        """Answers of which everything before in their file is in; drops that have others."""
        reached = self._reached([answer.unit for answer in answers])
        ready: list[Answer] = []
        waiting: set[str] = set()
        for answer in answers:
            unit, key, part = answer.unit, answer.unit.item.key, answer.unit.part
            if answer.taken is None or (part is not None and reached.get(key) != _before(unit)):
                waiting.add(unit.item.drop.id)
                continue
            if part is not None:
                reached[key] = part.end
            ready.append(answer)
        return ready, waiting

    def _reached(self, units: Sequence[Unit]) -> dict[str, int]:
        row = t.drop_items.c
        keys = sorted({unit.item.key for unit in units if unit.part is not None})
        query = sa.select(row.item, row.reached).where(
            row.item.in_(keys), row.outcome == PART, row.reached.is_not(None)
        )
        return {one.item: one.reached for one in self._connection.execute(query)}

    def _bare(self, answers: Sequence[Answer], rows: Batched) -> None:
        """Refusals of which there is nothing to keep: a link, a pipe, a file that is gone."""
        for answer in answers:
            for taken in answer.taken or ():
                if not taken.parts:
                    rows.counts.update(("files", "quarantined", f"quarantined:{taken.reason}"))
                    rows.quarantine.append(bare_row(answer.unit, taken, self._now))

    def _files(self, answers: Sequence[Answer], blinder: Blinder) -> list[Answer]:
        """Enter how far each file is in; the answers with which one is in to its end."""
        last: dict[str, Answer] = {answer.unit.item.key: answer for answer in answers}
        rows = [_item_row(answer, blinder) for answer in last.values()]
        table = t.drop_items
        for drop in sorted({row["drop_id"] for row in rows}):
            keys = [row["item"] for row in rows if row["drop_id"] == drop]
            gone = sa.and_(table.c.drop_id == drop, table.c.item.in_(keys))
            self._connection.execute(table.delete().where(gone))
        if rows:
            self._connection.execute(table.insert(), rows)
        return [answer for answer in last.values() if answer.unit.ends]


def _before(unit: Unit) -> int | None:
    """Where the slice before this one ends; None for the first."""
    slices = unit.surveyed.slices
    place = slices.index(unit.part) if unit.part is not None else 0
    return slices[place - 1].end if place else None


def _item_row(answer: Answer, blinder: Blinder) -> dict[str, Any]:
    unit = answer.unit
    refused = next((one.reason for one in answer.taken or () if unit.part is None), None)
    content = answer.content or unit.surveyed.sha256
    kept = [taken.id for taken in answer.taken or () if refused and taken.parts]
    outcome = PART if not unit.ends else "quarantined" if refused else "ingested"
    return {
        "drop_id": unit.item.drop.id,
        "item": unit.item.key,
        "outcome": outcome,
        "reason": str(refused) if refused else None,
        "content_digest": blinder.content(content) if content else None,
        "object_id": kept[0] if kept else None,
        "reached": unit.part.end if unit.part is not None else None,
    }


def bare_row(unit: Unit, taken: Taken, now: datetime) -> dict[str, Any]:
    """A row of quarantine without content."""
    return {
        "id": token_hex(16),
        "controller": unit.item.drop.controller,
        "drop_id": unit.item.drop.id,
        "reason": str(taken.reason),
        "state": "held",
        "media_id": None,
        "row_id": None,
        "created_at": now,
    }


def _remove(batch: RecordBatch, recorded: _Recorded) -> None:
    """Remove files that are in to their end, now or by an earlier run."""
    for answer in recorded.ended:
        unit = answer.unit
        seen = answer.seen if unit.part is None else unit.surveyed.seen
        remove_source(unit.item, seen)
    for unit in batch.units:
        if unit.item.outcome is not None:
            remove_source(unit.item, unit.item.seen)
