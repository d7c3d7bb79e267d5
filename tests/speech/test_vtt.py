"""A transcript as WebVTT, read back by a strict parser of the standard's grammar."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings

from callward.speech.engine import Word
from callward.speech.export.vtt import COLUMNS, LINES, LONGEST, to_vtt
from callward.speech.export.wording import line_of
from callward.speech.merge import PHRASE_PAUSE, Turn
from callward.speech.transcript import Transcript
from tests.speech.said import TRANSCRIPT, transcripts

_STAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMINGS = re.compile(rf"{_STAMP} --> {_STAMP}")
# Section 4.2.2: text without "&" and "<", character references, and tags around it.
_REFERENCE = r"&(?:amp|lt|gt);"
_TEXT = re.compile(rf"(?:[^\n\r&<]|{_REFERENCE})+")
_VOICE = re.compile(
    rf"<v ((?:[^\n\r&>]|{_REFERENCE})*[^\s&>](?:[^\n\r&>]|{_REFERENCE})*|{_REFERENCE})>"
)


@dataclass(frozen=True)
class Cue:
    """What a player makes of a cue: milliseconds, voice, and lines unescaped."""

    start: int
    end: int
    voice: str
    lines: tuple[str, ...]


def parse(data: bytes) -> list[Cue]:
    """The cues of a file that is as section 4.1 wants it; AssertionError if it is not."""
    text = data.decode("utf-8")
    assert "\0" not in text
    lines = re.split("\r\n|\n|\r", text)
    assert lines[:2] == ["WEBVTT", ""]
    assert len(lines) > 2
    assert lines[-1] == ""
    cues = [_cue(block) for block in _blocks(lines[2:])]
    starts = [cue.start for cue in cues]
    assert starts == sorted(starts)
    assert all(cue.start < cue.end for cue in cues)
    return cues


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []
    assert not block, "the last line has no end"


def _cue(block: list[str]) -> Cue:
    timings, *payload = block
    found = _TIMINGS.fullmatch(timings)
    assert found, "neither identifier nor timings"
    assert payload
    assert not any("-->" in line for line in payload)
    numbers = [int(one) for one in found.groups()]
    voice = _VOICE.match(payload[0])
    if voice:
        payload[0] = payload[0][voice.end() :]
    assert all(_TEXT.fullmatch(line) for line in payload)
    name = _unescaped(voice[1]).strip() if voice else ""
    return Cue(_ms(numbers[:4]), _ms(numbers[4:]), name, tuple(map(_unescaped, payload)))


def _ms(parts: list[int]) -> int:
    hours, minutes, seconds, rest = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _said(*words: tuple[str, float, float], speaker: str = "channel-1") -> Transcript:
    turn = Turn(speaker, tuple(Word(text, start, end, 1.0) for text, start, end in words))
    return Transcript("e", "en-GB", 100.0, (turn,))


def test_a_file() -> None:
    """As a player gets it."""
    assert to_vtt(TRANSCRIPT).decode() == (
        "WEBVTT\n\n"
        "00:00:00.400 --> 00:00:01.250\n<v channel-1>good morning\n\n"
        "00:00:02.000 --> 00:00:03.000\n<v channel-2>Fish &amp; Chips &lt;please&gt;\n\n"
        "01:01:01.000 --> 01:01:02.000\n<v channel-1>café 你好\n"
    )
    assert to_vtt(Transcript("e", "en-GB", 1.0, ())) == b"WEBVTT\n\n"


@pytest.mark.parametrize(
    "broken",
    [
        b"WEBVTT\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:01.000\nx\n",
        b"WEBVTT\n\n00:00:02.000 --> 00:00:03.000\nx\n\n00:00:01.000 --> 00:00:03.000\nx\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx --> y\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx & y\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx < y\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v >y\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v x>\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n\n",
        b"WEBVTT\n\n1:00.000 --> 2:00.000\nx\n",
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx\0\n",
    ],
)
def test_the_parser_is_strict(broken: bytes) -> None:
    """It refuses what the standard does not allow."""
    with pytest.raises(AssertionError):
        parse(broken)


@given(transcripts())
@settings(deadline=None)
def test_whatever_is_said_is_sound(transcript: Transcript) -> None:
    """Any text and any times: a file that can be read, and every word in it, of its speaker."""
    cues = parse(to_vtt(transcript))
    heard = Counter((cue.voice, piece) for cue in cues for piece in _pieces(cue.lines))
    said = Counter(
        (line_of(turn.speaker), piece)
        for turn in transcript.turns
        for piece in _pieces(word.text for word in turn.words)
    )
    assert heard == said
    for cue in cues:
        assert cue.end - cue.start <= LONGEST
        assert all(len(line) <= COLUMNS or " " not in line for line in cue.lines)


@given(transcripts(odd_times=False))
@settings(deadline=None)
def test_words_keep_their_order(transcript: Transcript) -> None:
    """Where times are in order, the cues one after another say what was said."""
    cues = parse(to_vtt(transcript))
    said = [piece for turn in transcript.turns for piece in _pieces([turn.text])]
    assert [piece for cue in cues for piece in _pieces(cue.lines)] == said


def _pieces(texts: Iterator[str] | list[str] | tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        yield from line_of(text).split()


def test_cues_are_cut_at_pauses() -> None:
    """Of more than what parts phrases."""
    pause = PHRASE_PAUSE + 0.1
    cues = parse(to_vtt(_said(("one", 0, 1), ("two", 1.5, 2), ("three", 2 + pause, 4))))
    assert [cue.lines for cue in cues] == [("one two",), ("three",)]


def test_cues_are_short() -> None:
    """Two lines of 42 characters and seven seconds; a longer word has a cue of its own."""
    many = [(f"word{number:04}", number / 4, number / 4 + 0.25) for number in range(100)]
    cues = parse(to_vtt(_said(*many)))
    assert all(len(cue.lines) <= LINES for cue in cues)
    assert all(len(line) <= COLUMNS for cue in cues for line in cue.lines)
    assert len(cues) == 13  # of eight words, in two lines of four
    slow = parse(to_vtt(_said(("a", 0, 3), ("b", 3, 6), ("c", 6, 9), ("d", 9, 30))))
    assert [(cue.lines, cue.end) for cue in slow] == [
        (("a b",), 6_000),
        (("c",), 9_000),
        (("d",), 16_000),
    ]
    long = parse(to_vtt(_said(("a", 0, 1), ("x" * 50, 1, 2), ("y" * 50, 2, 3), ("b", 3, 4))))
    assert [cue.lines for cue in long] == [("a", "x" * 50), ("y" * 50, "b")]


def test_cues_start_in_order_though_turns_overlap() -> None:
    """Of two who talk at once, each cue stands where it starts."""
    first = _said(*((f"a{n}", n * 2.0, n * 2.0 + 1) for n in range(3))).turns[0]
    second = _said(("b", 1.0, 1.5), speaker="channel-2").turns[0]
    cues = parse(to_vtt(Transcript("e", "en-GB", 10.0, (first, second))))
    assert [cue.lines[0] for cue in cues] == ["a0", "b", "a1", "a2"]


def test_a_word_of_no_length_is_shown() -> None:
    """For a millisecond; where nothing can be read, there is no cue."""
    (cue,) = parse(to_vtt(_said(("now", 1.0, 1.0))))
    assert (cue.start, cue.end) == (1000, 1001)
    assert parse(to_vtt(_said((" \n", 1.0, 2.0)))) == []


@pytest.mark.parametrize(
    ("speaker", "shown"),
    [(" ", "x"), ("--", "<v -- >x"), ("a>b", "<v a&gt;b>x"), ("a\n&b", "<v a &amp;b>x")],
)
def test_tags_are_sound(speaker: str, shown: str) -> None:
    """A tag has a name, of one line, and does not end in an arrow."""
    data = to_vtt(_said(("x", 0, 1), speaker=speaker))
    assert data.decode().endswith(f"\n{shown}\n")
    assert parse(data)[0].voice == line_of(speaker)
