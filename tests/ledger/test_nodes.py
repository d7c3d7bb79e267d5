"""The kept nodes: proofs from few leaves are those from all of them, and nothing rests on them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_leaves, ledger_nodes
from callward.errors import DefectError, IntegrityError
from callward.ledger import log, merkle, nodes
from callward.ledger.leaves import body_hash
from callward.ledger.log import Item
from callward.ledger.merkle import EMPTY_ROOT, Frontier, Node, leaf_hash
from callward.ledger.nodes import Tiles
from callward.ledger.proofs import verify_proof
from callward.ledger.signing import Signer
from tests.ledger.bulk import fill

SIZE = 65_536 + 700
SUBJECT = "5" * 32


@pytest.fixture(scope="module")
def hashes() -> list[bytes]:
    """Hashes of many leaves."""
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)]


def _expected_nodes(hashes: list[bytes]) -> Iterator[Node]:
    for height in (8, 16):
        width = 1 << height
        for position in range(len(hashes) // width):
            part = hashes[position * width : (position + 1) * width]
            yield Node(height, position, merkle.root(part))


def test_a_growing_frontier_tells_every_node(hashes: list[bytes]) -> None:
    """However the leaves come in, each node is told once, when its last leaf comes."""
    frontier, told = Frontier(), []
    start = 0
    for count in (1, 254, 1, 256, 300, 65_000, SIZE):
        frontier, found = frontier.grow(hashes[start : start + count])
        assert all(node.position << node.height < start + count for node in found)
        assert all((node.position + 1) << node.height > start for node in found)
        told += found
        start += count
    assert frontier == Frontier().extend(hashes)
    assert sorted(told) == list(_expected_nodes(hashes))
    assert len(told) == 258 + 1


@pytest.fixture
def long(ledger: sa.Engine, signer: Signer, at: datetime) -> sa.Engine:
    """A log of 1,000 leaves, one of which is about ``SUBJECT``, signed at 600 and 1,000."""
    with ledger.begin() as connection:
        fill(connection, 300, at)
        log.append(connection, "ingested", [Item("1"), Item(SUBJECT)], at=at)
        fill(connection, 299, at)
        log.checkpoint(connection, signer, at)
        fill(connection, 400, at)
        log.checkpoint(connection, signer, at)
    return ledger


def _kept(connection: sa.Connection) -> list[tuple[Any, ...]]:
    query = sa.select(ledger_nodes).order_by(ledger_nodes.c.height, ledger_nodes.c.position)
    return [tuple(row) for row in connection.execute(query)]


def test_appending_keeps_what_becomes_whole(long: sa.Engine) -> None:
    """After 1,000 leaves there are three nodes, and making them anew gives the same."""
    with long.begin() as connection:
        kept = _kept(connection)
        everything = [body_hash(body) for body in log.slice_of(connection, 0, 1000)]
        assert kept == [tuple(node) for node in _expected_nodes(everything)]
        assert len(kept) == 3
        nodes.fill(connection)
        assert _kept(connection) == kept


def test_few_leaves_give_the_proofs_of_all(long: sa.Engine) -> None:
    """Inclusion, consistency and frontiers from tiles are those of the whole list of leaves."""
    with long.begin() as connection:
        everything = [body_hash(body) for body in log.slice_of(connection, 0, 1000)]
        tiles = Tiles(connection)
        sizes = (0, 1, 2, 255, 256, 257, 511, 512, 513, 600, 768, 999, 1000)
        for size in sizes:
            part = everything[:size]
            assert tiles.frontier(size) == log.frontier_at(connection, size)
            assert tiles.frontier(size) == Frontier().extend(part)
            for index in {0, 1, 255, 256, 300, 511, size - 1} & set(range(size)):
                assert tiles.inclusion(index, size) == merkle.inclusion_path(part, index)
            for first in sizes:
                if first <= size:
                    path = log.consistency(connection, first, size)
                    assert path == merkle.consistency_path(part, first)
                    roots = tiles.frontier(first).root, tiles.frontier(size).root
                    merkle.verify_consistency(first, size, path, *roots)
        assert tiles.root(5, 5) == EMPTY_ROOT
        for wrong in (-1, 1001):
            with pytest.raises(DefectError):
                log.frontier_at(connection, wrong)
            with pytest.raises(DefectError):
                log.consistency(connection, 0, wrong)


def test_a_proof_reads_few_leaves(long: sa.Engine, signer: Signer) -> None:
    """Of a long log a proof reads at most two tiles' leaves."""
    read = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal read
        if "ledger_leaves" in statement and "body" in statement:
            read += 1
            assert "BETWEEN" in statement or "position = " in statement

    sa.event.listen(long, "before_cursor_execute", count)
    with long.begin() as connection:
        (proof,) = log.prove(connection, SUBJECT)
    assert verify_proof(proof, signer.verifier).position == 300
    assert 0 < read <= 3


def test_a_damaged_node_gives_no_proof(long: sa.Engine, signer: Signer) -> None:
    """A wrong or missing node is found by verification, and no proof is made from it."""
    second = (ledger_nodes.c.height == 8) & (ledger_nodes.c.position == 0)
    damages: list[tuple[Any, str]] = [
        (sa.update(ledger_nodes).where(second).values(hash=bytes(32)), "node 8/0"),
        (sa.update(ledger_nodes).where(second).values(hash=b"short"), "node 8/0"),
        (sa.delete(ledger_nodes).where(second), "node 8/0"),
        (sa.update(ledger_nodes).where(second).values(position=7), "node 8/0"),
    ]
    for damage, found in damages:
        with long.connect() as connection:
            connection.execute(damage)
            with pytest.raises(IntegrityError, match=found):
                log.verify(connection, [signer.verifier])
            with pytest.raises(IntegrityError):
                log.prove(connection, SUBJECT)
    for height, position in ((8, 3), (16, 0), (9, 0)):
        with long.connect() as connection:
            row = {"height": height, "position": position, "hash": bytes(32)}
            connection.execute(sa.insert(ledger_nodes), row)
            with pytest.raises(IntegrityError, match="nodes of leaves that are not there"):
                log.verify(connection, [signer.verifier])
    with long.begin() as connection:
        assert log.verify(connection, [signer.verifier]).nodes == 3


def test_a_log_cut_short_is_known_by_a_checkpoint_kept_elsewhere(
    long: sa.Engine, signer: Signer, at: datetime
) -> None:
    """What nothing inside can show, a note from outside does; a fork likewise."""
    with long.begin() as connection:
        note = log.checkpoint(connection, signer, at)
        log.verify(connection, [signer.verifier], [note])
        fork = signer.sign_checkpoint(600, bytes(32))
        with pytest.raises(IntegrityError, match="checkpoint 600 is not"):
            log.verify(connection, [signer.verifier], [note, fork])
        later = signer.sign_checkpoint(1001, bytes(32))
        with pytest.raises(IntegrityError, match="once had 1001"):
            log.verify(connection, [signer.verifier], [later, note])
        with pytest.raises(IntegrityError, match="kept elsewhere"):
            log.verify(connection, [signer.verifier], [note.replace("1000", "1001")])


def test_leaves_too_long_for_a_tile_are_refused(ledger: sa.Engine, at: datetime) -> None:
    """A leaf that no public tool could read does not go in."""
    ids = {f"{number:064}": "x" * 128 for number in range(331)}
    with ledger.begin() as connection:
        with pytest.raises(DefectError, match="65535"):
            log.append(connection, "ingested", [], at=at, ids=ids)
        assert log.head(connection).size == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(ledger_leaves)) == 0
