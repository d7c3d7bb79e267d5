"""Scan for card numbers: plan, gate, let the workers listen and mute, gate, record."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from secrets import token_hex
from typing import Final

import sqlalchemy as sa

from callward.cardscan import frames
from callward.cardscan.plan import SCAN, Candidate, is_wanted
from callward.cardscan.recording import STAGE, Outcome, record
from callward.cardscan.work import Scanned, ScanTask, scan
from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import KeyMissingError
from callward.gates import GateResult, require
from callward.instance import Instance
from callward.instructions.registry import in_force
from callward.retention.due import KEPT
from callward.run import Run, StageReport, Work
from callward.vault.intents import declare_intent, settle_intent
from callward.workers import WorkerFailure, Workers

_SLOWEST: Final = 20
"""Seconds a worker may take, as a multiple of the setting for one file."""
_PACE: Final = 4
"""Seconds of audio listened to in a second, at least: long recordings may take longer."""


def scan_batch(
    instance: Instance, work: Work, run: Run, workers: Workers, batch: Sequence[Candidate]
) -> StageReport:
    """Scan recordings of one controller, from entry gate to ledger.

    Raises GateFailedError, with nothing recorded, if a batch-level check failed.
    """
    report = StageReport(STAGE)
    wanted = _still_wanted(instance, batch)
    if not wanted:
        return report
    gate = work.gates.check("cards_entry", frames.entry(wanted))
    require(gate)
    outcomes = [_failed_at(gate, one) for one in wanted if one.id in gate.failed_ids]
    admitted = [one for one in wanted if one.id not in gate.failed_ids]
    intent = declare_intent(instance.engine, instance.clock.now())
    heard = list(_listen(instance, work, workers, intent, admitted)) if admitted else []
    if heard:
        fit = [(one.recording, one.result) for one in heard if isinstance(one.result, Scanned)]
        gate = work.gates.check("cards_exit", frames.exit_(fit, _due_days(instance, fit)))
        require(gate)
        outcomes += [_judged(one, gate) for one in heard]
    instance.vault.store.settle(intent)
    counts, unused = record(instance, run, intent, outcomes)
    # The intent outlives what it accounts for: a crash here leaves nothing unknown.
    instance.vault.store.delete(unused)
    instance.vault.store.tidy(intent)  # a worker may have died while it wrote
    settle_intent(instance.engine, intent)
    report.add(batch[0].controller, counts)
    # Also what cannot be scanned at all: once, as the plan leaves it out from then on.
    report.failures.extend(
        f"{one.recording.id}: {one.result}" for one in outcomes if isinstance(one.result, str)
    )
    return report


def _still_wanted(instance: Instance, batch: Sequence[Candidate]) -> list[Candidate]:
    """The plan may be hours old: what is still there, and to be scanned by today's instruction."""
    day = today(instance.clock)
    objects = t.objects.c
    there = sa.select(objects.id, objects.due_day, objects.anchor_day, objects.retention_class)
    with instance.unit() as connection:
        version = in_force(connection, batch[0].controller, day)
        rows = {
            row.id: row
            for row in connection.execute(
                there.where(
                    objects.id.in_([one.id for one in batch]),
                    objects.state.in_(KEPT),
                    ~objects.early,
                )
            )
        }
    mode = str(version.instruction.card_data) if version else SCAN
    now = [
        replace(
            one,
            mode=mode,
            due_day=rows[one.id].due_day,
            anchor_day=rows[one.id].anchor_day,
            retention_class=rows[one.id].retention_class,
        )
        for one in batch
        if one.id in rows
    ]
    return [one for one in now if is_wanted(one, day)]


def _listen(
    instance: Instance, work: Work, workers: Workers, intent: str, batch: Sequence[Candidate]
) -> Iterator[Outcome]:
    # The longest first, so that no worker is left with one at the end.
    ordered = sorted(batch, key=lambda one: -one.seconds * one.channels)
    with instance.unit() as connection:
        keys = instance.vault.object_keys(connection, [one.id for one in ordered])
    yield from (Outcome(one, KeyMissingError.code) for one in ordered if one.id not in keys)
    ordered = [one for one in ordered if one.id in keys]
    tasks = [
        ScanTask(
            object_id=one.id,
            controller=one.controller,
            kind=one.kind,
            channels=one.channels,
            rate=one.rate,
            samples=one.samples,
            store_url=instance.vault.store.url,
            store_key=one.store_key,
            size=one.size,
            new_id=token_hex(16),
            new_store_key=f"{intent}/{number:06d}",
            key=keys[one.id],
            known=one.known,
            listen=one.listen,
        )
        for number, one in enumerate(ordered)
    ]
    longest = max((one.seconds * one.channels for one in ordered), default=0.0)
    seconds = max(instance.settings.seconds_per_file * _SLOWEST, longest / _PACE)
    results = workers.map(scan, tasks, seconds_each=seconds)
    for done, (index, result) in enumerate(results, start=1):
        work.progress(done, len(tasks))
        code = f"worker-{result.kind}" if isinstance(result, WorkerFailure) else result
        # A worker may have been lost after it wrote.
        unused = tasks[index].new_store_key if isinstance(code, str) else None
        yield Outcome(ordered[index], code, tasks[index].new_id, unused)


def _due_days(
    instance: Instance, scanned: Sequence[tuple[Candidate, Scanned]]
) -> dict[str, date | None]:
    """The originals' due days as they stand now, to hold the muted versions' against."""
    ids = [one.id for one, _ in scanned]
    query = sa.select(t.objects.c.id, t.objects.c.due_day).where(t.objects.c.id.in_(ids))
    with instance.unit() as connection:
        return {row.id: row.due_day for row in connection.execute(query)}


def _failed_at(gate: GateResult, one: Candidate) -> Outcome:
    return Outcome(one, f"gate-{gate.failed_ids[one.id]}")


def _judged(one: Outcome, gate: GateResult) -> Outcome:
    """What failed the gate behind is not put in anything's place; its ciphertext is deleted."""
    if one.recording.id not in gate.failed_ids:
        return one
    unused = one.sealed.store_key if one.sealed else one.unused
    return replace(_failed_at(gate, one.recording), unused=unused)
