"""Taking a refused record into the catalogue after all: it was read, so all of it is there."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.upsert import insert_missing
from callward.contacts import blind_text
from callward.errors import ReleaseRefusedError
from callward.instance import Instance
from callward.intake.categories import KINDS
from callward.intake.reasons import RELEASABLE
from callward.intake.record_rows import about_of
from callward.intake.record_write import adopt_transcripts
from callward.intake.records import AGENT
from callward.intake.take import REFUSED_KIND, content_digest
from callward.ledger import log
from callward.run import UNKNOWN
from callward.vault.blind import Blinder


def is_record(connection: sa.Connection, row: sa.Row[Any]) -> bool:
    """Whether a refused item is a record that was read, or part of a file of them."""
    kind = sa.select(t.objects.c.kind).where(t.objects.c.id == row.row_id)
    return connection.scalar(kind) in {REFUSED_KIND, "details", *KINDS}


def release_record(
    connection: sa.Connection, instance: Instance, row: sa.Row[Any]
) -> list[log.Item]:
    """Catalogue it; the objects that are live now, its document first.

    ReleaseRefusedError, for the caller to roll back, if it cannot be waived.
    """
    objects = t.objects.c
    of_it = sa.and_(objects.interaction_id == row.id, objects.state == "quarantined")
    found = connection.execute(sa.select(t.objects).where(of_it)).all()
    main = next((one for one in found if one.id == row.row_id), None)
    if row.reason not in RELEASABLE or main is None or main.kind == REFUSED_KIND:
        raise ReleaseRefusedError(f"{row.id} was refused as {row.reason}, which cannot be waived")
    if row.controller == UNKNOWN or any(one.early for one in found):
        raise ReleaseRefusedError(f"{row.id} is nobody's, or is to be erased")
    document = json.loads(b"".join(instance.vault.open(connection, main.id)))
    blinder = instance.vault.blinder(connection, row.controller, instance.clock.now())
    interaction = _interaction(blinder, row.controller, document)
    known = sa.select(t.interactions.c.id).where(t.interactions.c.id == interaction["id"])
    if connection.scalar(known) is not None:
        raise ReleaseRefusedError(f"{row.id} is of an interaction that is catalogued already")
    connection.execute(t.interactions.insert().values(interaction))
    insert_missing(connection, t.people, _people(instance, blinder, interaction["id"], document))
    connection.execute(
        t.objects.update().where(of_it).values(state="live", interaction_id=interaction["id"])
    )
    if interaction["about"] is not None:
        adopt_transcripts(connection, [interaction["about"]])
    ordered = [main, *(one for one in found if one is not main)]
    return [log.Item(one.id, _body(one)) for one in ordered]


def _interaction(blinder: Blinder, controller: str, document: dict[str, Any]) -> dict[str, Any]:
    source, kind = document["source"], document["kind"]
    external_id, talk = document["external_id"], document["conversation"]
    return {
        "id": blinder.object_id("interaction", source, external_id, kind),
        "controller": controller,
        "source": source,
        "kind": kind,
        "direction": document["direction"],
        "started_at": datetime.fromisoformat(document["started_at"]),
        "ended_at": datetime.fromisoformat(document["ended_at"]),
        "revision": _moment(document["revision"]),
        "content_digest": blinder.content(content_digest(document)),
        "conversation": blinder.digest("conversation", source, talk or external_id),
        "about": about_of(blinder, kind, external_id, document["of"]),
    }


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _people(
    instance: Instance, blinder: Blinder, interaction: str, document: dict[str, Any]
) -> list[dict[str, Any]]:
    region = instance.settings.region
    texts = [
        (role, blind_text(text, None if role == AGENT else region))
        for role, text in document["people"]
    ]
    return [
        {"interaction_id": interaction, "role": role, "blind": blinder.digest("person", text)}
        for role, text in texts
        if text
    ]


def _body(one: sa.Row[Any]) -> dict[str, Any]:
    due = one.due_day.isoformat() if one.due_day else None
    return {"kind": one.kind, "ciphertext": one.ciphertext_digest, "due": due}
