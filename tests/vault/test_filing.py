"""Filing: a row for what is small, the store for what is large, all or nothing."""

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import DefectError, IntegrityError
from callward.vault.filing import file_objects
from callward.vault.vault import ROW_LIMIT
from tests.vault.desk import AT, DUE, Desk


def _counts(desk: Desk) -> dict[str, int]:
    with desk.engine.begin() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (t.objects, t.pages, t.object_keys, t.payloads)
        }


@pytest.mark.parametrize(
    ("size", "store_key", "place"),
    [
        (0, "intent/one", "row"),
        (ROW_LIMIT, "intent/one", "row"),
        (ROW_LIMIT + 1, "intent/one", "store"),
        (ROW_LIMIT + 1, "", "row"),
    ],
)
def test_size_decides_the_place(desk: Desk, size: int, store_key: str, place: str) -> None:
    """Up to 64 KiB lie in a row, more in the store (if a path is given); both open."""
    assert ROW_LIMIT == 65536
    content = hashlib.shake_128(b"x").digest(size)
    with desk.engine.begin() as connection:
        new = desk.new("one", content, store_key, facts={"seconds": 1.5})
        file_objects(connection, desk.vault, [new], AT)
        row = connection.execute(sa.select(t.objects)).one()
        payload = connection.scalar(sa.select(t.payloads.c.sealed))
    assert desk.open("one") == content
    stored = list(desk.vault.store.list())
    assert (row.place, row.size, row.facts) == (place, size, {"seconds": 1.5})
    assert (row.state, row.due_day, row.created_at) == ("live", DUE, AT)
    if place == "row":
        assert (row.store_key, stored) == (None, [])
        ciphertext = bytes(payload or b"")
    else:
        assert (payload, row.store_key, stored) == (None, store_key, [store_key])
        ciphertext = b"".join(desk.vault.store.get(store_key))
    assert row.ciphertext_digest == hashlib.sha256(ciphertext).hexdigest()


def test_nothing_readable_is_stored(desk: Desk, tmp_path: Path) -> None:
    """Neither catalogue nor store holds a piece of the content."""
    canary = b"canary-in-the-content-" * 4000
    with desk.engine.begin() as connection:
        small, large = desk.new("one", canary[:500]), desk.new("two", canary, "intent/two")
        file_objects(connection, desk.vault, [small, large], AT)
        for table in t.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert "canary" not in repr(tuple(row))
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes()


def test_a_batch_is_filed_whole_or_not_at_all(desk: Desk) -> None:
    """One object that is there already undoes the whole batch."""
    desk.file("one")
    before = _counts(desk)
    with pytest.raises(sa.exc.IntegrityError):
        desk.file("two", "one", "three")
    assert _counts(desk) == before == {"objects": 1, "pages": 1, "object_keys": 1, "payloads": 1}
    assert desk.open("one") == b"one"


def test_filing_nothing(desk: Desk) -> None:
    """An empty batch changes nothing."""
    desk.file()
    assert set(_counts(desk).values()) == {0}


def test_swapped_payloads_do_not_open(desk: Desk) -> None:
    """Rows exchanged between two objects show neither's content."""
    desk.file("one", "two")
    with desk.engine.begin() as connection:
        found = {row.object_id: row.sealed for row in connection.execute(sa.select(t.payloads))}
        for one, other in (("one", "two"), ("two", "one")):
            swap = t.payloads.update().where(t.payloads.c.object_id == one)
            connection.execute(swap.values(sealed=found[other]))
    for one in ("one", "two"):
        with pytest.raises(IntegrityError):
            desk.open(one)


@pytest.mark.parametrize(("column", "value"), [("controller", "birch"), ("kind", "recording")])
def test_a_changed_row_does_not_open(desk: Desk, column: str, value: str) -> None:
    """An object moved to another controller or kind in the catalogue no longer opens."""
    desk.file("one")
    with desk.engine.begin() as connection:
        connection.execute(t.objects.update().values({column: value}))
    with pytest.raises(IntegrityError):
        desk.open("one")


def test_a_payload_that_is_gone_is_noticed(desk: Desk) -> None:
    """An object whose row was lost is an error, not an empty content."""
    desk.file("one")
    with desk.engine.begin() as connection:
        connection.execute(t.payloads.delete())
    with pytest.raises(IntegrityError):
        desk.open("one")


def test_a_ciphertext_that_is_gone_is_noticed(desk: Desk) -> None:
    """An object whose ciphertext was lost from the store is an error that names its path."""
    with desk.engine.begin() as connection:
        file_objects(connection, desk.vault, [desk.new("one", bytes(70_000), "intent/one")], AT)
    desk.vault.store.delete(["intent/one"])
    with pytest.raises(DefectError, match="intent/one"):
        desk.open("one")


def test_what_the_ledger_says_of_it(desk: Desk) -> None:
    """Kind, ciphertext's digest and due day; nothing of the content."""
    new = desk.new("one", b"content")
    assert new.ledger_body() == {
        "kind": "note",
        "ciphertext": new.sealed.ciphertext_digest,
        "due": DUE.isoformat(),
    }
    assert desk.new("one", b"", due_day=None).ledger_body()["due"] is None
