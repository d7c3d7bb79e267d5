"""Having workers read slices: one that breaks them costs itself and nothing beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from callward.instance import Instance
from callward.instructions.registry import VersionedInstruction
from callward.intake.faults import fault_of
from callward.intake.files import Seen
from callward.intake.pieces import Outcome, Pieces
from callward.intake.readers.base import WholeFile
from callward.intake.readers.registry import READERS
from callward.intake.readers.secrets import GUARDED
from callward.intake.reasons import Reason
from callward.intake.record_plan import Unit
from callward.intake.roots import trusted_roots
from callward.intake.take import (
    REFUSED_KIND,
    KeepTask,
    Kept,
    Taken,
    TakeTask,
    keep_file,
    take_slice,
)
from callward.workers import WorkerFailure, Workers

_SECONDS_AGAIN: Final = 30
"""Patience with pieces of a slice that a worker has died on already."""
_BROKEN: Final = frozenset({Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_MEMORY})
_ZONE: Final = "Europe/London"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A slice and what was read in it; ``taken`` None: not now, the next night tries again."""

    unit: Unit
    taken: tuple[Taken, ...] | None
    content: str = ""
    """SHA-256 (hex) of a file that is refused as a whole."""
    seen: Seen | None = None


def read_units(
    instance: Instance,
    version: VersionedInstruction | None,
    workers: Workers,
    intent: str,
    units: Iterable[Unit],
) -> list[Answer]:
    """Read every slice, and seal refused files as they are, card data taken out."""
    wanted = list(units)
    reading = _Reading(instance, version, workers, intent, wanted)
    slices = [number for number, unit in enumerate(wanted) if unit.part is not None]
    found: dict[int, Answer] = reading.slices(slices)
    whole = {
        number: unit.item.reason or Reason.UNREADABLE
        for number, unit in enumerate(wanted)
        if unit.part is None
    }
    for number, reason in whole.items():
        if reason is Reason.CHANGED_WHILE_READ:  # it is being written: the next night may have it
            found[number] = Answer(wanted[number], None)
    found.update(reading.keep({n: reason for n, reason in whole.items() if n not in found}))
    return [found[number] for number in range(len(wanted))]


class _Reading:
    def __init__(
        self,
        instance: Instance,
        version: VersionedInstruction | None,
        workers: Workers,
        intent: str,
        units: list[Unit],
    ) -> None:
        self._instance, self._workers, self._intent = instance, workers, intent
        self._units = units
        self._zone = version.instruction.time_zone if version is not None else _ZONE
        self._roots = trusted_roots(instance.settings)
        self._tries = 0

    def slices(self, numbers: list[int]) -> dict[int, Answer]:
        tasks = [self._task(number) for number in numbers]
        seconds = self._instance.settings.seconds_per_file
        found: dict[int, Answer] = {}
        refused: dict[int, Reason] = {}
        for index, result in self._workers.map(take_slice, tasks, seconds_each=seconds):
            number = numbers[index]
            unit = self._units[number]
            if isinstance(result, WorkerFailure):
                refused[number] = fault_of(result) or Reason.DECODER_CRASHED
            elif isinstance(result, Reason):
                refused[number] = result
            else:
                found[number] = Answer(unit, result)
        for number, reason in refused.items():
            if reason is Reason.CHANGED_WHILE_READ:
                found[number] = Answer(self._units[number], None)
        again = {n: reason for n, reason in refused.items() if n not in found}
        broken = {n: reason for n, reason in again.items() if self._can_be_cut(n, reason)}
        for number, reason in broken.items():
            found[number] = self._pieces(number, reason)
        found.update(self.keep({n: again[n] for n in again.keys() - broken.keys()}))
        return found

    def keep(self, reasons: Mapping[int, Reason]) -> dict[int, Answer]:
        """Seal slices or files that are refused."""
        numbers = list(reasons)
        tasks = [self._keep_task(number) for number in numbers]
        seconds = self._instance.settings.seconds_per_file
        found: dict[int, Answer] = {}
        for index, result in self._workers.map(keep_file, tasks, seconds_each=seconds):
            number = numbers[index]
            unit = self._units[number]
            if isinstance(result, Kept):
                reason = reasons[number] if result.part else Reason.CREDENTIALS
                parts = (result.part,) if result.part else ()
                taken = Taken(REFUSED_KIND, parts, result.masked, reason=reason)
                content = result.sha256 if unit.part is None else ""  # a slice's is not the file's
                # What changed while it was read is kept, and stays where it is as well.
                found[number] = Answer(unit, (taken,), content, result.seen)
            elif isinstance(result, Reason):
                found[number] = Answer(unit, (Taken(REFUSED_KIND, (), 0, reason=result),))
            else:
                found[number] = Answer(unit, None)
        return found

    def _can_be_cut(self, number: int, reason: Reason) -> bool:
        """Whether to look for the one record in it that is to blame."""
        whole = isinstance(READERS[self._units[number].surveyed.source], WholeFile)
        return reason in _BROKEN and not whole

    def _pieces(self, number: int, reason: Reason) -> Answer:
        """Take what can be taken of a slice; for all else its bytes are kept, once."""
        unit = self._units[number]

        def attempt(first: int, most: int | None) -> Outcome:
            task = replace(self._task(number), first=first, most=most)
            (found,) = self._workers.map(take_slice, [task], seconds_each=_SECONDS_AGAIN)
            return found[1]

        pieces = Pieces(attempt)
        if pieces.reason is Reason.CHANGED_WHILE_READ:
            return Answer(unit, None)
        if pieces.reason is not None:
            return self.keep({number: pieces.reason})[number]
        if not pieces.lost:
            return Answer(unit, tuple(pieces.taken))
        kept = self.keep({number: reason})[number]
        if kept.taken is None or (kept.seen is not None and kept.seen != unit.surveyed.seen):
            return Answer(unit, None)
        # The others are counted, and found by the bytes beside them.
        others = [Taken(REFUSED_KIND, (), 0, reason=reason)] * (pieces.lost - 1)
        return Answer(unit, (*pieces.taken, *kept.taken, *others))

    def _task(self, number: int) -> TakeTask:
        unit, settings = self._units[number], self._instance.settings
        seen, part = unit.surveyed.seen, unit.part
        assert seen is not None  # noqa: S101 - a slice is of a file that was seen
        assert part is not None  # noqa: S101 - only slices are read
        return TakeTask(
            drop=unit.item.drop.path,
            name=unit.item.name or "",
            seen=seen,
            controller=unit.item.drop.controller,
            source=unit.surveyed.source,
            part=part,
            now=self._instance.clock.now(),
            zone=self._zone,
            region=settings.region,
            mapping=unit.mapping,
            store_url=self._instance.vault.store.url,
            store_key=self._where(number),
            roots=self._roots,
        )

    def _keep_task(self, number: int) -> KeepTask:
        unit = self._units[number]
        return KeepTask(
            drop=unit.item.drop.path,
            name=unit.item.name or "",
            controller=unit.item.drop.controller,
            store_url=self._instance.vault.store.url,
            store_key=self._where(number),
            part=unit.part,
            guarded=(unit.mapping or {}).get("kind") in GUARDED,
        )

    def _where(self, number: int) -> str:
        """A place of its own for every attempt."""
        self._tries += 1
        return f"{self._intent}/{number:06d}-{self._tries:06d}"
