"""How the log's tables are read; shared by the log and its verification."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from callward.catalogue.tables import (
    ledger_checkpoints,
    ledger_head,
    ledger_items,
    ledger_leaves,
    ledger_nodes,
)
from callward.errors import IntegrityError
from callward.ledger.merkle import Frontier

HEAD = 1
_CHUNK = 4000


def head_row() -> sa.Select[tuple[int, Any]]:
    """The row that writers queue on."""
    columns = sa.select(ledger_head.c.size, ledger_head.c.frontier)
    return columns.where(ledger_head.c.id == HEAD)


def head_frontier(connection: sa.Connection, query: sa.Select[tuple[int, Any]]) -> Frontier:
    """The frontier in the head's row; IntegrityError if there is none or it is malformed."""
    row = next(stream(connection, query), None)
    if row is None:
        raise IntegrityError("the ledger has no head")
    try:
        frontier = Frontier(row.size, tuple(bytes.fromhex(each) for each in row.frontier))
    except (TypeError, ValueError):
        raise IntegrityError("the ledger's head is malformed") from None
    if [each.hex() for each in frontier.hashes] != row.frontier:
        raise IntegrityError("the ledger's head is malformed")
    return frontier


def settled_head(connection: sa.Connection) -> sa.Select[tuple[int, Any]]:
    """The head's row for who reads the whole log: as of one moment, or with writers waiting."""
    one_moment = connection.dialect.name == "sqlite" or connection.get_isolation_level() in (
        "REPEATABLE READ",
        "SERIALIZABLE",
    )
    return head_row() if one_moment else head_row().with_for_update(read=True)


def raw_leaves(connection: sa.Connection) -> sa.Select[Any]:
    """Position, event, body and moment of every leaf, in order; for ``same_moment``."""
    leaf = ledger_leaves.c
    moment: sa.ColumnElement[str] = sa.type_coerce(leaf.at, sa.String)
    if connection.dialect.name == "postgresql":
        # Text made there: to read a moment and write it again costs as much as to check a leaf.
        moment = sa.func.to_char(sa.func.timezone("UTC", leaf.at), "YYYY-MM-DD HH24:MI:SS.US")
    return sa.select(leaf.position, leaf.event, leaf.body, moment).order_by(leaf.position)


def bodies(connection: sa.Connection, start: int, count: int) -> list[str]:
    """Bodies of ``count`` leaves from ``start``; IntegrityError if one is missing."""
    leaf = ledger_leaves.c
    query = sa.select(leaf.position, leaf.body).order_by(leaf.position)
    found = connection.execute(query.where(leaf.position.between(start, start + count - 1))).all()
    if [position for position, _ in found] != list(range(start, start + count)):
        raise IntegrityError(f"leaves are missing between {start} and {start + count}")
    return [body for _, body in found]


def same_moment(stored: str, said: str) -> bool:
    """Whether a moment as text of the database is the one a leaf's body says."""
    # As text: in it, one digit may not stand for another either.
    return stored == f"{said[:10]} {said[11:-1]}"


def all_items() -> sa.Select[Any]:
    """Items, by leaf, in order."""
    return sa.select(ledger_items).order_by(ledger_items.c.leaf, ledger_items.c.position)


def all_checkpoints() -> sa.Select[Any]:
    """Checkpoints, by size."""
    return sa.select(ledger_checkpoints).order_by(ledger_checkpoints.c.size)


def nodes_of(height: int) -> sa.Select[Any]:
    """Position and hash of the nodes of one height, in order."""
    node = ledger_nodes.c
    query = sa.select(node.position, node.hash).where(node.height == height)
    return query.order_by(node.position)


def nodes_counted() -> sa.Select[int]:
    """How many nodes are kept."""
    return sa.select(sa.func.count()).select_from(ledger_nodes)


@contextmanager
def legible() -> Iterator[None]:
    """While rows are read: IntegrityError if one holds what its columns cannot."""
    try:
        yield
    except (TypeError, ValueError):
        raise IntegrityError("a row of the ledger cannot be read") from None
    except sa.exc.OperationalError as error:
        if "decode" not in str(error.orig):  # what SQLite says of text that is not UTF-8
            raise
        raise IntegrityError("a row of the ledger is not UTF-8") from None


def stream(connection: sa.Connection, query: sa.Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """The rows of ``query``, a chunk at a time; IntegrityError if one cannot be read."""
    with legible():
        for part in connection.execute(query.execution_options(yield_per=_CHUNK)).partitions():
            yield from part
