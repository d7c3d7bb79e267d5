"""Leaving nothing behind: sources that are recorded are removed, drops that are done closed."""

import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import CallwardError
from callward.instance import Instance
from callward.intake.files import (
    Seen,
    list_drop,
    read_manifest_file,
    remove_drop,
    remove_inside,
)
from callward.intake.plan import Drop, Item, manifest_digest
from callward.intake.reasons import Refusal
from callward.ledger import log
from callward.run import StageReport

PART = "part"
"""Outcome of a file of which some records are in, and not all."""


def remove_source(item: Item, seen: Seen | None) -> None:
    """Unlink an item's source: the file ``seen``, or a link or pipe, which holds nothing."""
    if item.name is None or item.name == item.drop.marker:  # that goes last, when all is done
        return
    seen = seen or _no_file(item.drop.path, item.name)
    if seen is not None:
        with suppress(Refusal):  # it changed, or its name leads out of the drop
            remove_inside(item.drop.path, item.name, seen=seen)


def write_drops(connection: sa.Connection, drops: Sequence[Drop], at: datetime) -> None:
    """Enter deliveries that are under way, and how many files each has."""
    ids = {drop.id: drop for drop in drops}
    row = t.drops.c
    query = sa.select(row.id, row.files).where(row.id.in_(ids))
    known = {one.id: one.files for one in connection.execute(query)}
    new = [
        {
            "id": drop.id,
            "controller": drop.controller,
            "base": drop.base,
            "state": "open",
            "files": drop.files,
            "seen_at": at,
        }
        for drop in ids.values()
        if drop.id not in known
    ]
    if new:
        connection.execute(t.drops.insert(), new)
    for drop in ids.values():
        if known.get(drop.id, drop.files) != drop.files:
            connection.execute(t.drops.update().where(row.id == drop.id).values(files=drop.files))


def finish(instance: Instance, drops: Sequence[Drop], report: StageReport) -> None:
    """Complete the drops of which everything is recorded and nothing is left."""
    done = []
    for drop in drops:
        try:
            clear = _recorded(instance, drop) and _clear(drop)
        except CallwardError as error:  # of the place where it arrived
            report.failures.append(f"drop {drop.id} is not finished: {error}")
            continue
        if clear:
            done.append(drop.id)
            if drop.cut:
                report.failures.append(
                    f"drop {drop.id} is finished, but {drop.cut} files in it were changed or "
                    "taken away when only a part of them was in"
                )
        else:
            report.failures.append(f"drop {drop.id} is not finished: files in it are unaccounted")
    with instance.unit() as connection:
        complete_drops(connection, instance, done)


def complete_drops(connection: sa.Connection, instance: Instance, ids: Sequence[str]) -> None:
    """Mark drops complete and say so in the ledger, unless somebody has done so before."""
    if not ids:
        return
    now, row = instance.clock.now(), t.drops.c
    closing = t.drops.update().where(row.id.in_(ids), row.state == "open")
    closed = set(
        connection.scalars(closing.values(state="complete", completed_at=now).returning(row.id))
    )
    if closed:
        items = [log.Item(drop, {}) for drop in ids if drop in closed]
        log.append(connection, "drops-completed", items, at=now)


def _no_file(drop: Path, name: str) -> Seen | None:
    """What lies under a name, unless it is a regular file or nothing."""
    try:
        facts = (drop / name).lstat()
    except (OSError, ValueError):
        return None
    return None if stat.S_ISREG(facts.st_mode) else Seen.from_stat(facts)


def _clear(drop: Drop) -> bool:
    """Remove a drop in which only the marker that was read is left; False if it is not so."""
    try:
        data = read_manifest_file(drop.path / drop.marker)
        seen = _no_file(drop.path, drop.marker) if data is None else None
        as_read = manifest_digest(data) == drop.manifest and (data is not None or seen is not None)
        if not as_read or not set(list_drop(drop.path)) <= {drop.marker}:
            return False
        remove_inside(drop.path, drop.marker, seen=seen)
    except Refusal:
        return False
    with suppress(OSError, Refusal):  # an empty folder may stay
        remove_drop(drop.path)
    return drop.arrival is None or drop.arrival.brought.clear()


def _recorded(instance: Instance, drop: Drop) -> bool:
    row = t.drop_items.c
    with instance.reading() as connection:
        known = connection.scalar(
            sa.select(sa.func.count()).where(row.drop_id == drop.id, row.outcome != PART)
        )
    return known == drop.files
