"""The log in the database: what goes in, what stays out, and what verification finds."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import (
    ledger_checkpoints,
    ledger_head,
    ledger_items,
    ledger_leaves,
)
from callward.errors import DefectError, IntegrityError
from callward.ledger import log, merkle, notes, rows
from callward.ledger.canonical import canonical
from callward.ledger.keybook import KeyRetiredError
from callward.ledger.leaves import body_hash
from callward.ledger.log import Head, Item
from callward.ledger.proofs import verify_proof
from callward.ledger.signing import Signer


def _items(count: int, start: int = 0) -> list[Item]:
    return [Item(f"{number:032x}", {"size": number}) for number in range(start, start + count)]


def _rows(engine: sa.Engine) -> list[list[tuple[Any, ...]]]:
    """Everything the log's tables hold."""
    tables = [
        (ledger_head, ledger_head.c.id),
        (ledger_leaves, ledger_leaves.c.position),
        (ledger_items, ledger_items.c.leaf),
        (ledger_checkpoints, ledger_checkpoints.c.size),
    ]
    with engine.begin() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table).order_by(key))]
            for table, key in tables
        ]


@dataclass(frozen=True)
class Filled:
    """A log of five leaves (2, 0, 3, 1 and 1 items), signed at 0, 2 and 5."""

    engine: sa.Engine
    signer: Signer
    at: datetime

    def verify(self) -> log.Verified:
        """Verify it with the key it was signed with."""
        with self.engine.begin() as connection:
            return log.verify(connection, [self.signer.verifier])


@pytest.fixture
def filled(ledger: sa.Engine, signer: Signer, at: datetime) -> Filled:
    """A log with something in it."""
    with ledger.begin() as connection:
        log.checkpoint(connection, signer, at)
        for count in (2, 0):
            log.append(connection, "ingested", _items(count), at=at)
        log.checkpoint(connection, signer, at)
        for count in (3, 1, 1):
            log.append(connection, "shredded", _items(count), at=at)
        log.checkpoint(connection, signer, at)
    return Filled(ledger, signer, at)


def test_a_leaf_says_what_happened(ledger: sa.Engine, at: datetime) -> None:
    """A leaf is canonical JSON with the moment in UTC and the root over its items' bodies."""
    local = at.astimezone(timezone(timedelta(hours=1)))
    item = Item("b" * 32, {"kind": "recording", "bytes": 8, "due": None, "held": False})
    with ledger.begin() as connection:
        counts, ids = {"new": 1, "again": 0}, {"drop": "d1"}
        assert log.append(connection, "ingested", [item], at=local, counts=counts, ids=ids) == 0
        (leaf,) = log.slice_of(connection, 0, 1)
        stored = connection.execute(sa.select(ledger_items.c.body)).scalar_one()
    assert stored == (
        '{"bytes":8,"due":null,"held":false,"kind":"recording","subject":"' + "b" * 32 + '"}'
    )
    assert leaf == (
        '{"at":"2026-03-29T01:30:00.250000Z","counts":{"again":0,"new":1},"event":"ingested",'
        f'"ids":{{"drop":"d1"}},"items":1,"items_root":"{body_hash(stored).hex()}","v":1}}'
    )


def test_head_follows_the_leaves(ledger: sa.Engine, at: datetime) -> None:
    """Positions count from nought, and the head is the Merkle root over the leaves so far."""
    with ledger.begin() as connection:
        assert log.head(connection) == Head(0, merkle.EMPTY_ROOT)
        for number in range(6):
            assert log.append(connection, "ingested", _items(number), at=at) == number
            hashes = [body_hash(body) for body in log.slice_of(connection, 0, number + 1)]
            assert log.head(connection) == Head(number + 1, merkle.root(hashes))


def _fail_after_writing(filled: Filled) -> None:
    with filled.engine.begin() as connection:
        log.append(connection, "ingested", _items(3), at=filled.at)
        log.checkpoint(connection, filled.signer, filled.at)
        raise InterruptedError


def test_nothing_stays_of_a_transaction_that_fails(filled: Filled) -> None:
    """A leaf, its items and a checkpoint vanish with the caller's transaction."""
    before = _rows(filled.engine)
    with pytest.raises(InterruptedError):
        _fail_after_writing(filled)
    assert _rows(filled.engine) == before
    assert filled.verify().size == 5


