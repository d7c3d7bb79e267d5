"""Ingest a batch: gate, seal and judge, gate, record, and only then remove the source."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import settle
from callward.gates import require
from callward.instance import Instance
from callward.intake import frames
from callward.intake.batches import Batch, complete_drops
from callward.intake.files import (
    Seen,
    list_drop,
    read_manifest_file,
    remove_drop,
    remove_inside,
)
from callward.intake.plan import MANIFEST, Drop, Item, manifest_digest
from callward.intake.reasons import Reason, Refusal
from callward.intake.record import Judged, record_batch
from callward.intake.seal import SealedFile, SealTask, seal_file
from callward.run import Run, StageReport, Work
from callward.vault.intents import claim_intent
from callward.workers import WorkerFailure, Workers

STAGE = "ingest"
_FAULTS = {"timeout": Reason.DECODER_TIMEOUT, "crashed": Reason.DECODER_CRASHED}
"""What a worker's failure says of the file it was at."""
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
    intent = _declare(instance)
    judged = list(_seal(instance, work, workers, intent, fresh))
    exit_gate = work.gates.check("ingest_exit", frames.exit_(judged, batch))
    require(exit_gate)
    judged = [_failed_at_gate(one, exit_gate.failed_ids) for one in judged]
    instance.vault.store.settle(intent)
    with instance.unit() as connection:
        claim_intent(connection, intent)
        recorded = record_batch(connection, instance, run, batch, judged)
    # The intent outlives what it accounts for: a crash here leaves nothing unknown.
    instance.vault.store.delete(recorded.unused)
    instance.vault.store.tidy(intent)  # a worker may have died while it wrote
    _settle_intent(instance, intent)
    _remove_sources(batch, judged)
    report.add(batch.controller, recorded.counts)
    _finish(instance, batch, report)
    return report


def reconcile(instance: Instance) -> int:
    """Delete ciphertexts that a run cut short had written but not catalogued; how many."""
    with instance.unit() as connection:
        intents = connection.scalars(sa.select(t.intents.c.id)).all()
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
        _settle_intent(instance, intent)
    return removed


def _refused_at_gate(item: Item, failed: Mapping[str, str]) -> Item:
    if item.reason is None and item.key in failed:
        return replace(item, reason=_MEANS.get(failed[item.key], Reason.GATE))
    return item


def _failed_at_gate(judged: Judged, failed: Mapping[str, str]) -> Judged:
    if judged.reason is None and judged.item.key in failed:
        return replace(judged, reason=Reason.GATE)
    return judged


def _declare(instance: Instance) -> str:
    """Say where ciphertexts are about to be written, so that a crash leaves nothing unknown."""
    intent = token_hex(8)
    with instance.unit() as connection:
        connection.execute(
            t.intents.insert().values(id=intent, kind="seal", created_at=instance.clock.now())
        )
    return intent


def _settle_intent(instance: Instance, intent: str) -> None:
    with instance.unit() as connection:
        connection.execute(t.intents.delete().where(t.intents.c.id == intent))


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
            spoilt[number] = _FAULTS.get(result.kind)
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
        _remove(one.item, one.seen)
    for item in batch.items:
        if item.outcome is not None:
            _remove(item, item.seen)


def _remove(item: Item, seen: Seen | None) -> None:
    """Unlink an item's source: the file ``seen``, or a link or pipe, which holds nothing."""
    if item.name is None or item.name == MANIFEST:  # the manifest goes last, when all is done
        return
    seen = seen or _no_file(item.drop.path, item.name)
    if seen is not None:
        with suppress(Refusal):  # it changed, or its name leads out of the drop
            remove_inside(item.drop.path, item.name, seen=seen)


def _no_file(drop: Path, name: str) -> Seen | None:
    """What lies under a name, unless it is a regular file or nothing."""
    try:
        facts = (drop / name).lstat()
    except (OSError, ValueError):
        return None
    return None if stat.S_ISREG(facts.st_mode) else Seen.from_stat(facts)


def _finish(instance: Instance, batch: Batch, report: StageReport) -> None:
    """Complete the drops of which everything is recorded and nothing is left."""
    done = []
    for drop in batch.finishing:
        if _recorded(instance, drop) and _clear(drop):
            done.append(drop.id)
        else:
            report.failures.append(f"drop {drop.id} is not finished: files in it are unaccounted")
    with instance.unit() as connection:
        complete_drops(connection, instance, done)


def _clear(drop: Drop) -> bool:
    """Remove a drop in which only the manifest that was read is left; False if it is not so."""
    try:
        data = read_manifest_file(drop.path / MANIFEST)
        seen = _no_file(drop.path, MANIFEST) if data is None else None
        as_read = manifest_digest(data) == drop.manifest and (data is not None or seen is not None)
        if not as_read or not set(list_drop(drop.path)) <= {MANIFEST}:
            return False
        remove_inside(drop.path, MANIFEST, seen=seen)
    except Refusal:
        return False
    with suppress(OSError, Refusal):  # an empty folder may stay
        remove_drop(drop.path)
    return True


def _recorded(instance: Instance, drop: Drop) -> bool:
    with instance.unit() as connection:
        known = connection.scalar(
            sa.select(sa.func.count()).where(t.drop_items.c.drop_id == drop.id)
        )
    return known == drop.files
