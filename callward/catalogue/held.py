"""What is on legal hold or restricted, as a condition for the statement that selects."""

import sqlalchemy as sa

from callward.catalogue import tables as t

HOLD, RESTRICTION = "hold", "restriction"
"""Why something is left alone: a legal hold, or a restriction (UK GDPR Art 18)."""


def held(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object is under an active hold or restriction. For the statement that selects."""
    return _stands(objects, sa.true())


def restricted(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object is under an active restriction, whatever holds there are besides."""
    return _stands(objects, t.holds.c.basis == RESTRICTION)


def _stands(objects: sa.FromClause, basis: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    hold, person = t.holds, t.people
    # Correlated by name: two levels down, SQLAlchemy would select from all objects instead.
    by_person = (
        sa.exists()
        .where(person.c.interaction_id == objects.c.interaction_id, person.c.blind == hold.c.target)
        .correlate(objects, hold)
    )
    active = sa.exists().where(
        hold.c.lifted_at.is_(None),
        basis,
        hold.c.controller == objects.c.controller,
        sa.or_(
            hold.c.scope == "controller",
            sa.and_(hold.c.scope == "interaction", hold.c.target == objects.c.interaction_id),
            sa.and_(hold.c.scope == "person", by_person),
        ),
    )
    return active.correlate(objects)
