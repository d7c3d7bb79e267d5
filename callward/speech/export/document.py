"""A transcript as a JSON document of our own, described in ``docs/transcripts.md``.

It is not what is sealed (``Transcript.to_json``), which may change: this stays as it is
under one version.
"""

from typing import Any, Final

from callward.speech.export.wording import json_of
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript

FORMAT: Final = "callward-transcript"
VERSION: Final = 1
"""Goes up when a reader of the version before would misunderstand; members may be added."""


def to_document(transcript: Transcript) -> bytes:
    """The document as UTF-8 JSON, the same bytes for the same transcript."""
    return json_of(document(transcript))


def document(transcript: Transcript) -> dict[str, Any]:
    """The document; times are seconds from the recording's start, confidence 0 to 1."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "engine": transcript.engine,
        "language": transcript.language,
        "seconds": transcript.seconds,
        "turns": [_turn(turn) for turn in transcript.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "speaker": turn.speaker,
        "start": turn.start,
        "end": turn.end,
        "text": turn.text,
        "words": [
            {
                "text": word.text,
                "start": word.start,
                "end": word.end,
                "confidence": word.confidence,
            }
            for word in turn.words
        ],
    }
