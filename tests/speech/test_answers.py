"""Answers of speech servers: as they are known to be, and as an attacker would make them."""

import json
import math
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.speech.answers import LONGEST_WORD, MOST_BYTES, UNSAID, longest, read_answer
from callward.speech.engine import Word
from callward.speech.httperrors import (
    EngineAnswerMalformedError,
    EngineAnswerTooLargeError,
    ServerError,
)

SECONDS = 10.0


def read(document: Any, seconds: float = SECONDS) -> list[Word]:
    """The words of a document."""
    return read_answer(json.dumps(document).encode(), seconds)


def word(text: str, start: Any = 1, end: Any = 2, **more: Any) -> dict[str, Any]:
    """A word as servers write it."""
    return {"word": text, "start": start, "end": end, **more}


def timed(*words: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An answer with words."""
    return {"text": "canary", "words": list(words), **more}


def malformed(data: bytes | dict[str, Any], seconds: float = SECONDS) -> None:
    """It is refused, and what it says is not quoted."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(EngineAnswerMalformedError) as caught:
        read_answer(body, seconds)
    assert "canary" not in f"{caught.value!r} {vars(caught.value)}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_words_with_times_are_taken() -> None:
    """As OpenAI answers: words beside the text, without confidence."""
    answer = timed(word("Good", 0.2, 0.5), word("morning.", 0.5, 1.1), segments=None, language="x")
    assert read(answer) == [Word("Good", 0.2, 0.5, UNSAID), Word("morning.", 0.5, 1.1, UNSAID)]


@pytest.mark.parametrize("key", ["probability", "confidence"])
@pytest.mark.parametrize(
    ("said", "found"), [(0.25, 0.25), (1, 1), (0, 0), (1.5, 1), (-0.5, 0), (None, UNSAID)]
)
def test_a_word_may_say_how_sure_it_is(key: str, said: float | None, found: float) -> None:
    """Between 0 and 1, whatever it says."""
    assert read(timed(word("a", **{key: said})))[0].confidence == found


def test_words_are_as_sure_as_their_segment() -> None:
    """Of words that say nothing themselves, by the segment that they begin in."""
    segments = [
        {"start": 0, "end": 3, "text": "a b", "avg_logprob": math.log(0.25)},
        {"start": 3, "end": 6, "text": "c", "avg_logprob": math.log(0.75)},
        {"start": 6, "end": 9, "text": "d"},
    ]
    words = [word("a", 0, 1), word("b", 2, 4), word("c", 3, 5), word("d", 7, 8)]
    found = read(timed(*words, word("e", 8, 9, probability=1), segments=segments))
    assert [round(one.confidence, 9) for one in found] == [0.25, 0.25, 0.75, UNSAID, 1]


def test_words_may_stand_in_their_segments() -> None:
    """As faster-whisper answers: blanks in front, and each with its probability."""
    segments = [
        {"start": 0, "end": 2, "text": " Good day.", "words": [word(" Good"), word(" day.", 2, 3)]},
        {"start": 5, "end": 6, "text": "", "words": [word(" Bye", 5, 6, probability=0.75)]},
    ]
    absent: list[dict[str, Any]] = [{}, {"words": None}, {"words": []}]
    for more in absent:
        found = read({"text": "canary", "segments": segments, **more})
        assert [one.text for one in found] == ["Good", "day.", "Bye"]
        assert [one.confidence for one in found] == [UNSAID, UNSAID, 0.75]


def test_tokens_are_put_together() -> None:
    """As whisper.cpp answers: a token with a blank in front begins a word."""
    tokens = [
        word("", -0.01, -0.01, probability=0.1),
        word(" Cal", 0, 1, probability=0.5),
        word("lw", 1, 2, probability=0.75),
        word("ard", 2, 3, probability=1),
        word(",", 3, 3.1, probability=0.75),
        word(" yes", 4, 5, probability=1),
    ]
    expected = [Word("Callward,", 0, 3.1, 0.75), Word("yes", 4, 5, 1)]
    for first in (0, 1):
        found = read({"text": "", "segments": [{"text": "x", "words": tokens[first:]}]})
        assert found == expected
        assert read(timed(*tokens[first:])) == expected


@pytest.mark.parametrize(
    "texts",
    [("Good", "day"), ("今日", "は"), (" OK", "今日", "は"), (" a", " b"), ("a", " b", "c")],
)
def test_words_that_are_words_stay_apart(texts: tuple[str, ...]) -> None:
    """Without blanks in front nothing is put together, nor where no blanks are written."""
    found = read(timed(*(word(text, at, at + 1) for at, text in enumerate(texts))))
    assert [one.text for one in found] == [text.strip() for text in texts]


def test_text_of_a_segment_is_spread_over_its_time() -> None:
    """As vLLM answers: segments alone, and how likely each is."""
    segments = [
        {"start": 1, "end": 5, "text": " one  two\nthree four ", "avg_logprob": math.log(0.5)},
        {"start": 6, "end": 7, "text": "five", "avg_logprob": None},
        {"start": None, "end": None, "text": " "},
        {"start": 8, "end": 9, "text": "six", "avg_logprob": 1e300},
    ]
    found = read({"text": "canary", "segments": segments})
    assert [one.text for one in found] == ["one", "two", "three", "four", "five", "six"]
    assert [one.start for one in found] == [1, 2, 3, 4, 6, 8]
    assert [one.end for one in found] == [2, 3, 4, 5, 7, 9]
    assert [round(one.confidence, 9) for one in found] == [0.5] * 4 + [UNSAID, 1]


@pytest.mark.parametrize(
    "answer",
    [
        {"text": ""},
        {"text": " \n\u200b", "segments": [], "words": []},
        {"text": "", "segments": [{"start": 0, "end": 0, "text": " ", "words": []}]},
        {"text": " [BLANK_AUDIO]", "segments": [{"start": 0, "end": 9, "text": "[BLANK_AUDIO]"}]},
        {"text": "<|nospeech|>", "words": [word("<|nospeech|>"), word(" ")]},
    ],
)
def test_nothing_said_is_no_word(answer: dict[str, Any]) -> None:
    """Silence is an answer, too."""
    assert read(answer) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "canary"},
        {"text": "canary", "segments": [], "words": []},
        {"text": "canary", "segments": [{"start": 0, "end": 1, "text": ""}]},
        timed(word("\u200b")),
    ],
)
def test_text_without_times_is_refused(answer: dict[str, Any]) -> None:
    """A transcript says when."""
    malformed(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"canary"',
        b"{}",
        b'{"error": "canary"}',
        b"<html>canary</html>",
        b'{"text": ""',
        b'{"text": "\xff"}',
        b'{"text": "", "words": [}',
        '{"text": ""}'.encode("utf-16"),
        b'\xef\xbb\xbf{"text": ""}',
        b'{"text": "", "duration": NaN}',
        b'{"text": "", "duration": -Infinity}',
        b'{"text": "", "duration": ' + b"1" * 10_000 + b"}",
        b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"text": ' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}",
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    """No JSON, not an object, not what it should hold, too deep."""
    malformed(body)


@pytest.mark.parametrize(
    "answer",
    [
        {"text": 1},
        {"text": None},
        {"text": "", "words": "canary"},
        {"text": "", "words": {"0": word("a")}},
        {"text": "", "words": ["canary"]},
        {"text": "", "words": [None]},
        {"text": "", "segments": "canary"},
        {"text": "", "segments": [["canary"]]},
        {"text": "", "segments": [{"text": "canary"}]},
        {"text": "", "segments": [{"start": 0, "end": 1}]},
        {"text": "", "segments": [{"start": 0, "end": 1, "text": ["canary"]}]},
        {"text": "", "segments": [{"start": 0, "end": 1, "text": "a", "avg_logprob": "0"}]},
        {"text": "", "segments": [{"text": "a", "words": [word("a")], "avg_logprob": True}]},
        timed({"start": 0, "end": 1}),
        timed({"word": "canary", "start": 0}),
        timed({"word": "canary", "end": 0}),
        timed(word("canary", None, 1)),
        timed(word("canary", "0", "1")),
        timed(word("canary", [], 1)),
        timed({**word("canary"), "start": True}),
        timed(word("canary", 10**400, 10**400)),
        timed({**word("a"), "word": 7}),
        timed(word("canary", probability="1")),
        timed(word("canary", probability=[1])),
    ],
)
def test_values_of_another_kind_are_refused(answer: dict[str, Any]) -> None:
    """Nothing is guessed."""
    malformed(answer)


def test_numbers_beyond_all_bounds_are_refused() -> None:
    """JSON can write what becomes infinite."""
    malformed(b'{"text": "", "words": [{"word": "canary", "start": 0, "end": 1e999}]}')
    malformed(
        b'{"text": "", "words": [{"word": "a", "start": 0, "end": 1, "probability": -1e999}]}'
    )


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (-1, 0.5, (0, 0.5)),
        (-0.01, -0.01, (0, 0)),
        (9.5, 11, (9.5, 10)),
        (11, 11, (10, 10)),
        (9, 40.9, (9, 10)),
        (5, 4, (5, 5)),
    ],
)
def test_times_are_brought_inside(start: float, end: float, found: tuple[float, float]) -> None:
    """A second beyond may be; an end up to where Whisper pads; never an end before its start."""
    one = read(timed(word("a", start, end)))[0]
    assert (one.start, one.end) == found


