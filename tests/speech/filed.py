"""Transcripts filed in an instance, quicker than by listening."""

from dataclasses import dataclass

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.vault.filing import NewObject, file_objects, seal_payload
from tests.retention.shelf import Shelved, object_id, shelve
from tests.speech.said import TRANSCRIPT


@dataclass(frozen=True)
class Spoken:
    """A recording, its transcript, and beside it one that was delivered."""

    recording: str
    transcript: str
    delivered: str
    details: str
    interaction: str


def transcribed(
    instance: Instance,
    name: str = "one",
    plaintext: bytes | None = None,
    *,
    state: str = "done",
    controller: str = "acorn",
    age: float = 1,
) -> Spoken:
    """Shelve a call, and file a transcript of it in the place of the one it has."""
    shelved = shelve(instance, name, age=age, controller=controller)
    one = object_id(name, "said")
    with instance.unit() as connection:
        beside = connection.execute(
            sa.select(t.objects).where(t.objects.c.id == shelved.transcript)
        ).one()
        plaintext = TRANSCRIPT.to_json() if plaintext is None else plaintext
        made = NewObject(
            id=one,
            controller=controller,
            kind="transcript",
            retention_class="recordings",
            anchor_day=beside.anchor_day,
            due_day=beside.due_day,
            sealed=seal_payload(instance.vault, controller, one, "transcript", plaintext),
            interaction_id=shelved.interaction,
            parent_id=shelved.recording,
            state="quarantined" if state == "quarantined" else "live",
        )
        file_objects(connection, instance.vault, [made], instance.clock.now())
        note_transcription(connection, shelved, state=state, transcript_id=one, engine="sphinx-5.1")
        connection.execute(
            t.objects.update()
            .where(t.objects.c.id == shelved.recording)
            .values(facts={"channels": 2})
        )
    return Spoken(shelved.recording, one, shelved.transcript, shelved.details, shelved.interaction)


def note_transcription(connection: sa.Connection, shelved: Shelved, **values: object) -> None:
    """Write over what the catalogue says of a shelved recording's transcription."""
    connection.execute(
        t.transcriptions.update()
        .where(t.transcriptions.c.recording_id == shelved.recording)
        .values(seconds=3700.51, words=8, **values)
    )
