"""The kept nodes of the log's tree: what makes a proof read few leaves.

Roots of whole subtrees of 256, 65,536, … leaves. They only save work: whatever
is made from them is checked against a signed root, and verification recomputes
them all.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from callward.catalogue.tables import ledger_leaves, ledger_nodes
from callward.errors import IntegrityError
from callward.ledger.leaves import body_hash
from callward.ledger.merkle import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    Node,
    consistency_spans,
    inclusion_spans,
    root,
)

_KEPT = 64  # tiles at once: each is 256 hashes
_CHUNK = 1000
PIECE = 1 << 2 * TILE_HEIGHT
"""Leaves that ``fill`` takes at once."""


class Tiles:
    """The hashes of the log's tree, 256 neighbours at a time.

    ``tile(level, number)`` is tile ``number`` of c2sp.org/tlog-tiles: of level 0
    the hashes of leaves, of level n roots of subtrees of 256^n leaves. What has
    been read is kept for as long as this lives, which is a transaction.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Inclusion proof of leaf ``index`` in the log's first ``size`` leaves."""
        return [self.root(*span) for span in inclusion_spans(index, size)]

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof that the first ``first`` leaves begin the first ``second``."""
        return [self.root(*span) for span in consistency_spans(first, second)]

    def frontier(self, size: int) -> Frontier:
        """The frontier of the first ``size`` leaves."""
        return Frontier(size, tuple(self._subtrees(0, size)))

    def root(self, first: int, end: int) -> bytes:
        """Root over the leaves from ``first`` up to before ``end``, a span of a proof."""
        return Frontier(end - first, tuple(self._subtrees(first, end))).root

    def tile(self, level: int, number: int) -> list[bytes]:
        """A tile as far as there is one; IntegrityError if a leaf or node in it is missing."""
        found = self._tiles.get((level, number))
        if found is None:
            if len(self._tiles) >= _KEPT:
                self._tiles.clear()
            found = self._tiles[level, number] = self._read(level, number * TILE_WIDTH)
        return found

    def _subtrees(self, first: int, end: int) -> Iterator[bytes]:
        """Roots of the largest whole subtrees from ``first`` to ``end``, left to right."""
        while first < end:
            height = (end - first).bit_length() - 1
            level, rest = divmod(height, TILE_HEIGHT)
            number, offset = divmod(first >> level * TILE_HEIGHT, TILE_WIDTH)
            hashes = self.tile(level, number)[offset : offset + (1 << rest)]
            if len(hashes) != 1 << rest:
                raise IntegrityError(f"nodes of height {level * TILE_HEIGHT} are missing")
            yield root(hashes)
            first += 1 << height

    def _read(self, level: int, start: int) -> list[bytes]:
        if level == 0:
            column, kind = ledger_leaves.c.body, ledger_leaves.c.position
            query = sa.select(kind, column)
        else:
            kind = ledger_nodes.c.position
            query = sa.select(kind, ledger_nodes.c.hash)
            query = query.where(ledger_nodes.c.height == level * TILE_HEIGHT)
        query = query.where(kind.between(start, start + TILE_WIDTH - 1)).order_by(kind)
        found = self._connection.execute(query).all()
        if [position for position, _ in found] != list(range(start, start + len(found))):
            raise IntegrityError(f"part of tile {level}/{start // TILE_WIDTH} is missing")
        return [body_hash(value) if level == 0 else value for _, value in found]


def store(connection: sa.Connection, nodes: Sequence[Node]) -> None:
    """Keep ``nodes``, which are new."""
    if nodes:
        connection.execute(sa.insert(ledger_nodes), [node._asdict() for node in nodes])


def fill(connection: sa.Connection) -> None:
    """Make the kept nodes anew from the leaves, in constant memory.

    For a log that has been brought in whole: by a migration, out of a backup.
    """
    connection.execute(sa.delete(ledger_nodes))
    position, body = ledger_leaves.c.position, ledger_leaves.c.body
    query = sa.select(body).order_by(position).execution_options(yield_per=_CHUNK)
    bodies = connection.execute(query).scalars()
    frontier = Frontier()
    while chunk := list(islice(bodies, PIECE)):
        frontier, nodes = frontier.grow(map(body_hash, chunk))
        store(connection, nodes)
