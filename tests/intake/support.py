"""What the tests of ingest build on: quick workers, and a look at all that an ingest leaves."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.gates import Gates
from callward.instance import Instance
from callward.intake.seal import SealTask
from callward.intake.survey import SurveyTask
from callward.intake.take import KeepTask, TakeTask
from callward.run import StageReport
from callward.workers import WorkerFailure, Workers
from tests.support import Call, deliver, run_stage

T = TypeVar("T")
R = TypeVar("R")
_MEDIA = ("recordings", "voicemail")
Fault = Literal["crashed", "timeout", "error"]


class InlineWorkers(Workers):
    """Does the work here and now.

    ``faults`` says what becomes of the tasks for a file, one fault a try; the tries
    after them are done. ``before`` and ``after`` are called around every task done.
    """

    def __init__(self) -> None:
        super().__init__(1)
        self.faults: dict[str, list[Fault]] = {}
        self.before: Callable[[SealTask], None] = lambda _task: None
        self.after: Callable[[SealTask], None] = lambda _task: None

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End nothing."""

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, seconds_each: float
    ) -> Iterator[tuple[int, R | WorkerFailure]]:
        """Apply ``function`` to every item, or fail as told."""
        for number, task in enumerate(items):
            assert isinstance(task, SealTask | SurveyTask | TakeTask | KeepTask)
            left = self.faults.get(task.name, []) if not isinstance(task, SurveyTask) else []
            if left:
                yield number, WorkerFailure(left.pop(0))
                continue
            if isinstance(task, SealTask):
                self.before(task)
            result = function(task)
            if isinstance(task, SealTask):
                self.after(task)
            yield number, result


@dataclass(frozen=True, slots=True)
class Quick(Instance):
    """An instance whose workers start no processes."""

    pool: InlineWorkers = field(default_factory=InlineWorkers)

    def workers(self, extra: int = 0) -> Workers:
        """The pool that works inline."""
        return self.pool


def quick(instance: Instance) -> Quick:
    """The same instance with inline workers."""
    return Quick(
        instance.settings, instance.clock, instance.engine, instance.vault, instance.signer
    )


def totals(report: StageReport, *names: str) -> tuple[int, ...]:
    """Counts over all controllers; by default files, ingested, duplicate, quarantined."""
    return tuple(
        report.total(name) for name in names or ("files", "ingested", "duplicate", "quarantined")
    )


@dataclass(frozen=True)
class Held:
    """One item in quarantine with its content, opened."""

    id: str
    reason: str
    media: bytes | None
    row: Mapping[str, str] | None
    name: str | None
    kind: str | None
    media_id: str | None
    row_id: str


