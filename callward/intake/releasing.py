"""Taking a refused record into the catalogue after all: it was read, so all of it is there."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import ReleaseRefusedError
from callward.instance import Instance
from callward.intake.categories import KINDS
from callward.intake.reasons import RELEASABLE
from callward.intake.record_rows import KEYED
from callward.intake.record_write import adopt_transcripts
from callward.intake.take import REFUSED_KIND
from callward.ledger import log
from callward.run import UNKNOWN


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
    objects, scans = t.objects.c, t.card_scans.c
    # A recording whose muted version has taken its place only waits for the sweep.
    replaced = sa.select(scans.object_id).where(scans.replaced_by.is_not(None))
    of_it = sa.and_(
        objects.interaction_id == row.id,
        objects.state == "quarantined",
        objects.id.not_in(replaced),
    )
    found = connection.execute(sa.select(t.objects).where(of_it)).all()
    main = next((one for one in found if one.id == row.row_id), None)
    if row.reason not in RELEASABLE or main is None or main.kind == REFUSED_KIND:
        raise ReleaseRefusedError(f"{row.id} was refused as {row.reason}, which cannot be waived")
    if row.controller == UNKNOWN or any(one.early for one in found):
        raise ReleaseRefusedError(f"{row.id} is nobody's, or is to be erased")
    document = json.loads(b"".join(instance.vault.open(connection, main.id)))
    interaction = _interaction(row.controller, document, main.facts)
    known = sa.select(t.interactions.c.id).where(t.interactions.c.id == interaction["id"])
    if connection.scalar(known) is not None:
        raise ReleaseRefusedError(f"{row.id} is of an interaction that is catalogued already")
    connection.execute(t.interactions.insert().values(interaction))
    connection.execute(t.objects.update().where(of_it).values(state="live"))
    _move(connection, row.id, interaction["id"])
    connection.execute(t.objects.update().where(t.objects.c.id == main.id).values(facts=None))
    if interaction["about"] is not None:
        adopt_transcripts(connection, [interaction["about"]])
    ordered = [main, *(one for one in found if one is not main)]
    return [log.Item(one.id, _body(one)) for one in ordered]


def _interaction(
    controller: str, document: Mapping[str, Any], keyed: Mapping[str, Any]
) -> dict[str, Any]:
    """Its row, by what was noted when it was refused: what was sealed is masked."""
    revision = document["revision"]
    return {
        **{name: keyed[name] for name in KEYED},
        "controller": controller,
        "source": document["source"],
        "kind": document["kind"],
        "direction": document["direction"],
        "started_at": datetime.fromisoformat(document["started_at"]),
        "ended_at": datetime.fromisoformat(document["ended_at"]),
        "revision": datetime.fromisoformat(revision) if revision else None,
    }


def _move(connection: sa.Connection, quarantine_id: str, interaction: str) -> None:
    """What it was found and held by under the refusal's id now is under its own."""
    people, holds, objects = t.people, t.holds, t.objects
    for column in (people.c.interaction_id, holds.c.target, objects.c.interaction_id):
        connection.execute(
            column.table.update().where(column == quarantine_id).values({column: interaction})
        )


def _body(one: sa.Row[Any]) -> dict[str, Any]:
    due = one.due_day.isoformat() if one.due_day else None
    return {"kind": one.kind, "ciphertext": one.ciphertext_digest, "due": due}
