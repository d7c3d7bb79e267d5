"""One channel through an engine: only its speech, and every word put back in its place."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from callward.speech.engine import RATE, Engine, Hints, Pcm, Word
from callward.speech.segments import Span, speech_spans

_PLACES: Final = 3
"""Decimals of a second; finer is below what any engine knows."""


@dataclass(frozen=True, slots=True)
class Listened:
    """A channel's words, seconds of speech found on it, and of stretches with words in them."""

    words: tuple[Word, ...]
    speech: float
    covered: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Stretches of a channel, one behind the other without the pauses between them."""

    spans: tuple[Span, ...]

    @property
    def samples(self) -> int:
        """Its length."""
        return sum(span.end - span.start for span in self.spans)

    def cut(self, pcm: Pcm) -> Pcm:
        """Its samples, out of its channel's."""
        if len(self.spans) == 1:
            return pcm[self.spans[0].start : self.spans[0].end]
        return np.concatenate([pcm[span.start : span.end] for span in self.spans])

    def placed(self, words: Sequence[Word]) -> Iterator[tuple[int, Word]]:
        """Each word with the number of its stretch, in its channel's time.

        A word belongs to the stretch in which its middle lies, and does not reach beyond
        it, nor begin before the word in front of it does.
        """
        starts = [0]
        for span in self.spans:
            starts.append(starts[-1] + span.end - span.start)
        last = 0.0
        for word in words:
            middle = max(word.start, 0.0) / 2 + max(word.end, word.start, 0.0) / 2
            at = bisect_right(starts, int(middle * RATE), hi=len(self.spans)) - 1
            low, high = self.spans[at].start / RATE, self.spans[at].end / RATE
            shift = low - starts[at] / RATE
            start = max(min(max(word.start + shift, low), high), last)
            end = max(min(max(word.end + shift, low), high), start)
            last = start
            yield at, replace(word, start=round(start, _PLACES), end=round(end, _PLACES))


def pieces(spans: Sequence[Span], window: float) -> Iterator[Piece]:
    """Stretches put together into pieces of at most ``window`` seconds, at least one in each."""
    gathered: list[Span] = []
    held = 0
    for span in spans:
        samples = span.end - span.start
        if gathered and held + samples > window * RATE:
            yield Piece(tuple(gathered))
            gathered, held = [], 0
        gathered.append(span)
        held += samples
    if gathered:
        yield Piece(tuple(gathered))


def listen(engine: Engine, pcm: Pcm, hints: Hints) -> Listened:
    """Transcribe one channel: mono, int16, at ``RATE``. Raises EngineFailedError."""
    spans = speech_spans(pcm)
    words: list[Word] = []
    covered = 0
    for piece in pieces(spans, engine.window):
        heard = set[int]()
        for at, word in piece.placed(engine.transcribe(piece.cut(pcm), hints)):
            heard.add(at)
            words.append(word)
        covered += sum(piece.spans[at].end - piece.spans[at].start for at in heard)
    speech = sum(span.end - span.start for span in spans)
    return Listened(tuple(words), speech / RATE, covered / RATE)
