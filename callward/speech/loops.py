"""Phrases said over and over: what speech models write when they have lost the thread.

"Thank you. Thank you. Thank you." to the end of a window is known of Whisper and its
kind; nobody said it. Callers repeat themselves too, though: "no no no", "five five five
five", six noughts of a sort code. A loop is therefore a phrase said four times in a row
and eight words long at least: more noughts in a row than any number that is read out,
and more patience than a person has.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_Ids = npt.NDArray[np.int64]

LONGEST_PHRASE: Final = 20
"""Words in a phrase, at most; models loop over a sentence, not over a paragraph."""
_REPEATS: Final = 4
_WORDS: Final = 8
_SPOKEN: Final = "LMN"
"""Letters, marks on them and numbers (Unicode general categories); the rest is punctuation."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase of ``phrase`` words, said ``repeats`` times in a row, the last perhaps cut off.

    ``share`` (0 to 1) is its part of all words. No loop: all are 0.
    """

    phrase: int = 0
    repeats: int = 0
    share: float = 0.0


def longest_loop(words: Sequence[str]) -> Loop:
    """The loop that covers most words; of several the one with the shortest phrase."""
    ids = _ids(words)
    longest, found = 0, Loop()
    for phrase in range(1, LONGEST_PHRASE + 1):
        for first, last in _loops(ids, phrase):
            if last - first > longest:
                longest = last - first
                found = Loop(phrase, longest // phrase, longest / len(ids))
    return found


def looped_share(words: Sequence[str]) -> float:
    """Share of words, 0 to 1, that lie in loops; case and punctuation do not count."""
    ids = _ids(words)
    looped = np.zeros(len(ids), bool)
    for phrase in range(1, LONGEST_PHRASE + 1):
        for first, last in _loops(ids, phrase):
            looped[first:last] = True
    return float(looped.mean()) if len(ids) else 0.0


def _loops(ids: _Ids, phrase: int) -> Iterator[tuple[int, int]]:
    """Where words repeat those ``phrase`` before them: first (inclusive) to last (exclusive)."""
    if len(ids) <= phrase:
        return
    again = np.concatenate(([False], ids[phrase:] == ids[:-phrase], [False]))
    edges = np.flatnonzero(again[1:] != again[:-1])
    for first, last in zip(edges[::2], edges[1::2] + phrase, strict=True):
        if last - first >= max(_REPEATS * phrase, _WORDS):
            yield int(first), int(last)


def _ids(words: Sequence[str]) -> _Ids:
    """A number for each word, the same for the same word; what is punctuation alone is no word."""
    numbers: dict[str, int] = {}
    plain = filter(None, map(_plain, words))
    return np.array([numbers.setdefault(word, len(numbers)) for word in plain], np.int64)


def _plain(word: str) -> str:
    spoken = (letter for letter in word if unicodedata.category(letter)[0] in _SPOKEN)
    return "".join(spoken).casefold()
