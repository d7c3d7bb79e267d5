"""Destroying once more, in a restored catalogue, what had been destroyed after the backup.

As a sweep does it, by the ids that the ledger names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.refused import in_quarantine

_AT_ONCE = 500
_THERE = ("live", "quarantined", "marked")


@dataclass(frozen=True, slots=True)
class Gone:
    """When something was destroyed, and by which sweep."""

    at: datetime
    sweep: str


def forget(connection: sa.Connection, gone: Mapping[str, Gone]) -> int:
    """Delete the keys, payloads and rows of objects; how many had not been destroyed yet."""
    changed = 0
    by_fate: dict[Gone, list[str]] = {}
    for object_id, fate in gone.items():
        by_fate.setdefault(fate, []).append(object_id)
    for fate, ids in by_fate.items():
        for part in _parts(sorted(ids)):
            changed += _forget_part(connection, part, fate)
    return changed


def _forget_part(connection: sa.Connection, ids: Sequence[str], fate: Gone) -> int:
    objects = t.objects.c
    connection.execute(t.object_keys.delete().where(t.object_keys.c.object_id.in_(ids)))
    connection.execute(t.payloads.delete().where(t.payloads.c.object_id.in_(ids)))
    connection.execute(t.transcriptions.delete().where(t.transcriptions.c.recording_id.in_(ids)))
    connection.execute(t.card_scans.delete().where(t.card_scans.c.object_id.in_(ids)))
    connection.execute(
        t.drop_items.update().where(t.drop_items.c.object_id.in_(ids)).values(content_digest=None)
    )
    rows = t.quarantine.c
    connection.execute(
        t.quarantine.update()
        .where(rows.state == "held", sa.or_(rows.media_id.in_(ids), rows.row_id.in_(ids)))
        .values(state="shredded")
    )
    found = connection.execute(
        t.objects.update()
        .where(objects.id.in_(ids), objects.state != "shredded")
        .values(state="shredded", shredded_at=fate.at, sweep_id=fate.sweep, facts=None)
    ).rowcount
    _forget_interactions(connection, ids)
    return found


def _forget_interactions(connection: sa.Connection, ids: Sequence[str]) -> None:
    """With the last of its objects an interaction's row goes, and its people's blind indexes."""
    other = t.objects.alias("other")
    kept = sa.exists().where(
        other.c.interaction_id == t.objects.c.interaction_id, other.c.state.in_(_THERE)
    )
    over = sa.select(t.objects.c.interaction_id).where(
        t.objects.c.id.in_(ids), t.objects.c.interaction_id.is_not(None), ~kept
    )
    connection.execute(t.people.delete().where(t.people.c.interaction_id.in_(over)))
    connection.execute(t.versions.delete().where(t.versions.c.interaction_id.in_(over)))
    connection.execute(t.interactions.delete().where(t.interactions.c.id.in_(over)))


def reject(connection: sa.Connection, quarantine_id: str, at: datetime) -> None:
    """Repeat a decision to reject."""
    connection.execute(
        t.quarantine.update()
        .where(t.quarantine.c.id == quarantine_id)
        .values(state="rejected", decided_at=at)
    )
    connection.execute(t.people.delete().where(t.people.c.interaction_id == quarantine_id))


def unmark(connection: sa.Connection, sweeps: Sequence[str]) -> None:
    """Give back what sweeps that are over by now had marked at the time, and then spared."""
    for part in _parts(sweeps):
        connection.execute(
            t.objects.update()
            .where(t.objects.c.sweep_id.in_(part), t.objects.c.state == "marked")
            .values(state=sa.case((in_quarantine(), "quarantined"), else_="live"), sweep_id=None)
        )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
