"""Leading a loaded backup on to today: the ledger since, every erasure since, today's wraps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.backup import decided, forget, roots
from callward.backup.archive import Backup
from callward.backup.leaves import Told, enter
from callward.catalogue import tables as t
from callward.errors import IntegrityError, KeyMissingError
from callward.ledger import keybook, log, notes
from callward.vault import journal
from callward.vault.journal import Journal
from callward.vault.vault import Vault

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Today:
    """What there is today to lead a backup on to.

    ``keys``: verifier keys that are trusted, the one in force first; the ledger's own
    changes of key lead from them to others. ``abandon``: see ``roots.settle_generations``.
    """

    vault: Vault
    keys: Sequence[str]
    at: datetime
    abandon: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was led on. ``counts`` are of objects, but for those named otherwise."""

    journals: tuple[int, ...]
    counts: Mapping[str, int]


def chain(folder: Path, backup: Backup) -> list[Journal]:
    """The journals that know more than the backup, oldest first, each as somebody signed it.

    ``replay`` asks whether that was one who might. IntegrityError or KeyMissingError
    names one that is not whole.
    """
    found = [journal.read(folder, one) for one in journal.generations(folder)]
    for one in found:
        journal.check(one)
    return [one for one in found if one.head["ledger_size"] > backup.ledger_size]


def replay(
    connection: sa.Connection, journals: Sequence[Journal], backup: Backup, today: Today
) -> Replayed:
    """Apply journals to a catalogue just loaded from ``backup``, in the caller's transaction.

    KeyMissingError names a generation whose journal, or whose root, is missing;
    IntegrityError if what a journal says is not what was signed.
    """
    told = Told()
    moved = 0
    fresh = _turned_in(connection)
    for one in journals:
        enter(connection, one, told)
        _check_head(connection, one, [*today.keys, backup.signed_by])
        moved += _move(connection, one)
        fresh |= {row["page"]: one.generation for row in one.lines("moved")}
        _check_erased(one, told)
    _check_complete(journals, told)
    destroyed = forget.forget(connection, told.gone)
    for quarantine_id, at in told.rejected.items():
        forget.reject(connection, quarantine_id, at)
    decided.enter_sweeps(connection, told)
    decided.enter_generations(connection, told)
    # Before the wraps: a journal missing at the end is found here, and by its name.
    roots.settle_generations(connection, today.vault, today.abandon, today.at)
    placed = decided.enter_holds(connection, told)
    early = decided.enter_erasures(connection, told)
    closed = decided.close_unknown(connection, told)
    if journals:
        _bring_wraps(connection, journals[-1], fresh)
    pages = roots.open_pages(connection, today.vault)
    keybook.rebuild(connection, today.keys[0], today.at)
    _check_signers(connection, journals, backup, today.keys[0])
    _check_pages(connection)
    counts = {
        "ledger_leaves": told.leaves,
        "destroyed_again": destroyed,
        "moved": moved,
        "pages": pages,
        "holds_placed_again": placed,
        "erasures_instructed": early,
        "sweeps_not_certified": closed,
        "not_restored": _not_there(connection, told),
    }
    return Replayed(tuple(one.generation for one in journals), counts)


def _check_head(connection: sa.Connection, one: Journal, keys: Sequence[str]) -> None:
    """The ledger led on must be the one whose checkpoint the journal holds."""
    trusted = set(keys)
    for old, new, _ in keybook.rotations(connection):
        if old in trusted:
            trusted.add(new)
    if one.head["signed_by"] not in trusted:
        raise IntegrityError(
            f"the journal of generation {one.generation} is not signed by a key that is known"
        )
    signed = notes.verify_checkpoint(str(one.head["checkpoint"]), sorted(trusted))
    head = log.head(connection)
    if (head.size, head.root) != (signed.size, signed.root):
        raise IntegrityError(
            f"the journal of generation {one.generation} does not lead to its checkpoint"
        )


def _check_signers(
    connection: sa.Connection, journals: Sequence[Journal], backup: Backup, current: str
) -> None:
    """Whoever signed had the key that was in force then: one retired may not sign what is later."""
    history = keybook.history(connection, [current])
    history.require(backup.signed_by, backup.ledger_size)
    for one in journals:
        history.require(str(one.head["signed_by"]), int(one.head["ledger_size"]))
        history.verify_checkpoint(str(one.head["checkpoint"]))


