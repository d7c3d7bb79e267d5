"""Where an instance stands: counts from the catalogue, per controller and kind and per drop."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import HOLD, RESTRICTION, held
from callward.intake.quarantine import is_going
from callward.material import book
from callward.material.comparing import overview
from callward.retention.holds import overdue_reviews


def status(connection: sa.Connection, as_of: date) -> dict[str, Any]:
    """The whole picture as plain values; ``as_of`` (London day) decides what is due."""
    kinds: dict[str, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(_empty))
    for controller, kind, field, count in _object_counts(connection, as_of):
        kinds[controller][kind][field] = count
    for controller, kind, field, code, count in _transcription_counts(connection):
        entry = kinds[controller][kind]
        if field == "done":
            entry["transcribed"] = count
        else:
            entry["refused"][code or field] = count
    for controller, kind, state, count in _unscannable_counts(connection):
        kinds[controller][kind]["refused"][state] = count
    quarantined: dict[str, Counter[str]] = defaultdict(Counter)
    for controller, kind, reason, count in _quarantine_counts(connection):
        kinds[controller][kind]["quarantined"][reason] = count
        quarantined[controller][reason] += count
    return {
        "as_of": as_of.isoformat(),
        "controllers": {
            controller: {
                "kinds": {kind: dict(entry) for kind, entry in sorted(kinds[controller].items())},
                "quarantined": dict(quarantined.get(controller, {})),
            }
            for controller in sorted(kinds)
        },
        "holds": _holds(connection, as_of),
        "material_changes": overview(book.changes(connection)),
        "drops": list(_drops(connection)),
    }


def _holds(connection: sa.Connection, as_of: date) -> list[dict[str, Any]]:
    """Per controller the holds and restrictions that stand, and those not reviewed in time."""
    hold = t.holds.c
    overdue = overdue_reviews(connection, as_of)
    rows = connection.execute(
        sa.select(hold.controller, hold.basis, sa.func.count().label("number"))
        .where(hold.lifted_at.is_(None))
        .group_by(hold.controller, hold.basis)
        .order_by(hold.controller, hold.basis)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = found.setdefault(
            row.controller,
            {
                "controller": row.controller,
                HOLD: 0,
                RESTRICTION: 0,
                "overdue": overdue[row.controller],
            },
        )
        entry[row.basis] = row.number
    return list(found.values())


def night_counts(
    connection: sa.Connection, night: str, stage: str | None = None
) -> dict[str, Counter[str]]:
    """What one night, or one stage of it, counted per controller."""
    row = t.stage_counts.c
    found: dict[str, Counter[str]] = {}
    query = sa.select(row.controller, row.counts).where(row.night == night)
    query = query if stage is None else query.where(row.stage == stage)
    for one in connection.execute(query.order_by(row.controller)):
        found.setdefault(one.controller, Counter()).update(one.counts)
    return found


def _empty() -> dict[str, Any]:
    return {
        "catalogued": 0,
        "transcribed": 0,
        "refused": {},
        "held": 0,
        "due": 0,
        "shredded": 0,
        "quarantined": {},
    }


def _object_counts(connection: sa.Connection, as_of: date) -> Iterator[tuple[str, str, str, int]]:
    objects = t.objects.c
    kept = objects.state == "live"
    which: dict[str, sa.ColumnElement[bool]] = {
        "catalogued": kept,
        "held": sa.and_(kept, held()),
        "due": sa.and_(objects.state.in_(("live", "quarantined")), objects.due_day <= as_of),
        "shredded": objects.state == "shredded",
    }
    for field, condition in which.items():
        rows = connection.execute(
            sa.select(objects.controller, objects.kind, sa.func.count())
            .where(condition)
            .group_by(objects.controller, objects.kind)
        )
        for controller, kind, count in rows:
            yield controller, kind, field, count


def _transcription_counts(
    connection: sa.Connection,
) -> Iterator[tuple[str, str, str, str | None, int]]:
    made, objects = t.transcriptions.c, t.objects.c
    rows = connection.execute(
        sa.select(made.controller, objects.kind, made.state, made.code, sa.func.count())
        .join(t.objects, objects.id == made.recording_id)
        .group_by(made.controller, objects.kind, made.state, made.code)
    )
    yield from (tuple(row) for row in rows)


def _unscannable_counts(connection: sa.Connection) -> Iterator[tuple[str, str, str, int]]:
    """What nobody could listen to for card numbers, and is kept all the same."""
    scans, objects = t.card_scans.c, t.objects.c
    rows = connection.execute(
        sa.select(objects.controller, objects.kind, scans.state, sa.func.count())
        .join(t.objects, objects.id == scans.object_id)
        .where(scans.state == "unscannable", objects.state.in_(("live", "quarantined")))
        .group_by(objects.controller, objects.kind, scans.state)
    )
    yield from (tuple(row) for row in rows)


def _quarantine_counts(connection: sa.Connection) -> Iterator[tuple[str, str, str, int]]:
    """What is held, by the kind of its medium, else of the row or record there is of it."""
    row = t.quarantine.c
    kind = sa.func.coalesce(t.objects.c.kind, "manifest-row")
    rows = connection.execute(
        sa.select(row.controller, kind, row.reason, sa.func.count())
        .join(
            t.objects,
            t.objects.c.id == sa.func.coalesce(row.media_id, row.row_id),
            isouter=True,
        )
        .where(row.state == "held", ~is_going())
        .group_by(row.controller, kind, row.reason)
        .order_by(row.reason)
    )
    yield from (tuple(found) for found in rows)


def _drops(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    item = t.drop_items.c
    outcomes: dict[str, dict[str, int]] = defaultdict(dict)
    for drop, outcome, count in connection.execute(
        sa.select(item.drop_id, item.outcome, sa.func.count()).group_by(item.drop_id, item.outcome)
    ):
        outcomes[drop][outcome] = count
    for row in connection.execute(sa.select(t.drops).order_by(t.drops.c.seen_at, t.drops.c.id)):
        found = outcomes.get(row.id, {})
        yield {
            "id": row.id,
            "controller": row.controller,
            "state": row.state,
            "files": row.files,
            "ingested": found.get("ingested", 0),
            "duplicates": found.get("duplicate", 0),
            "quarantined": found.get("quarantined", 0),
        }
