"""What a worker does with one recording: open, decode, transcribe. Nothing touches a disk."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from callward.enginesettings import EngineSettings
from callward.errors import CallwardError
from callward.intake.audio import Limits, channels_at
from callward.intake.reasons import Refusal
from callward.speech import engines
from callward.speech.engine import RATE, Hints
from callward.speech.loops import looped_share
from callward.speech.masking import mask_cards
from callward.speech.transcript import Call, Transcript, transcribe_call
from callward.vault.sealing import context, open_chunks
from callward.vault.stores import open_store

MAX_SECONDS = 6 * 3600
"""Longer recordings would not fit a worker's memory decoded (230 MB an hour and two channels).

For two channels at most; with more channels a recording may last accordingly less.
"""


class Undecodable(str):
    """A stable code that says why; listening to it again would find the same."""

    __slots__ = ()


UNDECODABLE = "undecodable:"
"""What the codes of ``Undecodable`` begin with."""


@dataclass(frozen=True, slots=True)
class SpeechTask:
    """One recording, where its ciphertext lies, how to open it, and who is to listen."""

    object_id: str
    controller: str
    kind: str
    engine: EngineSettings
    home: Path
    hints: Hints
    channels: int
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
    engine: str
    """What the engine calls itself."""
    speech: float = 0.0
    """Seconds of speech found, every channel counted."""
    covered: float = 0.0
    """Of these, seconds of stretches in which words were heard."""
    looped: float = 0.0
    """Share of the words that lie in phrases said over and over."""
    cards: int = 0
    """Card numbers masked in it."""
    card_spans: tuple[tuple[float, float], ...] = ()
    """Where in the recording they are said, in seconds."""


def hear(task: SpeechTask) -> Spoken | str:
    """Transcribe one sealed recording, or say why not: one that is damaged stops no other.

    A code that is not Undecodable may not be there the next time.
    """
    try:
        return transcribe_sealed(task)
    except Refusal as refusal:
        return Undecodable(UNDECODABLE + refusal.reason.value)
    except CallwardError as error:
        return error.code


def transcribe_sealed(task: SpeechTask) -> Spoken:
    """Transcribe one sealed recording."""
    sealed = open_store(task.store_url).get(task.store_key)
    bound_to = context(task.controller, task.object_id, task.kind)
    audio = io.BytesIO(b"".join(open_chunks(task.key, bound_to, sealed)))
    engine = engines.engine_of(task.engine, task.home)
    channels = channels_at(
        audio,
        RATE,
        max_seconds=MAX_SECONDS * 2 / max(2, task.channels),
        # More than catalogued would not be within the bound just set.
        limits=Limits(max_channels=task.channels),
    )
    return measure(transcribe_call(engine, channels, task.hints))


def measure(call: Call) -> Spoken:
    """Put a transcript and its figures together, card numbers masked."""
    masked = mask_cards(call.transcript)
    transcript = masked.transcript
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
        engine=transcript.engine,
        speech=call.speech,
        covered=call.covered,
        # Each speaker's words by themselves: two that agree with each other are no loop.
        looped=max((looped_share(said) for said in _said(call.transcript)), default=0.0),
        cards=masked.numbers,
        card_spans=masked.spans,
    )


def _said(transcript: Transcript) -> Iterator[list[str]]:
    """Every speaker's words, in order."""
    for speaker in dict.fromkeys(turn.speaker for turn in transcript.turns):
        turns = [turn for turn in transcript.turns if turn.speaker == speaker]
        yield [word.text for turn in turns for word in turn.words]
