"""Instructions: every version with its approval, what changed, and who has none in force.

Read as they are stored, not as they are validated: evidence must show one that is wrong.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import holding
from callward.evidence.collectors.base import Collected, Source
from callward.instructions.periods import Period, within_ceiling

_NONE = "none"


def collect(source: Source) -> Collected:
    """Every version loaded before the period's end, and which are in force on its last day."""
    row = t.instructions.c
    query = sa.select(t.instructions).where(row.loaded_at < source.end)
    found = source.connection.execute(query.order_by(row.controller, row.version)).all()
    versions = [_version(one) for one in found]
    # Of those effective by then the highest wins; they come in this order.
    current = {one.controller: one for one in found if one.effective_from <= source.day}
    beyond = {name: over for name, one in current.items() if (over := _beyond(one.body))}
    facts = {
        "controllers": len({one.controller for one in found}),
        "in_force": len(current),
        "versions": len(found),
        "changed": sorted({one.controller for one in found if one.loaded_at >= source.start}),
        "unapproved": sorted(
            {f"{one.controller}/{one.version}" for one in found if not _approved(one)}
        ),
        "without": [one for one in holding(source) if one not in current],
        "beyond": beyond,
    }
    newest = max((one.loaded_at for one in found), default=None)
    return Collected("instructions, objects", newest, facts, {"versions": versions})


def _version(row: sa.Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "controller": row.controller,
        "version": row.version,
        "sha256": row.digest,
        "effective_from": row.effective_from,
        "approved_by": row.approved_by,
        "reference": row.reference,
        "lawful_basis": row.body.get("lawful_basis"),
        "retention": row.body.get("retention"),
        "loaded_at": row.loaded_at,
    }


def _approved(row: sa.Row[*tuple[Any, ...]]) -> bool:
    return bool(row.approved_by.strip() and row.reference.strip())


def _beyond(body: Mapping[str, Any]) -> list[str]:
    """The classes that are kept longer than they may be, or nobody can say how long."""
    periods: Mapping[str, Any] = body.get("retention") or {}
    return sorted(name for name, period in periods.items() if not _within(period))


def _within(period: object) -> bool:
    if period == _NONE:
        return True
    try:
        return within_ceiling(Period.parse(str(period)))
    except ValueError:
        return False
