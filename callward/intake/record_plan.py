"""Planning the intake of records: the files of a drop that is no manifest's, cut into batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.instructions.model import Instruction
from callward.instructions.registry import VersionedInstruction
from callward.intake.arrival import Arrival
from callward.intake.faults import fault_of
from callward.intake.files import list_drop, read_manifest_file
from callward.intake.leaving import PART
from callward.intake.marker import MARKER, Marker, read_marker
from callward.intake.plan import Drop, DropError, Item, delivery, manifest_digest
from callward.intake.readers.base import Slice
from callward.intake.reasons import Reason, Refusal
from callward.intake.survey import Surveyed, SurveyTask, survey_file
from callward.vault.blind import Blinder
from callward.workers import WorkerFailure, Workers

BATCH_BYTES: Final = 64 * 1024 * 1024
"""Of suppliers' files, in one batch, beyond its first slice."""
_OF_MARKER, _OF_FILE = "marker", "file"


@dataclass(frozen=True, slots=True)
class Unit:
    """A slice of a file, or a file that is refused as a whole (``part`` None).

    ``ends``: with this slice the file is in. ``mapping`` is the instruction's, if named.
    """

    item: Item
    surveyed: Surveyed
    part: Slice | None = None
    ends: bool = True
    mapping: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def bytes(self) -> int:
        """Size of the slice."""
        return self.part.end - self.part.start if self.part else 0

    @property
    def records(self) -> int:
        """About how many records it holds."""
        return self.part.records if self.part else 1


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Slices of one controller's files; ``finishing`` drops end with it."""

    controller: str
    instruction: VersionedInstruction | None
    units: tuple[Unit, ...]
    finishing: tuple[Drop, ...]


def plan_record_drop(
    instance: Instance,
    arrival: Arrival,
    controller: str,
    version: VersionedInstruction | None,
    workers: Workers,
) -> tuple[Drop, list[Unit]]:
    """What is in one drop, file by file; what an earlier run has taken in is left out.

    DropError if it cannot be listed.
    """
    path = arrival.path
    data = read_manifest_file(path / MARKER)
    digest, now = manifest_digest(data), instance.clock.now()
    with instance.unit() as connection:
        blinder = instance.vault.blinder(connection, controller, now)
        base = blinder.digest("drop", path.parent.name, path.name, digest)
        drop_id = delivery(connection, base, blinder)
        done = _recorded(connection, drop_id)
    drop = Drop(path, controller, base, drop_id, 0, digest, MARKER, arrival)
    try:
        names = sorted({*list_drop(path), *arrival.odd})
    except Refusal as refusal:
        raise DropError(f"drop {drop_id} cannot be listed: {refusal.reason}") from None
    marker, mapping, reason = _said(data, version)
    reason = arrival.brought.reason or reason
    units = [
        unit
        for surveyed, item in _survey(instance, workers, drop, names, marker, blinder, done)
        for unit in _units(item, surveyed, reason, mapping, done.get(item.key))
    ]
    if reason is Reason.DROP_UNREADABLE:
        key = blinder.digest("item", drop_id, _OF_MARKER, MARKER)
        item = Item(drop, key, MARKER, reason=reason, outcome=_outcome(done.get(key)))
        units.append(Unit(item, Surveyed(reason)))
    here = {unit.item.key for unit in units}
    # Of a file that was read in part, and is not there any more, nothing will follow.
    cut = {key for key, row in done.items() if row.outcome == PART} - here
    drop = replace(drop, files=len((done.keys() | here) - cut), cut=len(cut))
    return drop, [replace(unit, item=replace(unit.item, drop=drop)) for unit in units]


def _said(
    data: bytes | None, version: VersionedInstruction | None
) -> tuple[Marker, Mapping[str, Any] | None, Reason | None]:
    """What the drop says, the mapping it names, and why all of it is refused."""
    if version is None:
        return Marker(), None, Reason.UNKNOWN_CONTROLLER
    try:
        marker = read_marker(data)
    except Refusal as refusal:
        return Marker(), None, refusal.reason
    if marker.mapping is None:
        return marker, None, None
    mapping = _mappings(version.instruction).get(marker.mapping)
    return marker, mapping, Reason.MAPPING_MISSING if mapping is None else None


