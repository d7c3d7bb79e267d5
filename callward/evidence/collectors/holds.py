"""Legal holds and restrictions as they stood at the end, and whether they were looked at again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import HOLD, RESTRICTION
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import latest, month_of, within
from callward.ledger.leaves import parse_item

SOURCE: Final = "holds in the catalogue; openings, transcripts and sweeps in objects and ledger"


def collect(source: Source) -> Collected:
    """Those that stood in the period. The day of review itself is in time.

    ``late``: lifted in the period, after that day; ``destroyed`` and ``transcribed``:
    objects under a restriction to which that was done all the same; ``held_destroyed``:
    those destroyed under a legal hold; ``not_told``: destroyed while a person was restricted,
    and nobody can tell any more whether they were about that person; ``opened``: how often one
    was opened despite a restriction (UK GDPR Art 18(2)).
    """
    rows = _rows(source)
    standing = [one for one in rows if _stands(one, source)]
    overdue = [one for one in standing if one.review_day < source.day]
    late = [
        one
        for one in rows
        if not _stands(one, source) and london_day(one.lifted_at) > one.review_day
    ]
    placed = [one for one in rows if one.placed_at >= source.start]
    lifted = [one for one in rows if not _stands(one, source)]
    months: dict[str, Counter[str]] = {}
    for name, ones, column in (("placed", placed, "placed_at"), ("lifted", lifted, "lifted_at")):
        for one in ones:
            months.setdefault(month_of(getattr(one, column)), Counter())[name] += 1
    facts = {
        "standing": dict(sorted(Counter(one.basis for one in standing).items())),
        "restrictions": sum(one.basis == RESTRICTION for one in rows),
        "placed": len(placed),
        "lifted": len(lifted),
        "overdue": [one.id for one in overdue],
        "overdue_days": max(((source.day - one.review_day).days for one in overdue), default=0),
        "late": [one.id for one in late],
        "by_month": {
            month: {name: counts[name] for name in ("placed", "lifted")}
            for month, counts in sorted(months.items())
        },
        "destroyed": _destroyed(source, rows, RESTRICTION),
        "held_destroyed": _destroyed(source, rows, HOLD),
        "not_told": _not_told(source, rows),
        "transcribed": _transcribed(source, rows),
        "opened": _opened(source),
    }
    details = {
        "holds": [
            {
                "id": one.id,
                "basis": one.basis,
                "controller": one.controller,
                "scope": one.scope,
                "placed_at": one.placed_at,
                "review_day": one.review_day,
                "lifted_at": None if _stands(one, source) else one.lifted_at,
            }
            for one in rows
        ]
    }
    newest = latest([*(one.placed_at for one in rows), *(one.lifted_at for one in lifted)])
    return Collected(SOURCE, newest, facts, details)


def _rows(source: Source) -> Sequence[sa.Row[Any]]:
    row = t.holds.c
    query = sa.select(t.holds).where(
        row.placed_at < source.end,
        sa.or_(row.lifted_at.is_(None), row.lifted_at >= source.start),
    )
    return source.connection.execute(query.order_by(row.placed_at, row.id)).all()


def _stands(hold: sa.Row[Any], source: Source) -> bool:
    return hold.lifted_at is None or hold.lifted_at >= source.end


def _under(hold: sa.Row[Any]) -> sa.ColumnElement[bool]:
    """SQL: the object is of what a hold is on itself, whatever its family is."""
    objects, person = t.objects.c, t.people.c
    mine: sa.ColumnElement[bool] = objects.controller == hold.controller
    if hold.scope == "interaction":
        return sa.and_(mine, objects.interaction_id == hold.target)
    if hold.scope == "person":
        # Forgotten with the last of an interaction's objects: see ``_not_told``.
        theirs = sa.select(person.interaction_id).where(person.blind == hold.target)
        return sa.and_(mine, objects.interaction_id.in_(theirs))
    return mine


def _destroyed(source: Source, rows: Sequence[sa.Row[Any]], basis: str) -> int:
    under = [(one, _under(one)) for one in rows if one.basis == basis]
    return _done(source, under, t.objects.c.shredded_at)


def _not_told(source: Source, rows: Sequence[sa.Row[Any]]) -> int:
    """What went while a person was restricted, and with it whom it was about.

    No table and no entry of the ledger says it: whom a hold or a record is about must be
    forgotten with the record.
    """
    objects, person = t.objects.c, t.people.c
    known = sa.exists().where(person.interaction_id == objects.interaction_id)
    faceless = sa.and_(objects.interaction_id.is_not(None), ~known.correlate(t.objects))
    under = [
        (one, sa.and_(objects.controller == one.controller, faceless))
        for one in rows
        if one.basis == RESTRICTION and one.scope == "person"
    ]
    return _done(source, under, objects.shredded_at)


def _done(
    source: Source,
    holds: Iterable[tuple[sa.Row[Any], sa.ColumnElement[bool]]],
    moment: sa.ColumnElement[Any],
    *which: sa.ColumnElement[bool],
) -> int:
    """How many objects a thing was done to while one of the holds stood, of those it is on."""
    found: set[str] = set()
    for hold, under in holds:
        query = sa.select(t.objects.c.id).where(
            under,
            within(moment, source),
            moment > hold.placed_at,
            *([] if hold.lifted_at is None else [moment < hold.lifted_at]),
            *which,
        )
        found.update(source.connection.scalars(query))
    return len(found)


def _transcribed(source: Source, rows: Sequence[sa.Row[Any]]) -> int:
    """Transcripts that we made; those delivered are interactions of their own."""
    objects, parent = t.objects.c, t.objects.alias("recording").c
    ours = sa.and_(
        objects.kind == "transcript",
        sa.exists()
        .where(parent.id == objects.parent_id, parent.interaction_id == objects.interaction_id)
        .correlate(t.objects),
    )
    under = [(one, _under(one)) for one in rows if one.basis == RESTRICTION]
    return _done(source, under, objects.created_at, ours)


def _opened(source: Source) -> int:
    """Openings that the ledger says were made despite a restriction."""
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    query = (
        sa.select(item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == "opened", within(leaf.at, source))
    )
    bodies = map(parse_item, source.connection.scalars(query))
    return sum(one.body.get("despite_restriction") is True for one in bodies)