def _check_erased(one: Journal, told: Told) -> None:
    """A journal may list as destroyed only what the ledger says was: nothing else is touched."""
    for line in one.lines("erased"):
        if line["object"] not in told.gone:
            raise IntegrityError(
                f"the journal of generation {one.generation} lists an object as destroyed "
                "of which the ledger says nothing"
            )


def _check_complete(journals: Sequence[Journal], told: Told) -> None:
    """Every turn that the ledger tells of must have its journal."""
    have = {one.generation for one in journals}
    missing = sorted(after for _, after, _ in told.turned if after not in have)
    if missing:
        raise KeyMissingError(f"the journal of generation {missing[0]} is missing")


def _move(connection: sa.Connection, one: Journal) -> int:
    """Give survivors the wraps that the turn gave them; how many the catalogue knows."""
    keys = t.object_keys.c
    statement = (
        t.object_keys.update()
        .where(keys.object_id == sa.bindparam("of"))
        .values(page_id=sa.bindparam("to"), wrapped_key=sa.bindparam("wrap"))
    )
    count = 0
    for part in _parts(one.lines("moved")):
        known = set(
            connection.scalars(
                sa.select(keys.object_id).where(keys.object_id.in_([row["object"] for row in part]))
            )
        )
        changes = [
            {"of": row["object"], "to": row["page"], "wrap": bytes.fromhex(row["wrapped_key"])}
            for row in part
            if row["object"] in known
        ]
        if changes:
            connection.execute(statement, changes)
        count += len(changes)
    return count


def _turned_in(connection: sa.Connection) -> dict[str, int]:
    """Which turn made a page, for the pages that a turn made."""
    pages = t.pages.c
    query = sa.select(pages.id, pages.turned_in).where(pages.turned_in.is_not(None))
    return {row.id: row.turned_in for row in connection.execute(query)}


def _bring_wraps(connection: sa.Connection, newest: Journal, fresh: Mapping[str, int]) -> None:
    """Replace the page keys' and controllers' wraps by those of the newest journal."""
    connection.execute(t.pages.delete())
    for part in _parts(newest.lines("pages")):
        rows = [_page(row, newest.generation, fresh) for row in part]
        connection.execute(t.pages.insert(), rows)
    used = sa.exists().where(t.object_keys.c.page_id == t.pages.c.id)
    connection.execute(t.pages.delete().where(~used))
    for part in _parts(newest.lines("controllers")):
        _bring_controllers(connection, part, newest)


def _page(row: Mapping[str, Any], generation: int, fresh: Mapping[str, int]) -> dict[str, Any]:
    due = row["due_day"]
    return {
        "id": row["id"],
        "controller": row["controller"],
        "retention_class": row["retention_class"],
        "due_day": date.fromisoformat(due) if due else None,
        "generation": generation,
        "wrapped_key": bytes.fromhex(row["wrapped_key"]),
        "filled": row["filled"],
        "turned_in": fresh.get(row["id"]),
    }


def _bring_controllers(
    connection: sa.Connection, part: Sequence[Mapping[str, Any]], newest: Journal
) -> None:
    for row in part:
        wrap = {
            "wrapped_key": bytes.fromhex(row["wrapped_key"]),
            "generation": newest.generation,
        }
        mine = t.controllers.c.id == row["id"]
        if not connection.execute(t.controllers.update().where(mine).values(wrap)).rowcount:
            created = datetime.fromisoformat(str(newest.head["created_at"]))
            connection.execute(
                t.controllers.insert().values(id=row["id"], created_at=created, **wrap)
            )


def _not_there(connection: sa.Connection, told: Told) -> int:
    """Objects that came in after the backup, were not destroyed since, and are lost."""
    wanted = sorted(told.filed - told.gone.keys())
    there = 0
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        query = sa.select(sa.func.count()).where(t.objects.c.id.in_(part))
        there += int(connection.scalar(query) or 0)
    return len(wanted) - there


def _check_pages(connection: sa.Connection) -> None:
    """Every object key has its page; KeyMissingError names an object that has none."""
    there = sa.exists().where(t.pages.c.id == t.object_keys.c.page_id)
    missing = sa.select(sa.func.min(t.object_keys.c.object_id)).where(~there)
    found = connection.scalar(missing)
    if found is not None:
        raise KeyMissingError(f"neither backup nor journals have the page key of object {found}")


def _parts(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    source = iter(rows)
    while part := list(islice(source, _AT_ONCE)):
        yield part
