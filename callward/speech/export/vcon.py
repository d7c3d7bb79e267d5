"""A transcript as a vCon 0.4.0 (draft-ietf-vcon-vcon-core-04), unsigned, without the recording.

The sections named here are the draft's.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from callward.speech.export.document import FORMAT, VERSION, document
from callward.speech.export.wording import json_of
from callward.speech.transcript import Transcript

SYNTAX: Final = "0.4.0"
_NAMESPACE: Final = b"callward vcon of transcript "


@dataclass(frozen=True, slots=True)
class Source:
    """What the catalogue knows of a transcript: opaque ids and times, nobody's name.

    ``made_at``: when it was catalogued; ``started_at``: when its recording begins.
    """

    transcript_id: str
    made_at: datetime
    started_at: datetime
    channels: int


def to_vcon(transcript: Transcript, source: Source) -> bytes:
    """The vCon as UTF-8 JSON, the same bytes whenever the same transcript is exported.

    People are in the catalogue as keyed digests only, and those never leave it: a party is
    a channel of the recording, or a speaker that the engine made out.
    """
    speakers = _speakers(transcript, source.channels)
    return json_of(
        {
            "vcon": SYNTAX,
            "uuid": str(vcon_uuid(source.transcript_id)),
            "created_at": _date(source.made_at),
            # The recording stays where it is. A dialog without content is neither
            # "incomplete" (4.3.1: no conversation came about) nor "text"; it may lack body
            # and url in a redacted vCon (4.3.10). No uuid: there is no fuller one (4.1.8.1).
            "redacted": {"type": "media"},
            # 4.2.7: where there is a name, say how it was validated.
            "parties": [{"name": one, "validation": "none"} for one in speakers],
            "dialog": [_dialog(transcript, source, len(speakers))],
            "attachments": [],
            # Last, as it is long: a reader that looks at the beginning sees what this is.
            "analysis": [_analysis(transcript)],
        }
    )


def vcon_uuid(transcript_id: str) -> UUID:
    """The vCon's uuid: version 8 (RFC 9562, section 5.8), out of the transcript's id.

    4.1.2 would have it made of the time and the host's name; but one transcript is to be
    one vCon whenever and wherever it is exported, and many are catalogued in one moment.
    """
    bits = int.from_bytes(hashlib.sha256(_NAMESPACE + transcript_id.encode()).digest()[:16])
    bits = bits & ~(0xF << 76) | 8 << 76  # version
    return UUID(int=bits & ~(0b11 << 62) | 0b10 << 62)  # variant


def _dialog(transcript: Transcript, source: Source, parties: int) -> dict[str, Any]:
    """No media type, as there is no content (4.3.1.6, note 1); nor an originator (4.3.5).

    Which side of a call a channel carries, telephone systems do not agree on.
    """
    return {
        "type": "recording",
        "start": _date(source.started_at),
        "duration": max(0.0, transcript.seconds),
        "parties": list(range(parties)),
    }


def _analysis(transcript: Transcript) -> dict[str, Any]:
    """2.3.2: with the encoding ``json`` the body is the value itself, not a string of it."""
    return {
        "type": "transcript",
        "dialog": 0,
        "mediatype": "application/json",
        "vendor": "callward",
        "product": transcript.engine,
        "schema": f"{FORMAT}/{VERSION}",
        "encoding": "json",
        "body": document(transcript),
    }


def _speakers(transcript: Transcript, channels: int) -> list[str]:
    """A party a channel, in their order, also the silent ones (4.3.4); or whoever speaks."""
    of_channels = [f"channel-{number}" for number in range(1, channels + 1)]
    spoke = {turn.speaker for turn in transcript.turns}
    if spoke.issubset(of_channels):
        return of_channels
    return sorted(spoke, key=lambda one: (len(one), one))  # channel-2 before channel-10


def _date(moment: datetime) -> str:
    """RFC 3339."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
