"""A server's ``verbose_json`` answer, read into words; everything in it is a stranger's.

Words are taken from ``words``, else from the ``words`` of each segment, else a
segment's text is spread evenly over its time. A word's confidence is its
``probability`` or ``confidence``, else e to the power of ``avg_logprob`` of the segment
it lies in, else ``UNSAID``.

Format: OpenAI's "verbose transcription object"; what servers make of it differs. Those
that hand out Whisper's tokens as words (whisper.cpp) begin a new word with a blank.
"""

import json
import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any, Final

from callward.speech.engine import Word
from callward.speech.httperrors import EngineAnswerMalformedError, EngineAnswerTooLargeError
from callward.speech.transcript import finite, no_constant

UNSAID: Final = 0.5
"""Confidence of a word for which the server gives none."""
LONGEST_WORD: Final = 100
"""Characters."""
MOST_BYTES: Final = 8 * 1024**2
_BASE_BYTES: Final = 256 * 1024
_BYTES_PER_SECOND: Final = 4 * 1024  # talkative servers need 700
_WORDS_PER_SECOND: Final = 10
_SPARE_WORDS: Final = 20
_SLACK: Final = 1.0  # seconds
_SLACK_SHARE: Final = 0.05
_PADDING: Final = 30.0  # seconds: Whisper hears silence up to there, and ends words in it
_JOINERS: Final = "\u200c\u200d"  # joiners: spelling in Persian and Indic scripts
_UNWANTED: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff]"
)
"""Letters of languages that put no blanks between words."""
_FILLER: Final = re.compile(r"\[[A-Z_]+\]|<\|[^|]*\|>")  # [BLANK_AUDIO], <|endoftext|>


def longest(seconds: float) -> int:
    """Bytes that an answer on so many seconds of speech may have."""
    return min(MOST_BYTES, _BASE_BYTES + int(seconds * _BYTES_PER_SECOND))


def read_answer(data: bytes, seconds: float) -> list[Word]:
    """Words of a piece ``seconds`` long: in order of time, inside it, cleaned, not empty.

    Raises EngineAnswerTooLargeError or EngineAnswerMalformedError; neither quotes it.
    """
    if len(data) > longest(seconds):
        raise EngineAnswerTooLargeError(f"{len(data)} bytes on {seconds:.0f} s of speech")
    try:
        return _read(_document(data), seconds)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        # not chained: the cause could quote what was said
        raise EngineAnswerMalformedError(
            f"{len(data)} bytes are no transcript of {seconds:.0f} s of speech"
        ) from None


def _document(data: bytes) -> dict[str, Any]:
    # As text: of bytes, json would guess the encoding. Too deep a one is a RecursionError.
    return _object(json.loads(data.decode("utf-8"), parse_constant=no_constant))


def _read(document: dict[str, Any], seconds: float) -> list[Word]:
    segments = [_object(one) for one in _list(document, "segments")]
    timed = _list(document, "words")
    if timed:
        words = _words(timed, _confidence_at(segments, seconds), seconds)
    else:
        words = (word for one in segments for word in _words_of(one, seconds))
    found = _bounded(words, seconds)
    if not found and any(_parts(_text(document, "text"))):
        raise ValueError("text without times")
    return sorted(found, key=lambda word: word.start)


def _words_of(segment: dict[str, Any], seconds: float) -> Iterator[Word]:
    """A segment's own words, else its text as one word, to be split."""
    confidence = _likelihood(segment)
    timed = _list(segment, "words")
    if timed:
        yield from _words(timed, lambda _: confidence, seconds)
    elif any(_parts(text := _text(segment, "text"))):
        yield Word(text, *_times(segment, seconds), confidence)


