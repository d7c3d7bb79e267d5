"""Transcripts: bytes and back, figures, and whole calls."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.speech import listening
from callward.speech.engine import RATE, Hints, Pcm, Word
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript, TranscriptMalformedError, transcribe_call
from tests.speech.studio import whole

SECONDS = st.floats(0, 1e5, allow_nan=False)
WORDS = st.builds(Word, st.text(min_size=1), SECONDS, SECONDS, st.floats(0, 1))
TURNS = st.builds(Turn, st.sampled_from(["channel-1", "channel-2"]), st.tuples(WORDS, WORDS))
TRANSCRIPTS = st.builds(
    Transcript, st.just("fake-1"), st.just("en-GB"), SECONDS, st.lists(TURNS).map(tuple)
)
EXAMPLE = Transcript(
    "fake-1",
    "en-GB",
    30.0,
    (Turn("channel-1", (Word("hello", 0.5, 0.9, 0.25), Word("there", 0.9, 1.2, 0.75))),),
)


class Counting:
    """An engine that says how loud the first sample is and counts what it was asked."""

    name = "counting-1"
    window = 0.0

    def __init__(self) -> None:
        self.asked = 0

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """One word."""
        self.asked += 1
        return [Word(f"w{pcm[0]}", 0.0, 0.5, 1.0)]


# Surrogates cannot be written as UTF-8; hypothesis does not make them in st.text() by default.
@given(TRANSCRIPTS)
def test_bytes_give_back_the_transcript(transcript: Transcript) -> None:
    """Reading what was written gives the same transcript and, written again, the same bytes."""
    data = transcript.to_json()
    again = Transcript.from_json(data)
    assert again == transcript
    assert again.to_json() == data


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"turns": [{"speaker": "channel-1", "words": []}]},
        {"turns": [{"speaker": "channel-1", "words": [["secret", 0, 1]]}]},
        {"turns": [{"speaker": 1, "words": [["secret", 0, 1, 1]]}]},
        {"turns": None},
        {"seconds": "secret"},
        {"seconds": True},
        {"seconds": float("nan")},
        {"seconds": 10**400},
        {"engine": None},
    ],
)
def test_other_documents_are_refused_without_quoting_them(change: dict[str, Any]) -> None:
    """A document that is not quite a transcript is refused; the error holds none of it."""
    document = json.loads(EXAMPLE.to_json()) | change
    with pytest.raises(TranscriptMalformedError) as caught:
        Transcript.from_json(json.dumps(document).encode())
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"seconds":1e999}']
)
def test_other_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no transcript at all are refused in the same way."""
    with pytest.raises(TranscriptMalformedError):
        Transcript.from_json(data)


def test_figures() -> None:
    """Two words in half a minute are four a minute; their mean confidence is a half."""
    stats = EXAMPLE.stats
    assert (stats.words, stats.mean_confidence, stats.words_per_minute) == (2, 0.5, 4.0)


def test_figures_of_nothing() -> None:
    """A recording without words or length has figures, too."""
    stats = Transcript("fake-1", "en-GB", 0.0, ()).stats
    assert (stats.words, stats.mean_confidence, stats.words_per_minute) == (0, 0.0, 0.0)


@pytest.fixture
def _all_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "speech_spans", whole)


@pytest.mark.usefixtures("_all_is_speech")
def test_each_channel_is_transcribed_on_its_own() -> None:
    """Two channels give two speakers; length, engine and language are noted."""
    channels = np.array([[1] * 2 * RATE, [2] * 2 * RATE], np.int16)
    call = transcribe_call(Counting(), channels, Hints("en-GB"))
    transcript = call.transcript
    assert (call.speech, call.covered) == (4.0, 4.0)
    assert [(turn.speaker, turn.text) for turn in transcript.turns] == [
        ("channel-1", "w1"),
        ("channel-2", "w2"),
    ]
    assert (transcript.engine, transcript.language) == ("counting-1", "en-GB")
    assert transcript.seconds == 2.0


@pytest.mark.usefixtures("_all_is_speech")
def test_mono_recorded_as_stereo_is_transcribed_once() -> None:
    """Two equal channels are one speaker's words, not the same words twice."""
    engine = Counting()
    transcript = transcribe_call(engine, np.ones((2, RATE), np.int16), Hints("en-GB")).transcript
    assert engine.asked == 1
    assert transcript.stats.words == 1
