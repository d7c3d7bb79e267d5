"""Flow runs in the evidence stage: read what is new, then look at a period from all sides."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.flowruns.comparing import NIGHTLY, Compared, Nights, Ours, compare
from callward.flowruns.keeping import AT_ONCE, Kept, entries_of, is_sound, known_nights, rows_of
from callward.flowruns.model import FINAL, RECORDED, Source, moment_of
from callward.flowruns.reading import keep_all, look_for, read_new
from callward.instance import Instance
from callward.run import Run, StageReport

STAGE: Final = "evidence"
UNASKED: Final = timedelta(days=90)
"""How long Prefect keeps runs unless told otherwise, for those found missing earlier."""

History = Callable[[], AbstractContextManager[Source]]
"""Opens the orchestrator for reading."""


@dataclass(slots=True)
class Findings:
    """What reading a period brought, for whoever compares it afterwards."""

    there: set[str] | None = None
    before: set[str] = field(default_factory=set)
    keeps: timedelta = UNASKED
    healed: set[str] = field(default_factory=set)
    counts: Mapping[str, int] = field(default_factory=dict)


def read_runs(
    instance: Instance, history: History, start: datetime, end: datetime, into: Findings
) -> StageReport:
    """Read what is new, and all that the orchestrator has of [start, end), ``into`` findings."""
    kept = Kept()
    try:
        with history() as source:
            into.keeps = source.keeps
            missing = read_new(instance, source, kept).missing
            missing += _read_period(instance, source, start, end, into, kept)
    finally:
        into.healed |= kept.tampered
    # Recorded with the pack, so that it is of the same counts whoever ran the night.
    into.counts = {"new": kept.new, "changed": kept.changed, "missing": missing}
    return StageReport(STAGE)


def _read_period(
    instance: Instance,
    source: Source,
    start: datetime,
    end: datetime,
    into: Findings,
    kept: Kept,
) -> int:
    """Read the period whole; how many of its runs are found to be missing."""
    now, there = instance.clock.now(), set[str]()
    with instance.unit() as connection:
        before = _ids_of(connection, start, end)
    # Both ends of what is asked for are included.
    last = min(end - timedelta(microseconds=1), now)
    pages = source.begun(start, last) if start <= last else iter(())
    for page in pages:
        there |= {one.id for one in page}
        with instance.unit() as connection:
            into.before |= set(rows_of(connection, [one.id for one in page]))
        keep_all(instance, [page], now, kept)
    missing = look_for(instance, source, sorted(before - there), now, kept)
    into.there = there
    return missing


def compare_period(
    instance: Instance, run: Run, start: datetime, end: datetime, found: Findings
) -> Compared:
    """What does not fit in [start, end) between the orchestrator, us, the ledger and our nights."""
    with instance.unit() as connection:
        entered = _entered_since(connection, start)
        begun = _ids_of(connection, start, end)
        ours = _all_ours(connection, begun, entered)
        nights = _nights(connection, run, start, end)
    return compare(
        there=found.there,
        before=found.before,
        ours=ours,
        lost=entered - {one.id for one in ours},
        nights=nights,
        keeps=found.keeps,
        healed=found.healed,
    )


def _all_ours(
    connection: sa.Connection, begun: Collection[str], entered: Collection[str]
) -> list[Ours]:
    """The runs of the period and those entered since, without records: it may be a year's."""
    found, ids = [], sorted({*begun, *entered})
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        rows, entries = rows_of(connection, part), entries_of(connection, part)
        found += [
            _ours(row, is_sound(row, entries.get(row.id)), row.id in begun) for row in rows.values()
        ]
    return found


def _ours(row: Any, sound: bool, of_period: bool) -> Ours:  # noqa: FBT001 - what is known of a row
    try:
        last = moment_of(row.body, "ended", "started", "expected")
    except (AttributeError, ValueError):
        last = None  # it is not sound either
    return Ours(row.id, last, row.missing_since, sound=sound, of_period=of_period)


def _ids_of(connection: sa.Connection, start: datetime, end: datetime) -> set[str]:
    run = t.flow_runs.c
    query = sa.select(run.id).where(run.begun >= start, run.begun < end)
    return set(connection.scalars(query))


def _entered_since(connection: sa.Connection, start: datetime) -> set[str]:
    """Runs that leaves since then speak of: also those whose row says another day, or is gone."""
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    query = (
        sa.select(item.subject)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == RECORDED, leaf.at >= start)
    )
    return set(connection.scalars(query))


def _nights(connection: sa.Connection, run: Run, start: datetime, end: datetime) -> Nights:
    mine = {
        night
        for table in (t.stage_counts, t.gate_results)
        for night in connection.scalars(
            sa.select(table.c.night).where(table.c.at >= start, table.c.at < end).distinct()
        )
    }
    row = t.flow_runs.c
    ran = sa.select(row.night).where(row.night.is_not(None)).distinct()
    whole = sa.select(row.id, row.night).where(
        row.flow == NIGHTLY, row.begun >= start, row.begun < end, _has_ended_or_started()
    )
    of_runs: dict[str, set[str]] = {
        one.id: {one.night} - {None} for one in connection.execute(whole)
    }
    parts = sa.select(row.parent, row.night).where(
        row.parent.in_(whole.with_only_columns(row.id)), row.night.is_not(None)
    )
    for one in connection.execute(parts):
        of_runs[one.parent].add(one.night)
    told = {night for own in of_runs.values() for night in own}
    return Nights(
        of_period=mine,
        with_runs=set(connection.scalars(ran)),
        of_runs=of_runs,
        catalogued=known_nights(connection, told) | {run.night},
    )


def _has_ended_or_started() -> sa.ColumnElement[bool]:
    """Not one that still waits for its time, or for a worker."""
    return t.flow_runs.c.state_type.in_([*FINAL, "RUNNING", "PAUSED"])


def failures_of(compared: Compared) -> Collection[str]:
    """What of it fails the night: records that somebody has altered or taken away."""
    wrong = len(compared.tampered) + len(compared.lost)
    if not wrong:
        return ()
    said = f"{len(compared.tampered)} are not what the ledger says, "
    said += f"{len(compared.lost)} are in the ledger and not with us"
    return (f"[integrity] flow runs: {said}",)
