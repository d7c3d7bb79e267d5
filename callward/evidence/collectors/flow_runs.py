"""The orchestrator's runs as we keep them, held against the ledger and our nights."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import month_of, within
from callward.flowruns.keeping import AT_ONCE, Entry, entries_of, is_sound
from callward.flowruns.model import RECORDED, moment_of
from callward.ledger.leaves import parse_item

SOURCE: Final = "flow runs in the catalogue and the ledger"
_AHEAD: Final = timedelta(days=1)
"""How long before it begins a run may be known."""
_KEPT: Final = timedelta(days=90)
"""How long the orchestrator keeps a run at least, unless somebody deletes it."""


def collect(source: Source) -> Collected:
    """Runs that began in the period, in the state the ledger had last said of them by its end.

    ``tampered``: those that are not what the ledger says now; ``lost``: in the ledger, and
    not with us; ``deleted``: gone from the orchestrator sooner than it forgets, by the end;
    ``plain``: nights without any run that it knew of.
    """
    every, known, lost = _rows(source), states(source), _lost(source)
    # What was read after the period's end is not known of yet.
    rows = [one for one in every if one.id in known]
    by_state, months = Counter[str](), dict[str, Counter[str]]()
    for one in rows:
        state = known[one.id]
        by_state[state] += 1
        months.setdefault(month_of(one.begun), Counter())[state] += 1
    tampered = sorted(_tampered(source, every))
    missing = [one for one in rows if one.missing_since and one.missing_since < source.end]
    deleted = sorted(one.id for one in missing if _too_soon(one))
    plain = _plain(source, known)
    facts = {
        "runs": len(rows),
        "by_state": dict(sorted(by_state.items())),
        "by_month": {
            month: dict(sorted(counts.items())) for month, counts in sorted(months.items())
        },
        "by_flow": dict(sorted(Counter(one.flow for one in rows).items())),
        "tampered": len(tampered),
        "lost": len(lost),
        "missing": len(missing),
        "deleted": len(deleted),
        "plain": len(plain),
    }
    details = {"tampered": tampered, "lost": lost, "deleted": deleted, "plain": plain}
    newest: datetime | None = max((one.begun for one in rows), default=None)
    return Collected(SOURCE, newest, facts, details)


def _rows(source: Source) -> Sequence[sa.Row[Any]]:
    run = t.flow_runs.c
    query = sa.select(t.flow_runs).where(within(run.begun, source)).order_by(run.begun, run.id)
    return source.connection.execute(query).all()


def _recorded(source: Source) -> sa.Select[Any]:
    """Items of the ledger about runs, as it was at the end, the oldest first."""
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    return (
        sa.select(item.subject, item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == RECORDED, leaf.at < source.end)
        .order_by(item.leaf, item.position)
    )


def states(source: Source) -> Mapping[str, str]:
    """What the ledger had last said by the end, by run. Rows change; what it said does not."""
    query = _recorded(source).where(t.ledger_leaves.c.at >= source.start - _AHEAD)
    return {
        subject: str(parse_item(body).body.get("state") or "-")
        for subject, body in source.connection.execute(query)
    }


def _lost(source: Source) -> list[str]:
    """Runs entered in the period that are not with us."""
    there = sa.exists().where(t.flow_runs.c.id == t.ledger_items.c.subject)
    query = _recorded(source).where(
        t.ledger_leaves.c.at >= source.start, ~there.correlate(t.ledger_items)
    )
    return sorted({row.subject for row in source.connection.execute(query)})


def _tampered(source: Source, rows: Sequence[sa.Row[Any]]) -> Iterator[str]:
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        entries: Mapping[str, Entry] = entries_of(source.connection, [one.id for one in part])
        yield from (one.id for one in part if not is_sound(one, entries.get(one.id)))


def _too_soon(run: sa.Row[Any]) -> bool:
    try:
        last = moment_of(run.body, "ended", "started", "expected")
    except (AttributeError, TypeError, ValueError):
        return False  # whoever altered it may have written anything
    return last is not None and bool(run.missing_since < last + _KEPT)


def _plain(source: Source, known: Collection[str]) -> list[str]:
    """Nights of the period that none of the runs ``known`` by its end belongs to."""
    nights: dict[str, set[str]] = defaultdict(set)
    for name, table in (("counts", t.stage_counts), ("gates", t.gate_results)):
        query = sa.select(table.c.night).where(within(table.c.at, source)).distinct()
        nights[name].update(source.connection.scalars(query))
    run = t.flow_runs.c
    runs = source.connection.execute(sa.select(run.id, run.night).where(run.night.is_not(None)))
    ran = {one.night for one in runs if one.id in known}
    return sorted((nights["counts"] | nights["gates"]) - ran)
