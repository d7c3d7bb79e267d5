"""Planning ingest: the landing zone's complete drops, cut into batches of one controller."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction, all_in_force
from callward.intake.leaving import complete_drops
from callward.intake.marker import MARKER
from callward.intake.plan import (
    MANIFEST,
    Drop,
    DropError,
    Item,
    plan_drop,
)
from callward.intake.reasons import Reason
from callward.intake.record_plan import PendingRecords, RecordBatch, Unit, plan_record_drop
from callward.intake.sources import Landing
from callward.run import UNKNOWN, Run
from callward.workers import Workers


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of one controller, at most a batch's size; ``finishing`` drops end with it.

    ``problems`` are drops that could not be planned.
    """

    controller: str
    instruction: VersionedInstruction | None
    items: tuple[Item, ...]
    finishing: tuple[Drop, ...]
    problems: tuple[str, ...] = ()


def plan_ingest(
    instance: Instance, run: Run, workers: Workers, landing: Landing
) -> Iterator[Batch | RecordBatch]:
    """Yield the batches that wait in the landing zone, one drop read at a time.

    Of what other workers have not claimed; claimed are those drops that ``landing`` has
    handed out, until it is told that they are done.
    """
    # Never by the instructions of a day gone by: who instructs us now is no stranger.
    with instance.unit() as connection:
        in_force = all_in_force(connection, max(run.as_of, today(instance.clock)))
        waiting = (_instructed(connection) | run.unclear) - set(in_force)
        # Looked up first: what another worker begins from now on has not vanished.
        unfinished = _open_drops(connection, run)
    seen: set[str] = set()
    troubled = False
    pending = _Pending(instance.settings.batch_size)
    for _ in landing.rounds():
        for known, folder in landing.folders(set(in_force), run.controller):
            if folder in waiting:
                troubled = True
                pending.problems += landing.once(
                    f"{folder} waits: no instruction of it is in force yet"
                )
                continue
            controller = known or UNKNOWN
            if controller != pending.controller:
                yield from pending.flush()
                pending.controller, pending.instruction = controller, in_force.get(controller)
            for planned in _plan_folder(instance, landing, folder, controller):
                if isinstance(planned, str):
                    troubled = True
                    pending.problems.append(planned)
                    continue
                drop, items = planned
                seen.add(drop.id)
                yield from pending.add(drop, items if known else _of_unknown(items))
            records = PendingRecords(
                controller, in_force.get(controller), instance.settings.records_per_batch
            )
            version = in_force.get(controller)
            for found in _plan_records(instance, landing, folder, controller, version, workers):
                if isinstance(found, str):
                    troubled = True
                    pending.problems.append(found)
                    continue
                seen.add(found[0].id)
                yield from records.add(*found)
            yield from records.flush()
        yield from pending.flush()
    pending.problems += landing.failed
    yield from pending.flush()
    if not (troubled or landing.failed or landing.skipped):
        # Else a drop not seen need not have vanished.
        with instance.unit() as connection:
            complete_drops(connection, instance, sorted(unfinished - seen))


def _instructed(connection: sa.Connection) -> set[str]:
    """Every controller that has ever instructed us, from whatever day."""
    return set(connection.scalars(sa.select(t.instructions.c.controller).distinct()))


def _plan_folder(
    instance: Instance, landing: Landing, folder: str, controller: str
) -> Iterator[tuple[Drop, list[Item]] | str]:
    """Yield what is in each drop, or why that cannot be said; one does not stop another."""
    for found in landing.drops(folder, controller, MANIFEST):
        if isinstance(found, str):
            yield found
            continue
        try:
            drop, items = plan_drop(instance, found, controller)
        except DropError as error:
            landing.done([found])
            yield str(error)
        else:
            yield drop, _refused(items, found.brought.reason)


def _plan_records(
    instance: Instance,
    landing: Landing,
    folder: str,
    controller: str,
    version: VersionedInstruction | None,
    workers: Workers,
) -> Iterator[tuple[Drop, list[Unit]] | str]:
    """Yield what is in each drop of records, or why that cannot be said."""
    for found in landing.drops(folder, controller, MARKER):
        if isinstance(found, str):
            yield found
            continue
        try:
            yield plan_record_drop(instance, found, controller, version, workers)
        except DropError as error:
            landing.done([found])
            yield str(error)


class _Pending:
    """Gathers items of one controller into batches."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: list[Item] = []
        self._drops: list[Drop] = []
        self.problems: list[str] = []
        self.controller = ""
        self.instruction: VersionedInstruction | None = None

    def add(self, drop: Drop, items: Sequence[Item]) -> Iterator[Batch]:
        """Take one drop's items; yield what is full."""
        for item in items:
            if len(self._items) == self._size:
                yield from self.flush()
            self._items.append(item)
        self._drops.append(drop)

    def flush(self) -> Iterator[Batch]:
        """Yield what is left."""
        if self._items or self._drops or self.problems:
            yield Batch(
                self.controller,
                self.instruction,
                tuple(self._items),
                tuple(self._drops),
                tuple(self.problems),
            )
        self._items, self._drops, self.problems = [], [], []


def _of_unknown(items: Sequence[Item]) -> list[Item]:
    return _refused(items, Reason.UNKNOWN_CONTROLLER)


def _refused(items: Sequence[Item], reason: Reason | None) -> list[Item]:
    """Keep what a missing file or a bad path says; all else is refused for ``reason``."""
    return [item if item.reason is not None else replace(item, reason=reason) for item in items]


def _open_drops(connection: sa.Connection, run: Run) -> set[str]:
    """Drops under way: unless they wait or are claimed, an earlier run has removed them."""
    which = t.drops.c.state == "open"
    if run.controller is not None:
        which &= t.drops.c.controller == run.controller
    return set(connection.scalars(sa.select(t.drops.c.id).where(which)))
