"""What is in quarantine, as a condition for the statement that selects."""

import sqlalchemy as sa

from callward.catalogue import tables as t


def in_quarantine(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object was refused, and has not been released.

    What came in a refused record is filed under the refusal's id as its interaction, and
    gets another when it is released, so whatever became of the rest of it is all the same.
    """
    row, one, scans = t.quarantine.c, objects.c, t.card_scans.c
    waits = row.state.in_(("held", "rejected"))
    media = sa.select(row.media_id).where(waits, row.media_id.is_not(None))
    # Not correlated: asked once for a statement, however many objects.
    return sa.or_(
        one.id.in_(media),
        # The original of a recording that is muted and waits here in its place.
        one.id.in_(sa.select(scans.object_id).where(scans.replaced_by.in_(media))),
        one.id.in_(sa.select(row.row_id).where(waits, row.row_id.is_not(None))),
        sa.func.coalesce(one.interaction_id, "").in_(sa.select(row.id)),
    )
