"""A transcript: the words of one recording, as they are sealed."""

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

from callward.errors import DefectError
from callward.speech.engine import RATE, Engine, Hints, Word
from callward.speech.listening import listen
from callward.speech.merge import Turn, merge

FORMAT = 1
LONGEST_JSON = 64 * 1024 * 1024  # bytes; a day of talk takes about 10 MB


class TranscriptMalformedError(DefectError):
    """Stored bytes are not a transcript in a format we write."""

    code = "transcript-malformed"


@dataclass(frozen=True, slots=True)
class TranscriptStats:
    """Figures about a transcript; they say nothing of its content."""

    words: int
    mean_confidence: float
    words_per_minute: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Who said what when; ``seconds`` is the recording's length, ``language`` a BCP 47 tag."""

    engine: str
    language: str
    seconds: float
    turns: tuple[Turn, ...]

    @property
    def stats(self) -> TranscriptStats:
        """Counts over the whole transcript; without words or seconds the means are 0."""
        confidences = [word.confidence for turn in self.turns for word in turn.words]
        count = len(confidences)
        return TranscriptStats(
            words=count,
            mean_confidence=math.fsum(confidences) / count if count else 0.0,
            words_per_minute=count * 60 / self.seconds if self.seconds > 0 else 0.0,
        )

    def to_json(self) -> bytes:
        """UTF-8 JSON, the same bytes for the same transcript; ``from_json`` reads it back."""
        document = {
            "format": FORMAT,
            "engine": self.engine,
            "language": self.language,
            "seconds": self.seconds,
            "turns": [
                {
                    "speaker": turn.speaker,
                    "words": [[w.text, w.start, w.end, w.confidence] for w in turn.words],
                }
                for turn in self.turns
            ],
        }
        return json.dumps(
            document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read what ``to_json`` wrote. Raises ``TranscriptMalformedError``."""
        if len(data) > LONGEST_JSON:
            raise TranscriptMalformedError(f"{len(data)} bytes are too many for a transcript")
        try:
            document = json.loads(data, parse_constant=no_constant)
            if document["format"] != FORMAT:
                raise TranscriptMalformedError("a transcript in a format this version cannot read")
            return cls(
                engine=_text(document["engine"]),
                language=_text(document["language"]),
                seconds=finite(document["seconds"]),
                turns=tuple(_turn(turn) for turn in document["turns"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            # not chained: the cause could quote what was said
            raise TranscriptMalformedError(f"{len(data)} bytes are not a transcript") from None


@dataclass(frozen=True, slots=True)
class Call:
    """A call's transcript, seconds of speech found on its channels, and of those with words."""

    transcript: Transcript
    speech: float
    covered: float


def transcribe_call(engine: Engine, channels: npt.NDArray[np.int16], hints: Hints) -> Call:
    """Transcribe ``channels``, shape ``(channels, samples)``, int16, at ``RATE``.

    A channel that repeats an earlier one (mono recorded as stereo) is not
    transcribed again. Raises ``EngineFailedError``.
    """
    distinct = [
        channel
        for index, channel in enumerate(channels)
        if not any(np.array_equal(channel, earlier) for earlier in channels[:index])
    ]
    heard = [listen(engine, channel, hints) for channel in distinct]
    transcript = Transcript(
        engine=engine.name,
        language=hints.language,
        seconds=round(channels.shape[1] / RATE, 3),
        turns=merge([one.words for one in heard]),
    )
    return Call(transcript, sum(one.speech for one in heard), sum(one.covered for one in heard))


def _turn(document: Any) -> Turn:
    words = tuple(
        Word(_text(text), finite(start), finite(end), finite(confidence))
        for text, start, end, confidence in document["words"]
    )
    if not words:
        raise ValueError("a turn without words")
    return Turn(_text(document["speaker"]), words)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def finite(value: Any) -> float:
    """A number of JSON as a float; TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("finite number expected")
    return float(value)


def no_constant(_: str) -> NoReturn:
    """Refuse NaN and the infinities, which are no JSON: ValueError."""
    raise ValueError("not a finite number")
