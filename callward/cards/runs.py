"""Chains of digits and number words in raw text that are long enough to look at closely.

Coarse on purpose: what stands between two runs is judged from its characters and words
alone, and a chain may hold a date or a clock as well. ``atoms`` looks closely.
"""

import re
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
_DIGITS = re.compile(r"[0-9]+")
_ANY = "|".join(sorted(SPOKEN, reverse=True))
_WORD = re.compile(rf"(?i)(?<![a-z])(?:{_ANY})(?![a-z])")
_NUMBERS = re.compile(rf"(?i)[0-9]+|(?<![a-z])(?:{_ANY})(?![a-z])")
_LETTERS = re.compile(r"[a-z]+")
_REFERENCE = re.compile(r"(?:;?\s?&(?:amp;)?#[xX]?0*)+|;\s*")
_LABEL = re.compile(
    r"(?i)cv[vcn2]|\bexp|secur|valid|good th|thru|verif|card co|csc|digits|back of|end date|start d"
)


def pieces(text: str, start: int, end: int, gap: int) -> list[tuple[int, int]]:
    """The parts of ``text[start:end]`` to look at closely, in order, apart."""
    raw = digits_plain(text[start:end])
    numbers = _NUMBERS if _WORD.search(raw) else _DIGITS
    found = []
    first, last, weight = 0, -1, 0
    for run in numbers.finditer(raw):
        low, high = run.span()
        if last < 0 or low - last > gap or not _passable(raw[last:low]):
            if weight >= SHORTEST:
                found.append((first, last))
            first, weight = low, 0
        weight += high - low if raw[low].isdigit() else _WORD_WEIGHT
        last = high
    if weight >= SHORTEST:
        found.append((first, last))
    found += [(label.start(), label.end()) for label in _LABEL.finditer(raw)]
    return _joined(found, start, len(text))


def _passable(gap: str) -> bool:
    return _judge(gap) if len(gap) <= _REMEMBERED else _judge.__wrapped__(gap)


@lru_cache(maxsize=4096)
def _judge(gap: str) -> bool:
    if gap.isascii() and not any(map(str.isalpha, gap)):
        return True
    if _REFERENCE.fullmatch(gap):
        return True
    words = _LETTERS.findall(plain(gap))
    return all(word in FILLERS or word in SPOKEN or word in HOMOPHONES for word in words)


def _joined(stretches: list[tuple[int, int]], start: int, length: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        low, high = max(start + first - _BEFORE, 0), min(start + last + _AFTER, length)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