def _confidence_at(segments: Sequence[dict[str, Any]], seconds: float) -> Callable[[float], float]:
    """What to think of a word that begins at a moment: as of the segment it lies in."""
    known = sorted((_times(one, seconds)[0], _likelihood(one)) for one in segments)
    starts = [start for start, _ in known]

    def confidence(moment: float) -> float:
        return known[max(bisect_right(starts, moment) - 1, 0)][1] if known else UNSAID

    return confidence


def _words(
    values: Sequence[Any], confidence_at: Callable[[float], float], seconds: float
) -> Iterator[Word]:
    """Words from what may be tokens: if the first has a blank in front, others without go on."""
    words = [_word(_object(one), confidence_at, seconds) for one in values]
    tokens = False
    held: list[Word] = []
    for word in (one for one in words if one.text):
        if not held:
            tokens = word.text[0].isspace()
        elif not (tokens and _goes_on(word.text)):
            yield _joined(held)
            held = []
        held.append(word)
    if held:
        yield _joined(held)


def _goes_on(text: str) -> bool:
    return not text[:1].isspace() and not _UNSPACED.match(text)


def _joined(tokens: Sequence[Word]) -> Word:
    if len(tokens) == 1:
        return tokens[0]
    return Word(
        "".join(one.text for one in tokens),
        tokens[0].start,
        max(one.end for one in tokens),
        math.fsum(one.confidence for one in tokens) / len(tokens),
    )


def _word(value: dict[str, Any], confidence_at: Callable[[float], float], seconds: float) -> Word:
    start, end = _times(value, seconds)
    said = [value[key] for key in ("probability", "confidence") if value.get(key) is not None]
    confidence = min(max(finite(said[0]), 0.0), 1.0) if said else confidence_at(start)
    return Word(_text(value, "word"), start, end, confidence)


def _times(value: dict[str, Any], seconds: float) -> tuple[float, float]:
    """Start and end, brought inside the piece; a little beyond it is let pass."""
    start, end = finite(value["start"]), finite(value["end"])
    slack = max(_SLACK, seconds * _SLACK_SHARE)
    beyond = max(start, end - _PADDING) > seconds + slack
    if beyond or min(start, end) < -slack:
        raise ValueError("outside the piece")
    start = min(max(start, 0.0), seconds)
    return start, min(max(end, start), seconds)


def _likelihood(segment: dict[str, Any]) -> float:
    said = segment.get("avg_logprob")
    return UNSAID if said is None else math.exp(min(finite(said), 0.0))


def _bounded(words: Iterable[Word], seconds: float) -> list[Word]:
    """Words without blanks in them; more than can be said in so long a time are refused."""
    most = _SPARE_WORDS + int(seconds * _WORDS_PER_SECOND)
    found: list[Word] = []
    for word in words:
        found += _split(word, list(islice(_parts(word.text), most + 1)))
        if len(found) > most:
            raise ValueError("more words than can be said")
    return found


def _split(word: Word, parts: Sequence[str]) -> Iterator[Word]:
    """A word that is several, each for the same time."""
    edges = [word.start + (word.end - word.start) * at / len(parts) for at in range(len(parts))]
    for part, (start, end) in zip(parts, pairwise([*edges, word.end]), strict=True):
        yield replace(word, text=part, start=min(start, word.end), end=min(end, word.end))


def _parts(text: str) -> Iterator[str]:
    """What stands between blanks, without what cannot be seen or was not said."""
    for part in text.split():
        if len(part) > LONGEST_WORD:
            raise ValueError("a word without end")
        kept = "".join(
            one for one in part if one in _JOINERS or unicodedata.category(one) not in _UNWANTED
        )
        cleaned = unicodedata.normalize("NFC", kept)
        if cleaned.strip(_JOINERS) and not _FILLER.fullmatch(cleaned):
            yield cleaned[:LONGEST_WORD]  # to compose can take more characters than before


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("object expected")
    return value


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError("array expected")
    return found


def _text(value: dict[str, Any], key: str) -> str:
    found = value[key]
    if not isinstance(found, str):
        raise TypeError("text expected")
    return found
