"""From where to where a card number is said that is known to be there: a pure decision.

What was heard at first finds that there is a number (``listen``): it must be strict, or
ordinary speech would be full of them, and so it misses digits. Around a number the same
recording is listened to again, keenly. What both hear says how far the number goes: the
likeliest run of bursts around its middle, with about as many digits as a card has.

Fitted to calls put together from some speakers, tried on others: docs/measured.md.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from callward.cards.grammar import Sound
from callward.cards.listen import Burst, Stretch, bursts, digits_of, hesitation, odds

REACH: Final = 12.0
"""Seconds before and after what was found in which more of it is looked for."""
PAUSE: Final = 1.5
"""Seconds of silence between it and more of it, at most."""
KEENLY: Final = 0.7
"""Weight of what is heard the second time, against the first."""
PASSING: Final = 1.0
"""What every burst must be likelier than not by: other speech passes for digits, heard so."""
FEWEST: Final = 15
MOST: Final = 18
"""Digits that are heard of a card number, the sounds that pass for one among them ..."""
LACKING: Final = 1.0
"""... what each that lacks says against a run (log odds) ..."""
BEYOND: Final = 2.0
"""... and each beyond: another one is heard within a long digit now and then."""
_EDGE: Final = 0.05


def extent(heard: Sequence[Sound], again: Sequence[Sound], found: Stretch) -> Stretch:
    """How far the number ``found`` among what was ``heard`` goes, heard ``again`` keenly.

    Both of one channel, in order of time.
    """
    near: Sequence[Burst] = [
        burst
        for burst in bursts(heard)
        if burst[-1].end >= found.start - REACH and burst[0].start <= found.end + REACH
    ]
    inside = [
        index
        for index, burst in enumerate(near)
        if found.start <= burst[0].start and burst[-1].end <= found.end
    ]
    if not inside:
        return found
    near, start = _without_gaps(near, inside[0], inside[-1])
    first, last = _likeliest(near, again, inside[(len(inside) - 1) // 2] - start)
    return Stretch(near[first][0].start, near[last][-1].end)


def _without_gaps(every: Sequence[Burst], first: int, last: int) -> tuple[Sequence[Burst], int]:
    """What is around bursts ``first`` to ``last`` without a long pause, and where it begins."""
    while first and every[first][0].start - every[first - 1][-1].end <= PAUSE:
        first -= 1
    while last + 1 < len(every) and every[last + 1][0].start - every[last][-1].end <= PAUSE:
        last += 1
    return every[first : last + 1], first


def _likeliest(every: Sequence[Burst], again: Sequence[Sound], middle: int) -> tuple[int, int]:
    """First and last burst of the likeliest run with ``middle`` in it."""
    pauses = [0.0] + [
        hesitation(burst[0].start - every[index][-1].end) for index, burst in enumerate(every[1:])
    ]
    said = [_odds(burst, again) for burst in every]
    until = [0.0, *accumulate(one - pause for one, pause in zip(said, pauses, strict=True))]
    digits = [0, *accumulate(len(digits_of(burst)) for burst in every)]

    def likely(run: tuple[int, int]) -> float:
        first, last = run
        count = digits[last + 1] - digits[first]
        unusual = LACKING * max(0, FEWEST - count) + BEYOND * max(0, count - MOST)
        # The pause in front of it is none of its own.
        return until[last + 1] - until[first] + pauses[first] - unusual

    runs = ((first, last) for first in range(middle + 1) for last in range(middle, len(every)))
    return max(runs, key=likely)


def _odds(burst: Burst, again: Sequence[Sound]) -> float:
    """Log odds that a burst is of a number, by what was heard both times."""
    start, end = burst[0].start - _EDGE, burst[-1].end + _EDGE
    keenly = [one for one in again if one.start >= start and one.end <= end]
    both = (1 - KEENLY) * odds(burst) + KEENLY * odds(keenly) if keenly else odds(burst)
    return both - PASSING