@dataclass(frozen=True)
class Desk:
    """One controller's side of an instance that other tests use too."""

    instance: Quick
    controller: str

    @property
    def pool(self) -> InlineWorkers:
        """The workers."""
        return self.instance.pool

    @property
    def landing(self) -> Path:
        """The controller's folder."""
        return self.instance.settings.landing / self.controller

    def sized(self, batch_size: int, **settings: Any) -> "Desk":
        """The same with smaller batches, or other settings."""
        changed = self.instance.settings.model_copy(update={"batch_size": batch_size, **settings})
        return replace(self, instance=replace(self.instance, settings=changed))

    def deliver(self, calls: Sequence[Call], drop: str = "drop-1") -> Path:
        """Put a drop into the landing zone."""
        return deliver(self.instance, calls, controller=self.controller, drop=drop)

    def take_in(self, gates: Gates | None = None, **run: Any) -> StageReport:
        """Run ingest for the controller; its counts must add up, whatever happened."""
        report = run_stage(self.instance, "ingest", gates, controller=self.controller, **run)
        assert_adds_up(report)
        return report

    def forget(self) -> None:
        """Take the instruction's file away; loading it again in every run takes time."""
        path = self.instance.settings.instructions / f"{self.controller}.yaml"
        path.unlink(missing_ok=True)

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """The controller's rows of a table."""
        columns = table.c
        query = sa.select(table)
        if "controller" in columns:
            query = query.where(columns.controller == self.controller)
        elif "interaction_id" in columns:
            query = query.where(columns.interaction_id.in_(self._ids(t.interactions)))
        elif "drop_id" in columns:
            query = query.where(columns.drop_id.in_(self._ids(t.drops)))
        elif "object_id" in columns:
            query = query.where(columns.object_id.in_(self._ids(t.objects)))
        with self.instance.unit() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def open(self, object_id: str) -> bytes:
        """An object's plaintext."""
        with self.instance.unit() as connection:
            return b"".join(self.instance.vault.open(connection, object_id))

    def document(self, object_id: str) -> dict[str, Any]:
        """What was sealed of a manifest row."""
        found: dict[str, Any] = json.loads(self.open(object_id))
        return found

    def recordings(self) -> list[bytes]:
        """The contents of all live recordings and voicemails."""
        return sorted(
            self.open(one["id"])
            for one in self.rows(t.objects)
            if one["state"] == "live" and one["retention_class"] in _MEDIA
        )

    def quarantined(self, state: str = "held") -> list[Held]:
        """What is in quarantine, by reason; everything in it must open."""
        kinds = {one["id"]: one["kind"] for one in self.rows(t.objects)}
        found = []
        for one in self.rows(t.quarantine):
            if one["state"] != state:
                continue
            sealed = self.document(one["row_id"])
            media = one["media_id"]
            held = Held(
                id=one["id"],
                reason=one["reason"],
                media=self.open(media) if media else None,
                row=sealed["row"],
                name=sealed["name"],
                kind=kinds.get(media),
                media_id=media,
                row_id=one["row_id"],
            )
            found.append(held)
        return sorted(found, key=lambda each: (each.reason, each.id))

    def refused(self) -> list[tuple[str, bytes | None]]:
        """Reasons and contents of what is in quarantine."""
        return [(one.reason, one.media) for one in self.quarantined()]

    def stored(self) -> set[str]:
        """Every path in the object store, whoever's."""
        return set(self.instance.vault.store.list())

    def snapshot(self) -> dict[str, list[str]]:
        """Every row that is the controller's or tells of it, to show that nothing changed."""
        tables = (
            t.interactions,
            t.people,
            t.objects,
            t.object_keys,
            t.payloads,
            t.quarantine,
            t.drops,
            t.drop_items,
            t.stage_counts,
        )
        return {table.name: sorted(map(repr, self.rows(table))) for table in tables}

    def check(self) -> None:
        """All that is catalogued opens and is in the ledger; nothing lies about beside it."""
        objects = self.rows(t.objects)
        kept = [one for one in objects if one["state"] in {"live", "quarantined"}]
        for one in kept:
            assert len(self.open(one["id"])) == one["size"]
            assert (one["place"] == "store") == (one["store_key"] is not None)
        assert {one["object_id"] for one in self.rows(t.object_keys)} == {one["id"] for one in kept}
        in_rows = {one["id"] for one in kept if one["place"] == "row"}
        assert {one["object_id"] for one in self.rows(t.payloads)} == in_rows
        with self.instance.unit() as connection:
            query = sa.select(t.objects.c.store_key).where(
                t.objects.c.store_key.is_not(None), t.objects.c.state != "shredded"
            )
            assert self.stored() == set(connection.scalars(query))
            assert connection.execute(sa.select(t.intents)).all() == []
        self._check_interactions(objects)
        self._check_ledger(objects)

    def _ids(self, table: sa.Table) -> sa.Select[tuple[str]]:
        return sa.select(table.c.id).where(table.c.controller == self.controller)

    def _check_interactions(self, objects: list[dict[str, Any]]) -> None:
        live = [one for one in objects if one["state"] == "live" and one["interaction_id"]]
        found = Counter((one["interaction_id"], one["retention_class"]) for one in live)
        for interaction in self.rows(t.interactions):
            assert sum(found.pop((interaction["id"], one), 0) for one in _MEDIA) == 1
            assert found.pop((interaction["id"], "interactions")) == 1
        assert not found

    def _check_ledger(self, objects: list[dict[str, Any]]) -> None:
        events: dict[str, set[str]] = defaultdict(set)
        with self.instance.unit() as connection:
            query = sa.select(t.ledger_leaves.c.event, t.ledger_items.c.subject).join(
                t.ledger_items, t.ledger_items.c.leaf == t.ledger_leaves.c.position
            )
            for row in connection.execute(query):
                events[row.event].add(row.subject)
        live = {one["id"] for one in objects if one["state"] == "live" and one["interaction_id"]}
        assert live <= events["ingested"] | events["quarantine-released"]
        assert {one["id"] for one in self.rows(t.quarantine)} <= events["quarantined"]
        complete = {one["id"] for one in self.rows(t.drops) if one["state"] == "complete"}
        assert complete <= events["drops-completed"]

    def picture(self) -> dict[str, Any]:
        """What is known, without the ids and keys that differ from controller to controller."""
        drops = self.rows(t.drops)
        return {
            "objects": sorted(
                (
                    one["kind"],
                    one["state"],
                    str(one["anchor_day"]),
                    str(one["due_day"]),
                    "" if one["state"] == "shredded" else self._told(one),
                )
                for one in self.rows(t.objects)
            ),
            "interactions": sorted(
                (one["kind"], one["direction"], str(one["started_at"]), str(one["ended_at"]))
                for one in self.rows(t.interactions)
            ),
            "people": Counter(one["role"] for one in self.rows(t.people)),
            "quarantine": Counter((one["reason"], one["state"]) for one in self.rows(t.quarantine)),
            "drops": sorted((one["state"], one["files"]) for one in drops),
            "items": Counter((one["outcome"], one["reason"]) for one in self.rows(t.drop_items)),
            "counts": sum((Counter(one["counts"]) for one in self.rows(t.stage_counts)), Counter()),
        }

    def _told(self, row: Mapping[str, Any]) -> str:
        """What an object holds; of a manifest row not in which of two equal drops it came."""
        if row["kind"] in {"details", "manifest-row"}:
            told = self.document(row["id"])
            return repr((told["name"], told["row"]))
        return hashlib.sha256(self.open(row["id"])).hexdigest()


def assert_adds_up(report: StageReport) -> None:
    """Files are ingested, duplicate or quarantined, and the quarantined have their reasons."""
    for counts in report.counts.values():
        assert counts["files"] == counts["ingested"] + counts["duplicate"] + counts["quarantined"]
        reasons = sum(n for name, n in counts.items() if name.startswith("quarantined:"))
        assert counts["quarantined"] == reasons


def lying(folder: Path) -> list[str]:
    """Everything below a folder, links not followed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
