"""Key pages: 256 keys at most, of one controller, class and due day; and two writers at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import (
    IntegrityError,
    KeyMissingError,
    NotFoundError,
    ShreddedError,
)
from callward.vault.sealing import new_key
from callward.vault.vault import PAGE_SIZE, Place, Vault
from tests.cells import MemoryCell
from tests.vault.desk import AT, DUE, Desk

_PLACE = Place("acorn", "recordings", DUE)


def _keys(prefix: str, count: int, place: Place = _PLACE) -> list[tuple[str, Place, bytes]]:
    return [(f"{prefix}{n}", place, new_key()) for n in range(count)]


def _pages(desk: Desk) -> list[tuple[Place, int, int]]:
    """Per page its place, what it says of itself, and the keys that lie on it."""
    with desk.engine.begin() as connection:
        found = connection.execute(
            sa.select(
                t.pages.c.controller,
                t.pages.c.retention_class,
                t.pages.c.due_day,
                t.pages.c.filled,
                sa.select(sa.func.count())
                .where(t.object_keys.c.page_id == t.pages.c.id)
                .scalar_subquery()
                .label("keys"),
            )
        )
        rows = [(Place(*row[:3]), row.filled, row.keys) for row in found]
    return sorted(rows, key=repr)


def _file(desk: Desk, keys: list[tuple[str, Place, bytes]]) -> None:
    with desk.engine.begin() as connection:
        desk.vault.file_keys(connection, keys)


def test_pages_hold_256_and_fill_up_first(desk: Desk) -> None:
    """A batch goes on the page that has room, then on fresh ones; every key comes back."""
    assert PAGE_SIZE == 256
    keys = _keys("a", 100) + _keys("b", 300) + _keys("c", 1)
    for part in (keys[:100], keys[100:400], keys[400:]):
        _file(desk, part)
    assert sorted(filled for _, filled, _ in _pages(desk)) == [145, 256]
    assert all(filled == count for _, filled, count in _pages(desk))
    with desk.engine.begin() as connection:
        found = desk.vault.object_keys(connection, [name for name, _, _ in keys])
    assert found == {name: key for name, _, key in keys}


def test_exactly_full_pages_make_no_empty_one(desk: Desk) -> None:
    """512 keys are two pages; the next key starts a third."""
    _file(desk, _keys("a", 512))
    assert [filled for _, filled, _ in _pages(desk)] == [256, 256]
    _file(desk, _keys("b", 1))
    assert sorted(filled for _, filled, _ in _pages(desk)) == [1, 256, 256]


def test_a_page_is_of_one_place(desk: Desk) -> None:
    """Controller, class and due day (or none) each have pages of their own."""
    places = [
        Place(controller, retention_class, due_day)
        for controller in ("acorn", "birch")
        for retention_class in ("recordings", "interactions")
        for due_day in (DUE, date(2027, 1, 5), None)
    ]
    mixed = [(f"{n}-{m}", place, new_key()) for n in range(3) for m, place in enumerate(places)]
    _file(desk, mixed)
    _file(desk, [(f"again-{m}", place, new_key()) for m, place in enumerate(places)])
    assert _pages(desk) == sorted(((place, 4, 4) for place in places), key=repr)


def test_filing_nothing(desk: Desk) -> None:
    """No keys, no pages."""
    _file(desk, [])
    assert _pages(desk) == []


def test_a_failed_transaction_files_nothing(desk: Desk) -> None:
    """When the caller's transaction fails, neither page, count nor key remains."""
    _file(desk, _keys("a", 1))
    before = _pages(desk)

    def fail() -> None:
        with desk.engine.begin() as connection:
            desk.vault.file_keys(connection, _keys("b", 300))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _pages(desk) == before


def test_a_key_is_filed_once(desk: Desk) -> None:
    """A second key for the same object is refused and the first stays."""
    keys = _keys("a", 1)
    _file(desk, keys)
    with pytest.raises(sa.exc.IntegrityError):
        _file(desk, _keys("a", 1))
    with desk.engine.begin() as connection:
        assert desk.vault.object_key(connection, "a0") == keys[0][2]
    assert _pages(desk) == [(_PLACE, 1, 1)]


def test_why_there_is_no_key_is_told_apart(desk: Desk) -> None:
    """Unknown, shredded and missing are three errors, each naming the object."""
    desk.file("there", "gone", "lost")
    with desk.engine.begin() as connection:
        for one in ("gone", "lost"):
            connection.execute(t.object_keys.delete().where(t.object_keys.c.object_id == one))
        gone = t.objects.update().where(t.objects.c.id == "gone")
        connection.execute(gone.values(state="shredded", shredded_at=AT))
        for one, error in (
            ("never", NotFoundError),
            ("gone", ShreddedError),
            ("lost", KeyMissingError),
        ):
            with pytest.raises(error, match=one):
                desk.vault.object_key(connection, one)
            with pytest.raises(error, match=one):
                list(desk.vault.open(connection, one))
        many = desk.vault.object_keys(connection, ["never", "there", "gone", "lost"])
        assert set(many) == {"there"}
        assert desk.vault.object_keys(connection, []) == {}


