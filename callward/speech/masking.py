"""Card numbers in a transcript: masked word by word, across turns and speakers."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Final

from callward.cards.detect import findings
from callward.cards.views import Piece, View, digits_of, views
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript

MASK: Final = "*"
"""Stands for a word of a card number, expiry date or security code."""
_APART: Final = 5.0
"""Seconds between words of one number, at most, for what lies between to be muted too."""
_SPREAD: Final = 320
"""Characters between two digits of one number, at most."""
_Place = tuple[int, int]
"""A turn and a word of it."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A transcript without card data, how many numbers it had, and where (seconds)."""

    transcript: Transcript
    numbers: int
    spans: tuple[tuple[float, float], ...]


def mask_cards(transcript: Transcript) -> Masked:
    """Mask what is card data in the words as they follow each other, whoever says them.

    Each speaker's words are read alone as well, and without what is said again. Words
    keep their times: that something was said then is no card data.
    """
    hits, numbers = _hits(transcript.turns)
    if not hits:
        return Masked(transcript, 0, ())
    turns = tuple(
        replace(
            turn,
            words=tuple(
                replace(word, text=MASK) if (at, index) in hits else word
                for index, word in enumerate(turn.words)
            ),
        )
        for at, turn in enumerate(transcript.turns)
    )
    return Masked(replace(transcript, turns=turns), numbers, tuple(_spans(transcript, hits)))


def _hits(turns: tuple[Turn, ...]) -> tuple[dict[_Place, int], int]:
    """The words that are card data with the find each is of, and how many numbers they are."""
    texts = [" ".join(word.text for word in turn.words) for turn in turns]
    laid = [_laid_out(turn) for turn in turns]
    hits: dict[_Place, int] = {}
    finds = numbers = 0
    for view in views(texts, [turn.speaker for turn in turns]):
        joined, starts = view.joined(), view.starts()
        here: set[int] = set()
        for finding in findings(joined, gap=_SPREAD):
            pieces = list(view.pieces(starts, finding.span.start, finding.span.end))
            here.update(at for at, _, _ in pieces)
            new = [place for place in _words(laid, pieces) if place not in hits]
            hits.update(dict.fromkeys(new, finds))
            finds += 1
            numbers += bool(new) and finding.span.kind == "number"
        for place in _repeated(laid, view, here):
            hits.setdefault(place, finds)
            finds += 1
    return hits, numbers


def _laid_out(turn: Turn) -> list[int]:
    """Where each word of a turn begins, and where one behind them would."""
    return list(accumulate((len(word.text) + 1 for word in turn.words), initial=0))


def _words(laid: list[list[int]], pieces: list[Piece]) -> Iterator[_Place]:
    for at, low, high in pieces:
        starts = laid[at]
        index = max(bisect_right(starts, low) - 1, 0)
        while index < len(starts) - 1 and starts[index] < high:
            yield at, index
            index += 1


def _repeated(laid: list[list[int]], view: View, found: set[int]) -> Iterator[_Place]:
    """The digits of turns that repeat one in which something was found."""
    for at, originals in view.repeats.items():
        if not found.isdisjoint(originals):
            yield from _words(laid, [(at, low, high) for low, high in digits_of(view.texts[at])])


def _spans(
    transcript: Transcript, hits: dict[tuple[int, int], int]
) -> Iterator[tuple[float, float]]:
    """From the first to the last word of each, broken where long nothing of it is said."""
    for _, group in groupby(sorted(hits.items(), key=lambda item: item[1]), lambda item: item[1]):
        words = sorted(
            (transcript.turns[at].words[index] for (at, index), _ in group),
            key=lambda word: word.start,
        )
        start, end = words[0].start, words[0].end
        for word in words[1:]:
            if word.start - end > _APART:
                yield start, end
                start = word.start
            end = max(end, word.end)
        yield start, end
