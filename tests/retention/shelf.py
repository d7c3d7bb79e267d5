"""Interactions put on the shelf directly, quicker than by ingest, and looked at again."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from callward import erasing
from callward.catalogue import tables as t
from callward.clock import london_day
from callward.contacts import blind_text
from callward.errors import ShreddedError
from callward.gates import Check, GateResult, Outcome
from callward.instance import Instance
from callward.instructions.periods import Period, due_day
from callward.run import StageReport
from callward.vault.filing import NewObject, file_objects, seal_payload
from callward.vault.sealing import Sealed, context, new_key, seal_bytes
from tests.support import PassingGates

RECORDINGS, INTERACTIONS = Period(days=45), Period(years=3)
CALLER = "07700 900123"


@dataclass(frozen=True)
class Shelved:
    """Ids of one interaction and its objects."""

    interaction: str
    recording: str
    details: str
    transcript: str
    plaintext: bytes

    @property
    def media(self) -> set[str]:
        """What goes with the recordings' period."""
        return {self.recording, self.transcript}

    @property
    def all(self) -> set[str]:
        """Every object."""
        return {*self.media, self.details}


@dataclass(frozen=True)
class Refused:
    """Ids of something in quarantine."""

    id: str
    media: str
    row: str


def object_id(*parts: str) -> str:
    """An opaque id."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]


def shelve(
    instance: Instance,
    name: str,
    *,
    age: float = 0,
    ended: datetime | None = None,
    controller: str = "acorn",
    caller: str = CALLER,
    recordings: Period = RECORDINGS,
    interactions: Period = INTERACTIONS,
) -> Shelved:
    """File a recording (in the store), its transcript and its details, ``age`` days old."""
    ended = ended or instance.clock.now() - timedelta(days=age)
    anchor = london_day(ended)
    ids = {kind: object_id(name, kind) for kind in ("recording", "details", "transcript")}
    interaction = object_id(name, "interaction")
    plaintext = b"said in " + name.encode()
    with instance.unit() as connection:
        new = [
            NewObject(
                id=ids[kind],
                controller=controller,
                kind=kind,
                retention_class="interactions" if kind == "details" else "recordings",
                anchor_day=anchor,
                due_day=due_day(anchor, interactions if kind == "details" else recordings),
                sealed=_seal(instance, controller, ids[kind], kind, plaintext),
                interaction_id=interaction,
                parent_id=ids["recording"] if kind == "transcript" else None,
            )
            for kind in ids
        ]
        file_objects(connection, instance.vault, new, instance.clock.now())
        connection.execute(
            t.interactions.insert().values(
                id=interaction,
                controller=controller,
                source="manifest",
                kind="recording",
                direction="inbound",
                started_at=ended,
                ended_at=ended,
                content_digest=object_id(name),
            )
        )
        blinder = instance.vault.blinder(connection, controller, instance.clock.now())
        blind = blinder.digest("person", blind_text(caller) or "")
        connection.execute(
            t.people.insert().values(interaction_id=interaction, role="caller", blind=blind)
        )
        connection.execute(
            t.transcriptions.insert().values(
                recording_id=ids["recording"],
                controller=controller,
                state="done",
                transcript_id=ids["transcript"],
                at=instance.clock.now(),
            )
        )
    return Shelved(interaction, ids["recording"], ids["details"], ids["transcript"], plaintext)


def refuse(
    instance: Instance,
    name: str,
    *,
    age: float = 0,
    controller: str = "acorn",
    row_later: Period | None = None,
) -> Refused:
    """File a medium and its row in quarantine; ``row_later``: the row has a period of its own."""
    anchor = london_day(instance.clock.now() - timedelta(days=age))
    found = Refused(*(object_id(name, part) for part in ("quarantine", "media", "row")))
    with instance.unit() as connection:
        new = [
            NewObject(
                id=one,
                controller=controller,
                kind=kind,
                retention_class="recordings",
                anchor_day=anchor,
                due_day=due_day(anchor, period),
                sealed=_seal(instance, controller, one, kind, name.encode()),
                state="quarantined",
            )
            for one, kind, period in (
                (found.media, "recording", RECORDINGS),
                (found.row, "manifest-row", row_later or RECORDINGS),
            )
        ]
        file_objects(connection, instance.vault, new, instance.clock.now())
        connection.execute(
            t.quarantine.insert().values(
                id=found.id,
                controller=controller,
                reason="gate",
                state="held",
                media_id=found.media,
                row_id=found.row,
                created_at=instance.clock.now(),
            )
        )
    return found


def reject(instance: Instance, quarantine_id: str) -> StageReport:
    """Reject a refused item, with gates that let it pass."""
    return erasing.reject(instance, PassingGates(), quarantine_id)


def _seal(instance: Instance, controller: str, one: str, kind: str, plaintext: bytes) -> Sealed:
    if kind != "recording":
        return seal_payload(instance.vault, controller, one, kind, plaintext)
    key, path = new_key(), f"{one[:16]}/000000"
    ciphertext = seal_bytes(key, context(controller, one, kind), plaintext)
    instance.vault.store.put(path, [ciphertext])
    digest = hashlib.sha256(ciphertext).hexdigest()
    return Sealed(key, len(plaintext), digest, path, None)


def read(instance: Instance, one: str) -> bytes:
    """An object's plaintext."""
    with instance.unit() as connection:
        return b"".join(instance.vault.open(connection, one))


def openable(instance: Instance, ids: Iterable[str]) -> set[str]:
    """Which of ``ids`` still open; all others are properly shredded."""
    found = set()
    for one in ids:
        try:
            read(instance, one)
        except ShreddedError:
            continue
        found.add(one)
    return found


def column(instance: Instance, name: str, ids: Iterable[str]) -> set[Any]:
    """The values that the objects ``ids`` have in one column."""
    query = sa.select(t.objects.c[name]).where(t.objects.c.id.in_(list(ids)))
    with instance.unit() as connection:
        return set(connection.scalars(query))


def stored(instance: Instance) -> set[str]:
    """The paths in the object store."""
    return set(instance.vault.store.list())


class StrictGates(PassingGates):
    """Stops a sweep whose frame says that something is held, early or left."""

    def check(self, suite: str, frame: Any) -> GateResult:
        """Judge as the real gate of that name does, critically."""
        bad = False
        if suite == "retention_entry":
            bad = bool(frame["held"].any()) or bool((frame["due_day"] > frame["as_of"]).any())
        if suite == "retention_exit":
            bad = not bool(frame.drop(columns="id").all(axis=None))
        passed = super().check(suite, frame)
        if not bad:
            return passed
        check = Check("fake", None, "critical", "R5", success=False, evaluated=1, failed=1)
        return GateResult(suite, Outcome.FAILED, len(frame), {}, (check,))
