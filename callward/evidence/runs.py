"""Flow runs for a pack: our records of a period, and the leaves that entered them."""

from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.model import FlowRunRow, LeafItems
from callward.flowruns.keeping import entries_of, is_sound
from callward.flowruns.model import RECORDED, digest_of


def kept_runs(connection: sa.Connection, start: datetime, end: datetime) -> tuple[FlowRunRow, ...]:
    """The runs that began within [start, end).

    Of one that the ledger contradicts only its id: whoever altered it may have written anything.
    """
    run = t.flow_runs.c
    query = sa.select(t.flow_runs).where(run.begun >= start, run.begun < end)
    rows = connection.execute(query.order_by(run.begun, run.id)).all()
    entries = entries_of(connection, [row.id for row in rows])
    found = []
    for row in rows:
        entry = entries.get(row.id)
        record = row.body if is_sound(row, entry) else {"id": row.id}
        found.append(
            FlowRunRow(
                record=record,
                digest=digest_of(record),
                leaf=entry.leaf if entry else None,
                item=entry.position if entry else None,
                missing_since=row.missing_since,
            )
        )
    return tuple(found)


def run_leaves(connection: sa.Connection, first: int, size: int) -> tuple[LeafItems, ...]:
    """The leaves from ``first`` up to before ``size`` that enter runs, with their items."""
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    query = (
        sa.select(item.leaf, item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == RECORDED, leaf.position >= first, leaf.position < size)
        .order_by(item.leaf, item.position)
    )
    rows = connection.execute(query)
    return tuple(
        LeafItems(position, tuple(row.body for row in group))
        for position, group in groupby(rows, key=lambda row: int(row.leaf))
    )
