"""A channel through an engine: only its speech, every word put back where it was said."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.speech import listening
from callward.speech.engine import RATE, Hints, Pcm, Word
from callward.speech.listening import Piece, listen, pieces
from callward.speech.segments import Span

ENGLISH = Hints("en-GB")
_TIMES = st.floats(-2, 200, allow_nan=False)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Stretches apart from each other, in order, each of 30 seconds at most."""
    found, at = [], 0
    for _ in range(draw(st.integers(0, 8))):
        at += draw(st.integers(0, 40 * RATE))
        length = draw(st.integers(1, 30 * RATE))
        found.append(Span(at, at + length))
        at += length
    return found


@given(spans(), st.floats(0, 120))
def test_every_stretch_is_in_one_piece(found: list[Span], window: float) -> None:
    """In order, none longer than the window unless it is one stretch."""
    made = list(pieces(found, window))
    assert [span for piece in made for span in piece.spans] == found
    for piece in made:
        assert len(piece.spans) == 1 or piece.samples <= window * RATE
    for one, other in pairwise(made):
        assert one.samples + other.spans[0].end - other.spans[0].start > window * RATE


@given(spans().filter(len), st.lists(st.tuples(_TIMES, _TIMES), max_size=20))
def test_words_stay_in_order_and_in_a_stretch(
    found: list[Span], times: list[tuple[float, float]]
) -> None:
    """Whatever times an engine gives: starts rise, ends follow, nothing lies in a pause."""
    words = [Word("x", start, end, 0.5) for start, end in times]
    placed = list(Piece(tuple(found)).placed(words))
    assert [word.text for _, word in placed] == ["x"] * len(words)
    assert all(0 <= word.start <= word.end for _, word in placed)
    assert all(later.start >= earlier.start for (_, earlier), (_, later) in pairwise(placed))
    for at, word in placed:
        assert word.end >= round(found[at].start / RATE, 3)
        assert any(
            span.start / RATE - 0.001 <= word.start <= span.end / RATE + 0.001 for span in found
        )


class Clock:
    """An engine that says what second of the channel it hears: samples hold their second."""

    name = "clock-1"

    def __init__(self, window: float) -> None:
        self.window = window
        self.lengths: list[float] = []

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """A word for every whole second, in the middle of it."""
        assert hints == ENGLISH
        self.lengths.append(len(pcm) / RATE)
        return [
            Word(str(pcm[at]), at / RATE + 0.25, at / RATE + 0.75, 1.0)
            for at in range(0, len(pcm) - RATE + 1, RATE)
        ]


@pytest.mark.parametrize(("window", "lengths"), [(0.0, [2, 3, 1]), (5.0, [5, 1]), (60.0, [6])])
def test_words_come_back_where_they_were_said(
    monkeypatch: pytest.MonkeyPatch, window: float, lengths: list[float]
) -> None:
    """However the stretches are put together, a word's time is the channel's."""
    pcm = np.repeat(np.arange(100), RATE).astype(np.int16)
    stretches = [Span(3 * RATE, 5 * RATE), Span(40 * RATE, 43 * RATE), Span(90 * RATE, 91 * RATE)]
    monkeypatch.setattr(listening, "speech_spans", lambda _pcm: stretches)
    engine = Clock(window)
    heard = listen(engine, pcm, ENGLISH)
    assert engine.lengths == lengths
    assert [word.text for word in heard.words] == ["3", "4", "40", "41", "42", "90"]
    assert all(word.start == int(word.text) + 0.25 for word in heard.words)
    assert all(word.end == int(word.text) + 0.75 for word in heard.words)
    assert (heard.speech, heard.covered) == (6.0, 6.0)


def test_a_stretch_in_which_nothing_is_heard_is_not_covered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a second gives this engine no word."""
    pcm = np.repeat(np.arange(20), RATE).astype(np.int16)
    stretches = [Span(0, 2 * RATE), Span(10 * RATE, 10 * RATE + RATE // 2)]
    monkeypatch.setattr(listening, "speech_spans", lambda _pcm: stretches)
    heard = listen(Clock(0.0), pcm, ENGLISH)
    assert (heard.speech, heard.covered) == (2.5, 2.0)


def test_silence_is_given_to_no_engine() -> None:
    """An hour of a quiet line costs nothing and gives nothing."""
    engine = Clock(60.0)
    quiet = np.random.default_rng(1).normal(0, 3, 3600 * RATE).astype(np.int16)
    heard = listen(engine, quiet, ENGLISH)
    assert (heard.words, heard.speech, heard.covered) == ((), 0.0, 0.0)
    assert engine.lengths == []
