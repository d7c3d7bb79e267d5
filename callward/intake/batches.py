"""Planning ingest: the landing zone's complete drops, cut into batches of one controller."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction, all_in_force
from callward.intake.plan import Drop, DropError, Item, find_drops, find_folders, plan_drop
from callward.intake.reasons import Reason, Refusal
from callward.ledger import log
from callward.run import UNKNOWN, Run


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


def plan_ingest(instance: Instance, run: Run) -> Iterator[Batch]:
    """Yield the batches that wait in the landing zone, one drop read at a time."""
    # Never by the instructions of a day gone by: who instructs us now is no stranger.
    with instance.unit() as connection:
        in_force = all_in_force(connection, max(run.as_of, today(instance.clock)))
        waiting = (_instructed(connection) | run.unclear) - set(in_force)
    seen: set[str] = set()
    troubled = False
    pending = _Pending(instance.settings.batch_size)
    for known, folder in find_folders(instance.settings.landing, set(in_force), run.controller):
        if folder.name in waiting:
            troubled = True
            pending.problems.append(f"{folder.name} waits: no instruction of it is in force yet")
            continue
        controller = known or UNKNOWN
        if controller != pending.controller:
            yield from pending.flush()
            pending.controller, pending.instruction = controller, in_force.get(controller)
        for planned in _plan_folder(instance, folder, controller):
            if isinstance(planned, str):
                troubled = True
                pending.problems.append(planned)
                continue
            drop, items = planned
            seen.add(drop.id)
            yield from pending.add(drop, items if known else [_of_unknown(item) for item in items])
    yield from pending.flush()
    if not troubled:  # else a drop not seen need not have vanished
        _close_vanished(instance, run, seen)


def _instructed(connection: sa.Connection) -> set[str]:
    """Every controller that has ever instructed us, from whatever day."""
    return set(connection.scalars(sa.select(t.instructions.c.controller).distinct()))


def _plan_folder(
    instance: Instance, folder: Path, controller: str
) -> Iterator[tuple[Drop, list[Item]] | str]:
    """Yield what is in each drop, or why that cannot be said; one does not stop another."""
    try:
        drops = find_drops(folder)
    except Refusal as refusal:
        yield f"a folder of {controller} cannot be listed: {refusal.reason}"
        return
    for path in drops:
        try:
            yield plan_drop(instance, path, controller)
        except DropError as error:
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


def _of_unknown(item: Item) -> Item:
    """Keep what a missing file or a bad path says; all else is of an unknown controller."""
    return item if item.reason is not None else replace(item, reason=Reason.UNKNOWN_CONTROLLER)


def _close_vanished(instance: Instance, run: Run, seen: set[str]) -> None:
    """Complete the drops whose folder an earlier run removed before it was stopped."""
    which = t.drops.c.state == "open"
    if run.controller is not None:
        which &= t.drops.c.controller == run.controller
    with instance.unit() as connection:
        open_drops = connection.scalars(sa.select(t.drops.c.id).where(which)).all()
        complete_drops(connection, instance, [drop for drop in open_drops if drop not in seen])


def complete_drops(connection: sa.Connection, instance: Instance, ids: Sequence[str]) -> None:
    """Mark drops complete and say so in the ledger."""
    if not ids:
        return
    now = instance.clock.now()
    connection.execute(
        t.drops.update().where(t.drops.c.id.in_(ids)).values(state="complete", completed_at=now)
    )
    log.append(connection, "drops-completed", [log.Item(drop, {}) for drop in ids], at=now)
