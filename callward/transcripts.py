"""Transcripts made here: which there are, and one of them opened and put into another form."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import NotFoundError, OperatorError, SettingsError, ShreddedError
from callward.instance import Instance
from callward.opening import open_in_memory, require_free, write_privately
from callward.speech.export import Form
from callward.speech.export.forms import render
from callward.speech.export.vcon import Source
from callward.speech.transcript import Transcript

MOST_LISTED: Final = 1000


class TranscriptQuarantinedError(OperatorError):
    """The transcript is in quarantine: it failed its gate, and nobody has released it."""

    code = "transcript-quarantined"


def export(
    instance: Instance,
    wanted: str,
    form: Form,
    reason: str,
    *,
    quarantined: bool = False,
    despite_restriction: bool = False,
) -> bytes:
    """A transcript in another form; ``wanted`` is its own or its recording's object id.

    It is an opening like any other: recorded before the first byte is read, refused where
    the processing is restricted. Raises what ``find`` and ``open_to_file`` raise, and
    TranscriptMalformedError.
    """
    with instance.reading() as connection:
        source = find(connection, wanted, quarantined=quarantined)
    sealed = open_in_memory(
        instance, source.transcript_id, reason, despite_restriction=despite_restriction
    )
    return render(Transcript.from_json(sealed), source, form)


def export_to_file(
    instance: Instance,
    wanted: str,
    form: Form,
    reason: str,
    out: Path,
    *,
    quarantined: bool = False,
    despite_restriction: bool = False,
) -> int:
    """``export`` into a file (mode 0600, never over one, whole or not at all); its size."""
    require_free(out)
    content = export(
        instance,
        wanted,
        form,
        reason,
        quarantined=quarantined,
        despite_restriction=despite_restriction,
    )
    return write_privately(out, [content])


def find(connection: sa.Connection, wanted: str, *, quarantined: bool = False) -> Source:
    """What the catalogue knows of a transcript, by its own or its recording's object id.

    NotFoundError: there is none, or it was delivered and is in a form of somebody else's.
    ShreddedError. TranscriptQuarantinedError, unless ``quarantined``.
    """
    row = connection.execute(_about(wanted)).one_or_none()
    if row is None:
        raise NotFoundError(f"no object {wanted}")
    if row.object_state == "shredded":
        raise ShreddedError(f"object {wanted} has been destroyed")
    if row.kind == "transcript" and row.transcript_id != wanted:
        raise NotFoundError(f"{wanted} is a transcript that was not made here; open it as it is")
    if row.transcript_id is None:
        why = f": {row.state}, {row.code}" if row.state else ""
        raise NotFoundError(f"{wanted} has no transcript{why}")
    if row.state == "quarantined" and not quarantined:
        raise TranscriptQuarantinedError(f"transcript {row.transcript_id} is in quarantine")
    facts = row.facts or {}
    return Source(
        transcript_id=row.transcript_id,
        made_at=row.at,
        started_at=row.started_at,
        channels=int(facts.get("channels", 0)),
    )


def _about(wanted: str) -> sa.Select[Any]:
    """The object, its recording (or itself), what was made of that, and when it began."""
    one, recording, made = t.objects.alias("one"), t.objects.alias("recording"), t.transcriptions.c
    is_transcript = one.c.kind == "transcript"
    return (
        sa.select(
            one.c.kind,
            one.c.state.label("object_state"),
            recording.c.facts,
            made.transcript_id,
            made.state,
            made.code,
            made.at,
            t.interactions.c.started_at,
        )
        .join(
            recording,
            recording.c.id == sa.case((is_transcript, one.c.parent_id), else_=one.c.id),
            isouter=True,
        )
        .join(t.transcriptions, made.recording_id == recording.c.id, isouter=True)
        .join(t.interactions, t.interactions.c.id == recording.c.interaction_id, isouter=True)
        .where(one.c.id == wanted)
    )


def listing(
    connection: sa.Connection,
    *,
    controller: str | None = None,
    everything: bool = False,
    after: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Transcripts by their recordings' ids, those behind ``after``: ids and figures only.

    ``everything``: also recordings that were refused or failed. SettingsError unless
    ``limit`` is from 1 to ``MOST_LISTED``.
    """
    if not 1 <= limit <= MOST_LISTED:
        raise SettingsError(f"a list has from 1 to {MOST_LISTED} lines")
    made = t.transcriptions.c
    query = (
        sa.select(
            made.recording_id.label("recording"),
            made.transcript_id.label("transcript"),
            made.controller,
            made.state,
            made.code,
            made.engine,
            made.wanted,
            made.seconds,
            made.words,
            made.at,
        )
        .where(made.recording_id > after)
        .order_by(made.recording_id)
        .limit(limit)
    )
    if controller is not None:
        query = query.where(made.controller == controller)
    if not everything:
        query = query.where(made.transcript_id.is_not(None))
    return [_line(row) for row in connection.execute(query).mappings()]


def _line(row: sa.RowMapping) -> dict[str, Any]:
    seconds = row["seconds"]
    return {**row, "seconds": seconds if seconds is None else round(seconds, 1)}
