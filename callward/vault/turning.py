"""Turning the root: everything that stays is wrapped anew, and what went opens nowhere.

A deleted wrap is not gone while a backup holds it and the key above it lives. So
the key above goes too: a new root is made, all that survives is brought under it,
and the old one is destroyed in every cell (DESIGN §4).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import DefectError
from callward.vault.cells import unwrap, wrap
from callward.vault.pages import drop_empty
from callward.vault.vault import PAGE_SIZE, Place, Vault

_PAGES_AT_ONCE = 200
WITNESSES = 256


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did; ``moved`` counts survivors that have a new page."""

    before: int
    after: int
    pages: int
    moved: int


@dataclass(frozen=True, slots=True)
class Witness:
    """Wraps of something destroyed, as an old backup has them, to try in vain."""

    page_key: bytes
    object_key: bytes

    def as_hex(self) -> list[str]:
        """For keeping."""
        return [self.page_key.hex(), self.object_key.hex()]

    @classmethod
    def from_hex(cls, page_key: str, object_key: str) -> "Witness":
        """Undo ``as_hex``."""
        return cls(bytes.fromhex(page_key), bytes.fromhex(object_key))


def announce(connection: sa.Connection, at: datetime) -> int:
    """Enter a generation that is about to be made; its number, which is never used again."""
    newest = connection.scalar(sa.select(sa.func.max(t.generations.c.number)))
    number = int(newest or 0) + 1
    connection.execute(t.generations.insert().values(number=number, state="making", created_at=at))
    return number


def give_up_unmade(connection: sa.Connection) -> None:
    """Have generations destroyed that a turn cut short had announced and not reached."""
    connection.execute(
        t.generations.update().where(t.generations.c.state == "making").values(state="retiring")
    )


def lock_all(connection: sa.Connection) -> None:
    """Have nobody file a key, and nobody else touch a page, until the transaction ends."""
    connection.execute(sa.select(t.instance.c.id).with_for_update())
    # In the order everybody takes them, and before the ledger's head.
    connection.execute(sa.select(t.pages.c.id).order_by(t.pages.c.id).with_for_update()).all()


def pages_of(connection: sa.Connection, objects: sa.ColumnElement[bool]) -> list[str]:
    """The pages that hold keys of some objects."""
    on_page = (
        sa.select(t.object_keys.c.page_id)
        .join(t.objects, t.objects.c.id == t.object_keys.c.object_id)
        .where(objects)
        .distinct()
    )
    return sorted(connection.scalars(on_page))


def witnesses(connection: sa.Connection, pages: Sequence[str], gone: Any) -> list[Witness]:
    """A destroyed object's wraps from each of some pages, at most ``WITNESSES``."""
    some = pages[:: max(1, len(pages) // WITNESSES)][:WITNESSES]
    first = (
        sa.select(sa.func.min(t.object_keys.c.object_id))
        .where(t.object_keys.c.page_id.in_(some), t.object_keys.c.object_id.in_(gone))
        .group_by(t.object_keys.c.page_id)
    )
    rows = connection.execute(
        sa.select(t.pages.c.wrapped_key, t.object_keys.c.wrapped_key)
        .join(t.pages, t.pages.c.id == t.object_keys.c.page_id)
        .where(t.object_keys.c.object_id.in_(first))
    )
    return [Witness(*row) for row in rows]


def turn(
    connection: sa.Connection, vault: Vault, after: int, touched: Sequence[str], at: datetime
) -> Turn:
    """Bring everything under generation ``after``, which every cell holds already.

    ``touched`` pages are those from which keys were deleted in this transaction; the
    caller has called ``lock_all`` before that. Survivors on them move to fresh pages:
    their old page's key would open, from a backup, what was deleted beside them.
    """
    before = vault.generation(connection)
    drop_empty(connection, touched)
    moved = 0
    for start in range(0, len(touched), _PAGES_AT_ONCE):
        moved += _move_survivors(connection, vault, after, touched[start : start + _PAGES_AT_ONCE])
    pages = _rewrap(connection, vault, t.pages, after)
    _rewrap(connection, vault, t.controllers, after)
    current = t.generations.c.state == "current"
    connection.execute(t.generations.update().where(current).values(state="retiring"))
    reached = connection.execute(
        t.generations.update()
        .where(t.generations.c.number == after, t.generations.c.state == "making")
        .values(state="current", created_at=at)
    )
    if reached.rowcount != 1:  # another run has taken this one for dead, and its root with it
        raise DefectError(f"generation {after} was given up while it was being turned to")
    return Turn(before, after, pages, moved)


def _move_survivors(
    connection: sa.Connection, vault: Vault, after: int, pages: Sequence[str]
) -> int:
    """Give the objects left on ``pages`` new wraps on fresh pages; how many they are."""
    old = {
        row.id: row for row in connection.execute(sa.select(t.pages).where(t.pages.c.id.in_(pages)))
    }
    if not old:
        return 0
    page_keys = vault.page_keys((row.id, row.generation, row.wrapped_key) for row in old.values())
    by_place: dict[Place, list[tuple[str, bytes]]] = defaultdict(list)
    rows = connection.execute(
        sa.select(t.object_keys)
        .where(t.object_keys.c.page_id.in_(list(old)))
        .order_by(t.object_keys.c.object_id)
    )
    for row in rows:
        page = old[row.page_id]
        place = Place(page.controller, page.retention_class, page.due_day)
        by_place[place].append((row.object_id, unwrap(page_keys[row.page_id], row.wrapped_key)))
    changes = [
        change
        for place, keys in by_place.items()
        for change in _fresh_pages(connection, vault, after, place, keys)
    ]
    _update(connection, t.object_keys, "object_id", changes)
    connection.execute(t.pages.delete().where(t.pages.c.id.in_(list(old))))
    return len(changes)


def _fresh_pages(
    connection: sa.Connection,
    vault: Vault,
    after: int,
    place: Place,
    keys: Sequence[tuple[str, bytes]],
) -> Iterator[dict[str, Any]]:
    for start in range(0, len(keys), PAGE_SIZE):
        part = keys[start : start + PAGE_SIZE]
        page_id, page_key = vault.new_page(
            connection, place, after, filled=len(part), turned_in=after
        )
        for object_id, key in part:
            yield {"key": object_id, "page_id": page_id, "wrapped_key": wrap(page_key, key)}


def _rewrap(connection: sa.Connection, vault: Vault, table: sa.Table, after: int) -> int:
    """Bring a table's wraps under ``after``; how many there were."""
    rows = connection.execute(
        sa.select(table.c.id, table.c.generation, table.c.wrapped_key).where(
            table.c.generation != after
        )
    ).all()
    keys = vault.page_keys((row.id, row.generation, row.wrapped_key) for row in rows)
    wraps = vault.wrap(after, list(keys.values()))
    changes = [
        {"key": one, "generation": after, "wrapped_key": wrapped}
        for one, wrapped in zip(keys, wraps, strict=True)
    ]
    _update(connection, table, "id", changes)
    return len(changes)


def _update(
    connection: sa.Connection, table: sa.Table, key: str, changes: Sequence[Mapping[str, Any]]
) -> None:
    """Change one row for each of ``changes`` (its id under ``key``), in one go."""
    if not changes:
        return
    # A parameter may not be called as its column is.
    values: dict[str, Any] = {
        name: sa.bindparam(f"new_{name}") for name in changes[0] if name != "key"
    }
    statement = table.update().where(table.c[key] == sa.bindparam("of")).values(values)
    connection.execute(
        statement,
        [
            {"of": change["key"]} | {f"new_{name}": change[name] for name in values}
            for change in changes
        ],
    )
