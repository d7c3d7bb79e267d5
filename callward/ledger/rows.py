"""How the log's tables are read; shared by the log and its verification."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from callward.catalogue.tables import (
    ledger_checkpoints,
    ledger_head,
    ledger_items,
    ledger_leaves,
)
from callward.errors import IntegrityError
from callward.ledger.merkle import Frontier

HEAD = 1
_CHUNK = 1000


def head_row() -> sa.Select[tuple[int, Any]]:
    """The row that writers queue on."""
    columns = sa.select(ledger_head.c.size, ledger_head.c.frontier)
    return columns.where(ledger_head.c.id == HEAD)


def head_frontier(connection: sa.Connection, query: sa.Select[tuple[int, Any]]) -> Frontier:
    """The frontier in the head's row; IntegrityError if there is none or it is malformed."""
    row = connection.execute(query).one_or_none()
    if row is None:
        raise IntegrityError("the ledger has no head")
    try:
        return Frontier(row.size, tuple(bytes.fromhex(each) for each in row.frontier))
    except (TypeError, ValueError):
        raise IntegrityError("the ledger's head is malformed") from None


def all_leaves() -> sa.Select[Any]:
    """Leaves, in order."""
    return sa.select(ledger_leaves).order_by(ledger_leaves.c.position)


def all_items() -> sa.Select[Any]:
    """Items, by leaf, in order."""
    return sa.select(ledger_items).order_by(ledger_items.c.leaf, ledger_items.c.position)


def all_checkpoints() -> sa.Select[Any]:
    """Checkpoints, by size."""
    return sa.select(ledger_checkpoints).order_by(ledger_checkpoints.c.size)


def stream(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """The rows of ``query``, a chunk at a time; IntegrityError if one cannot be read."""
    try:
        yield from connection.execute(query.execution_options(yield_per=_CHUNK))
    except (TypeError, ValueError):
        raise IntegrityError("a row of the ledger cannot be read") from None
