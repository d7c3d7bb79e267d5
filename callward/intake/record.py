"""Recording a judged batch: catalogue, quarantine and ledger in one transaction."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward.cards.text import mask_document
from callward.catalogue import tables as t
from callward.clock import london_day
from callward.contacts import blind_text
from callward.instance import Instance
from callward.instructions.classes import RetentionClass, class_of
from callward.instructions.model import Retention
from callward.instructions.periods import due_day
from callward.intake.batches import Batch
from callward.intake.files import Seen
from callward.intake.leaving import write_drops
from callward.intake.manifest import ManifestRow
from callward.intake.plan import SOURCE, Item
from callward.intake.reasons import Reason
from callward.intake.record_rows import about_of
from callward.intake.record_write import adopt_transcripts
from callward.intake.seal import SealedFile
from callward.ledger import log
from callward.run import Run, record_counts
from callward.vault.blind import Blinder
from callward.vault.filing import NewObject, file_objects, seal_payload
from callward.vault.sealing import Sealed

STAGE = "ingest"
_DIGEST = re.compile("[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Judged:
    """An item with what the worker made of its file."""

    item: Item
    sealed: Sealed | None
    sha256: str | None
    facts: Mapping[str, Any] | None
    reason: Reason | None
    seen: Seen | None = None
    masked: int = 0

    @classmethod
    def of(cls, item: Item, file: SealedFile | None) -> "Judged":
        """Put together item and worker's answer; the manifest's digest is compared here."""
        if file is None:
            return cls(item, None, None, None, item.reason)
        reason = item.reason or file.reason
        promised = item.row.sha256 if item.row else ""
        if reason is None and promised and promised != file.sha256:
            reason = Reason.DIGEST_MISMATCH
        return cls(item, file.sealed, file.sha256, file.facts, reason, file.seen, file.masked)


@dataclass(slots=True)
class Recorded:
    """Counts of the batch, and ciphertexts that turned out not to be needed."""

    counts: Counter[str] = field(default_factory=Counter)
    unused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Rows:
    """What the batch adds, table by table."""

    objects: list[NewObject] = field(default_factory=list)
    interactions: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)


def record_batch(
    connection: sa.Connection, instance: Instance, run: Run, batch: Batch, judged: Sequence[Judged]
) -> Recorded:
    """Sort the items into ingested, duplicate and quarantined, and write all of it."""
    recorder = _Recorder(connection, instance, run, batch)
    for one in judged:
        recorder.take(one)
    return recorder.write()


class _Recorder:
    def __init__(
        self, connection: sa.Connection, instance: Instance, run: Run, batch: Batch
    ) -> None:
        self._connection, self._instance, self._run, self._batch = connection, instance, run, batch
        self._now: datetime = instance.clock.now()
        self._blinder: Blinder = instance.vault.blinder(connection, batch.controller, self._now)
        self._retention = (
            batch.instruction.instruction.retention if batch.instruction else Retention()
        )
        self._known = self._known_contents()
        self._rows, self._done = _Rows(), Recorded()
        self._numbers = 0  # of cards masked in the item at hand

    def take(self, one: Judged) -> None:
        """Decide one item's outcome."""
        content = self._blinder.content(one.sha256) if one.sha256 else None
        row, reason = one.item.row, one.reason
        if reason is None and row is not None and one.sealed is not None and content is not None:
            interaction = interaction_id(self._blinder, row)
            known = self._known.get(interaction)
            if known is None:
                self._known[interaction] = content
                self._ingest(one, row, one.sealed, interaction, content)
                return
            if known == content:
                self._outcome(one, "duplicate", content)
                self._drop_ciphertext(one)
                return
            reason = Reason.CONTENT_CONFLICT
        self._quarantine(one, reason or Reason.FILE_MISSING, content)

    def write(self) -> Recorded:
        """Insert everything and enter it in the ledger."""
        rows, connection = self._rows, self._connection
        file_objects(
            connection, self._instance.vault, rows.objects, self._now, by=self._retention.key
        )
        for table, new in (
            (t.interactions, rows.interactions),
            (t.people, rows.people),
            (t.quarantine, rows.quarantine),
            (t.drop_items, rows.items),
        ):
            if new:
                connection.execute(table.insert(), new)
        adopt_transcripts(connection, {row["about"] for row in rows.interactions})
        drops = [*(item.drop for item in self._batch.items), *self._batch.finishing]
        write_drops(connection, drops, self._now)
        self._write_ledger()
        if self._done.counts:
            record_counts(
                connection,
                self._run,
                STAGE,
                self._batch.controller,
                self._done.counts,
                at=self._now,
            )
        return self._done

    def _ingest(
        self, one: Judged, row: ManifestRow, sealed: Sealed, interaction: str, content: str
    ) -> None:
        media_id = one.item.key[:32]
        self._rows.interactions.append(
            interaction_row(self._blinder, interaction, self._batch.controller, row, content)
        )
        self._rows.people.extend(
            people_rows(self._blinder, interaction, row, self._instance.settings.region)
        )
        self._rows.objects.append(
            self._object(
                media_id,
                row.kind,
                class_of(row.kind),
                row.ended_at,
                sealed,
                interaction=interaction,
                facts=one.facts,
            )
        )
        self._rows.objects.append(self._details(one, row, interaction))
        self._outcome(one, "ingested", content, media_id)
        self._done.counts[f"kind:{row.kind}"] += 1

    def _details(self, one: Judged, row: ManifestRow, interaction: str) -> NewObject:
        details_id = self._blinder.object_id("details", one.item.key)
        sealed = self._seal_raw(details_id, "details", one.item)
        return self._object(
            details_id,
            "details",
            class_of("details"),
            row.ended_at,
            sealed,
            interaction=interaction,
        )

    def _quarantine(self, one: Judged, reason: Reason, content: str | None) -> None:
        item = one.item
        anchor = item.row.ended_at if item.row and item.row.ended_at < self._now else self._now
        media_id = row_id = None
        quarantine_id = self._blinder.object_id("quarantine", item.key)
        about = self._about(item, reason, quarantine_id)
        if one.sealed is not None:
            media_id = item.key[:32]
            self._rows.objects.append(
                self._object(
                    media_id,
                    item.kind,
                    class_of(item.kind),
                    anchor,
                    one.sealed,
                    interaction=about,
                    state="quarantined",
                    facts=one.facts,
                )
            )
        if item.raw is not None or item.name is not None:
            row_id = self._blinder.object_id("row", item.key)
            sealed = self._seal_raw(row_id, "manifest-row", item)
            self._rows.objects.append(
                self._object(
                    row_id,
                    "manifest-row",
                    class_of(item.kind),
                    anchor,
                    sealed,
                    interaction=about,
                    state="quarantined",
                )
            )
        self._rows.quarantine.append(
            {
                "id": quarantine_id,
                "controller": self._batch.controller,
                "drop_id": item.drop.id,
                "reason": str(reason),
                "state": "held",
                "media_id": media_id,
                "row_id": row_id,
                "created_at": self._now,
            }
        )
        self._done.counts[f"quarantined:{reason}"] += 1
        self._numbers += one.masked
        self._outcome(one, "quarantined", content, media_id, reason)

    def _about(self, item: Item, reason: Reason, quarantine_id: str) -> str | None:
        """What a hold finds a refused item by: its interaction, or one of its own.

        People are indexed under the latter, so that a hold on a person reaches it.
        """
        if item.row is None:
            return None
        if reason is Reason.CONTENT_CONFLICT:
            return interaction_id(self._blinder, item.row)
        region = self._instance.settings.region
        self._rows.people.extend(people_rows(self._blinder, quarantine_id, item.row, region))
        return quarantine_id

    def _object(
        self,
        object_id: str,
        kind: str,
        retention_class: RetentionClass,
        ended: datetime,
        sealed: Sealed,
        *,
        interaction: str | None = None,
        state: str = "live",
        facts: Mapping[str, Any] | None = None,
    ) -> NewObject:
        anchor: date = london_day(ended)
        return NewObject(
            id=object_id,
            controller=self._batch.controller,
            kind=kind,
            retention_class=retention_class,
            anchor_day=anchor,
            due_day=due_day(anchor, self._retention.of(retention_class)),
            sealed=sealed,
            interaction_id=interaction,
            state=state,
            facts=facts,
        )

    def _seal_raw(self, object_id: str, kind: str, item: Item) -> Sealed:
        cells = dict(item.raw) if item.raw is not None else None
        delivered = {"drop": item.drop.path.name, "name": item.name, "row": cells}
        document, masked = mask_document(delivered)
        if cells is not None and _DIGEST.fullmatch(cells.get("sha256") or ""):
            document["row"]["sha256"] = cells["sha256"]  # by chance it has digits enough
        self._numbers += masked
        plaintext = json.dumps(document, sort_keys=True).encode(errors="surrogateescape")
        return seal_payload(
            self._instance.vault, self._batch.controller, object_id, kind, plaintext
        )

    def _outcome(
        self,
        one: Judged,
        outcome: str,
        content: str | None,
        media_id: str | None = None,
        reason: Reason | None = None,
    ) -> None:
        self._done.counts[outcome] += 1
        self._done.counts["files"] += 1
        if self._numbers:
            self._done.counts["masked"] += self._numbers
            self._done.counts["masked-records"] += 1
        self._numbers = 0
        self._rows.items.append(
            {
                "drop_id": one.item.drop.id,
                "item": one.item.key,
                "outcome": outcome,
                "reason": str(reason) if reason else None,
                "content_digest": content,
                "object_id": media_id,
            }
        )

    def _drop_ciphertext(self, one: Judged) -> None:
        if one.sealed is not None and one.sealed.store_key is not None:
            self._done.unused.append(one.sealed.store_key)

    def _known_contents(self) -> dict[str, str]:
        """Content digests of the interactions this batch speaks of, if they are known."""
        ids = [
            interaction_id(self._blinder, item.row)
            for item in self._batch.items
            if item.row is not None
        ]
        rows = self._connection.execute(
            sa.select(t.interactions.c.id, t.interactions.c.content_digest).where(
                t.interactions.c.id.in_(ids)
            )
        )
        return {row.id: row.content_digest for row in rows}

    def _write_ledger(self) -> None:
        ids = {"controller": self._batch.controller, "night": self._run.night}
        live = [
            log.Item(item.id, item.ledger_body())
            for item in self._rows.objects
            if item.state == "live"
        ]
        held = [
            log.Item(row["id"], {"reason": row["reason"], "media": row["media_id"]})
            for row in self._rows.quarantine
        ]
        duplicates = self._done.counts["duplicate"]
        if live or duplicates:
            counts = {name: self._done.counts[name] for name in ("ingested", "duplicate")}
            log.append(self._connection, "ingested", live, at=self._now, counts=counts, ids=ids)
        if held:
            log.append(self._connection, "quarantined", held, at=self._now, ids=ids)


def interaction_id(blinder: Blinder, row: ManifestRow) -> str:
    """What makes it the same interaction again: controller's key, source, external id, kind."""
    return blinder.object_id("interaction", SOURCE, row.external_id, row.kind)


def interaction_row(
    blinder: Blinder, interaction: str, controller: str, row: ManifestRow, content: str
) -> dict[str, Any]:
    """The catalogue's row of an interaction."""
    return {
        "id": interaction,
        "controller": controller,
        "source": SOURCE,
        "kind": row.kind,
        "direction": row.direction,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "content_digest": content,
        "about": about_of(blinder, row.kind, row.external_id, ""),
    }


def people_rows(
    blinder: Blinder, interaction: str, row: ManifestRow, region: str
) -> list[dict[str, Any]]:
    """Blind indexes of those who took part."""
    texts = {
        "caller": blind_text(row.caller, region),
        "called": blind_text(row.called, region),
        "agent": blind_text(row.agent, None),
    }
    return [
        {"interaction_id": interaction, "role": role, "blind": blinder.digest("person", text)}
        for role, text in texts.items()
        if text
    ]
