"""What is under an active legal hold, as a condition for the statement that selects."""

import sqlalchemy as sa

from callward.catalogue import tables as t


def held(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object is under an active hold. For the statement that selects."""
    hold, person = t.holds, t.people
    # Correlated by name: two levels down, SQLAlchemy would select from all objects instead.
    by_person = (
        sa.exists()
        .where(person.c.interaction_id == objects.c.interaction_id, person.c.blind == hold.c.target)
        .correlate(objects, hold)
    )
    active = sa.exists().where(
        hold.c.lifted_at.is_(None),
        hold.c.controller == objects.c.controller,
        sa.or_(
            hold.c.scope == "controller",
            sa.and_(hold.c.scope == "interaction", hold.c.target == objects.c.interaction_id),
            sa.and_(hold.c.scope == "person", by_person),
        ),
    )
    return active.correlate(objects)
