"""What was refused: listed, or released by a person into the catalogue.

Rejecting destroys, which is retention's to do (``callward.erasing``).
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import london_day, today
from callward.errors import NotFoundError, ReleaseRefusedError
from callward.instance import Instance
from callward.instructions.classes import class_of
from callward.instructions.model import Retention
from callward.instructions.periods import due_day
from callward.instructions.registry import in_force
from callward.intake.audio import probe
from callward.intake.claims import in_turn
from callward.intake.manifest import ManifestRow, read_manifest
from callward.intake.reasons import RELEASABLE, Reason, Refusal
from callward.intake.record import interaction_id, interaction_row, people_rows
from callward.intake.releasing import is_record, release_record
from callward.ledger import log
from callward.run import UNKNOWN
from callward.vault.filing import NewObject, file_objects, seal_payload

TRANSCRIPT_GATE = "gate-transcript"
"""Reason of a transcript that failed its exit gate."""
GOING = "going"
"""Shown as the state of what is to be erased already."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One refused item as listed."""

    id: str
    controller: str
    reason: str
    state: str
    drop_id: str | None
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "created_at": self.created_at.isoformat()}


def list_quarantine(connection: sa.Connection, *, state: str | None = "held") -> list[Quarantined]:
    """Refused items, oldest first; ``state`` None: decided ones too.

    What is to be erased already, and goes with the next sweep, is ``going``: it no longer
    waits for a decision.
    """
    row = t.quarantine.c
    now = sa.case((sa.and_(row.state == "held", is_going()), GOING), else_=row.state)
    query = sa.select(
        row.id, row.controller, row.reason, now.label("state"), row.drop_id, row.created_at
    ).order_by(row.created_at, row.id)
    if state is not None:
        query = query.where(now == state)
    return [Quarantined(*found) for found in connection.execute(query)]


def is_going() -> sa.ColumnElement[bool]:
    """SQL: the erasure of what was refused was instructed, of a newer transcript's elder, say."""
    one, row = t.objects.alias("going").c, t.quarantine.c
    about = sa.func.coalesce(row.media_id, row.row_id)
    return sa.exists().where(one.id == about, one.early).correlate(t.quarantine)


def release(instance: Instance, quarantine_id: str) -> str:
    """Take a refused item into the catalogue after all; returns its object id.

    Waives the reason it was refused for and nothing else: ReleaseRefusedError,
    and nothing changed, if that cannot be waived or something else is wrong too.
    """
    now = instance.clock.now()
    with instance.unit() as connection:
        instance.vault.generation(connection, lock=True)  # before any row, as a turn does
        row = undecided(connection, quarantine_id)
        in_turn(connection, [row.controller])
        if row.reason == TRANSCRIPT_GATE:
            items = [_release_transcript(connection, row)]
        elif is_record(connection, row):
            items = release_record(connection, instance, row)
        else:
            items = _release_media(connection, instance, row)
        decide(connection, row.id, "released", now, items)
        # Indexed while it was held here; now it is indexed under its interaction.
        connection.execute(t.people.delete().where(t.people.c.interaction_id == row.id))
    return items[0].subject


def undecided(connection: sa.Connection, quarantine_id: str) -> sa.Row[Any]:
    """The row of a refused item that waits for a decision; NotFoundError if there is none."""
    row = connection.execute(
        sa.select(t.quarantine).where(
            t.quarantine.c.id == quarantine_id, t.quarantine.c.state == "held"
        )
    ).first()
    if row is None:
        raise NotFoundError(f"nothing in quarantine under {quarantine_id}")
    return row


def decide(
    connection: sa.Connection,
    quarantine_id: str,
    decision: str,
    at: datetime,
    items: Sequence[log.Item] = (),
) -> None:
    """Enter what was decided in catalogue and ledger, with what is live because of it."""
    connection.execute(
        t.quarantine.update()
        .where(t.quarantine.c.id == quarantine_id)
        .values(state=decision, decided_at=at)
    )
    ids = {"quarantine": quarantine_id}
    log.append(connection, f"quarantine-{decision}", items, at=at, ids=ids)


def _waiting(media_id: str) -> sa.ColumnElement[bool]:
    """SQL: it waits for a decision, and nobody has had it erased meanwhile."""
    objects = t.objects.c
    return sa.and_(objects.id == media_id, objects.state == "quarantined", ~objects.early)


def _release_transcript(connection: sa.Connection, row: sa.Row[Any]) -> log.Item:
    released = connection.execute(
        t.objects.update().where(_waiting(row.media_id)).values(state="live")
    )
    if released.rowcount != 1:
        raise ReleaseRefusedError(f"{row.id} is in a sweep already, or to be erased")
    connection.execute(
        t.transcriptions.update()
        .where(t.transcriptions.c.transcript_id == row.media_id)
        .values(state="done", code=None)
    )
    return log.Item(str(row.media_id), {})