@pytest.mark.parametrize(
    ("start", "end"), [(-1.1, 1), (1, -1.1), (11.1, 11.2), (9, 41.1), (1000, 2000)]
)
def test_times_far_outside_are_refused(start: float, end: float) -> None:
    """They are in other units, or of other speech."""
    malformed(timed(word("canary", start, end)))
    malformed({"text": "", "segments": [{"start": start, "end": end, "text": "canary"}]})
    malformed(timed(word("a", 1, 2), segments=[{"start": start, "end": end, "text": "canary"}]))


def test_a_long_piece_may_be_missed_by_more() -> None:
    """A twentieth of its length."""
    assert read(timed(word("a", 314, 315)), 300)[0].start == 300
    malformed(timed(word("a", 316, 317)), 300)


def test_words_are_put_in_order() -> None:
    """By their starts; those that start together stay as they were."""
    found = read(timed(word("c", 5, 6), word("a", 1, 2), word("d", 5, 5.5), word("b", 3, 9)))
    assert [one.text for one in found] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("e\u0301te\u0301", ["été"]),
        ("can\x00ary\x1b[31m", ["canary[31m"]),
        ("\u202eevil\u202c", ["evil"]),
        ("\ufeffmark\u200b\u00ad", ["mark"]),
        ("\u0645\u06cc\u200c\u062e", ["\u0645\u06cc\u200c\u062e"]),
        ("\u200d", []),
        ("\ue000private", ["private"]),
        ("\ud800lone", ["lone"]),
        ("a\u00a0b\tc\u2028d", ["a", "b", "c", "d"]),
        ("42", ["42"]),
        ("🙂", ["🙂"]),
    ],
)
def test_texts_are_cleaned(said: str, found: list[str]) -> None:
    """Composed, without what controls or cannot be seen, and blanks part words."""
    assert [one.text for one in read(timed(word("x"), word(said, 3, 7)))] == ["x", *found]


