"""Verifying the whole log: nothing the database says is taken on trust."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from callward.errors import IntegrityError
from callward.ledger import keybook, rows
from callward.ledger.bodies import LeafFacts, item_subject, leaf_facts
from callward.ledger.keys import History
from callward.ledger.leaves import body_hash
from callward.ledger.merkle import EMPTY_ROOT, TILE_WIDTH, Frontier, Node, root
from callward.ledger.notes import Checkpoint

_NO_ITEMS = EMPTY_ROOT.hex()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a full verification recomputed; ``root`` is 32 bytes."""

    size: int
    root: bytes
    leaves: int
    items: int
    checkpoints: int
    nodes: int = 0


@rows.legible()
def verify(
    connection: sa.Connection, verifier_keys: Sequence[str], known: Sequence[str] = ()
) -> Verified:
    """Recompute the whole log from its bodies, in constant memory.

    Checks every leaf and item (form, place, count, root), the head, every node
    kept, and every checkpoint kept: of the tree as recomputed, and signed by the
    key in force at its size (``verifier_keys`` is the one in force now; the
    leaves prove the others). ``known`` are checkpoints kept elsewhere, which the
    log must contain: only they show that a log is not cut short. In a read-only
    unit (``catalogue.engine.reading``) nobody waits for this; elsewhere on
    PostgreSQL appending does. Raises IntegrityError naming the position.
    """
    with _undisturbed():
        stored = rows.head_frontier(connection, rows.settled_head(connection))
        items = rows.stream(connection, rows.all_items())
        keys = keybook.history(connection, verifier_keys)
        signed = _Checkpoints(rows.stream(connection, rows.all_checkpoints()), keys, known)
        tree, counted = _Tree(signed, _Nodes(connection)), 0
        for row in rows.stream(connection, rows.raw_leaves(connection)):
            counted += _verify_leaf(row, tree.size, items)
            tree.add(body_hash(row[2]))
        surplus = next(items, None)
        if surplus is not None:
            raise IntegrityError(f"item {surplus.position} of leaf {surplus.leaf} is one too many")
        frontier = tree.finish(stored)
        size = frontier.size
        return Verified(size, frontier.root, size, counted, signed.count, tree.nodes.count)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Spare the collector of garbage from looking at all that is imported, again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _verify_leaf(row: Any, position: int, items: Iterator[Any]) -> int:
    """Check the leaf that should be at ``position`` with its items; how many it has."""
    found, event, body, at = row
    if found != position:
        raise IntegrityError(f"leaf {position} is missing")
    try:
        leaf = leaf_facts(body)
        _match(leaf, event, at)
        _match_items(leaf, position, items)
    except IntegrityError as error:
        raise IntegrityError(f"leaf {position}: {error.args[0]}") from None
    return leaf.items


def _match(leaf: LeafFacts, event: str, at: str) -> None:
    if event != leaf.event or not rows.same_moment(at, leaf.at):
        raise IntegrityError("its columns do not say what its body says")


def _match_items(leaf: LeafFacts, position: int, items: Iterator[Any]) -> None:
    hashes = list(_item_hashes(position, islice(items, leaf.items)))
    # Most leaves have one item, whose hash is the root already.
    expected = hashes[0].hex() if len(hashes) == 1 else root(hashes).hex() if hashes else _NO_ITEMS
    if (len(hashes), expected) != (leaf.items, leaf.items_root):
        raise IntegrityError("its items do not lead to its root")


def _item_hashes(leaf: int, found: Iterator[Any]) -> Iterator[bytes]:
    for position, row in enumerate(found):
        row_leaf, row_position, row_subject, body = row
        if row_leaf != leaf or row_position != position:
            raise IntegrityError(f"item {position} is missing or one is too many")
        try:
            subject = item_subject(body)
        except IntegrityError:
            raise IntegrityError(f"item {position} is malformed") from None
        if row_subject != subject:
            raise IntegrityError(f"item {position} is filed under another subject")
        yield body_hash(body)


class _Tree:
    """The tree as it grows; looked at where a node is whole or a checkpoint was signed."""

    def __init__(self, signed: "_Checkpoints", nodes: "_Nodes") -> None:
        self.size, self.nodes = 0, nodes
        self._signed, self._frontier = signed, Frontier()
        self._pending: list[bytes] = []
        signed.check(self._frontier)

    def add(self, leaf: bytes) -> None:
        """Take in the next leaf's hash."""
        self._pending.append(leaf)
        self.size += 1
        if self.size == self._signed.due or not self.size % TILE_WIDTH:
            self._settle()

    def finish(self, stored: Frontier) -> Frontier:
        """The frontier at the end, which must be the head's, with nothing left unaccounted for."""
        self._settle()
        if self._frontier != stored:
            raise IntegrityError(f"{self.size} leaves do not lead to the head of {stored.size}")
        self._signed.finish()
        self.nodes.finish()
        return self._frontier

    def _settle(self) -> None:
        self._frontier, nodes = self._frontier.grow(self._pending)
        self._pending = []
        self._signed.check(self._frontier)
        self.nodes.check(nodes)


class _Checkpoints:
    """The checkpoints kept here and elsewhere, looked at when the tree has their size."""

    def __init__(self, found: Iterator[Any], keys: History, known: Sequence[str] = ()) -> None:
        self._rows, self._keys = found, keys
        outside = [self._verified(note, "a checkpoint kept elsewhere") for note in known]
        self._known = sorted(outside, key=lambda one: -one.size)
        self._next = next(found, None)
        self.count = 0
        self.due = 0
        """The size at which to look again; -1 if there is none."""

    def check(self, frontier: Frontier) -> None:
        row = self._next
        if row is not None and row.size == frontier.size:
            self._match(frontier, self._verified(row.note, f"checkpoint {row.size}"))
            self.count += 1
            self._next = next(self._rows, None)
        while self._known and self._known[-1].size == frontier.size:
            self._match(frontier, self._known.pop())
        kept = [] if self._next is None else [self._next.size]
        self.due = min([*kept, *(one.size for one in self._known[-1:])], default=-1)

    def finish(self) -> None:
        if self._next is not None:
            raise IntegrityError(f"checkpoint {self._next.size} is of leaves that are not there")
        if self._known:
            size = self._known[-1].size
            raise IntegrityError(f"the log once had {size} leaves: it has been cut short")

    def _verified(self, note: str, what: str) -> Checkpoint:
        try:
            return self._keys.verify_checkpoint(note)
        except IntegrityError as error:
            raise IntegrityError(f"{what}: {error.args[0]}") from None

    @staticmethod
    def _match(frontier: Frontier, signed: Checkpoint) -> None:
        if (signed.size, signed.root) != (frontier.size, frontier.root):
            raise IntegrityError(f"checkpoint {frontier.size} is not of this ledger")


class _Nodes:
    """The nodes kept, each looked at when the tree has completed it."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._heights: dict[int, Iterator[Any]] = {}
        self.count = 0

    def check(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if node.height not in self._heights:
                query = rows.nodes_of(node.height)
                self._heights[node.height] = rows.stream(self._connection, query)
            found = next(self._heights[node.height], None)
            if found is None or tuple(found) != (node.position, node.hash):
                raise IntegrityError(f"node {node.height}/{node.position} is missing or wrong")
            self.count += 1

    def finish(self) -> None:
        if self._connection.scalar(rows.nodes_counted()) != self.count:
            raise IntegrityError("the ledger keeps nodes of leaves that are not there")
