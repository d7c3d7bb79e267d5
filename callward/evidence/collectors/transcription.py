"""What was transcribed, by whose instruction, what was refused, and how long transcripts live."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day
from callward.evidence.collectors.asof import began, days_of
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    Row,
    kept_at_end,
    newest_of,
    summed,
    with_prefix,
    within,
)
from callward.ledger.leaves import parse_leaf

SOURCE: Final = "counts of the transcription stage, instructions, objects, and the ledger"
OF_TRANSFERS: Final = frozenset(
    {
        "region-not-registered",
        "region-outside-uk-eea",
        "transfer-not-instructed",
        "transfer-without-safeguard",
    }
)
"""Refusals of what would have left the United Kingdom and the EEA (``speech.decision``,
``subprocessors.checking``)."""
_TRANSCRIPT: Final = "transcript"


def collect(source: Source) -> Collected:
    """Counts of the period; the rows of transcriptions go with their recordings.

    ``uninstructed``: transcripts that the ledger enters by an instruction that was not in
    force, or does not enable it; ``orphans``: transcripts that were there at the end, and
    whose recording was not; ``outlived``: those that went after it; ``transcripts``: those there.
    """
    whole, months = summed(source, "transcribe")
    refusals = with_prefix(whole, "refused:")
    uninstructed = list(_uninstructed(source))
    facts = {
        "transcribed": whole["transcribed"],
        "refused": sum(refusals.values()),
        "refusals": refusals,
        "failures": with_prefix(whole, "failed:"),
        "by_month": {
            month: {
                "transcribed": counts["transcribed"],
                "refused": sum(with_prefix(counts, "refused:").values()),
            }
            for month, counts in sorted(months.items())
        },
        "uninstructed": sum(one["transcripts"] for one in uninstructed),
        "transcripts": _count(source, _kept(source)),
        "orphans": _count(source, _kept(source), _orphaned(source)),
        "outlived": _count(source, *_outlived(source)),
        "transfers_refused": sum(count for code, count in refusals.items() if code in OF_TRANSFERS),
    }
    row = t.stage_counts.c
    newest = newest_of(source, row.at, row.stage == "transcribe")
    return Collected(SOURCE, newest, facts, {"uninstructed": uninstructed})


def _uninstructed(source: Source) -> Iterator[dict[str, Any]]:
    """Batches in the ledger whose instruction was not in force, or does not enable it.

    What a night admitted before midnight may be entered after it.
    """
    versions, nights = _versions(source), began(source)
    leaf = t.ledger_leaves.c
    query = (
        sa.select(leaf.position, leaf.body, leaf.at)
        .where(leaf.event == "transcribed", within(leaf.at, source))
        .order_by(leaf.position)
    )
    for one in source.connection.execute(query):
        said, day = parse_leaf(one.body), london_day(one.at)
        controller, digest = said.ids.get("controller", ""), said.ids.get("instruction")
        known = [row for row in versions.get(controller, ()) if row.loaded_at <= one.at]
        days = days_of(one.at, nights.get(said.ids.get("night", "")))
        named = [_in_force(known, each) for each in days]
        if not any(_allows(row, digest) for row in named):
            yield {
                "leaf": one.position,
                "controller": controller,
                "day": day,
                "transcripts": said.items,
            }


def _versions(source: Source) -> Mapping[str, Sequence[Row]]:
    row = t.instructions.c
    query = sa.select(
        row.controller, row.version, row.digest, row.effective_from, row.body, row.loaded_at
    ).where(row.loaded_at < source.end)
    found: dict[str, list[Row]] = defaultdict(list)
    for one in source.connection.execute(query.order_by(row.controller, row.version)):
        found[one.controller].append(one)
    return found


def _in_force(versions: Sequence[Row], day: date) -> Row | None:
    """The highest version that takes effect by then, as ``registry.in_force`` has it."""
    return next((one for one in reversed(versions) if one.effective_from <= day), None)


def _allows(version: Row | None, digest: str | None) -> bool:
    if version is None or version.digest != digest:
        return False
    return bool(version.body["transcription"]["enabled"])


def _kept(source: Source) -> sa.ColumnElement[bool]:
    return kept_at_end(source, t.objects.c.kind == _TRANSCRIPT)


def _orphaned(source: Source) -> sa.ColumnElement[bool]:
    """SQL: its recording had been destroyed by the end."""
    recording = t.objects.alias("recording").c
    gone = sa.exists().where(
        recording.id == t.objects.c.parent_id, recording.shredded_at < source.end
    )
    return gone.correlate(t.objects)


def _outlived(source: Source) -> tuple[sa.ColumnElement[bool], ...]:
    """SQL: it went in the period, by a later sweep than its recording."""
    objects, recording, sweep = t.objects.c, t.objects.alias("recording").c, t.sweeps.c
    sweeps = sa.select(sweep.id).where(
        sweep.started_at < source.end,
        sa.or_(sweep.completed_at.is_(None), sweep.completed_at >= source.start),
    )
    before = sa.exists().where(
        recording.id == objects.parent_id, recording.shredded_at < objects.shredded_at
    )
    return (
        objects.sweep_id.in_(sweeps),
        within(objects.shredded_at, source),
        objects.kind == _TRANSCRIPT,
        before.correlate(t.objects),
    )


def _count(source: Source, *which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(t.objects).where(*which)
    return int(source.connection.scalar(query) or 0)