def test_a_word_with_blanks_is_several() -> None:
    """Each for the same time."""
    assert read(timed(word(" thank  you so much ", 2, 4, probability=0.75))) == [
        Word("thank", 2, 2.5, 0.75),
        Word("you", 2.5, 3, 0.75),
        Word("so", 3, 3.5, 0.75),
        Word("much", 3.5, 4, 0.75),
    ]


def test_a_word_has_an_end() -> None:
    """A hundred characters; also of tokens that never end."""
    assert read(timed(word("a" * LONGEST_WORD)))[0].text == "a" * LONGEST_WORD
    malformed(timed(word("a" * (LONGEST_WORD + 1))))
    malformed(timed(word(" a"), *[word("a")] * LONGEST_WORD))
    assert len(read(timed(word("\u0958" * LONGEST_WORD)))[0].text) == LONGEST_WORD  # grows


@pytest.mark.parametrize("seconds", [0.1, 10, 300])
def test_nobody_speaks_faster_than_that(seconds: float) -> None:
    """Ten words a second, and some to spare: more are a loop, or an attack."""
    most = 20 + int(10 * seconds)
    assert len(read(timed(*[word("a", 0, 0)] * most), seconds)) == most
    malformed(timed(*[word("a", 0, 0)] * (most + 1)), seconds)
    text = " ".join(["a"] * (most + 1))
    malformed({"text": "", "segments": [{"start": 0, "end": 0, "text": text}]}, seconds)


