"""A transcript as text and as our JSON document."""

import json
import unicodedata
from typing import Any

from hypothesis import given

from callward.speech.engine import Word
from callward.speech.export.document import to_document
from callward.speech.export.text import to_text
from callward.speech.export.wording import line_of
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript
from tests.speech.said import TEXTS, TRANSCRIPT, transcripts

UNFIT = ("\x1b]0;x\x07", "\x9b31m", "\x00", "\x7f", "\u202e", "\u2028", "\ud800", "a\nb\tc")


def _said(text: str) -> Transcript:
    return Transcript("e", "en-GB", 1.0, (Turn("channel-1", (Word(text, 0.0, 1.0, 0.5),)),))


def _fit(text: str) -> bool:
    """Whether text can be shown on a terminal, but for the ends of its lines."""
    return not any(
        unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or one in "\u202a\u202e\u2066"
        for one in text.replace("\n", "")
    )


def test_text_is_a_line_a_turn() -> None:
    """With the time at which the turn starts, and who speaks."""
    assert to_text(TRANSCRIPT).decode() == (
        "[00:00:00] channel-1: good morning\n"
        "[00:00:02] channel-2: Fish & Chips <please>\n"
        "[01:01:01] channel-1: café 你好\n"
    )
    assert to_text(Transcript("e", "en-GB", 1.0, ())) == b""


def test_terminals_are_safe() -> None:
    """Escape sequences, as words, do not come out as such in any line."""
    for text in UNFIT:
        shown = to_text(_said(text)).decode()
        assert shown.count("\n") == 1
        assert _fit(shown)


@given(transcripts())
def test_any_text_is_one_line_a_turn(transcript: Transcript) -> None:
    """Whatever the words and the speakers are called."""
    shown = to_text(transcript).decode()
    assert _fit(shown)
    assert shown.count("\n") == len(transcript.turns)
    for line, turn in zip(shown.splitlines(), transcript.turns, strict=True):
        assert line.endswith(f"{line_of(turn.speaker)}: {line_of(turn.text)}")


def test_the_document() -> None:
    """Members and values, as the documentation has them."""
    found = json.loads(to_document(TRANSCRIPT))
    turns = found.pop("turns")
    assert found == {
        "format": "callward-transcript",
        "version": 1,
        "engine": "sphinx-5.1",
        "language": "en-GB",
        "seconds": 3700.5,
    }
    assert [turn["speaker"] for turn in turns] == ["channel-1", "channel-2", "channel-1"]
    assert turns[0] == {
        "speaker": "channel-1",
        "start": 0.4,
        "end": 1.25,
        "text": "good morning",
        "words": [
            {"text": "good", "start": 0.4, "end": 0.75, "confidence": 0.9},
            {"text": "morning", "start": 0.8, "end": 1.25, "confidence": 0.8},
        ],
    }


@given(transcripts())
def test_nothing_is_lost_in_the_document(transcript: Transcript) -> None:
    """Every word comes back with its times; the bytes are always the same, and fit to show."""
    data = to_document(transcript)
    assert data == to_document(transcript)
    assert _fit(data.decode())
    assert _read(json.loads(data)) == transcript


def _read(document: dict[str, Any]) -> Transcript:
    turns = tuple(
        Turn(turn["speaker"], tuple(Word(**word) for word in turn["words"]))
        for turn in document["turns"]
    )
    return Transcript(document["engine"], document["language"], document["seconds"], turns)


@given(TEXTS)
def test_a_line_is_what_it_was_without_what_is_unfit(text: str) -> None:
    """Nothing but white space and unfit characters changes, and nothing changes twice."""
    line = line_of(text)
    assert _fit(line)
    assert "\n" not in line
    assert line_of(line) == line
    if text.isprintable() and text == " ".join(text.split()):
        assert line == text
