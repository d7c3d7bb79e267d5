"""Reviews of the notice, and what became of their actions.

As it stood at the period's end: what was published, rejected or closed later counts as it was
then. The tables are read here: ``callward.review`` builds on evidence.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.base import Collected, Source

Row = dict[str, Any]

_ENDED: Final = frozenset({"rejected", "withdrawn"})


def collect(source: Source) -> Collected:
    """All reviews begun and all actions opened before the period's end.

    ``longest_gap``: the longest time, in days, between the board's decisions of two published
    reviews, of those that lie in part within the period, if there are any; ``closed_late``:
    ids of actions closed within the period, and after their day.
    """
    # What happened just now is in a period that goes on until now.
    end = source.end
    reviews, actions = _reviews(source.connection, end), _actions(source.connection, end)
    moments = [
        one[name]
        for one in (*reviews, *actions)
        for name in ("started_at", "ended_at", "opened_at", "closed_at")
        if one.get(name)
    ]
    return Collected(
        source="tables reviews, review_actions and packs",
        newest=max(moments, default=None),
        facts={**_reviewed(reviews, source), "actions": _followed(actions, source)},
        details={"reviews": reviews, "actions": actions},
    )


def _reviewed(reviews: Sequence[Row], source: Source) -> Mapping[str, Any]:
    published = [one for one in reviews if one["state"] == "published"]
    last = max(published, key=lambda one: (one["meeting_day"], one["ended_at"]), default=None)
    return {
        "published": len(published),
        "rejected": sum(one["state"] == "rejected" for one in reviews),
        "last": None
        if last is None
        else {"review": last["id"], "day": last["meeting_day"].isoformat()},
        "longest_gap": _longest_gap(published, source),
        "open": {
            one["id"]: (source.day - london_day(one["started_at"])).days
            for one in reviews
            if one["state"] == "open"
        },
    }


def _longest_gap(published: Sequence[Row], source: Source) -> Mapping[str, Any] | None:
    days = sorted(one["meeting_day"] for one in published)
    gaps = [(after - before, before, after) for before, after in pairwise(days)]
    # A review on the period's first day leaves no day of it without.
    touching = [one for one in gaps if one[2] > source.period.from_day]
    if not touching:
        return None
    gap, before, after = max(touching)
    return {"days": gap.days, "from": before.isoformat(), "to": after.isoformat()}


def _followed(actions: Sequence[Row], source: Source) -> Mapping[str, Any]:
    unclosed = [one for one in actions if one["closed_at"] is None]
    late = [one for one in unclosed if one["due_day"] < source.day]
    return {
        "closed": len(actions) - len(unclosed),
        "closed_late": sorted(
            one["id"]
            for one in actions
            if one["closed_at"]
            and one["closed_at"] >= source.start
            and london_day(one["closed_at"]) > one["due_day"]
        ),
        "open": sorted(one["id"] for one in unclosed if one not in late),
        "overdue": sorted(one["id"] for one in late),
    }


def _reviews(connection: sa.Connection, end: datetime) -> list[Row]:
    """Those begun before ``end``, the oldest first; ``state``: open until it ended."""
    row, pack = t.reviews.c, t.packs.c
    query = (
        sa.select(t.reviews, pack.made_at.label("published_at"))
        .outerjoin(t.packs, pack.id == row.pack)
        .where(row.started_at < end)
        .order_by(row.started_at, row.id)
    )
    return [_as_it_stood(one, end) for one in connection.execute(query)]


def _as_it_stood(row: sa.Row[Any], end: datetime) -> Row:
    ended_at = row.published_at if row.pack else row.decided_at if row.state in _ENDED else None
    known = {
        "id": row.id,
        "from": row.from_day,
        "to": row.to_day,
        "started_at": row.started_at,
    }
    if ended_at is None or ended_at >= end:
        return {**known, "state": "open", "ended_at": None}
    return {
        **known,
        "state": row.state,
        "ended_at": ended_at,
        "comments": row.comments,
        "meeting_day": row.meeting_day,
        "minute": row.minute,
        "names": row.names,
        "pack": row.pack,
    }


def _actions(connection: sa.Connection, end: datetime) -> list[Row]:
    """Those opened before ``end``; what was closed later is open."""
    row = t.review_actions.c
    query = sa.select(t.review_actions).where(row.state != "proposed", row.opened_at < end)
    later = {"state": "open", "closed_at": None, "reference": None}
    found = connection.execute(query.order_by(row.opened_at, row.id)).mappings()
    return [
        {**one, **later} if one["closed_at"] is None or one["closed_at"] >= end else dict(one)
        for one in found
    ]
