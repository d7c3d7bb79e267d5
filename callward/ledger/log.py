"""The log in the catalogue's database.

Every function works on a connection on which the caller has a transaction
open, so that a change of state and its leaf commit or vanish together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from callward.catalogue.bulk import insert_many
from callward.catalogue.tables import (
    ledger_checkpoints,
    ledger_head,
    ledger_items,
    ledger_leaves,
)
from callward.errors import DefectError, IntegrityError
from callward.ledger import keybook, merkle, nodes, notes, rows
from callward.ledger.checking import Verified, verify
from callward.ledger.leaves import Item, Leaf, body_hash, rfc3339
from callward.ledger.merkle import Frontier
from callward.ledger.proving import NoCheckpointError, consistency, frontier_at, prove
from callward.ledger.signing import Signer

__all__ = [
    "Head",
    "Item",
    "NoCheckpointError",
    "Verified",
    "append",
    "checkpoint",
    "consistency",
    "frontier_at",
    "head",
    "init",
    "lock",
    "prove",
    "slice_of",
    "verify",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Head:
    """How many leaves the log has, and the Merkle root (32 bytes) over them."""

    size: int
    root: bytes


def init(connection: sa.Connection) -> None:
    """Make an empty log, unless there is one; DefectError if leaves have lost their head."""
    if connection.execute(sa.select(ledger_head.c.id)).first() is not None:
        return
    if connection.execute(sa.select(ledger_leaves.c.position).limit(1)).first() is not None:
        raise DefectError("the ledger has leaves but no head")
    connection.execute(sa.insert(ledger_head).values(id=rows.HEAD, size=0, frontier=[]))


def head(connection: sa.Connection) -> Head:
    """The log's present head, as the database has it (``verify`` recomputes it)."""
    frontier = rows.head_frontier(connection, rows.head_row())
    return Head(frontier.size, frontier.root)


def lock(connection: sa.Connection) -> None:
    """Wait for every writer under way, and have the next ones wait for this transaction.

    What was committed before is seen by the statements that follow.
    """
    rows.head_frontier(connection, rows.head_row().with_for_update())


def append(
    connection: sa.Connection,
    event: str,
    items: Sequence[Item],
    *,
    at: datetime,
    counts: Mapping[str, int] = _NOTHING,
    ids: Mapping[str, str] = _NOTHING,
) -> int:
    """Add one leaf for a batch of one kind of ``event``; returns its position, from 0.

    Writers queue on the head's row until the one before has committed. Raises
    DefectError for anything but opaque ids, enums, counts and digests; nothing
    is written then.
    """
    bodies = [item.encoded() for item in items]
    items_root = merkle.root(map(body_hash, bodies))
    body = Leaf(event, rfc3339(at), len(items), items_root, counts, ids).encoded()
    frontier = rows.head_frontier(connection, rows.head_row().with_for_update())
    position = frontier.size
    grown, whole = frontier.grow([body_hash(body)])
    _store_head(connection, grown)
    nodes.store(connection, whole)
    leaf = {"position": position, "event": event, "body": body, "at": at}
    connection.execute(sa.insert(ledger_leaves), leaf)
    insert_many(connection, ledger_items, _item_rows(position, items, bodies))
    return position


def checkpoint(connection: sa.Connection, signer: Signer, at: datetime) -> str:
    """Sign the present head, keep the signed note and return it.

    A head that has been signed already gives the note it has. Raises
    IntegrityError if that note says something else than the head, and
    KeyRetiredError if the signer has been replaced.
    """
    frontier = rows.head_frontier(connection, rows.head_row().with_for_update())
    kept = sa.select(ledger_checkpoints.c.note).where(ledger_checkpoints.c.size == frontier.size)
    note: str | None = connection.execute(kept).scalar_one_or_none()
    if note is None:
        keybook.require_in_force(connection, signer.verifier, at)
        note = signer.sign_checkpoint(frontier.size, frontier.root)
        row = {"size": frontier.size, "note": note, "at": at}
        connection.execute(sa.insert(ledger_checkpoints), row)
    elif notes.parse_checkpoint(notes.note_text(note)).root != frontier.root:
        raise IntegrityError(f"checkpoint {frontier.size} is not of the ledger's head")
    return note


def slice_of(connection: sa.Connection, from_position: int, to_position: int) -> list[str]:
    """The bodies of the leaves from ``from_position`` up to before ``to_position``.

    Raises DefectError if the log has no such leaves, IntegrityError if one is missing.
    """
    size = head(connection).size
    if not 0 <= from_position <= to_position <= size:
        raise DefectError(f"a ledger of {size} leaves has no leaves outside it")
    return rows.bodies(connection, from_position, to_position - from_position)


def _store_head(connection: sa.Connection, frontier: Frontier) -> None:
    hashes = [each.hex() for each in frontier.hashes]
    change = sa.update(ledger_head).where(ledger_head.c.id == rows.HEAD)
    connection.execute(change.values(size=frontier.size, frontier=hashes))


def _item_rows(leaf: int, items: Sequence[Item], bodies: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"leaf": leaf, "position": position, "subject": item.subject, "body": body}
        for position, (item, body) in enumerate(zip(items, bodies, strict=True))
    ]
