"""What a transcription engine is, and what it is told."""

from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from callward.errors import OperatorError

Pcm = npt.NDArray[np.int16]

RATE: Final = 16_000
"""Samples per second that every engine is given, in Hz."""


class EngineFailedError(OperatorError):
    """The engine could not be started or gave up on a recording."""

    code = "engine-failed"


class ModelMissingError(EngineFailedError):
    """The engine's model is not where the settings say; nothing is ever downloaded."""

    code = "engine-model-missing"


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word: ``start`` and ``end`` in seconds from the start, confidence 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Hints:
    """What the controller says of its calls: a BCP 47 tag, and phrases to expect."""

    language: str
    phrases: tuple[str, ...] = field(default=(), repr=False)


class Engine(Protocol):
    """Turns speech into words."""

    @property
    def name(self) -> str:
        """Which engine, with what decides its results (version, model); no spaces."""
        ...

    @property
    def window(self) -> float:
        """Seconds of speech it is given in one piece, at most; 0: one stretch at a time.

        A stretch is speech without a long pause, of 30 seconds at most. In a piece of
        several the pauses between them are left out.
        """
        ...

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Words of one piece of speech, in order of time; seconds from its start.

        ``pcm`` is mono, int16, shape ``(samples,)``, at ``RATE``. The same input gives
        the same words, whatever was transcribed before, as far as that is the engine's
        to say. Raises ``EngineFailedError``.
        """
        ...