def test_writers_queue(ledger: sa.Engine, signer: Signer, at: datetime) -> None:
    """Writers at the same moment get leaves one after the other, and the log verifies."""

    def write(number: int) -> int:
        with ledger.begin() as connection:
            return log.append(connection, "ingested", _items(2, number), at=at)

    with ThreadPoolExecutor(4) as pool:
        positions = list(pool.map(write, range(24)))
    assert sorted(positions) == list(range(24))
    with ledger.begin() as connection:
        assert log.verify(connection, [signer.verifier]).items == 48


def test_making_a_log_again_changes_nothing(filled: Filled) -> None:
    """There is one log; making it again is a no-op."""
    before = _rows(filled.engine)
    with filled.engine.begin() as connection:
        log.init(connection)
    assert _rows(filled.engine) == before


def test_a_lost_head_is_not_made_anew(filled: Filled) -> None:
    """Leaves without a head are a defect, not an empty log."""
    with filled.engine.begin() as connection:
        connection.execute(sa.delete(ledger_head))
        for act in (log.init, log.head):
            with pytest.raises(DefectError):
                act(connection)


TELLING: list[tuple[str, Item, dict[str, Any]]] = [
    ("two words", Item("a"), {}),
    ("", Item("a"), {}),
    ("e" * 65, Item("a"), {}),
    ("e", Item(""), {}),
    ("e", Item("a" * 65), {}),
    ("e", Item("jane@example.com"), {}),
    ("e", Item("+447700900123"), {}),
    ("e", Item("a", {"note": "Mrs Canary rang"}), {}),
    ("e", Item("a", {"note": "Zoë"}), {}),
    ("e", Item("a", {"note": "x" * 129}), {}),
    ("e", Item("a", {"note": "line\n"}), {}),
    ("e", Item("a", {"caller": "+447700900123"}), {}),
    ("e", Item("a", {"Jane Doe": 1}), {}),
    ("e", Item("a", {"subject": "b"}), {}),
    ("e", Item("a", {"share": 0.5}), {}),  # type: ignore[dict-item]  # refused at run time
    ("e", Item("a", {"size": 2**53}), {}),
    ("e", Item("a"), {"counts": {"a b": 1}}),
    ("e", Item("a"), {"counts": {"a": True}}),
    ("e", Item("a"), {"counts": {"a": 1.0}}),
    ("e", Item("a"), {"ids": {"a": "b c"}}),
    ("e", Item("a"), {"ids": {"a c": "b"}}),
    ("e", Item("a"), {"at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - that is the point
]


def test_what_could_be_about_a_person_stays_out(
    ledger: sa.Engine, at: datetime, subtests: pytest.Subtests
) -> None:
    """Free text, phone numbers and the like are refused, unquoted, and nothing is written."""
    before = _rows(ledger)
    for number, (event, item, more) in enumerate(TELLING):
        with subtests.test(number=number), ledger.begin() as connection:
            with pytest.raises(DefectError) as caught:
                log.append(connection, event, [item], **{"at": at, **more})
            shown = str(caught.value)
            assert not any(word in shown for word in ("Canary", "Jane", "447700", "@"))
    assert _rows(ledger) == before


def test_a_checkpoint_is_signed_once(filled: Filled) -> None:
    """Signing the same head again gives the same note, even with another key at hand."""
    before = _rows(filled.engine)
    with filled.engine.begin() as connection:
        note = log.checkpoint(connection, filled.signer, filled.at + timedelta(days=1))
        signed = notes.verify_checkpoint(note, [filled.signer.verifier])
        assert Head(signed.size, signed.root) == log.head(connection)
    assert _rows(filled.engine) == before


def test_a_checkpoint_of_another_tree_is_not_passed_off(filled: Filled) -> None:
    """If the note kept for the head's size says something else, that is found."""
    with filled.engine.begin() as connection:
        other = filled.signer.sign_checkpoint(5, bytes(32))
        connection.execute(
            sa.update(ledger_checkpoints).where(ledger_checkpoints.c.size == 5).values(note=other)
        )
        with pytest.raises(IntegrityError, match="checkpoint 5"):
            log.checkpoint(connection, filled.signer, filled.at)


def test_a_whole_log_verifies(filled: Filled) -> None:
    """Verification recomputes size and root, and counts what it checked."""
    with filled.engine.begin() as connection:
        head = log.head(connection)
    assert filled.verify() == log.Verified(5, head.root, 5, 7, 3)


def test_an_empty_log_verifies(ledger: sa.Engine, signer: Signer) -> None:
    """A log nothing has happened in is whole."""
    with ledger.begin() as connection:
        verified = log.verify(connection, [signer.verifier])
    assert verified == log.Verified(0, merkle.EMPTY_ROOT, 0, 0, 0)


def test_a_log_longer_than_a_chunk_verifies(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves, items and checkpoints that come in several chunks are all seen."""
    monkeypatch.setattr(rows, "_CHUNK", 2)
    verified = filled.verify()
    assert (verified.leaves, verified.items, verified.checkpoints) == (5, 7, 3)


def test_a_large_batch_is_one_leaf(ledger: sa.Engine, signer: Signer, at: datetime) -> None:
    """Thousands of items go in as one leaf, and each can be proved."""
    with ledger.begin() as connection:
        log.append(connection, "ingested", _items(5000), at=at)
        log.checkpoint(connection, signer, at)
        assert log.verify(connection, [signer.verifier]).items == 5000
        (proof,) = log.prove(connection, f"{4321:032x}")
    verify_proof(proof, signer.verifier)


def test_only_the_key_in_force_signs(filled: Filled, tmp_path: Path) -> None:
    """Another key of the same name is refused, and nothing verifies with it."""
    other = Signer.create(tmp_path / "other.pem", filled.signer.name)
    with filled.engine.begin() as connection:
        log.append(connection, "key-changed", [], at=filled.at)
        with pytest.raises(KeyRetiredError):
            log.checkpoint(connection, other, filled.at)
        assert log.verify(connection, [filled.signer.verifier]).checkpoints == 3
        with pytest.raises(IntegrityError, match="not the one expected"):
            log.verify(connection, [other.verifier])


def _set(table: sa.Table, where: Any, **values: Any) -> Callable[[sa.Connection], None]:
    def change(connection: sa.Connection) -> None:
        assert connection.execute(sa.update(table).where(where).values(**values)).rowcount

    return change


def _drop(table: sa.Table, where: Any) -> Callable[[sa.Connection], None]:
    def change(connection: sa.Connection) -> None:
        assert connection.execute(sa.delete(table).where(where)).rowcount

    return change


def _add(table: sa.Table, **values: Any) -> Callable[[sa.Connection], None]:
    def change(connection: sa.Connection) -> None:
        connection.execute(sa.insert(table).values(**values))

    return change


def _swap_leaf_bodies(connection: sa.Connection) -> None:
    two, three = log.slice_of(connection, 2, 4)
    _set(ledger_leaves, ledger_leaves.c.position == 2, body=three)(connection)
    _set(ledger_leaves, ledger_leaves.c.position == 3, body=two)(connection)


def _forge_a_leaf(connection: sa.Connection) -> None:
    """Rewrite a leaf that is well-formed in itself, as an insider would."""
    (body,) = log.slice_of(connection, 1, 2)
    document = json.loads(body) | {"counts": {"lost": 0}}
    forged = canonical(document).decode()
    _set(ledger_leaves, ledger_leaves.c.position == 1, body=forged)(connection)


def _cut_the_tail(connection: sa.Connection) -> None:
    """Take the last leaf away and make the head fit: only the checkpoint still knows."""
    hashes = log.frontier_at(connection, 4).hashes
    _drop(ledger_leaves, ledger_leaves.c.position == 4)(connection)
    _drop(ledger_items, ledger_items.c.leaf == 4)(connection)
    _set(ledger_head, sa.true(), size=4, frontier=[each.hex() for each in hashes])(connection)


def _rewrite_everything(connection: sa.Connection) -> None:
    """Write another history with a head that fits: only the checkpoints still know."""
    for table in (ledger_head, ledger_leaves, ledger_items):
        connection.execute(sa.delete(table))
    log.init(connection)
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    for _ in range(5):
        log.append(connection, "ingested", [], at=moment)


LEAF, ITEM, NOTE = ledger_leaves.c, ledger_items.c, ledger_checkpoints.c
FIRST_OF_2 = (ITEM.leaf == 2) & (ITEM.position == 0)
LAST_OF_2 = (ITEM.leaf == 2) & (ITEM.position == 2)
BODY_7 = '{"size":7,"subject":"' + "7" * 32 + '"}'
WHEN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


TAMPERING: list[tuple[Callable[[sa.Connection], None], str]] = [
    (_set(ledger_leaves, LEAF.position == 1, event="lost"), "leaf 1:"),
    (_set(ledger_leaves, LEAF.position == 1, at=WHEN), "leaf 1:"),
    (_set(ledger_leaves, LEAF.position == 1, body="{}"), "leaf 1:"),
    (_set(ledger_leaves, LEAF.position == 1, body="[]"), "leaf 1:"),
    (_set(ledger_leaves, LEAF.position == 1, body="x"), "leaf 1:"),
    (_drop(ledger_leaves, LEAF.position == 1), "leaf 1 is missing"),
    (_drop(ledger_leaves, LEAF.position == 4), "one too many"),
    (_add(ledger_leaves, position=5, event="e", body="{}", at=WHEN), "leaf 5:"),
    (_swap_leaf_bodies, "leaf 3:"),
    (_forge_a_leaf, "checkpoint 2"),
    (_set(ledger_items, FIRST_OF_2, body=BODY_7, subject="7" * 32), "leaf 2:"),
    (_set(ledger_items, FIRST_OF_2, subject="7" * 32), "leaf 2: item 0"),
    (_set(ledger_items, FIRST_OF_2, body='{"subject":""}'), "leaf 2: item 0"),
    (_set(ledger_items, FIRST_OF_2, body='{"size":0}'), "leaf 2: item 0"),
    (_set(ledger_items, LAST_OF_2, position=3), "leaf 2: item 2"),
    (_drop(ledger_items, FIRST_OF_2), "leaf 2: item 0"),
    (_drop(ledger_items, LAST_OF_2), "leaf 2: item 2"),
    (_drop(ledger_items, ITEM.leaf == 4), "leaf 4:"),
    (_add(ledger_items, leaf=0, position=2, subject="7" * 32, body=BODY_7), "leaf 2:"),
    (_add(ledger_items, leaf=4, position=1, subject="7" * 32, body=BODY_7), "item 1 of leaf 4"),
    (_set(ledger_head, sa.true(), size=4), "wrong shape"),
    (_set(ledger_head, sa.true(), frontier=["00" * 32] * 2), "head of 5"),
    (_set(ledger_head, sa.true(), frontier=["zz", 1]), "malformed"),
    (_drop(ledger_head, sa.true()), "no head"),
    (_set(ledger_checkpoints, NOTE.size == 2, note="x"), "checkpoint 2:"),
    (_set(ledger_checkpoints, NOTE.size == 2, size=3), "checkpoint 3"),
    (_set(ledger_checkpoints, NOTE.size == 5, size=6), "checkpoint 6"),
    (_cut_the_tail, "checkpoint 5"),
    (_rewrite_everything, "checkpoint 2"),
]


def test_tampering_is_found_and_placed(filled: Filled, subtests: pytest.Subtests) -> None:
    """Whatever is changed, added or taken away is found, and verification says where."""
    for number, (change, found) in enumerate(TAMPERING):
        with subtests.test(number=number, found=found), filled.engine.connect() as connection:
            change(connection)
            with pytest.raises(IntegrityError, match=found):
                log.verify(connection, [filled.signer.verifier])
    assert filled.verify().size == 5


def test_a_row_that_cannot_be_read_is_found(tmp_path: Path, at: datetime) -> None:
    """A column that does not even hold its type is a finding, not a crash."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'torn.db'}")
    ledger_head.metadata.create_all(engine)
    with engine.begin() as connection:
        log.init(connection)
        log.append(connection, "ingested", [], at=at)
        connection.exec_driver_sql("UPDATE ledger_leaves SET at = 'yesterday'")
        with pytest.raises(IntegrityError, match="leaf 0: its columns"):
            log.verify(connection, [])
    engine.dispose()


def test_slices(filled: Filled) -> None:
    """A slice is the leaves' bodies in order; outside the log there is none."""
    with filled.engine.begin() as connection:
        whole = log.slice_of(connection, 0, 5)
        assert [json.loads(body)["items"] for body in whole] == [2, 0, 3, 1, 1]
        assert log.slice_of(connection, 1, 3) == whole[1:3]
        assert log.slice_of(connection, 3, 3) == []
        for ends in [(0, 6), (-1, 2), (3, 2)]:
            with pytest.raises(DefectError):
                log.slice_of(connection, *ends)
        connection.execute(sa.delete(ledger_leaves).where(LEAF.position == 2))
        with pytest.raises(IntegrityError):
            log.slice_of(connection, 1, 4)


def test_later_heads_extend_earlier_ones(filled: Filled) -> None:
    """Between any two sizes there is a consistency proof that holds for the roots then."""
    with filled.engine.begin() as connection:
        for second in range(6):
            for first in range(second + 1):
                roots = [log.frontier_at(connection, size).root for size in (first, second)]
                path = log.consistency(connection, first, second)
                merkle.verify_consistency(first, second, path, *roots)
        assert log.frontier_at(connection, 5).root == log.head(connection).root
