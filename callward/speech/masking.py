"""Card numbers in a transcript: masked word by word, across turns and speakers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from callward.cards.detect import find
from callward.speech.transcript import Transcript

MASK: Final = "*"
"""Stands for a word of a card number, expiry date or security code."""
_APART: Final = 5.0
"""Seconds between words of one number, at most, for what lies between to be muted too."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A transcript without card data, how many numbers it had, and where (seconds)."""

    transcript: Transcript
    numbers: int
    spans: tuple[tuple[float, float], ...]


def mask_cards(transcript: Transcript) -> Masked:
    """Mask what is card data in the words as they follow each other, whoever says them.

    Words keep their times: that something was said then is no card data.
    """
    text, places = _laid_out(transcript)
    found = find(text)
    if not found:
        return Masked(transcript, 0, ())
    hits: dict[tuple[int, int], int] = {}
    for number, span in enumerate(found):
        for start, end, place in places:
            if start < span.end and end > span.start:
                hits[place] = number
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
    numbers = sum(span.kind == "number" for span in found)
    return Masked(replace(transcript, turns=turns), numbers, tuple(_spans(transcript, hits)))


def _laid_out(transcript: Transcript) -> tuple[str, list[tuple[int, int, tuple[int, int]]]]:
    """The words as one text, a line a turn, and where in it each of them (turn, word) is."""
    parts: list[str] = []
    places: list[tuple[int, int, tuple[int, int]]] = []
    position = 0
    for at, turn in enumerate(transcript.turns):
        for index, word in enumerate(turn.words):
            places.append((position, position + len(word.text), (at, index)))
            parts.append(word.text + ("\n" if index + 1 == len(turn.words) else " "))
            position += len(word.text) + 1
    return "".join(parts), places


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
