"""Reading what is new: begun, ended or changed since the last time, page by page.

The orchestrator cannot be asked what has changed. So whatever has not ended is looked at
every time, whoever began it and whenever, and ours that it did not tell of by their ids.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.flowruns.keeping import AT_ONCE, Kept, keep, miss
from callward.flowruns.model import FINAL, Source, Told
from callward.instance import Instance

OVERLAP: Final = timedelta(days=1)
"""Read again each time: clocks of machines differ, and a run is told of late."""
BATCH: Final = 1_000
"""Runs to a transaction and a leaf, at least; all that is in memory at once."""

_MARK: Final = "flow-runs-read"


@dataclass(slots=True)
class Reading:
    """What a reading brought."""

    kept: Kept = field(default_factory=Kept)
    missing: int = 0
    """Runs that had not ended, and that the orchestrator has no more."""


def read_new(instance: Instance, source: Source, kept: Kept | None = None) -> Reading:
    """Keep everything that is new; may be cut short anywhere, and is then read again.

    What was done by then is in ``kept``, if that is given.
    """
    now, reading = instance.clock.now(), Reading(kept or Kept())
    with instance.unit() as connection:
        last = _last(connection)
    since = None if last is None else last - OVERLAP
    ended = () if since is None else source.ended(since, now)
    # Last those that have not ended: what changes meanwhile is either there or ended.
    pages = chain(source.begun(since, now), ended, source.unfinished(now))
    keep_all(instance, pages, now, reading.kept)
    for ids in _unseen(instance, now):
        reading.missing += look_for(instance, source, ids, now, reading.kept)
    with instance.unit() as connection:
        connection.execute(t.marks.delete().where(t.marks.c.name == _MARK))
        connection.execute(t.marks.insert().values(name=_MARK, moment=now))
    return reading


def keep_all(instance: Instance, pages: Iterable[Sequence[Told]], at: datetime, kept: Kept) -> None:
    """Keep runs as they come, batch by batch, and count them."""
    for batch in _batches(pages):
        with instance.unit() as connection:
            found = keep(connection, batch, at)
        kept.add(found)


def look_for(
    instance: Instance, source: Source, ids: Sequence[str], at: datetime, kept: Kept
) -> int:
    """Ask for runs by their ids; how many are missing now that were not before."""
    gone = set(ids)
    for page in source.by_id(ids):
        gone -= {one.id for one in page}
        keep_all(instance, [page], at, kept)
    with instance.unit() as connection:
        return miss(connection, gone, at)


def _unseen(instance: Instance, now: datetime) -> Iterator[Sequence[str]]:
    """Ours that had not ended when they were last seen, and were not told of this time."""
    run = t.flow_runs.c
    query = (
        sa.select(run.id)
        .where(
            run.state_type.not_in(FINAL) | run.state_type.is_(None),
            run.missing_since.is_(None),
            run.seen_at < now,
        )
        .order_by(run.id)
        .limit(AT_ONCE)
    )
    after = ""
    while True:
        with instance.unit() as connection:
            ids = connection.scalars(query.where(run.id > after)).all()
        if not ids:
            return
        yield ids
        after = ids[-1]


def _batches(pages: Iterable[Sequence[Told]]) -> Iterator[Sequence[Told]]:
    batch: list[Told] = []
    for page in pages:
        batch.extend(page)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _last(connection: sa.Connection) -> datetime | None:
    return connection.scalar(sa.select(t.marks.c.moment).where(t.marks.c.name == _MARK))