def _release_media(
    connection: sa.Connection, instance: Instance, row: sa.Row[Any]
) -> list[log.Item]:
    """Catalogue it; the objects that are live now, its media first."""
    if row.reason not in RELEASABLE or row.media_id is None or row.row_id is None:
        raise ReleaseRefusedError(f"{row.id} was refused as {row.reason}, which cannot be waived")
    if row.controller == UNKNOWN:
        raise ReleaseRefusedError(f"{row.id} belongs to no controller with an instruction")
    now = instance.clock.now()
    version = in_force(connection, row.controller, today(instance.clock))
    retention = version.instruction.retention if version else Retention()
    document = json.loads(b"".join(instance.vault.open(connection, row.row_id)))
    manifest_row = _read_again(document["row"], row.reason, now, row.id)
    facts = _probe_again(connection, instance, row)
    blinder = instance.vault.blinder(connection, row.controller, now)
    content = _content_of(connection, row.media_id)
    if manifest_row.sha256 and blinder.content(manifest_row.sha256) != content:
        raise ReleaseRefusedError(f"{row.id} is {Reason.DIGEST_MISMATCH} as well")
    interaction = interaction_id(blinder, manifest_row)
    if _known(connection, interaction):
        if row.reason != Reason.CONTENT_CONFLICT:
            raise ReleaseRefusedError(f"{row.id} is of an interaction that is catalogued already")
        interaction = blinder.object_id("released", row.id)
    connection.execute(
        t.interactions.insert().values(
            interaction_row(blinder, interaction, row.controller, manifest_row, content)
        )
    )
    people = people_rows(blinder, interaction, manifest_row, instance.settings.region)
    if people:
        connection.execute(t.people.insert(), people)
    anchor = london_day(manifest_row.ended_at)
    # Its kind, and with it its class, was told by this row when it was filed.
    due = due_day(anchor, retention.of(class_of(manifest_row.kind)))
    changed = connection.execute(
        t.objects.update()
        .where(_waiting(row.media_id))
        .values(
            state="live", interaction_id=interaction, facts=facts, anchor_day=anchor, due_day=due
        )
    )
    if changed.rowcount != 1:
        raise ReleaseRefusedError(f"{row.id} is in a sweep already, or to be erased")
    details_id = blinder.object_id("details", row.id)
    plaintext = json.dumps(document, sort_keys=True).encode()
    sealed = seal_payload(instance.vault, row.controller, details_id, "details", plaintext)
    details = NewObject(
        id=details_id,
        controller=row.controller,
        kind="details",
        retention_class=class_of("details"),
        anchor_day=anchor,
        due_day=due_day(anchor, retention.of(class_of("details"))),
        sealed=sealed,
        interaction_id=interaction,
    )
    file_objects(connection, instance.vault, [details], now, by=retention.key)
    media = connection.execute(sa.select(t.objects).where(t.objects.c.id == row.media_id)).one()
    body = {"kind": media.kind, "ciphertext": media.ciphertext_digest, "due": due.isoformat()}
    return [log.Item(media.id, body), log.Item(details_id, details.ledger_body())]


def _read_again(
    raw: Mapping[str, str], waived: str, now: datetime, quarantine_id: str
) -> ManifestRow:
    """Read the sealed manifest row once more, without what is waived."""
    cells = dict(raw)
    if waived == Reason.DIGEST_MISMATCH:
        cells["sha256"] = ""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(cells)
    writer.writerow(cells.values())
    manifest = read_manifest(text.getvalue().encode(), now=now)
    if manifest.refused:
        raise ReleaseRefusedError(f"{quarantine_id} is still {manifest.refused[0].reason}")
    return manifest.rows[0]


def _probe_again(connection: sa.Connection, instance: Instance, row: sa.Row[Any]) -> dict[str, Any]:
    """The media's facts, found now if it was refused before anybody looked."""
    facts = connection.scalar(sa.select(t.objects.c.facts).where(t.objects.c.id == row.media_id))
    if not facts:
        content = io.BytesIO(b"".join(instance.vault.open(connection, row.media_id)))
        try:
            facts = asdict(probe(content))
        except Refusal as refusal:
            raise ReleaseRefusedError(f"{row.id} is {refusal.reason} as well") from None
    if facts["truncated"] and row.reason != Reason.TRUNCATED:
        raise ReleaseRefusedError(f"{row.id} is {Reason.TRUNCATED} as well")
    return dict(facts)


def _content_of(connection: sa.Connection, media_id: str) -> str:
    digest = connection.scalar(
        sa.select(t.drop_items.c.content_digest).where(t.drop_items.c.object_id == media_id)
    )
    return str(digest)


def _known(connection: sa.Connection, interaction: str) -> bool:
    query = sa.select(t.interactions.c.id).where(t.interactions.c.id == interaction)
    return connection.scalar(query) is not None
