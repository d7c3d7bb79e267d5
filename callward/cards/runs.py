"""Chains of digits and number words in raw text that are long enough to look at closely.

Coarse on purpose: what stands between two runs is judged from its characters and words
alone, and a chain may hold a date or a clock as well. ``atoms`` looks closely.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from callward.cards.dress import digits_plain, plain
from callward.cards.schemes import SHORTEST
from callward.cards.words import FILLERS, HOMOPHONES, SPOKEN

_BEFORE: Final = 96
_AFTER: Final = 128
_REMEMBERED: Final = 24
"""Longer gaps are seldom seen twice."""
_WORD_WEIGHT: Final = 2
_FEW: Final = 3
_LEAST: Final = SHORTEST - _WORD_WEIGHT * _FEW
"""Number words that need not be looked for: digits beside them say enough."""
_SIDE, _REACH = 24, 80
_ASCII: Final = 128
_DIGITS = re.compile(r"[0-9]+")
_TOKENS = re.compile(r"[0-9]+|[a-z]+")
_WORDS_ONLY = bytes(byte if chr(byte).islower() and byte < _ASCII else 32 for byte in range(256))
_LETTERS = re.compile(r"[a-z]+")
_REFERENCE = re.compile(r"(?:;?\s?&(?:amp;)?#[xX]?0*)+|;\s*")
_LABELS = (
    "cvv", "cvc", "cv2", "cvn", "exp", "security", "valid", "good th", "thru", "verification",
    "card code", "csc", "cid", "digit",
    "back of", "the back", "end date", "start date", "signature",
)  # fmt: skip


def pieces(text: str, start: int, end: int, gap: int) -> list[tuple[int, int]]:
    """The parts of ``text[start:end]`` to look at closely, in order, apart."""
    raw = digits_plain(text[start:end])
    small = raw.encode("ascii", "replace").lower()
    spoken = sum(map(_SPOKEN.__contains__, small.translate(_WORDS_ONLY).split()))
    low = small.decode("ascii")
    found = _chains(low, raw, _runs(low, spoken), gap)
    found += _labels(low, spoken)
    return _joined(found, start, len(text))


def _runs(low: str, spoken: int) -> Iterator[tuple[int, int, int]]:
    """Digits and number words with their weight; words only where there are several."""
    if spoken <= _FEW:
        for run in _DIGITS.finditer(low):
            first, last = run.span()
            yield first, last, last - first
        return
    for run in _TOKENS.finditer(low):
        first, last = run.span()
        if low[first].isdigit():
            yield first, last, last - first
        elif run[0] in SPOKEN:
            yield first, last, _WORD_WEIGHT


def _chains(
    small: str, raw: str, numbers: Iterator[tuple[int, int, int]], gap: int
) -> list[tuple[int, int]]:
    found = []
    first, last, weight = 0, -1, 0
    for low, high, more in numbers:
        if last < 0 or low - last > gap or not _passable(raw[last:low]):
            if weight >= _LEAST and weight + _beside(small, first, last) >= SHORTEST:
                found.append((first, last))
            first, weight = low, 0
        weight += more
        last = high
    if weight >= _LEAST and weight + _beside(small, first, last) >= SHORTEST:
        found.append((first, last))
    return found


def _beside(small: str, first: int, last: int) -> int:
    """The weight of number words right before and after a chain."""
    around = small[max(first - _SIDE, 0) : first] + " " + small[last : last + _SIDE]
    return _WORD_WEIGHT * sum(map(SPOKEN.__contains__, _LETTERS.findall(around)))


def _labels(low: str, spoken: int) -> list[tuple[int, int]]:
    found = []
    for label in _LABELS:
        place = low.find(label)
        while place >= 0:
            if spoken > 1 or _DIGITS.search(low, max(place - _SIDE, 0), place + _REACH):
                found.append((place, place + len(label)))
            place = low.find(label, place + len(label))
    return found


def _passable(gap: str) -> bool:
    return _judge(gap) if len(gap) <= _REMEMBERED else _judge.__wrapped__(gap)


@lru_cache(maxsize=4096)
def _judge(gap: str) -> bool:
    if gap.isascii() and not _ANY_LETTER.search(gap):
        return True
    if _REFERENCE.fullmatch(gap):
        return True
    words = _LETTERS.findall(plain(gap))
    return all(word in FILLERS or word in SPOKEN or word in HOMOPHONES for word in words)


_ANY_LETTER = re.compile("[A-Za-z]")
_SPOKEN = frozenset(word.encode() for word in SPOKEN)


def _joined(stretches: list[tuple[int, int]], start: int, length: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        low, high = max(start + first - _BEFORE, 0), min(start + last + _AFTER, length)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
