"""Ingest a batch: gate, seal and judge, gate, record, and only then remove the source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import settle
from callward.catalogue.guard import gone
from callward.gates import require
from callward.instance import Instance
from callward.intake import frames
from callward.intake.arrival import holder_of, require_mine
from callward.intake.batches import Batch
from callward.intake.faults import fault_of
from callward.intake.leaving import finish, remove_source
from callward.intake.plan import Item
from callward.intake.reasons import Reason
from callward.intake.record import Judged, record_batch
from callward.intake.seal import SealedFile, SealTask, seal_file
from callward.run import Run, StageReport, Work
from callward.vault.intents import claim_intent, declare_intent, settle_intent
from callward.workers import WorkerFailure, Workers

STAGE = "ingest"
_MEANS = {"bytes-not-empty": Reason.EMPTY}
"""Checks of the entry gate that find what has a reason of its own."""


def ingest_batch(
    instance: Instance, work: Work, run: Run, workers: Workers, batch: Batch
) -> StageReport:
    """Do one batch, from entry gate to the removal of its sources.

    Raises GateFailedError, with nothing catalogued, if a batch-level check failed.
    """
    report = StageReport(STAGE, failures=list(batch.problems))
    if not batch.items and not batch.finishing:
        return report
    fresh = [item for item in batch.items if item.outcome is None]
    entry = work.gates.check("ingest_entry", frames.entry(fresh, instance.clock))
    require(entry)
    fresh = [_refused_at_gate(item, entry.failed_ids) for item in fresh]
    drops = [*(item.drop for item in batch.items), *batch.finishing]
    intent = declare_intent(instance.engine, instance.clock.now(), holder_of(drops))
    judged = list(_seal(instance, work, workers, intent, fresh))
    exit_gate = work.gates.check("ingest_exit", frames.exit_(judged, batch))
    require(exit_gate)
    judged = [_failed_at_gate(one, exit_gate.failed_ids) for one in judged]
    instance.vault.store.settle(intent)
    with instance.unit() as connection:
        require_mine(connection, instance, batch.controller, drops)
        claim_intent(connection, intent)
        recorded = record_batch(connection, instance, run, batch, judged)
    # The intent outlives what it accounts for: a crash here leaves nothing unknown.
    instance.vault.store.delete(recorded.unused)
    instance.vault.store.tidy(intent)  # a worker may have died while it wrote
    settle_intent(instance.engine, intent)
    _remove_sources(batch, judged)
    report.add(batch.controller, recorded.counts)
    finish(instance, batch.finishing, report)
    return report


def reconcile(instance: Instance, *, alone: bool = True) -> int:
    """Delete ciphertexts that a run cut short had written but not catalogued; how many.

    Unless the catalogue is held ``alone``, what living workers write is left to them.
    """
    with instance.unit() as connection:
        rows = connection.execute(sa.select(t.intents.c.id, t.intents.c.holder)).all()
        dead = gone(connection, {row.holder for row in rows if row.holder is not None})
        # Without a holder it is of a run that had the catalogue alone, and has ended.
        mine = {None, *dead}
        intents = [row.id for row in rows if alone or row.holder in mine]
    removed = 0
    for intent in intents:
        with instance.unit() as connection:
            # From here on whoever wrote these ciphertexts can no longer record them.
            connection.execute(
                t.intents.update().where(t.intents.c.id == intent).values(kind="reconcile")
            )
        settle(instance.engine)  # a rejection cut short may have left wraps in the log
        instance.vault.store.tidy(intent)
        paths = set(instance.vault.store.list(intent))
        with instance.unit() as connection:
            kept = sa.select(t.objects.c.store_key).where(t.objects.c.store_key.in_(paths))
            paths -= set(connection.scalars(kept))
        instance.vault.store.delete(paths)
        removed += len(paths)
        settle_intent(instance.engine, intent)
    return removed


def _refused_at_gate(item: Item, failed: Mapping[str, str]) -> Item:
    if item.reason is None and item.key in failed:
        return replace(item, reason=_MEANS.get(failed[item.key], Reason.GATE))
    return item


def _failed_at_gate(judged: Judged, failed: Mapping[str, str]) -> Judged:
    if judged.reason is None and judged.item.key in failed:
        return replace(judged, reason=Reason.GATE)
    return judged


def _seal(
    instance: Instance, work: Work, workers: Workers, intent: str, items: Sequence[Item]
) -> Iterator[Judged]:
    """Seal every item's file in the workers; those a worker died on are only kept."""
    tasks = {
        number: _task(instance, intent, number, item)
        for number, item in enumerate(items)
        if item.has_media
    }
    results: dict[int, SealedFile] = {}
    spoilt: dict[int, Reason | None] = {}
    for number, result in _map(instance, workers, tasks):
        if isinstance(result, WorkerFailure):
            spoilt[number] = fault_of(result)
        else:
            results[number] = result
        work.progress(len(results), len(items))
    # A file that a decoder died on is only kept; other faults are not the file's.
    again = {
        number: replace(tasks[number], judge=tasks[number].judge and reason is None)
        for number, reason in spoilt.items()
    }
    for number, result in _map(instance, workers, again):
        if not isinstance(result, WorkerFailure):
            results[number] = replace(result, reason=result.reason or spoilt[number])
    for number, item in enumerate(items):
        if number in tasks and number not in results:
            # Neither judged nor kept: the source stays and the next night tries again.
            continue
        yield Judged.of(item, results.get(number))


def _map(
    instance: Instance, workers: Workers, tasks: Mapping[int, SealTask]
) -> Iterator[tuple[int, SealedFile | WorkerFailure]]:
    numbers = list(tasks)
    seconds = instance.settings.seconds_per_file
    for index, result in workers.map(seal_file, tasks.values(), seconds_each=seconds):
        yield numbers[index], result


def _task(instance: Instance, intent: str, number: int, item: Item) -> SealTask:
    return SealTask(
        drop=item.drop.path,
        name=item.name or "",
        controller=item.drop.controller,
        object_id=item.key[:32],
        kind=item.kind,
        store_url=instance.vault.store.url,
        store_key=f"{intent}/{number:06d}",
        max_bytes=instance.settings.max_file_bytes,
        judge=item.reason is None,
    )


def _remove_sources(batch: Batch, judged: Sequence[Judged]) -> None:
    """Remove what is recorded, now or by an earlier run, if it is still what was recorded."""
    for one in judged:
        remove_source(one.item, one.seen)
    for item in batch.items:
        if item.outcome is not None:
            remove_source(item, item.seen)
