"""Which of the sounds heard are a card number: a pure decision about one channel.

The recogniser hears many digits wrong, so what they are is not asked (no Luhn). What is
said is taken apart into bursts, speech between pauses. Each speaks for or against a
number by how much of it was heard as digits, and how long those are: sounds of ordinary
speech that pass for digits are short, and other speech lies between them. A chain of
bursts that are likelier a number than not, with digits enough, is one; it begins and
ends where bursts do, so that a digit heard wrong at either end belongs to it and speech
after a pause does not. A group heard wrong parts a number in two chains; they are one.
A UK telephone number has 11 digits and starts with a zero, as no card does.

The figures were fitted by random search to calls put together from some speakers, and
chosen in the end by hand with those of others beside them: expect worse on a voice nobody
has tried (tests/benchmarks/digits.py, docs/measured.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from callward.cards.grammar import Sound

SHORTEST_DIGIT: Final = 0.08
"""Seconds; what is shorter counts as other speech."""
BREATH: Final = 0.25
"""Seconds of silence between two bursts, at least."""
LONGEST_BURST: Final = 3.0
"""Seconds; longer ones are cut, or a number in the midst of a sentence would be lost."""

DIGIT: Final = 8.0
"""What a second of digits says for a number (log odds, as all up to ``ENTER``)."""
OTHER: Final = 2.5
"""What a second of other speech says against it."""
LENGTH: Final = 22.0
"""For each second that the burst's digits last on the average, by their share of it ..."""
COUNT: Final = 1.5
"""... and against each of them: so many short ones are ordinary speech."""
MOST: Final = 11.0
"""What one burst can say at most, for or against."""
ENTER: Final = 5.2
"""How much likelier a chain must be than none."""

PAUSE: Final = 2.0
"""Seconds of silence within a number, at most."""
READILY: Final = 0.4
"""Seconds of pause that say nothing ..."""
HESITATION: Final = 6.5
"""... and what each further second says against going on, ``ENTER`` at most."""

CERTAIN: Final = 15
"""So many digits heard are a number, whatever they are."""
ENOUGH: Final = 8
"""So many are, if they last ``LONG_ENOUGH`` and it is no telephone number."""
LONG_ENOUGH: Final = 2.7
TRUNK: Final = frozenset({"zero", "oh"})
"""What a telephone number begins with ..."""
FIRM: Final = 0.3
"""... unless a digit of so many seconds goes before: no sound of the speech ahead of it."""

APART: Final = 4.0
"""Seconds between two chains that are one number, at most: a group heard wrong ..."""
BOTH: Final = 10
"""... if they have so many digits together ..."""
BOTH_LONG: Final = 3.5
"""... that last so long."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds ``start`` to ``end`` of a recording."""

    start: float
    end: float


Burst = Sequence[Sound]


@dataclass(frozen=True, slots=True)
class _Path:
    """The best reading so far: how likely it is, the chains in it, where the last began."""

    odds: float
    chains: tuple[tuple[int, int], ...] = ()
    first: int = 0

    def left(self, index: int) -> "_Path":
        """The same, its last chain ended before burst ``index``."""
        return _Path(self.odds, (*self.chains, (self.first, index)))


def numbers(heard: Iterable[Sound]) -> list[Stretch]:
    """Where card numbers are said among what was heard in one channel, in order of time."""
    every = bursts(heard)
    chains = [every[first:after] for first, after in _chains(every)]
    found: list[Stretch] = []
    for index, chain in enumerate(chains):
        start = chain[0][0].start
        if found and start < found[-1].end:
            continue  # it is the second half of what was found
        if is_number(_said(chain)):
            found.append(Stretch(start, chain[-1][-1].end))
        elif chains[index + 1 :] and _are_one(chain, chains[index + 1]):
            found.append(Stretch(start, chains[index + 1][-1][-1].end))
    return found


def is_number(digits: Sequence[Sound]) -> bool:
    """Whether so many digits in a chain are a card number."""
    if len(digits) >= CERTAIN:
        return True
    if len(digits) < ENOUGH or _lasting(digits) < LONG_ENOUGH:
        return False
    return not _is_telephone(digits)


def _is_telephone(digits: Sequence[Sound]) -> bool:
    if len(digits) > 1 and digits[0].end - digits[0].start < FIRM and digits[1].word in TRUNK:
        return True
    return bool(digits) and digits[0].word in TRUNK


def _are_one(chain: Sequence[Burst], follower: Sequence[Burst]) -> bool:
    """Whether two chains that are none are one number, something between them heard wrong."""
    first, second = _said(chain), _said(follower)
    return (
        follower[0][0].start - chain[-1][-1].end <= APART
        and len(first) + len(second) >= BOTH
        and _lasting([*first, *second]) >= BOTH_LONG
        and not _is_telephone(first)
        and not _is_telephone(second)
    )


def bursts(heard: Iterable[Sound]) -> Sequence[Burst]:
    """Speech between pauses, at most ``LONGEST_BURST`` long unless it is one sound."""
    every: list[list[Sound]] = []
    for one in heard:
        last = every[-1] if every else None
        if last and one.start - last[-1].end <= BREATH and one.end - last[0].start <= LONGEST_BURST:
            last.append(one)
        else:
            every.append([one])
    return every


def odds(burst: Burst) -> float:
    """Log odds that a burst is of a number, for itself."""
    digits = digits_of(burst)
    lasting = _lasting(digits)
    long = burst[-1].end - burst[0].start
    each = lasting / len(digits) * lasting / long if digits else 0.0
    said = DIGIT * lasting - OTHER * (long - lasting) + LENGTH * each - COUNT * len(digits)
    return max(-MOST, min(MOST, said))


def _chains(every: Sequence[Burst]) -> tuple[tuple[int, int], ...]:
    """The likeliest chains of bursts, first and one past the last (a Viterbi search)."""
    outside, inside = _Path(0.0), _Path(float("-inf"))
    for index, burst in enumerate(every):
        pause = burst[0].start - every[index - 1][-1].end if index else 0.0
        going_on = inside.odds - (hesitation(pause) if pause <= PAUSE else float("inf"))
        outside = max(outside, inside.left(index), key=lambda path: path.odds)
        fresh = outside.odds - ENTER
        if going_on >= fresh:
            inside = _Path(going_on + odds(burst), inside.chains, inside.first)
        else:
            inside = _Path(fresh + odds(burst), outside.chains, index)
    return max(outside, inside.left(len(every)), key=lambda path: path.odds).chains


def hesitation(pause: float) -> float:
    """What a pause says against its being within a number."""
    return min(ENTER, HESITATION * max(0.0, pause - READILY))


def _said(chain: Iterable[Burst]) -> list[Sound]:
    return digits_of(one for burst in chain for one in burst)


def digits_of(sounds: Iterable[Sound]) -> list[Sound]:
    """Those that were heard as digits and are long enough for one."""
    return [one for one in sounds if one.word and one.end - one.start >= SHORTEST_DIGIT]


def _lasting(digits: Iterable[Sound]) -> float:
    return sum(one.end - one.start for one in digits)
