"""What the ledger says was decided since a backup: roots turned, sweeps, holds, erasures."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from callward.backup import forget
from callward.backup.leaves import Told
from callward.catalogue import tables as t
from callward.clock import london_day

_AT_ONCE = 2_000
_LATER = frozenset({"state", "generation_before", "generation_after", "completed_at"})


def enter_generations(connection: sa.Connection, told: Told) -> None:
    """Today's generation is current; every cell will be asked about those before once more."""
    numbers = t.generations.c.number
    for before, after, at in told.turned:
        known = set(connection.scalars(sa.select(numbers)))
        for number in {before, after} - known:
            connection.execute(
                t.generations.insert().values(number=number, state="making", created_at=at)
            )
        connection.execute(
            t.generations.update()
            .where(numbers < after, t.generations.c.state != "retired")
            .values(state="retiring")
        )
        connection.execute(
            t.generations.update().where(numbers == after).values(state="current", created_at=at)
        )
    for row in told.answers:
        until = row.get("until")
        key = (
            t.cell_answers.c.generation == row["generation"],
            t.cell_answers.c.cell == row["cell"],
        )
        connection.execute(t.cell_answers.delete().where(*key))
        connection.execute(
            t.cell_answers.insert().values(
                generation=row["generation"],
                cell=row["cell"],
                answer=row["answer"],
                until=datetime.fromisoformat(str(until)) if until else None,
                code=row.get("code"),
                at=row["at"],
            )
        )


def enter_sweeps(connection: sa.Connection, told: Told) -> None:
    """Sweeps since: those that came to an end are over, others are taken up where they were."""
    for sweep_id, columns in told.sweeps.items():
        mine = t.sweeps.c.id == sweep_id
        state = connection.scalar(sa.select(t.sweeps.c.state).where(mine))
        if state is None and "state" in columns and "plan_hash" in columns:
            row = {"as_of": london_day(columns["started_at"]), **columns}
            connection.execute(t.sweeps.insert().values(id=sweep_id, **row))
        elif state == "marked" or columns.get("state") == "complete":
            changes = {name: columns[name] for name in _LATER & columns.keys()}
            if changes:
                connection.execute(t.sweeps.update().where(mine).values(changes))
    over = [one for one, columns in told.sweeps.items() if "state" in columns]
    forget.unmark(connection, sorted(over))


def close_unknown(connection: sa.Connection, told: Told) -> int:
    """End sweeps that cannot be certified again, since not all that they destroyed is known.

    Objects that came after the backup, and due days that an instruction had changed
    since, are not in the ledger. What was certified before the loss stays so.
    """
    closed = 0
    for sweep_id in told.sweeps:
        ids = sorted(one for one, fate in told.gone.items() if fate.sweep == sweep_id)
        mine = sa.and_(t.sweeps.c.id == sweep_id, t.sweeps.c.state == "turned")
        as_of = connection.scalar(sa.select(t.sweeps.c.as_of).where(mine))
        if as_of is None or _known_due(connection, ids, as_of) == len(ids):
            continue
        facts = {"not_certified_after_restore": len(ids)}
        end = max(told.gone[one].at for one in ids)
        connection.execute(
            t.sweeps.update().where(mine).values(state="complete", completed_at=end, facts=facts)
        )
        closed += 1
    return closed


def _known_due(connection: sa.Connection, ids: Sequence[str], as_of: date) -> int:
    objects, count = t.objects.c, 0
    for start in range(0, len(ids), _AT_ONCE):
        part = objects.id.in_(ids[start : start + _AT_ONCE])
        query = sa.select(sa.func.count()).where(part, objects.due_day <= as_of)
        count += int(connection.scalar(query) or 0)
    return count


def enter_holds(connection: sa.Connection, told: Told) -> int:
    """Holds placed since stand again; how many. Of some the ledger knows too little: see there."""
    known = set(connection.scalars(sa.select(t.holds.c.id)))
    rows = [row for row in told.placed if row["id"] not in known]
    if rows:
        connection.execute(t.holds.insert(), [dict(row) for row in rows])
    for hold_id, at in told.lifted.items():
        connection.execute(
            t.holds.update()
            .where(t.holds.c.id == hold_id, t.holds.c.lifted_at.is_(None))
            .values(lifted_at=at)
        )
    return len(rows)


def enter_erasures(connection: sa.Connection, told: Told) -> int:
    """Erasures instructed since: what was not carried out is due at once; how many there are."""
    known = set(connection.scalars(sa.select(t.erasures.c.object_id)))
    count = 0
    for object_id, row in told.early.items():
        there = connection.execute(
            t.objects.update()
            .where(t.objects.c.id == object_id)
            .values(early=True, due_day=london_day(row["asked_at"]))
        ).rowcount
        if there and object_id not in known:
            connection.execute(t.erasures.insert().values(dict(row)))
            count += 1
    return count
