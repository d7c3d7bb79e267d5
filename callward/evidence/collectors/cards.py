"""Payment card data: what was listened to and taken out, and what nobody could look at."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held_at
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.reading import (
    Condition,
    early_at_end,
    kept_at_end,
    latest,
    newest_of,
    summed,
    with_prefix,
)

SOURCE: Final = "counts of the stages, card scans and objects in the catalogue, and the ledger"
SCAN: Final = "scan"
_DONE: Final = ("clean", "muted")
_HEARD: Final = ("recording", "voicemail")
_GRACE: Final = timedelta(days=1)
"""How long something may be here before a night has listened to it."""
_EVENT: Final = "cards-scanned"


def collect(source: Source) -> Collected:
    """Counts of the period, and what was there at its end for more than a day without a result.

    ``unheard``: nobody has listened to it; ``failed`` and ``unscannable``: tried in vain;
    ``originals``: recordings whose muted version is kept, and which are there yet, of those
    ``originals_held`` on hold. Rows of scans go with their recordings: of those that went
    since the ledger is asked. ``paused``: controllers who keep card numbers out themselves.
    """
    whole, months = summed(source, "cards")
    intake, _ = summed(source, "ingest")
    speech, _ = summed(source, "transcribe")
    left, per_controller = _left(source)
    facts = {
        "heard": whole["scanned"],
        "muted": whole["muted"],
        "numbers_muted": whole["numbers-muted"],
        "failures": with_prefix(whole, "failed:"),
        "text_masked": intake["masked"],
        "transcripts_masked": speech["card-numbers-masked"],
        "by_month": {
            month: {name: counts[name] for name in ("scanned", "muted", "numbers-muted")}
            for month, counts in sorted(months.items())
        },
        **left,
        "originals": _originals(source, ~held_at(source.end)),
        "originals_held": _originals(source, held_at(source.end)),
        "paused": len(_paused(source)),
    }
    return Collected(SOURCE, _newest(source), facts, {"left": per_controller})


def _paused(source: Source) -> list[str]:
    """Controllers whose instruction in force says that nothing need be listened to."""
    row = t.instructions.c
    query = (
        sa.select(row.controller, row.body)
        .where(row.loaded_at < source.end, row.effective_from <= source.day)
        .order_by(row.controller, row.version)
    )
    modes = {name: body["card_data"] for name, body in source.connection.execute(query)}
    return sorted(name for name, mode in modes.items() if mode != SCAN)


def _left(source: Source) -> tuple[Mapping[str, int], list[dict[str, Any]]]:
    """What was there without a result, counted by what came of the last try."""
    objects = t.objects.c
    failed, unscannable = _said(source, "failed"), _said(source, "unscannable")
    each = sa.select(objects.controller, _how(failed, unscannable)).where(
        _wanted(source), ~_scanned(source)
    )
    query = each.subquery()
    grouped = sa.select(query.c.controller, query.c.how, sa.func.count()).group_by(
        query.c.controller, query.c.how
    )
    totals = dict.fromkeys(("unheard", "failed", "unscannable"), 0)
    rows = []
    for controller, how, count in source.connection.execute(grouped.order_by(*query.c)):
        totals[how] += count
        rows.append({"controller": controller, "how": how, "recordings": count})
    return totals, rows


def _how(failed: Condition, unscannable: Condition) -> sa.Label[str]:
    return sa.case((unscannable, "unscannable"), (failed, "failed"), else_="unheard").label("how")


def _wanted(source: Source) -> Condition:
    """SQL: kept at the end, to be listened to, and here for more than a night.

    What was refused at the door and what was to be destroyed anyway is left out.
    """
    objects, refused = t.objects.c, t.quarantine.c
    in_quarantine = sa.select(refused.media_id).where(
        refused.media_id.is_not(None),
        refused.created_at < source.end,
        sa.or_(refused.state != "released", refused.decided_at >= source.end),
    )
    going = sa.and_(objects.due_day <= source.day, ~held_at(source.end))
    return sa.and_(
        kept_at_end(source, objects.kind.in_(_HEARD)),
        objects.created_at < source.end - _GRACE,
        objects.controller.not_in(_paused(source)),
        objects.id.not_in(in_quarantine),
        ~early_at_end(source),
        sa.or_(objects.due_day.is_(None), ~going),
    )


def _scanned(source: Source) -> Condition:
    """SQL: it was listened to by the end, and what was found was muted."""
    scan = t.card_scans.c
    now = sa.exists().where(
        scan.object_id == t.objects.c.id, scan.state.in_(_DONE), scan.at < source.end
    )
    return sa.or_(now.correlate(t.objects), _entered(source, _good()))


def _good() -> Condition:
    body = t.ledger_items.c.body
    return sa.and_(~body.contains('"state":"failed"'), ~body.contains('"state":"unscannable"'))


def _said(source: Source, state: str) -> Condition:
    return _entered(source, t.ledger_items.c.body.contains(f'"state":"{state}"'))


def _entered(source: Source, which: Condition) -> Condition:
    """SQL: the ledger had such an entry of a scan of the object by the end."""
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    found = sa.exists().where(
        item.subject == t.objects.c.id,
        leaf.position == item.leaf,
        leaf.event == _EVENT,
        leaf.at < source.end,
        which,
    )
    return found.correlate(t.objects)


def _originals(source: Source, which: Condition) -> int:
    """Recordings whose muted version took their place more than a night before the end."""
    objects, asked = t.objects.c, t.erasures.c
    ids = sa.select(asked.object_id).where(asked.asked_at < source.end - _GRACE)
    query = (
        sa.select(sa.func.count())
        .select_from(t.objects)
        .where(
            objects.id.in_(ids),
            sa.or_(objects.shredded_at.is_(None), objects.shredded_at >= source.end),
            _said(source, "muted"),
            which,
        )
    )
    return int(source.connection.scalar(query) or 0)


def _newest(source: Source) -> datetime | None:
    """Also of nights in which there was nothing to look at."""
    counts, results = t.stage_counts.c, t.gate_results.c
    stages, suites = ("cards", "ingest"), ("cards_entry", "cards_exit", "retention_entry")
    return latest(
        [
            newest_of(source, counts.at, counts.stage.in_(stages)),
            newest_of(source, results.at, results.suite.in_(suites)),
        ]
    )
