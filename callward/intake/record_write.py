"""Writing a batch of records: every table and the ledger, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.bulk import insert_many
from callward.catalogue.upsert import insert_missing
from callward.instructions.classes import WHILE_ACTIVE
from callward.intake.categories import TRANSCRIPT
from callward.intake.record_rows import Batched
from callward.ledger import log
from callward.retention.due import KEPT, MARKED, follow_recordings
from callward.vault.filing import file_objects
from callward.vault.vault import Vault

_PART = 10_000
_MEDIA = ("recording", "voicemail")


def write_rows(
    connection: sa.Connection, vault: Vault, rows: Batched, at: datetime, *, by: str
) -> None:
    """Write everything but drops and ledger; ``by``: key of the periods of the due days."""
    _age(connection, sorted(rows.newer), at)
    file_objects(connection, vault, rows.objects, at, by=by)
    insert_many(connection, t.interactions, list(rows.interactions.values()))
    _renew(connection, list(rows.newer.values()))
    insert_missing(connection, t.versions, list(rows.versions.values()))
    # Of a record that is known some are there already.
    fresh = [row for row in rows.people.values() if row["interaction_id"] not in rows.known]
    insert_many(connection, t.people, fresh)
    others = [row for row in rows.people.values() if row["interaction_id"] in rows.known]
    insert_missing(connection, t.people, others)
    insert_many(connection, t.quarantine, rows.quarantine)
    _date_accounts(connection, rows)
    abouts = {row["about"] for row in (*rows.interactions.values(), *rows.newer.values())}
    abouts.update(_abouts_of(connection, sorted(rows.late - set(rows.interactions))))
    adopt_transcripts(connection, abouts - {None})


def write_ledger(
    connection: sa.Connection, rows: Batched, at: datetime, *, ids: Mapping[str, str]
) -> None:
    """Enter what was taken in and what was quarantined."""
    live = [log.Item(one.id, one.ledger_body()) for one in rows.objects if one.state == "live"]
    held = [
        log.Item(row["id"], {"reason": row["reason"], "media": row["media_id"]})
        for row in rows.quarantine
    ]
    counts = {name: rows.counts[name] for name in ("ingested", "duplicate", "versions", "masked")}
    if live or counts["duplicate"]:
        log.append(connection, "ingested", live, at=at, counts=counts, ids=ids)
    if held:
        log.append(connection, "quarantined", held, at=at, ids=ids)


def adopt_transcripts(connection: sa.Connection, abouts: Collection[str]) -> None:
    """Have transcripts made elsewhere follow their recordings, whichever came first.

    Those that followed a version of one that is no longer the newest follow the newest.
    """
    if not abouts:
        return
    theirs, its = t.interactions.alias("theirs"), t.interactions.alias("its")
    objects, media, before = t.objects, t.objects.alias("media"), t.objects.alias("before")
    outdated = (
        sa.exists()
        .where(before.c.id == objects.c.parent_id, before.c.superseded_at.is_not(None))
        .correlate(objects)
    )
    found = (
        sa.select(objects.c.id, sa.func.min(media.c.id))
        .join(theirs, sa.and_(theirs.c.id == objects.c.interaction_id))
        .join(its, sa.and_(its.c.about == theirs.c.about, its.c.controller == theirs.c.controller))
        .join(media, sa.and_(media.c.interaction_id == its.c.id, media.c.kind == its.c.kind))
        .where(
            objects.c.kind == TRANSCRIPT,
            sa.or_(objects.c.parent_id.is_(None), outdated),
            objects.c.state.in_(KEPT),
            theirs.c.kind == TRANSCRIPT,
            its.c.kind.in_(_MEDIA),
            media.c.state.in_(KEPT),
            media.c.superseded_at.is_(None),
            ~media.c.early,
        )
        .group_by(objects.c.id)
    )
    wanted = sorted(abouts)
    for start in range(0, len(wanted), _PART):
        part = theirs.c.about.in_(wanted[start : start + _PART])
        pairs = [{"key": one, "parent": of} for one, of in connection.execute(found.where(part))]
        if pairs:
            connection.execute(
                objects.update()
                .where(objects.c.id == sa.bindparam("key"))
                .values(parent_id=sa.bindparam("parent")),
                pairs,
            )
            follow_recordings(connection, {pair["parent"] for pair in pairs})


def _abouts_of(connection: sa.Connection, interactions: Sequence[str]) -> set[str | None]:
    """What some records that are catalogued are about."""
    row, found = t.interactions.c, set[str | None]()
    for start in range(0, len(interactions), _PART):
        part = row.id.in_(interactions[start : start + _PART])
        found.update(connection.scalars(sa.select(row.about).where(part)))
    return found


def _age(connection: sa.Connection, interactions: Sequence[str], at: datetime) -> None:
    """What these records had until now is no longer their newest version."""
    objects = t.objects.c
    for start in range(0, len(interactions), _PART):
        connection.execute(
            t.objects.update()
            .where(
                objects.interaction_id.in_(interactions[start : start + _PART]),
                objects.superseded_at.is_(None),
            )
            .values(superseded_at=at)
        )


def _renew(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have the catalogue speak of the newest version."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    changes = [{"key": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows]
    connection.execute(
        t.interactions.update()
        .where(t.interactions.c.id == sa.bindparam("key"))
        .values({name: sa.bindparam(f"new_{name}") for name in names}),
        changes,
    )


def _date_accounts(connection: sa.Connection, rows: Batched) -> None:
    """Give every version of an agent's account, and what came with it, the days of its newest."""
    objects = t.objects.c
    account = sa.and_(
        objects.retention_class == WHILE_ACTIVE,
        objects.state.in_((*KEPT, MARKED)),
        ~objects.early,
    )
    days = dict(rows.accounts)
    aged = sorted(rows.aged - set(days))
    for start in range(0, len(aged), _PART):
        part = objects.interaction_id.in_(aged[start : start + _PART])
        newest = sa.select(objects.interaction_id, objects.anchor_day, objects.due_day)
        query = newest.where(part, account, objects.superseded_at.is_(None))
        days.update({one: (anchor, due) for one, anchor, due in connection.execute(query)})
    if days:
        connection.execute(
            t.objects.update()
            .where(objects.interaction_id == sa.bindparam("key"), account)
            .values(anchor_day=sa.bindparam("anchor"), due_day=sa.bindparam("due")),
            [{"key": one, "anchor": anchor, "due": due} for one, (anchor, due) in days.items()],
        )
