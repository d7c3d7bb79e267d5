"""What a worker does with one recording: open, decode, transcribe. Nothing touches a disk."""

import io
from dataclasses import dataclass, field
from functools import cache

from callward.errors import CallwardError
from callward.intake.audio import channels_at
from callward.intake.reasons import Refusal
from callward.speech.engine import Engine
from callward.speech.sphinx import Sphinx
from callward.speech.transcript import Transcript, transcribe_call
from callward.vault.sealing import context, open_chunks
from callward.vault.stores import ObjectStore

MAX_SECONDS = 6 * 3600
"""Longer recordings would not fit a worker's memory decoded (230 MB an hour and two channels)."""


@dataclass(frozen=True, slots=True)
class SpeechTask:
    """One recording, where its ciphertext lies and how to open it."""

    object_id: str
    controller: str
    kind: str
    language: str
    store_url: str
    store_key: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A transcript as JSON and the figures the gate looks at."""

    transcript: bytes = field(repr=False)
    words: int
    mean_confidence: float
    words_per_minute: float
    first_start: float | None
    last_end: float | None
    seconds: float
    monotonic: bool


@cache
def engine() -> Engine:
    """The embedded engine, one per process."""
    return Sphinx()


def hear(task: SpeechTask) -> Spoken | str:
    """Transcribe one sealed recording, or say why not: one that is damaged stops no other."""
    try:
        return transcribe_sealed(task)
    except Refusal as refusal:
        return refusal.reason.value
    except CallwardError as error:
        return error.code


def transcribe_sealed(task: SpeechTask) -> Spoken:
    """Transcribe one sealed recording."""
    sealed = ObjectStore(task.store_url).get(task.store_key)
    bound_to = context(task.controller, task.object_id, task.kind)
    audio = io.BytesIO(b"".join(open_chunks(task.key, bound_to, sealed)))
    speaking = engine()
    channels = channels_at(audio, speaking.rate, max_seconds=MAX_SECONDS)
    return measure(transcribe_call(speaking, channels, task.language))


def measure(transcript: Transcript) -> Spoken:
    """Put a transcript and its figures together."""
    by_speaker: dict[str, list[float]] = {}
    words = [word for turn in transcript.turns for word in turn.words]
    for turn in transcript.turns:
        by_speaker.setdefault(turn.speaker, []).extend(word.start for word in turn.words)
    stats = transcript.stats
    return Spoken(
        transcript=transcript.to_json(),
        words=stats.words,
        mean_confidence=stats.mean_confidence,
        words_per_minute=stats.words_per_minute,
        first_start=min((word.start for word in words), default=None),
        last_end=max((word.end for word in words), default=None),
        seconds=transcript.seconds,
        monotonic=all(starts == sorted(starts) for starts in by_speaker.values()),
    )
