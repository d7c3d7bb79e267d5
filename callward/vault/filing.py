"""Putting sealed objects into the catalogue: row, key on its page, payload."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.bulk import insert_many
from callward.catalogue.upsert import insert_missing
from callward.vault.sealing import Sealed, context, new_key, seal_bytes, seal_chunks
from callward.vault.vault import ROW_LIMIT, Place, Vault


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object about to be catalogued; see the ``objects`` table for the fields."""

    id: str
    controller: str
    kind: str
    retention_class: str
    anchor_day: date
    due_day: date | None
    sealed: Sealed
    interaction_id: str | None = None
    parent_id: str | None = None
    state: str = "live"
    facts: Mapping[str, Any] | None = None
    superseded_at: datetime | None = None

    def ledger_body(self) -> dict[str, str | int | bool | None]:
        """What the ledger says of it."""
        return {
            "kind": self.kind,
            "ciphertext": self.sealed.ciphertext_digest,
            "due": self.due_day.isoformat() if self.due_day else None,
        }


def seal_payload(
    vault: Vault, controller: str, object_id: str, kind: str, plaintext: bytes, store_key: str = ""
) -> Sealed:
    """Seal bytes at hand: into a row, or under ``store_key`` if they are large."""
    key, bound_to = new_key(), context(controller, object_id, kind)
    if len(plaintext) <= ROW_LIMIT or not store_key:
        payload = seal_bytes(key, bound_to, plaintext)
        digest = hashlib.sha256(payload).hexdigest()
        return Sealed(key, len(plaintext), digest, None, payload)
    digest_of = hashlib.sha256()

    def ciphertext() -> Iterator[bytes]:
        for chunk in seal_chunks(key, bound_to, (plaintext,)):
            digest_of.update(chunk)
            yield chunk

    vault.store.put(store_key, ciphertext())
    return Sealed(key, len(plaintext), digest_of.hexdigest(), store_key, None)


ADMINISTRATION = "administration"
"""The retention class of our own notes, which no instruction moves."""
FILED = "filed:"
"""Prefix of the marks ``filed:<controller>:<key of the periods>``."""
_UNKNOWN = "?"


def file_objects(
    connection: sa.Connection,
    vault: Vault,
    new: Sequence[NewObject],
    at: datetime,
    *,
    by: str = _UNKNOWN,
) -> None:
    """Catalogue objects, their keys and payloads in the caller's transaction.

    ``by``: key of the periods (``Retention.key``) by which due days were reckoned. It is
    noted, so that re-planning looks again at whatever was filed by others than are in force.
    """
    if not new:
        return
    _note_periods(connection, new, by, at)
    insert_many(connection, t.objects, [_row(item, at) for item in new])
    vault.file_keys(
        connection,
        [
            (item.id, Place(item.controller, item.retention_class, item.due_day), item.sealed.key)
            for item in new
        ],
    )
    payloads = [
        {"object_id": item.id, "sealed": item.sealed.payload}
        for item in new
        if item.sealed.payload is not None
    ]
    insert_many(connection, t.payloads, payloads)


def _note_periods(
    connection: sa.Connection, new: Sequence[NewObject], by: str, at: datetime
) -> None:
    """Note by which periods due days were reckoned; a transcript's is its recording's."""
    filed = {
        item.controller
        for item in new
        if item.parent_id is None and item.retention_class != ADMINISTRATION
    }
    marks = [{"name": f"{FILED}{one}:{by}", "moment": at} for one in sorted(filed)]
    insert_missing(connection, t.marks, marks)


def _row(item: NewObject, at: datetime) -> dict[str, Any]:
    return {
        "id": item.id,
        "controller": item.controller,
        "kind": item.kind,
        "retention_class": item.retention_class,
        "interaction_id": item.interaction_id,
        "parent_id": item.parent_id,
        "state": item.state,
        "anchor_day": item.anchor_day,
        "due_day": item.due_day,
        "size": item.sealed.size,
        "place": "row" if item.sealed.payload is not None else "store",
        "store_key": item.sealed.store_key,
        "ciphertext_digest": item.sealed.ciphertext_digest,
        "facts": dict(item.facts) if item.facts is not None else None,
        "created_at": at,
        "superseded_at": item.superseded_at,
    }
