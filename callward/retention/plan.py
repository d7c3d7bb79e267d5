"""The plan of a sweep: what is due and not held, and the hash a person approves."""

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.retention.due import KEPT
from callward.run import Run


@dataclass(frozen=True, slots=True)
class DueObject:
    """One object to destroy."""

    id: str
    controller: str
    kind: str
    state: str
    due_day: date


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep would destroy; ``hash`` changes with any object in it."""

    as_of: date
    due: tuple[DueObject, ...]
    held: Mapping[str, int]
    """Per controller, how many objects are due but on hold."""
    holdings: Mapping[str, int]
    """Per controller, how many objects can still be opened."""
    replaced: Mapping[str, int] = field(default_factory=dict)
    """Per controller, how many of those due a version without card numbers stands in for."""

    @property
    def hash(self) -> str:
        """SHA-256 over the ids, in order, hex."""
        digest = hashlib.sha256(b"callward/sweep-plan/1\n")
        for one in self.due:
            digest.update(f"{one.id}\n".encode())
        return digest.hexdigest()

    @property
    def due_counts(self) -> Counter[str]:
        """Due objects per controller."""
        return Counter(one.controller for one in self.due)


def is_due(run: Run) -> sa.ColumnElement[bool]:
    """SQL: the object can still be opened, is due on the run's day, and is in its scope."""
    objects = t.objects.c
    due = sa.and_(
        objects.state.in_(KEPT),
        objects.due_day <= run.as_of,
        objects.controller.not_in(sorted(run.unclear)),
    )
    if run.only is not None:
        due = sa.and_(due, objects.id.in_(sorted(run.only)))
    return due if run.controller is None else sa.and_(due, objects.controller == run.controller)


def plan_sweep(connection: sa.Connection, run: Run) -> SweepPlan:
    """Select what is due and not held."""
    objects = t.objects.c
    due = connection.execute(
        sa.select(objects.id, objects.controller, objects.kind, objects.state, objects.due_day)
        .where(is_due(run), ~held())
        .order_by(objects.id)
    )
    return SweepPlan(
        as_of=run.as_of,
        due=tuple(_due(*row) for row in due),
        held=_count(connection, sa.and_(is_due(run), held())),
        # For the brake, which does not ask about objects that a person has named.
        holdings=_count(connection, objects.state.in_(KEPT)) if run.only is None else {},
        replaced=_count(connection, sa.and_(is_due(run), ~held(), is_replaced())),
    )


def is_replaced() -> sa.ColumnElement[bool]:
    """SQL: a muted version that is kept has taken the object's place, or its recording's."""
    objects, scans, stands = t.objects.c, t.card_scans.c, t.objects.alias("stands")
    return (
        sa.exists()
        .where(
            scans.object_id.in_((objects.id, objects.parent_id)),
            stands.c.id == scans.replaced_by,
            stands.c.state.in_(KEPT),
            ~stands.c.early,
        )
        .correlate(t.objects)
    )


def _due(one: str, controller: str, kind: str, state: str, due_day: date) -> DueObject:
    """A hundred thousand of them share a few words."""
    return DueObject(one, sys.intern(controller), sys.intern(kind), sys.intern(state), due_day)


def held_by_join(
    connection: sa.Connection, ids: Sequence[str], as_of: date | None = None
) -> set[str]:
    """Which of ``ids`` are on hold, asked another way than the selection does (for the gates).

    ``as_of``: all of them are kept and due on that day; a hold is then asked for what it
    holds of those, however many they are, and else for the few ids one by one.
    """
    hold, one = t.holds.c, t.objects.c
    active = sa.select(hold.controller, hold.scope, hold.target).where(hold.lifted_at.is_(None))
    wanted, found = set(ids), set[str]()
    meant: sa.ColumnElement[bool] = one.id.in_(ids)
    few = meant
    if as_of is not None:
        meant = sa.and_(one.state.in_(KEPT), one.due_day <= as_of)
        # No index fits this: what is held is looked at then, and not all that is due.
        few = sa.and_(one.state.concat("").in_(KEPT), one.due_day <= as_of)
    for row in connection.execute(active):
        query = sa.select(one.id).where(one.controller == row.controller)
        if row.scope == "controller":
            query = query.where(meant)
        else:
            query = query.where(few, one.id.in_(_under(row.scope, row.target)))
        found |= wanted.intersection(connection.scalars(query))
    return found


def _under(scope: str, target: str) -> sa.CompoundSelect[tuple[str]]:
    """What a hold holds: whole interactions, and the family of any recording in them."""
    one, kin, person = t.objects.alias("one").c, t.objects.alias("kin").c, t.people.c
    inside = kin.interaction_id == target
    if scope == "person":
        within = sa.select(person.interaction_id).where(person.blind == target)
        inside = kin.interaction_id.in_(within)
    recordings = sa.select(sa.func.coalesce(kin.parent_id, kin.id)).where(inside)
    # A union, not an OR: each part has an index of its own.
    return sa.union(
        sa.select(kin.id).where(inside),
        recordings,
        sa.select(one.id).where(one.parent_id.in_(recordings)),
    )


def _count(connection: sa.Connection, which: sa.ColumnElement[bool]) -> dict[str, int]:
    rows = connection.execute(
        sa.select(t.objects.c.controller, sa.func.count())
        .where(which)
        .group_by(t.objects.c.controller)
    )
    return dict(tuple(row) for row in rows)