def _mappings(instruction: Instruction) -> Mapping[str, Any]:
    return {name: one.model_dump() for name, one in instruction.mappings.items()}


def _survey(
    instance: Instance,
    workers: Workers,
    drop: Drop,
    names: Sequence[str],
    marker: Marker,
    blinder: Blinder,
    done: Mapping[str, sa.Row[Any]],
) -> Iterator[tuple[Surveyed, Item]]:
    """Look at every file; its item is keyed by name, and by content where that has changed."""
    files = [name for name in names if name != MARKER]
    limit = instance.settings.max_file_bytes
    tasks = [SurveyTask(drop.path, name, marker.source, limit) for name in files]
    seconds = instance.settings.seconds_per_file
    found = dict(workers.map(survey_file, tasks, seconds_each=seconds))
    for number, name in enumerate(files):
        result = found[number]
        if isinstance(result, WorkerFailure):
            result = Surveyed(fault_of(result) or Reason.DECODER_CRASHED)
        odd = drop.arrival.odd.get(name) if drop.arrival else None
        if odd is not None:
            result = replace(result, reason=odd.reason, slices=())
        key = blinder.digest("item", drop.id, _OF_FILE, name)
        content = blinder.content(result.sha256) if result.sha256 else None
        if key in done and content is not None and content != done[key].content_digest:
            # It came, or was changed, since: what lies there now is not recorded.
            key = blinder.digest("item", drop.id, _OF_FILE, name, content)
        yield result, Item(drop, key, name, outcome=_outcome(done.get(key)), seen=result.seen)


def _outcome(row: sa.Row[Any] | None) -> str | None:
    return None if row is None or row.outcome == PART else str(row.outcome)


def _units(
    item: Item,
    surveyed: Surveyed,
    reason: Reason | None,
    mapping: Mapping[str, Any] | None,
    row: sa.Row[Any] | None,
) -> Iterator[Unit]:
    """The slices of a file that are not in yet; the file itself if it is refused or done."""
    reason = reason or surveyed.reason
    if item.outcome is not None or reason is not None:
        yield Unit(replace(item, reason=reason), surveyed, mapping=mapping)
        return
    reached = row.reached if row is not None and row.reached is not None else -1
    left = [one for one in surveyed.slices if one.start >= reached]
    for number, one in enumerate(left, start=1):
        yield Unit(item, surveyed, one, number == len(left), mapping)
    if not left:
        yield Unit(item, surveyed)


def _recorded(connection: sa.Connection, drop_id: str) -> dict[str, sa.Row[Any]]:
    query = sa.select(t.drop_items).where(t.drop_items.c.drop_id == drop_id)
    return {row.item: row for row in connection.execute(query)}


class PendingRecords:
    """Gathers slices of one controller into batches."""

    def __init__(self, controller: str, version: VersionedInstruction | None, records: int) -> None:
        self._controller, self._version, self._most = controller, version, records
        self._units: list[Unit] = []
        self._drops: list[Drop] = []
        self._records = self._bytes = 0

    def add(self, drop: Drop, units: Sequence[Unit]) -> Iterator[RecordBatch]:
        """Take one drop's slices; yield what is full."""
        for unit in units:
            full = (
                self._records + unit.records > self._most or self._bytes + unit.bytes > BATCH_BYTES
            )
            if self._units and full:
                yield from self.flush()
            self._units.append(unit)
            self._records += unit.records
            self._bytes += unit.bytes
        self._drops.append(drop)

    def flush(self) -> Iterator[RecordBatch]:
        """Yield what is left."""
        if self._units or self._drops:
            yield RecordBatch(
                self._controller, self._version, tuple(self._units), tuple(self._drops)
            )
        self._units, self._drops = [], []
        self._records = self._bytes = 0
