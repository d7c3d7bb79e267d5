"""What a transcription engine is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from callward.errors import OperatorError

Pcm = npt.NDArray[np.int16]


class EngineFailedError(OperatorError):
    """The engine could not be started or gave up on a recording."""

    code = "engine-failed"


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word: ``start`` and ``end`` in seconds from the start, confidence 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


class Engine(Protocol):
    """Turns one channel of speech into words."""

    @property
    def name(self) -> str:
        """Which engine, with what decides its results (version, model); no spaces."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """BCP 47 primary language subtags it understands, such as ``en``."""
        ...

    @property
    def rate(self) -> int:
        """Samples per second it wants, in Hz."""
        ...

    def transcribe(self, pcm: Pcm) -> list[Word]:
        """Words of one channel, in order of time and inside the recording.

        ``pcm`` is mono, int16, shape ``(samples,)``, at ``rate``. Silence and
        noise give no words. The same input gives the same words, whatever was
        transcribed before. Raises ``EngineFailedError``.
        """
        ...


def understands(engine: Engine, language: str) -> bool:
    """Whether ``engine`` takes ``language``, a BCP 47 tag such as ``en-GB``."""
    return language.split("-", 1)[0].lower() in engine.languages
