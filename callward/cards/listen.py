"""Which of the sounds heard are a card number: a pure decision about one channel.

The recogniser hears a third of the digits wrong, so what they are is not asked (no
Luhn), only that there are many, one after the other, and for how long: 13 to 19 digits.
A UK telephone number has 11 and starts with a zero, as no card does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callward.cards.grammar import TIMES, Sound

SHORTEST_DIGIT: Final = 0.08
"""Seconds; what is shorter counts as other speech."""
PAUSE: Final = 2.0
"""Seconds of silence within a number, at most."""
PATIENCE: Final = 1.5
"""Seconds of other speech (or of digits heard wrong) within a number, at most; less at
its start: as many as there were of digits."""
CERTAIN: Final = 14
"""So many digits heard are a number, whatever they are."""
ENOUGH: Final = 11
"""So many are, if they last ``LONG_ENOUGH`` and it is no telephone number."""
LONG_ENOUGH: Final = 3.4
"""Seconds of digits. In ordinary speech sounds taken for digits are short."""
TRUNK: Final = frozenset({"zero", "oh"})
NEAR: Final = 2.5
"""Seconds: a stray group of digits so near a number belongs to it."""
GROUP: Final = 3
"""Digits in such a group, at least."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds ``start`` to ``end`` of a recording."""

    start: float
    end: float


Run = Sequence[Sound]


def numbers(heard: Iterable[Sound]) -> list[Stretch]:
    """Where card numbers are said among what was heard in one channel, in order of time."""
    every = list(runs(heard))
    found: list[Stretch] = []
    for index, run in enumerate(every):
        if is_number(run):
            low, high = _grow(every, index)
            found.append(Stretch(every[low][0].start, every[high][-1].end))
    return _joined(found)


def is_number(run: Run) -> bool:
    """Whether so many digits in a row are a card number."""
    count = len(run)
    if count >= CERTAIN:
        return True
    if count < ENOUGH or sum(one.end - one.start for one in run) < LONG_ENOUGH:
        return False
    return not any(one.word in TRUNK for one in run[:2])


def runs(heard: Iterable[Sound]) -> Iterator[Run]:
    """Digits said one after the other, with little else between them."""
    run: list[Sound] = []
    credit = 0.0
    for one in heard:
        if run and one.start - run[-1].end > PAUSE:
            yield run
            run, credit = [], 0.0
        length = one.end - one.start
        if one.word and length >= SHORTEST_DIGIT:
            run.append(one)
            credit = min(PATIENCE, credit + length)
        elif run:
            credit -= length
            if credit <= 0:
                yield run
                run = []
    if run:
        yield run


def _grow(every: Sequence[Run], index: int) -> tuple[int, int]:
    """Take in groups of digits beside a number: part of it was not understood."""
    low = high = index
    while low and _belongs(every[low - 1], every[low][0].start - every[low - 1][-1].end):
        low -= 1
    while high + 1 < len(every) and _belongs(
        every[high + 1], every[high + 1][0].start - every[high][-1].end
    ):
        high += 1
    return low, high


def _belongs(run: Run, away: float) -> bool:
    said = [one for one in run if one.word not in TIMES]
    return away <= NEAR and len(said) >= GROUP


def _joined(found: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for one in found:
        if joined and one.start <= joined[-1].end:
            joined[-1] = Stretch(joined[-1].start, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined
