"""Ledger: how it grew, and who besides us has signed its heads, month by month."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import month, within
from callward.evidence.collectors.base import Collected, Source

_Head = sa.Row[*tuple[Any, ...]]


def collect(source: Source) -> Collected:
    """Heads signed within the period, and what strangers had signed of them by its end."""
    heads, settings = _heads(source), source.instance.settings
    by_month = _by_month(heads)
    busy = _busy(source)
    leaves = _leaves_before(source.connection, source.end)
    witnessed = bool(settings.witness_url) or _ever(source, t.ledger_cosignatures)
    stamped = bool(settings.tsa_url) or _ever(source, t.ledger_timestamps)
    facts = {
        "leaves": leaves,
        "added": leaves - _leaves_before(source.connection, source.start),
        "checkpoints": len(heads),
        "by_month": by_month,
        "witness_set": bool(settings.witness_url),
        "stamp_set": bool(settings.tsa_url),
        "witnessed": witnessed,
        "unsigned": _without(busy, by_month, "checkpoints"),
        "unwitnessed": _without(busy, by_month, "cosigned") if witnessed else [],
        "unstamped": _without(busy, by_month, "stamped") if stamped else [],
        "shrunk": sum(one.size > after.size for one, after in pairwise(heads)),
        "missing": _missing(source, heads),
    }
    last = heads[-1].at if heads else None
    details = {"checkpoints": [_row(one) for one in heads], "events": _events(source)}
    told = "ledger, checkpoints, cosignatures, time stamps"
    return Collected(told, last, facts, details)


def _heads(source: Source) -> list[_Head]:
    """Checkpoints of the period, the oldest first, with whether others had signed them."""
    row, line, stamp = t.ledger_checkpoints.c, t.ledger_cosignatures.c, t.ledger_timestamps.c
    cosigned = sa.exists().where(line.size == row.size, line.at < source.end).label("cosigned")
    stamped = sa.exists().where(stamp.size == row.size, stamp.at < source.end).label("stamped")
    query = sa.select(row.size, row.at, cosigned, stamped).where(within(row.at, source))
    return list(source.connection.execute(query.order_by(row.at, row.size)))


def _by_month(heads: Sequence[_Head]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in heads:
        counts = found.setdefault(month(one.at), {"checkpoints": 0, "cosigned": 0, "stamped": 0})
        counts["checkpoints"] += 1
        counts["cosigned"] += bool(one.cosigned)
        counts["stamped"] += bool(one.stamped)
    return dict(sorted(found.items()))


def _busy(source: Source) -> list[str]:
    """The months in which nights ran."""
    row = t.stage_counts.c
    query = sa.select(sa.func.min(row.at)).where(within(row.at, source)).group_by(row.night)
    return sorted({month(at) for at in source.connection.scalars(query)})


def _without(busy: Sequence[str], by_month: dict[str, dict[str, int]], what: str) -> list[str]:
    return [one for one in busy if not by_month.get(one, {}).get(what)]


def _ever(source: Source, table: sa.Table) -> bool:
    """Whether anybody has signed there before the period's end."""
    query = sa.select(table.c.size).where(table.c.at < source.end).limit(1)
    return source.connection.scalar(query) is not None


def _leaves_before(connection: sa.Connection, moment: datetime) -> int:
    """How many leaves there were; from the newest back, for most are older."""
    row = t.ledger_leaves.c
    query = sa.select(row.position).where(row.at < moment).order_by(row.position.desc()).limit(1)
    last = connection.scalar(query)
    return 0 if last is None else int(last) + 1


def _missing(source: Source, heads: Sequence[_Head]) -> int:
    """How many of the leaves that the largest head counts are not there."""
    size = max((one.size for one in heads), default=0)
    row = t.ledger_leaves.c
    query = sa.select(sa.func.count()).select_from(t.ledger_leaves).where(row.position < size)
    return size - int(source.connection.scalar(query) or 0)


def _events(source: Source) -> dict[str, int]:
    """Leaves of the period by what they enter."""
    row = t.ledger_leaves.c
    query = sa.select(row.event, sa.func.count()).where(within(row.at, source))
    found = source.connection.execute(query.group_by(row.event).order_by(row.event))
    return dict(sorted((event, count) for event, count in found))


def _row(one: _Head) -> dict[str, Any]:
    return {
        "size": one.size,
        "at": one.at,
        "cosigned": bool(one.cosigned),
        "stamped": bool(one.stamped),
    }
