"""What tests of collectors build on: catalogues written row by row, and questions to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, cast

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Source
from callward.evidence.gathering import encoded, gather, source_of
from callward.instance import Instance
from callward.ledger import log

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
AFTER = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)


def at(day: date, hour: int = 1, minute: int = 0) -> datetime:
    """A moment of a day, UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def on(month: int, day: int, hour: int = 1) -> datetime:
    """A moment in 2026, UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def later(instance: Instance, moment: datetime | timedelta) -> None:
    """Put the clock forward."""
    clock = cast("Any", instance.clock)
    clock.moment = clock.moment + moment if isinstance(moment, timedelta) else moment


def evidence(instance: Instance, kind: str, period: Period = YEAR) -> dict[str, Any]:
    """The facts that a collector brings of an instance."""
    with instance.reading() as connection:
        found = gather(instance, connection, period, {kind: COLLECTORS[kind]})
    assert found.failures == {}
    return dict(found.items[kind].facts)


def files(instance: Instance, period: Period) -> dict[str, bytes]:
    """The files of all evidence of a period, byte by byte."""
    with instance.reading() as connection:
        found = gather(instance, connection, period)
        assert source_of(instance, connection, period).end < instance.clock.now()
    assert found.failures == {}
    return dict(found.files)


@dataclass(frozen=True)
class Shelf:
    """A catalogue without an instance, into which rows are written as they are wanted."""

    engine: sa.Engine
    numbers: Iterator[int]

    def add(self, table: sa.Table, **values: Any) -> str:
        """A row; its id, made up if none is given."""
        if "id" in table.c and "id" not in values and isinstance(table.c.id.type, sa.String):
            values["id"] = f"{next(self.numbers):032x}"
        with self.engine.begin() as connection:
            connection.execute(table.insert().values(**values))
        return str(values.get("id", ""))

    def leaf(
        self, event: str, subjects: dict[str, dict[str, Any]], moment: datetime, **ids: str
    ) -> None:
        """A leaf of the ledger; what happened to each of its subjects."""
        with self.engine.begin() as connection:
            log.init(connection)
            items = [log.Item(one, body) for one, body in subjects.items()]
            log.append(connection, event, items, at=moment, ids=ids)

    def made(self, moment: datetime = datetime(2025, 6, 1, tzinfo=UTC)) -> None:
        """Since when there is the instance."""
        self.add(t.instance, created_at=moment)

    def sweep(self, moment: datetime, *, ended: datetime | None = None, **values: Any) -> str:
        """A sweep, complete at once unless told otherwise."""
        known: dict[str, Any] = {
            "as_of": moment.date(),
            "plan_hash": "0" * 64,
            "approved": False,
            "state": "complete",
            "started_at": moment,
            "completed_at": ended or moment,
        }
        return self.add(t.sweeps, **{**known, **values})

    def thing(self, due: date | None, **values: Any) -> str:
        """An object, a recording that came long before it is due unless told otherwise."""
        anchor = (due or date(2026, 3, 1)) - timedelta(days=45)
        known: dict[str, Any] = {
            "controller": "acorn",
            "kind": "recording",
            "retention_class": "recordings",
            "state": "shredded" if values.get("shredded_at") else "live",
            "anchor_day": anchor,
            "due_day": due,
            "size": 1,
            "place": "row",
            "ciphertext_digest": "0" * 64,
            "created_at": at(anchor, 2),
        }
        return self.add(t.objects, **{**known, **values})

    def gone(
        self, due: date | None, moment: datetime, sweep: str | None = None, **values: Any
    ) -> str:
        """An object destroyed at ``moment``, by a sweep of that moment."""
        return self.thing(due, shredded_at=moment, sweep_id=sweep or self.sweep(moment), **values)

    def counts(self, stage: str, moment: datetime, night: str = "n", **counts: int) -> None:
        """What a stage counted; ``__`` stands for a colon, ``_`` for a hyphen."""
        told = {name.replace("__", ":").replace("_", "-"): value for name, value in counts.items()}
        self.add(
            t.stage_counts, night=night, stage=stage, controller="acorn", counts=told, at=moment
        )

    def gate(self, suite: str, outcome: str, moment: datetime, night: str = "n") -> None:
        """A verdict."""
        self.add(
            t.gate_results,
            night=night,
            suite=suite,
            outcome=outcome,
            rows=10,
            failed_rows=1,
            body={"checks": []},
            at=moment,
        )

    def instruct(self, controller: str = "acorn", version: int = 1, **values: Any) -> None:
        """A version; ``recordings``, ``enabled`` and ``card_data`` are what its body says."""
        retention = {
            name: values.get("recordings", "45 days") if name == "recordings" else "3 years"
            for name in ("recordings", "voicemail", "messages", "interactions")
        }
        body = {
            "retention": {**retention, "agent-accounts": "none"},
            "transcription": {"enabled": values.get("enabled", True)},
            "card_data": values.get("card_data", "scan"),
        }
        since = values.get("effective_from", date(2020, 1, 1))
        self.add(
            t.instructions,
            controller=controller,
            version=version,
            digest=values.get("digest", f"{version:064x}"),
            effective_from=since,
            approved_by="Head of Data Protection",
            reference="REF/1",
            body=body,
            loaded_at=values.get("loaded_at", datetime(2025, 6, 1, tzinfo=UTC)),
        )

    def hold(self, placed: datetime, lifted: datetime | None = None, **values: Any) -> str:
        """A hold on a whole controller unless told otherwise."""
        known: dict[str, Any] = {
            "basis": "hold",
            "controller": "acorn",
            "scope": "controller",
            "target": None,
            "reason_id": "0" * 32,
            "review_day": date(2027, 3, 1),
            "placed_at": placed,
            "lifted_at": lifted,
        }
        return self.add(t.holds, **{**known, **values})

    def source(
        self, connection: sa.Connection, period: Period = YEAR, now: datetime = AFTER
    ) -> Source:
        """The period in every form; none of these collectors asks the instance."""
        watched = _Watched(_Clock(now))
        return source_of(cast("Instance", watched), connection, period)

    def facts(self, kind: str, period: Period = YEAR, now: datetime = AFTER) -> dict[str, Any]:
        """What a collector finds."""
        return dict(self.collected(kind, period, now)[0])

    def collected(
        self, kind: str, period: Period = YEAR, now: datetime = AFTER
    ) -> tuple[dict[str, Any], bytes, datetime | None]:
        """Facts, all of it as bytes, and the newest moment."""
        with self.engine.connect() as connection:
            found = COLLECTORS[kind](self.source(connection, period, now))
        return dict(found.facts), encoded({"f": found.facts, "d": found.details}), found.newest


@dataclass(frozen=True)
class _Clock:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


@dataclass(frozen=True)
class _Watched:
    clock: _Clock


def shelf_of(engine: sa.Engine) -> Shelf:
    """An empty one."""
    return Shelf(engine, count(1))
