"""What is on legal hold or restricted, as a condition for the statement that selects."""

from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t

HOLD, RESTRICTION = "hold", "restriction"
"""Why something is left alone: a legal hold, or a restriction (UK GDPR Art 18)."""


def held(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object is under an active hold or restriction. For the statement that selects."""
    return _stands(objects, t.holds.c.lifted_at.is_(None))


def held_at(moment: datetime, objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object was under a hold or restriction at ``moment``, as far as it is known.

    That a person is meant is not known any more when the interaction has been forgotten.
    """
    hold = t.holds.c
    stood = sa.and_(
        hold.placed_at < moment, sa.or_(hold.lifted_at.is_(None), hold.lifted_at >= moment)
    )
    return _stands(objects, stood)


def restricted(objects: sa.FromClause = t.objects) -> sa.ColumnElement[bool]:
    """SQL: the object is under an active restriction, whatever holds there are besides."""
    hold = t.holds.c
    return _stands(objects, sa.and_(hold.lifted_at.is_(None), hold.basis == RESTRICTION))


def _stands(objects: sa.FromClause, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """SQL: a hold ``which`` counts is on the object."""
    return sa.or_(_of_its_own(objects, which), _by_family(objects, which))


def _by_family(objects: sa.FromClause, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A recording and its transcripts go together (DESIGN rule 6), so they stay together.

    Transcripts made elsewhere are interactions of their own: what holds one of the family
    holds all. Only those are asked about, and only where a controller has holds that a
    part of its objects is under, so that millions of objects cost a look at an index each.
    """
    hold, kin = t.holds, t.objects.alias("kin")
    partial = sa.exists().where(
        hold.c.controller == objects.c.controller,
        which,
        hold.c.scope != "controller",
    )
    apart = sa.and_(
        kin.c.interaction_id.is_distinct_from(objects.c.interaction_id), _of_its_own(kin, which)
    )
    # One by one, each with an index of its own.
    related = (
        kin.c.id == objects.c.parent_id,
        kin.c.parent_id == objects.c.parent_id,
        kin.c.parent_id == objects.c.id,
    )
    return sa.and_(
        partial.correlate(objects),
        sa.or_(*(sa.exists().where(one, apart).correlate(objects) for one in related)),
    )


def _of_its_own(objects: sa.FromClause, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    hold, person = t.holds, t.people
    # Correlated by name: two levels down, SQLAlchemy would select from all objects instead.
    by_person = (
        sa.exists()
        .where(person.c.interaction_id == objects.c.interaction_id, person.c.blind == hold.c.target)
        .correlate(objects, hold)
    )
    active = sa.exists().where(
        which,
        hold.c.controller == objects.c.controller,
        sa.or_(
            hold.c.scope == "controller",
            sa.and_(hold.c.scope == "interaction", hold.c.target == objects.c.interaction_id),
            sa.and_(hold.c.scope == "person", by_person),
        ),
    )
    return active.correlate(objects)
