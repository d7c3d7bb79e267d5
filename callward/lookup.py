"""What the catalogue knows under one id."""

from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import NotFoundError

_TABLES = (
    ("object", t.objects),
    ("interaction", t.interactions),
    ("quarantined", t.quarantine),
    ("drop", t.drops),
    ("certificate", t.certificates),
    ("hold", t.holds),
    ("sweep", t.sweeps),
)


def describe(connection: sa.Connection, wanted: str) -> dict[str, Any]:
    """The row under an id, with what it is; NotFoundError if there is none."""
    for what, table in _TABLES:
        row = connection.execute(sa.select(table).where(table.c.id == wanted)).mappings().first()
        if row is not None:
            found = {"what": what, **row}
            if what == "certificate":
                del found["body"]  # `certificate show` checks it first, and it may be long
            if what == "interaction":
                found["objects"] = _objects_of(connection, wanted)
            return found
    raise NotFoundError(f"nothing is catalogued under {wanted}")


def _objects_of(connection: sa.Connection, interaction: str) -> list[str]:
    query = (
        sa.select(t.objects.c.id, t.objects.c.kind, t.objects.c.state)
        .where(t.objects.c.interaction_id == interaction)
        .order_by(t.objects.c.kind)
    )
    return [f"{row.kind} {row.id} ({row.state})" for row in connection.execute(query)]
