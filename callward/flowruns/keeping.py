"""Keeping runs: the reduced record, its digest, and one leaf for every batch with news."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.bulk import insert_many
from callward.errors import DefectError
from callward.flowruns.model import (
    NIGHT_TAG,
    RECORDED,
    Known,
    Record,
    Told,
    digest_of,
    moment_of,
    night_of,
    text_of,
)
from callward.flowruns.reduce import reduced
from callward.ledger import log
from callward.ledger.leaves import parse_item

AT_ONCE: Final = 500
"""Ids to a statement; SQLite takes some thousands."""

_RUN = t.flow_runs.c


@dataclass(slots=True)
class Kept:
    """What became of the runs that were told."""

    new: int = 0
    changed: int = 0
    same: int = 0
    tampered: set[str] = field(default_factory=set)
    """Runs whose record was not what the ledger says, and is again."""

    def add(self, other: "Kept") -> None:
        """Take in another batch."""
        self.new += other.new
        self.changed += other.changed
        self.same += other.same
        self.tampered |= other.tampered


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the ledger says what a run's digest is: item ``position`` of leaf ``leaf``."""

    leaf: int
    position: int
    digest: str


def keep(connection: sa.Connection, told: Iterable[Told], at: datetime) -> Kept:
    """Store what is new or has changed, and enter it; whatever was told has been seen ``at``."""
    runs = {one.id: one for one in told}
    known = _known(connection, runs.values())
    records = {one.id: reduced(one, known) for one in runs.values()}
    there = rows_of(connection, list(records))
    entries = entries_of(connection, list(there))
    found = Kept()
    news, changes = [], []
    for run_id, record in records.items():
        row = there.get(run_id)
        if row is None:
            news.append(_row(record, at))
            continue
        whole = is_sound(row, entries.get(run_id))
        if whole:
            # What it is a part of may have been deleted, and is not unsaid by that.
            record["parent"] = record["parent"] or text_of(row.body, "parent")
        else:
            found.tampered.add(run_id)
        if not whole or row.digest != digest_of(record):
            changes.append(_row(record, at))
    found.new, found.changed = len(news), len(changes)
    found.same = len(records) - found.new - found.changed
    insert_many(connection, t.flow_runs, news)
    _change(connection, changes)
    _see(connection, list(there), at)
    _enter(connection, [*news, *changes], found, at)
    return found


def rows_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Any]:
    """Our rows of these runs."""
    return {
        row.id: row
        for part in _parts(ids)
        for row in connection.execute(sa.select(t.flow_runs).where(_RUN.id.in_(part)))
    }


def entries_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """What the ledger said last of each of these runs."""
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    query = (
        sa.select(item.leaf, item.position, item.subject, item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == RECORDED)
        .order_by(item.leaf)
    )
    return {
        row.subject: Entry(row.leaf, row.position, str(parse_item(row.body).body.get("sha256")))
        for part in _parts(ids)
        for row in connection.execute(query.where(item.subject.in_(part)))
    }


def is_sound(row: Any, entry: Entry | None) -> bool:
    """Whether a row is what the ledger last said of it, in every column that repeats it."""
    try:
        again = _row(row.body, row.changed_at)
    except (KeyError, TypeError, ValueError, AttributeError, DefectError):
        return False
    whole = all(getattr(row, name) == again[name] for name in again if name not in _OF_READING)
    return whole and entry is not None and entry.digest == again["digest"]


_OF_READING: Final = frozenset({"body", "seen_at", "changed_at", "missing_since"})


def miss(connection: sa.Connection, ids: Collection[str], at: datetime) -> int:
    """Say since when the orchestrator has these no more; of how many that was not said yet."""
    there = _RUN.missing_since.is_(None)
    return sum(
        connection.execute(
            t.flow_runs.update().where(_RUN.id.in_(part), there).values(missing_since=at)
        ).rowcount
        for part in _parts(list(ids))
    )


def _row(record: Record, at: datetime) -> dict[str, Any]:
    return {
        "id": record["id"],
        "flow": record["flow"],
        "night": night_of(record),
        "parent": record["parent"],
        "state_type": record["state_type"],
        "begun": moment_of(record, "started", "expected"),
        "body": record,
        "digest": digest_of(record),
        "seen_at": at,
        "changed_at": at,
        "missing_since": None,
    }


def _change(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {
            name: sa.bindparam(f"new_{name}") for name in rows[0] if name != "id"
        }
        change = t.flow_runs.update().where(_RUN.id == sa.bindparam("new_id")).values(values)
        told = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        connection.execute(change, told)


def _see(connection: sa.Connection, ids: Sequence[str], at: datetime) -> None:
    for part in _parts(ids):
        seen = t.flow_runs.update().where(_RUN.id.in_(part))
        connection.execute(seen.values(seen_at=at, missing_since=None))


def _enter(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], found: Kept, at: datetime
) -> None:
    """One leaf; that a record was not what an earlier one said is not forgotten by mending it."""
    if not rows:
        return
    items = [
        log.Item(
            row["id"],
            {"sha256": row["digest"], "state": row["state_type"]}
            | ({"mended": True} if row["id"] in found.tampered else {}),
        )
        for row in sorted(rows, key=lambda row: str(row["id"]))
    ]
    counts = {"new": found.new, "changed": found.changed, "mended": len(found.tampered)}
    log.append(connection, RECORDED, items, at=at, counts=counts)


def _known(connection: sa.Connection, runs: Collection[Told]) -> Known:
    """What the catalogue knows of the names that these runs carry."""
    told = {str(run.parameters.get("night")) for run in runs}
    told |= {str(tag).removeprefix(NIGHT_TAG) for run in runs for tag in run.tags}
    return Known(
        controllers=frozenset(connection.scalars(sa.select(t.controllers.c.id))),
        nights=known_nights(connection, told),
    )


def known_nights(connection: sa.Connection, told: Collection[str]) -> frozenset[str]:
    """Those of these nights that left something in the catalogue."""
    columns = (t.stage_counts.c.night, t.gate_results.c.night)
    return frozenset(
        night
        for part in _parts(sorted(told))
        for column in columns
        for night in connection.scalars(sa.select(column).where(column.in_(part)).distinct())
    )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