def test_without_the_root_nothing_opens(desk: Desk) -> None:
    """Catalogue and store are worth nothing once the root is destroyed; it is named."""
    desk.file("one")
    desk.cell.destroy(1)
    with pytest.raises(KeyMissingError, match="generation 1"):
        desk.open("one")


@pytest.mark.parametrize("table", ["pages", "object_keys"])
def test_damaged_wraps_are_noticed(desk: Desk, table: str) -> None:
    """A flipped bit in a page's or an object's wrap gives an error, not another key."""
    desk.file("one")
    column = t.metadata.tables[table].c.wrapped_key
    with desk.engine.begin() as connection:
        wrapped = bytearray(connection.scalar(sa.select(column)) or b"")
        wrapped[-1] ^= 1
        connection.execute(column.table.update().values(wrapped_key=bytes(wrapped)))
    with pytest.raises(IntegrityError):
        desk.open("one")


def test_swapped_wraps_do_not_open(desk: Desk) -> None:
    """Two objects' keys exchanged on one page: both fail, neither shows the other's content."""
    desk.file("one", "two")
    with desk.engine.begin() as connection:
        keys = t.object_keys.c
        rows = connection.execute(sa.select(keys.object_id, keys.wrapped_key)).all()
        found = {row.object_id: row.wrapped_key for row in rows}
        for one, other in (("one", "two"), ("two", "one")):
            swap = t.object_keys.update().where(keys.object_id == one)
            connection.execute(swap.values(wrapped_key=found[other]))
    for one in ("one", "two"):
        with pytest.raises(IntegrityError):
            desk.open(one)


def test_no_current_generation_is_named(desk: Desk) -> None:
    """Without a current root nothing is filed."""
    with desk.engine.begin() as connection:
        connection.execute(t.generations.update().values(state="retired"))
    with pytest.raises(KeyMissingError, match="generation"):
        _file(desk, _keys("a", 1))
    assert _pages(desk) == []


def test_a_root_must_be_in_every_cell_to_count(desk: Desk) -> None:
    """Starting puts the same root into all cells; one that was there alone is replaced."""
    first, second = MemoryCell("one"), MemoryCell("two")
    first.hold(1, b"left by a start that was cut short")
    with desk.engine.begin() as connection:
        connection.execute(t.generations.delete())
        connection.execute(t.cell_answers.delete())
        Vault([first, second], desk.vault.store).start(connection, AT)
    assert first.roots == second.roots
    assert len(first.roots[1]) == 32


def test_a_root_in_every_cell_is_never_destroyed_by_a_start(desk: Desk) -> None:
    """A start on another, empty catalogue by mistake leaves the root that real data needs."""
    cells = [MemoryCell("one"), MemoryCell("two")]
    for cell in cells:
        cell.hold(1, b"r" * 32)
    with desk.engine.begin() as connection:
        connection.execute(t.generations.delete())
        connection.execute(t.cell_answers.delete())
        Vault(cells, desk.vault.store).start(connection, AT)
    assert [cell.roots for cell in cells] == [{1: b"r" * 32}] * 2


def test_writers_race_for_one_page(desk: Desk) -> None:
    """Four connections fill the same place: no page overflows, no count is lost, all open."""
    _file(desk, _keys("first", 1))
    batches = [[_keys(f"w{w}b{b}-", 37) for b in range(6)] for w in range(4)]

    def write(mine: list[list[tuple[str, Place, bytes]]]) -> None:
        for batch in mine:
            _file(desk, batch)

    _together([lambda mine=mine: write(mine) for mine in batches])  # type: ignore[misc]  # mypy cannot infer defaults
    pages = _pages(desk)
    assert all(filled == count <= PAGE_SIZE for _, filled, count in pages)
    assert sum(count for _, _, count in pages) == 1 + 4 * 6 * 37
    wanted = {name: key for mine in batches for batch in mine for name, _, key in batch}
    with desk.engine.begin() as connection:
        assert dict(desk.vault.object_keys(connection, list(wanted))) == wanted


def test_the_second_writer_waits_and_sees_what_the_first_filed(desk: Desk) -> None:
    """While one transaction fills a page, another waits for it and goes on where it ended."""
    _file(desk, _keys("a", 200))
    done = threading.Event()

    def second() -> None:
        _file(desk, _keys("c", 100))
        done.set()

    thread = threading.Thread(target=second)
    with desk.engine.begin() as connection:
        desk.vault.file_keys(connection, _keys("b", 40))
        thread.start()
        assert not done.wait(0.3)
    thread.join(30)
    assert done.is_set()
    assert Counter(filled for _, filled, _ in _pages(desk)) == Counter([256, 84])


def _together(calls: list[Callable[[], Any]]) -> None:
    failures: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - told below, by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        assert not thread.is_alive()
    assert failures == []
