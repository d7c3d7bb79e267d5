"""The embedded engine: pocketsphinx with the US-English model its wheel carries."""

import re
import threading
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pocketsphinx

from callward.speech.engine import RATE, EngineFailedError, Hints, Pcm, Word

NAME = f"pocketsphinx-{version('pocketsphinx')}-en-us"
_SECONDS_PER_RESULT_FRAME = 0.01
_FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
_VARIANT = re.compile(r"\(\d+\)$")

_lock = threading.Lock()


class Sphinx:
    """US English, offline, CPU only; one decoder per process, made at first use."""

    name = NAME
    window = 0.0  # a whole utterance stays in memory

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Words of one utterance; it has no use for hints. See ``Engine.transcribe``."""
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise ValueError(f"one channel of int16 expected, got {pcm.ndim} axes of {pcm.dtype}")
        with _lock:
            return _decode(pcm)


@cache
def _decoder() -> Any:
    """This process's decoder: about 0.5 s to make, hence made once."""
    try:
        return pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
    except (RuntimeError, ValueError) as error:
        raise EngineFailedError("pocketsphinx did not start") from error


def _decode(pcm: Pcm) -> list[Word]:
    """Decode one utterance."""
    decoder = _decoder()
    try:
        decoder.reinit_feat()  # or its estimate of noise would carry over from other recordings
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), full_utt=True)
        decoder.end_utt()
        segments = list(decoder.seg() or ())
    except RuntimeError as error:
        _decoder.cache_clear()  # it may be stuck inside the utterance
        raise EngineFailedError("pocketsphinx gave up on an utterance") from error
    length = len(pcm) / RATE
    return [_word(s, length) for s in segments if not _FILLER.fullmatch(s.word)]


def _word(segment: Any, length: float) -> Word:
    """Turn a segment (inclusive 10 ms frames, posterior as a linear probability) into a word."""
    start = min(segment.start_frame * _SECONDS_PER_RESULT_FRAME, length)
    end = min((segment.end_frame + 1) * _SECONDS_PER_RESULT_FRAME, length)
    return Word(
        text=_VARIANT.sub("", segment.word),
        start=round(start, 2),
        end=round(end, 2),
        confidence=round(min(1.0, max(0.0, segment.prob)), 4),
    )
