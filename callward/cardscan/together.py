"""A number that is read back group by group, each on its own channel: heard together.

The caller says four digits, the agent repeats them, and so on: on neither channel are
digits said one after the other. So the channels are laid over one another, and what
only repeats what the other has just said is not counted. A telephone number that is
read back is then as long as it is, and survives. A pure decision, as in ``listen``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callward.cards.grammar import Sound
from callward.cards.listen import PAUSE, SHORTEST_DIGIT, Stretch, is_number

PATIENCE: Final = 1.5
"""Seconds of digits that make up, at most, for other speech that follows."""
OTHER: Final = 0.8
"""How much a second of other speech takes away of them; digits heard wrong are such."""
DENSE: Final = 0.5
"""Share of a turn that is digits, at least."""
CLEAR: Final = 0.22
"""Seconds that the digits of a turn last on the average, at least."""
SHORTEST_TURN: Final = 2
"""Digits of one speaker, at least: a single one is a sound of ordinary speech."""
ALIKE: Final = 0.5
"""Share of the digits of a repetition that may be heard otherwise: many digits are."""
OVERLAP: Final = 0.5
"""Share of a digit that is said while another is: it is the same, on both channels."""


Run = Sequence[Sound]


@dataclass(frozen=True, slots=True)
class _Said(Sound):
    """A sound, and on which channel."""

    channel: int


_Turn = list[_Said]


def together(channels: Sequence[Sequence[Sound]]) -> list[Stretch]:
    """Where card numbers are said by several channels in turn, in order of time.

    ``channels``: what was heard on each, in order of time.
    """
    said = [
        _Said(one.word, one.start, one.end, index)
        for index, channel in enumerate(channels)
        for one in channel
    ]
    said.sort(key=lambda one: (one.start, one.end))
    found = []
    for run in _runs(_alone(said)):
        turns = [turn for turn in _turns(run) if _is_clear(turn)]
        if len({turn[0].channel for turn in turns}) > 1 and _is_number(turns):
            ends = max(one.end for turn in turns for one in turn)
            found.append(Stretch(turns[0][0].start, ends))
    return found


def _runs(heard: Iterable[Sound]) -> Iterator[Run]:
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


def _is_number(turns: Sequence[_Turn]) -> bool:
    """Whether there are digits enough without repetitions, or on one channel alone."""
    every = [one for turn in turns for one in turn]
    each = [
        [one for one in every if one.channel == channel]
        for channel in sorted({one.channel for one in every})
    ]
    return any(is_number(digits) for digits in (_once(turns), *each) if digits)


def _once(turns: Sequence[_Turn]) -> Run:
    """The digits without the turns that repeat what somebody else has just said."""
    left: list[_Said] = []
    for turn in turns:
        before = [one for one in left[-len(turn) :] if one.channel != turn[0].channel]
        if not before or not _is_repeated(before, turn):
            left += turn
    return left


def _is_repeated(before: Run, turn: Run) -> bool:
    tolerated = max(1, int(ALIKE * len(turn)))
    return _distance([one.word for one in before], [one.word for one in turn]) <= tolerated


def _distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Words to be changed, left out or put in (Levenshtein)."""
    row = list(range(len(right) + 1))
    for index, word in enumerate(left):
        above, row = row, [index + 1]
        for place, other in enumerate(right):
            row.append(min(above[place] + (word != other), above[place + 1] + 1, row[-1] + 1))
    return row[-1]


def _alone(said: Sequence[_Said]) -> Iterator[_Said]:
    """Without digits that are heard on two channels at once: one is the other's echo."""
    last: _Said | None = None
    for one in said:
        if one.word:
            echo = last is not None and last.channel != one.channel
            if echo and last and last.end - one.start > OVERLAP * (one.end - one.start):
                continue
            last = one
        yield one


def _turns(run: Run) -> Iterator[_Turn]:
    """Cut where another channel goes on."""
    turn: _Turn = []
    for one in run:
        if not isinstance(one, _Said):
            continue
        if turn and turn[-1].channel != one.channel:
            yield turn
            turn = []
        turn.append(one)
    if turn:
        yield turn


def _is_clear(turn: _Turn) -> bool:
    """Whether it is digits rather than sounds of ordinary speech that pass for them."""
    lasting = sum(one.end - one.start for one in turn)
    long = turn[-1].end - turn[0].start
    return len(turn) >= SHORTEST_TURN and lasting >= DENSE * long and lasting >= CLEAR * len(turn)
