"""Which of the sounds heard are a card number: a pure decision about one channel.

The recogniser hears many digits wrong, so what they are is not asked (no Luhn), only
that there are many, one after the other, and for how long: 13 to 19 digits are said. A
UK telephone number has 11 and starts with a zero, as no card does. The figures were
tuned on tests/benchmarks/digits.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callward.cards.grammar import Sound

SHORTEST_DIGIT: Final = 0.08
"""Seconds; what is shorter counts as other speech."""
PAUSE: Final = 2.0
"""Seconds of silence within a number, at most."""
PATIENCE: Final = 1.5
"""Seconds of digits that make up, at most, for other speech that follows."""
OTHER: Final = 0.8
"""How much a second of other speech takes away of them; digits heard wrong are such."""
CERTAIN: Final = 14
"""So many digits heard are a number, whatever they are."""
ENOUGH: Final = 9
"""So many are, if they last ``LONG_ENOUGH``, ``EACH`` on the average, and it is no
telephone number. Sounds of ordinary speech that pass for digits are shorter."""
LONG_ENOUGH: Final = 3.2
EACH: Final = 0.25
TRUNK: Final = frozenset({"zero", "oh"})
"""What a telephone number begins with."""

BREATH: Final = 0.3
"""Seconds between the groups a number is said in."""
DENSE: Final = 0.5
"""Share of a group at either end of a number that is digits, at least."""
CLEAR: Final = 0.22
"""Seconds that digits of such a group last on the average, at least."""
GROUP: Final = 3
NEAR: Final = 2.5
"""A stray group of ``GROUP`` digits so many seconds from a number belongs to it."""
APART: Final = 0.6
"""Seconds of silence (or of speech that is no digits) that set a group apart."""
SURE: Final = 13
"""So many digits are a whole number."""
SURELY: Final = 0.75
"""Share of a group apart that is digits, at least, if there is a whole number without it."""
WHOLE: Final = 16
"""Digits a number should have: for each that is missing, speech beside it is taken in."""
MISSING: Final = 0.5
"""Seconds for each missing digit, at most ``BESIDE`` at either end."""
BESIDE: Final = 1.6
HOLE: Final = 0.9
"""Seconds of silence behind which speech is not of the number."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds ``start`` to ``end`` of a recording."""

    start: float
    end: float


Run = Sequence[Sound]


def numbers(heard: Iterable[Sound]) -> list[Stretch]:
    """Where card numbers are said among what was heard in one channel, in order of time."""
    sounds = list(heard)
    every = [trimmed(run) for run in runs(sounds)]
    found = []
    for index, run in enumerate(every):
        if is_number(run):
            low, high = (index, index) if len(run) >= CERTAIN else _grow(every, index)
            digits = [one for run in every[low : high + 1] for one in run]
            found.append(_with_neighbours(sounds, _alone(digits)))
    return _joined(found)


def is_number(run: Run) -> bool:
    """Whether so many digits in a row are a card number."""
    count, lasting = len(run), _lasting(run)
    if count >= CERTAIN:
        return True
    if count < ENOUGH or lasting < LONG_ENOUGH or lasting < EACH * count:
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
            credit -= OTHER * length
            if credit <= 0:
                yield run
                run = []
    if run:
        yield run


def trimmed(run: Run) -> Run:
    """A run without groups at its ends that look like ordinary speech; never empty."""
    groups = _groups(run, BREATH)
    while len(groups) > 1 and not _is_dense(groups[0]):
        groups.pop(0)
    while len(groups) > 1 and not _is_dense(groups[-1]):
        groups.pop()
    return [one for group in groups for one in group]


def _alone(digits: Run) -> Run:
    """Digits without what is apart from them and not clear, where a whole number is left."""
    groups = _groups(digits, APART)
    while len(groups) > 1:
        unclear = [end for end in (0, -1) if _is_beside(groups, end)]
        if not unclear:
            break
        groups.pop(unclear[0])
    return [one for group in groups for one in group]


def _groups(run: Run, pause: float) -> list[list[Sound]]:
    groups = [[run[0]]]
    for one in run[1:]:
        if one.start - groups[-1][-1].end > pause:
            groups.append([])
        groups[-1].append(one)
    return groups


def _is_beside(groups: Sequence[Run], end: int) -> bool:
    group = groups[end]
    left = sum(map(len, groups)) - len(group)
    return left >= SURE and _lasting(group) < SURELY * (group[-1].end - group[0].start)


def _is_dense(group: Run) -> bool:
    lasting = _lasting(group)
    long = group[-1].end - group[0].start
    return lasting >= DENSE * long and lasting >= CLEAR * len(group)


def _lasting(run: Run) -> float:
    return sum(one.end - one.start for one in run)


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
    return away <= NEAR and len(run) >= GROUP


def _with_neighbours(sounds: Sequence[Sound], digits: Run) -> Stretch:
    """From the first digit to the last, and speech beside them that may be missing digits."""
    first, last = digits[0].start, digits[-1].end
    budget = min(BESIDE, MISSING * max(0, WHOLE - len(digits)))
    start, end = first, last
    for one in reversed([one for one in sounds if one.end <= first]):
        if start - one.end > HOLE or first - one.start > budget:
            break
        start = one.start
    for one in (one for one in sounds if one.start >= last):
        if one.start - end > HOLE or one.end - last > budget:
            break
        end = one.end
    return Stretch(start, end)


def _joined(found: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for one in found:
        if joined and one.start <= joined[-1].end:
            joined[-1] = Stretch(joined[-1].start, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined
