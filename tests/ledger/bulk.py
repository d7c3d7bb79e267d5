"""Long logs, made in bulk: what ``log.append`` would have written, without its pace."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from callward.catalogue.tables import ledger_head, ledger_items, ledger_leaves
from callward.ledger import nodes, rows
from callward.ledger.leaves import Item, Leaf, body_hash, rfc3339
from callward.ledger.merkle import root


def fill(connection: sa.Connection, count: int, at: datetime, event: str = "ingested") -> None:
    """Append ``count`` leaves with an item each, a second apart from ``at``."""
    frontier = rows.head_frontier(connection, rows.head_row())
    leaves, items = [], []
    for position in range(frontier.size, frontier.size + count):
        subject, moment = f"{position:032x}", at + timedelta(seconds=position)
        item = Item(subject, {"size": position}).encoded()
        items.append({"leaf": position, "position": 0, "subject": subject, "body": item})
        leaf = Leaf(event, rfc3339(moment), 1, root([body_hash(item)]), {"new": 1}, {"drop": "d1"})
        row = {"position": position, "event": event, "body": leaf.encoded(), "at": moment}
        leaves.append(row)
    grown, whole = frontier.grow(body_hash(str(leaf["body"])) for leaf in leaves)
    connection.execute(sa.insert(ledger_leaves), leaves)
    connection.execute(sa.insert(ledger_items), items)
    nodes.store(connection, whole)
    hashes = [one.hex() for one in grown.hashes]
    connection.execute(sa.update(ledger_head).values(size=grown.size, frontier=hashes))
