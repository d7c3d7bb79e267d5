"""Openings: what was taken out of the vault to be looked at, and whether a reason was sealed."""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import month, within
from callward.evidence.collectors.base import Collected, Source
from callward.ledger.leaves import parse_item

_EVENT = "opened"


def collect(source: Source) -> Collected:
    """Every opening in the period, by the object's id alone.

    ``unentered``: rows of which the ledger has nothing; ``rowless``: what the ledger has
    entered, and no row is there, by the id of its reason.
    """
    entered = _entered(source)
    found = [_opening(row, entered) for row in _rows(source)]
    rowless = sorted(entered.keys() - {one["reason"] for one in found})
    by_month = Counter(month(one["at"]) for one in found)
    facts = {
        "openings": len(found),
        "by_month": dict(sorted(by_month.items())),
        "unreasoned": [one["id"] for one in found if not one["reasoned"]],
        "unentered": [one["id"] for one in found if not one["entered"]],
        "rowless": rowless,
        "despite_restriction": sum(one["despite_restriction"] for one in found),
    }
    newest = max((one["at"] for one in found), default=None)
    return Collected("openings, objects, ledger: opened", newest, facts, {"openings": found})


def _rows(source: Source) -> list[sa.Row[*tuple[Any, ...]]]:
    """Each with whether there is, or was, a note with its reason."""
    row, note = t.openings.c, t.objects.alias("note")
    query = (
        sa.select(row.id, row.object_id, row.reason_id, row.at, note.c.id.label("note"))
        .outerjoin(note, note.c.id == row.reason_id)
        .where(within(row.at, source))
        .order_by(row.at, row.id)
    )
    return list(source.connection.execute(query))


def _entered(source: Source) -> dict[str, bool]:
    """What the ledger has of them: by the reason's id, whether it was despite a restriction."""
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    query = (
        sa.select(item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == _EVENT, within(leaf.at, source))
    )
    bodies = [parse_item(one).body for one in source.connection.scalars(query)]
    return {str(one.get("reason_id")): bool(one.get("despite_restriction")) for one in bodies}


def _opening(row: sa.Row[*tuple[Any, ...]], entered: dict[str, bool]) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": row.object_id,
        "reason": row.reason_id,
        "at": row.at,
        "reasoned": row.note is not None,
        "entered": row.reason_id in entered,
        "despite_restriction": entered.get(row.reason_id, False),
    }
