"""Verifying the whole log: nothing the database says is taken on trust."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from callward.errors import IntegrityError
from callward.ledger import notes, rows
from callward.ledger.leaves import Leaf, body_hash, parse_item, parse_leaf, rfc3339
from callward.ledger.merkle import Frontier


@dataclass(frozen=True, slots=True)
class Verified:
    """What a full verification recomputed; ``root`` is 32 bytes."""

    size: int
    root: bytes
    leaves: int
    items: int
    checkpoints: int


def verify(connection: sa.Connection, verifier_keys: Sequence[str]) -> Verified:
    """Recompute the whole log from its bodies, in constant memory.

    Checks every leaf and item (form, place, count, root), the head, and every
    checkpoint kept: signed by one of the keys, and of the tree as recomputed.
    Appending waits meanwhile. Raises IntegrityError naming the position.
    """
    stored = rows.head_frontier(connection, rows.head_row().with_for_update(read=True))
    items = rows.stream(connection, rows.all_items())
    signed = _Checkpoints(rows.stream(connection, rows.all_checkpoints()), verifier_keys)
    counted, frontier = 0, Frontier()
    signed.check(frontier)
    for row in rows.stream(connection, rows.all_leaves()):
        counted += _verify_leaf(row, frontier.size, items)
        frontier = frontier.append(body_hash(row.body))
        signed.check(frontier)
    surplus = next(items, None)
    if surplus is not None:
        raise IntegrityError(f"item {surplus.position} of leaf {surplus.leaf} is one too many")
    if frontier != stored:
        raise IntegrityError(f"{frontier.size} leaves do not lead to the head of {stored.size}")
    signed.finish()
    return Verified(frontier.size, frontier.root, frontier.size, counted, signed.count)


def _verify_leaf(row: sa.Row[Any], position: int, items: Iterator[sa.Row[Any]]) -> int:
    """Check the leaf that should be at ``position`` with its items; how many it has."""
    if row.position != position:
        raise IntegrityError(f"leaf {position} is missing")
    try:
        leaf = parse_leaf(row.body)
        _match(row, leaf)
        _match_items(leaf, _item_hashes(position, islice(items, leaf.items)))
    except IntegrityError as error:
        raise IntegrityError(f"leaf {position}: {error.args[0]}") from None
    return leaf.items


def _match(row: sa.Row[Any], leaf: Leaf) -> None:
    if (row.event, rfc3339(row.at)) != (leaf.event, leaf.at):
        raise IntegrityError("its columns do not say what its body says")


def _match_items(leaf: Leaf, hashes: Iterator[bytes]) -> None:
    tree = Frontier().extend(hashes)
    if (tree.size, tree.root) != (leaf.items, leaf.items_root):
        raise IntegrityError("its items do not lead to its root")


def _item_hashes(leaf: int, found: Iterator[sa.Row[Any]]) -> Iterator[bytes]:
    for position, row in enumerate(found):
        if (row.leaf, row.position) != (leaf, position):
            raise IntegrityError(f"item {position} is missing or one is too many")
        try:
            subject = parse_item(row.body).subject
        except IntegrityError:
            raise IntegrityError(f"item {position} is malformed") from None
        if row.subject != subject:
            raise IntegrityError(f"item {position} is filed under another subject")
        yield body_hash(row.body)


class _Checkpoints:
    """The checkpoints kept, each checked when the recomputed tree has its size."""

    def __init__(self, found: Iterator[sa.Row[Any]], verifier_keys: Sequence[str]) -> None:
        self._rows = found
        self._keys = verifier_keys
        self._next = next(found, None)
        self.count = 0

    def check(self, frontier: Frontier) -> None:
        row = self._next
        if row is None or row.size != frontier.size:
            return
        try:
            signed = notes.verify_checkpoint(row.note, self._keys)
        except IntegrityError as error:
            raise IntegrityError(f"checkpoint {row.size}: {error.args[0]}") from None
        if (signed.size, signed.root) != (frontier.size, frontier.root):
            raise IntegrityError(f"checkpoint {row.size} is not of this ledger")
        self.count += 1
        self._next = next(self._rows, None)

    def finish(self) -> None:
        if self._next is not None:
            raise IntegrityError(f"checkpoint {self._next.size} is of leaves that are not there")
