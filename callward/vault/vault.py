"""The vault: files keys on pages, wraps pages under the root, opens objects again."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from secrets import token_bytes, token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.bulk import insert_many
from callward.catalogue.pending import require_restored
from callward.catalogue.upsert import insert_missing
from callward.errors import CallwardError, KeyMissingError, NotFoundError, ShreddedError
from callward.vault.blind import Blinder
from callward.vault.cells import ROOT_BYTES, CellError, KeyCell, unwrap, wrap
from callward.vault.sealing import context, new_key, open_chunks
from callward.vault.stores import ObjectStore

PAGE_SIZE = 256
ROW_LIMIT = 64 * 1024
"""Payloads up to this many bytes of plaintext are sealed into rows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which pages an object's key may lie on."""

    controller: str
    retention_class: str
    due_day: date | None


class Vault:
    """Keys and ciphertexts of one instance. Every method works in the caller's transaction."""

    def __init__(self, cells: Sequence[KeyCell], store: ObjectStore) -> None:
        self.cells = tuple(cells)
        self.store = store

    def start(self, connection: sa.Connection, at: datetime) -> None:
        """Make the first root generation, durable in every cell before it counts."""
        holding = [cell for cell in self.cells if 1 in cell.generations()]
        if len(holding) < len(self.cells):
            # Left by a creation cut short; not held everywhere, so it never counted.
            for cell in holding:
                cell.destroy(1)
            self.make_root(1)
        connection.execute(t.generations.insert().values(number=1, state="current", created_at=at))
        names = [cell.name for cell in self.cells]
        held = [{"generation": 1, "cell": name, "answer": "held", "at": at} for name in names]
        connection.execute(t.cell_answers.insert(), held)

    def make_root(self, generation: int) -> None:
        """Make a root and hold it in every cell; from then on, and not before, it may count."""
        root = token_bytes(ROOT_BYTES)
        for cell in self.cells:
            cell.hold(generation, root)

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Wrap keys under a root, in the first cell that can."""
        return self._in_a_cell(lambda cell: cell.wrap(generation, keys))

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Unwrap keys under a root, in the first cell that can.

        KeyMissingError if no cell holds it, IntegrityError if a wrap is not of it.
        """
        return self._in_a_cell(lambda cell: cell.unwrap(generation, wraps))

    def _in_a_cell(self, act: Callable[[KeyCell], list[bytes]]) -> list[bytes]:
        failures: list[CallwardError] = []
        for cell in self.cells:
            try:
                return act(cell)
            except (KeyMissingError, CellError) as error:
                failures.append(error)
        raise failures[0]

    def generation(self, connection: sa.Connection, *, lock: bool = False) -> int:
        """The number of the current root generation.

        With ``lock`` the root cannot turn until the transaction ends: for whoever
        is about to wrap something under it.
        """
        if lock:
            # Not the generation's own row: waiting for that would end in one that has retired.
            connection.execute(sa.select(t.instance.c.id).with_for_update(read=True))
        number = connection.scalar(
            sa.select(t.generations.c.number).where(t.generations.c.state == "current")
        )
        if number is None:
            raise KeyMissingError("the catalogue names no current root generation")
        return int(number)

    def blinder(self, connection: sa.Connection, controller: str, at: datetime) -> Blinder:
        """The controller's blind-index key, made when the controller is first met."""
        query = sa.select(t.controllers.c.wrapped_key, t.controllers.c.generation).where(
            t.controllers.c.id == controller
        )
        row = connection.execute(query).first()
        if row is not None:
            return Blinder(self.unwrap(row.generation, [row.wrapped_key])[0])
        key, generation = new_key(), self.generation(connection, lock=True)
        new = {
            "id": controller,
            "wrapped_key": self.wrap(generation, [key])[0],
            "generation": generation,
            "created_at": at,
        }
        # Another worker may meet it at the same moment: one key counts for both.
        insert_missing(connection, t.controllers, [new])
        row = connection.execute(query).one()
        return Blinder(self.unwrap(row.generation, [row.wrapped_key])[0])

    def file_keys(
        self, connection: sa.Connection, keys: Sequence[tuple[str, Place, bytes]]
    ) -> None:
        """Wrap object keys ``(object id, place, key)`` onto pages of at most 256."""
        by_place: dict[Place, list[tuple[str, bytes]]] = defaultdict(list)
        for object_id, place, key in keys:
            by_place[place].append((object_id, key))
        rows = [
            row
            for place, wanted in by_place.items()
            for row in self._fill(connection, place, wanted)
        ]
        insert_many(connection, t.object_keys, rows)

    def object_key(self, connection: sa.Connection, object_id: str) -> bytes:
        """The key of one object; ShreddedError or KeyMissingError, naming it, if there is none."""
        keys = self.object_keys(connection, [object_id])
        if object_id in keys:
            return keys[object_id]
        state = connection.scalar(sa.select(t.objects.c.state).where(t.objects.c.id == object_id))
        if state is None:
            raise NotFoundError(f"no object {object_id}")
        if state == "shredded":
            raise ShreddedError(f"object {object_id} has been destroyed")
        raise KeyMissingError(f"object {object_id} is {state} but has no key")

    def object_keys(
        self, connection: sa.Connection, object_ids: Sequence[str]
    ) -> Mapping[str, bytes]:
        """The keys of the objects that have one; RestorePendingError while a restore goes on."""
        require_restored(connection)
        rows = connection.execute(
            sa.select(
                t.object_keys.c.object_id,
                t.object_keys.c.wrapped_key,
                t.pages.c.id.label("page_id"),
                t.pages.c.generation,
                t.pages.c.wrapped_key.label("page_key"),
            )
            .join(t.pages, t.pages.c.id == t.object_keys.c.page_id)
            .where(t.object_keys.c.object_id.in_(object_ids))
        ).all()
        page_keys = self.page_keys({(row.page_id, row.generation, row.page_key) for row in rows})
        return {row.object_id: unwrap(page_keys[row.page_id], row.wrapped_key) for row in rows}

    def page_keys(self, pages: Iterable[tuple[str, int, bytes]]) -> dict[str, bytes]:
        """Page keys by page id, from (page id, generation, wrapped key)."""
        by_generation: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for page_id, generation, wrapped in pages:
            by_generation[generation].append((page_id, wrapped))
        return {
            page_id: key
            for generation, some in by_generation.items()
            for (page_id, _), key in zip(
                some, self.unwrap(generation, [wrapped for _, wrapped in some]), strict=True
            )
        }

    def open(self, connection: sa.Connection, object_id: str) -> Iterator[bytes]:
        """An object's plaintext; whole only once the iterator has ended.

        What is in the database is read now, so the transaction may end before
        the rest is read from the store.
        """
        key = self.object_key(connection, object_id)
        row = connection.execute(sa.select(t.objects).where(t.objects.c.id == object_id)).one()
        if row.place == "store":
            sealed = self.store.get(row.store_key)
        else:
            sealed = iter(
                connection.scalars(
                    sa.select(t.payloads.c.sealed).where(t.payloads.c.object_id == object_id)
                ).all()
            )
        return open_chunks(key, context(row.controller, row.id, row.kind), sealed)

    def _fill(
        self, connection: sa.Connection, place: Place, wanted: Sequence[tuple[str, bytes]]
    ) -> Iterator[dict[str, object]]:
        """Put keys on the place's last page while it has room, then on fresh ones."""
        done = 0
        while done < len(wanted):
            page_id, page_key, room = self._page_with_room(connection, place)
            part = wanted[done : done + room]
            connection.execute(
                t.pages.update()
                .where(t.pages.c.id == page_id)
                .values(filled=t.pages.c.filled + len(part))
            )
            for object_id, key in part:
                yield {
                    "object_id": object_id,
                    "page_id": page_id,
                    "wrapped_key": wrap(page_key, key),
                }
            done += len(part)

    def _page_with_room(self, connection: sa.Connection, place: Place) -> tuple[str, bytes, int]:
        generation = self.generation(connection, lock=True)
        pages = t.pages.c
        row = connection.execute(
            sa.select(pages.id, pages.wrapped_key, pages.filled)
            .where(
                pages.controller == place.controller,
                pages.retention_class == place.retention_class,
                pages.due_day == place.due_day,  # renders IS NULL where there is none
                pages.filled < PAGE_SIZE,
                pages.generation == generation,
            )
            .order_by(pages.filled.desc())
            .limit(1)
            .with_for_update()
        ).first()
        if row is not None:
            page_key = self.unwrap(generation, [row.wrapped_key])[0]
            return row.id, page_key, PAGE_SIZE - row.filled
        return *self.new_page(connection, place, generation), PAGE_SIZE

    def new_page(
        self,
        connection: sa.Connection,
        place: Place,
        generation: int,
        *,
        filled: int = 0,
        turned_in: int | None = None,
    ) -> tuple[str, bytes]:
        """Make a page under a root; its id and key."""
        page_id, page_key = token_hex(16), new_key()
        connection.execute(
            t.pages.insert().values(
                id=page_id,
                controller=place.controller,
                retention_class=place.retention_class,
                due_day=place.due_day,
                generation=generation,
                wrapped_key=self.wrap(generation, [page_key])[0],
                filled=filled,
                turned_in=turned_in,
            )
        )
        return page_id, page_key