def test_an_answer_has_an_end() -> None:
    """In bytes, by the length of the speech."""
    body = b'{"text": ""}'
    assert read_answer(body.ljust(longest(1)), 1) == []
    with pytest.raises(EngineAnswerTooLargeError):
        read_answer(body.ljust(longest(1) + 1), 1)
    assert longest(1) < longest(300) < longest(3600) == longest(1e9) == MOST_BYTES


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "", "segments": [{"start": 0, "end": 1, "text": "%s"}]}' % (b"a " * 700_000),
        b'{"text": "%s"}' % (b"a" * 1_400_000),
        b'{"text": "%s"}' % (b"\\u200b " * 200_000),
        b'{"text": "", "words": [%s]}' % b",".join([b'{"word":" a","start":0,"end":0}'] * 40_000),
        b'{"text": "", "words": [%s{}]}' % (b"[]," * 400_000),
    ],
    ids=["blanks", "one word", "nothing to see", "words", "arrays"],
)
def test_no_answer_takes_long_to_read(body: bytes) -> None:
    """The largest that is read at the usual window."""
    assert longest(300) * 0.8 < len(body) < longest(300)
    started = time.process_time()
    check(body, 300)
    assert time.process_time() - started < 5  # where it is 1


KEYS = st.sampled_from(
    ["text", "words", "segments", "word", "start", "end", "probability", "confidence"]
) | st.just("avg_logprob")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.floats(-2, 12)
    | st.text(max_size=8)
    | st.text(st.characters(), max_size=8)
    | st.sampled_from([" a", "a b", "\u202e", "\ud800", "[BLANK_AUDIO]", "x" * 101, "10" * 200])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
TIMES = st.floats(-1.2, 11.5) | st.integers(0, 10) | SCALARS
ENTRIES = st.fixed_dictionaries(
    {"word": st.text(max_size=6) | SCALARS, "start": TIMES, "end": TIMES},
    optional={"probability": SCALARS, "confidence": st.floats(-1, 2)},
)
SEGMENTS = st.fixed_dictionaries(
    {"text": st.text(max_size=20) | SCALARS, "start": TIMES, "end": TIMES},
    optional={"avg_logprob": st.floats(-5, 1) | SCALARS, "words": st.lists(ENTRIES, max_size=3)},
)
ANSWERS = st.fixed_dictionaries(
    {"text": st.text(max_size=10) | SCALARS},
    optional={"words": st.lists(ENTRIES, max_size=4), "segments": st.lists(SEGMENTS, max_size=3)},
)
GOOD_TIMES = st.floats(0, SECONDS)
GOOD_ENTRIES = st.builds(word, st.from_regex(r"[a-z]{1,9}", fullmatch=True), GOOD_TIMES, GOOD_TIMES)


def check(data: bytes, seconds: float = SECONDS) -> list[Word] | None:
    """Words that are as promised, or one of our errors; nothing else, ever."""
    try:
        found = read_answer(data, seconds)
    except ServerError:
        return None
    starts = [one.start for one in found]
    assert starts == sorted(starts)
    for one in found:
        assert 0 <= one.start <= one.end <= seconds
        assert 0 <= one.confidence <= 1
        assert 1 <= len(one.text) <= LONGEST_WORD
        assert one.text.split() == [one.text]
        assert unicodedata.is_normalized("NFC", one.text)
        kinds = {unicodedata.category(c) for c in one.text if c not in "\u200c\u200d"}
        assert not kinds & {"Cc", "Cf", "Cs", "Co"}
    assert len(found) <= 20 + 10 * seconds
    return found


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_do_no_harm(data: bytes) -> None:
    """Ours is the only error."""
    check(data)


@given(TREES)
def test_json_of_any_kind_does_no_harm(document: Any) -> None:
    """Ours is the only error, NaN and lone surrogates included."""
    check(json.dumps(document).encode())


@given(ANSWERS, st.floats(0.001, 20))
def test_answers_nearly_right_do_no_harm(document: Any, seconds: float) -> None:
    """What comes of them is in order and inside."""
    check(json.dumps(document).encode(), seconds)


@given(st.lists(GOOD_ENTRIES, max_size=20))
def test_answers_as_they_should_be_are_read(entries: list[dict[str, Any]]) -> None:
    """Every word, in order of time."""
    found = check(json.dumps({"text": "", "words": entries}).encode())
    ordered = sorted(entries, key=lambda one: one["start"])
    assert found is not None
    assert [(one.text, one.start) for one in found] == [(o["word"], o["start"]) for o in ordered]


@given(st.lists(GOOD_ENTRIES, min_size=1, max_size=3), st.data())
def test_an_answer_cut_anywhere_is_refused(
    entries: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Half an answer is none."""
    body = json.dumps({"text": "", "words": entries}).encode()
    assert check(body[: data.draw(st.integers(0, len(body) - 1))]) is None
