"""Texts that follow each other, read in several ways: straight on, without repeats, by speaker.

A number told group by group is often told twice: by the one who reads it back, or again
because it was not heard. Each way to read is a ``View``: some of the texts, joined.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from callward.cards.dress import BREAK, digits_plain
from callward.cards.schemes import SHORTEST
from callward.cards.words import SPOKEN, TENS, TIMES, UNITS

_BETWEEN: Final = 80
"""Characters of a message that may stand between the parts of one number."""
_APART: Final = 320
"""Characters that may be passed over between two parts of one number."""
_TWICE: Final = 2
_MOST_SPEAKERS: Final = 8
_LONGEST_GROUP: Final = 40
"""Digits of one text that may be another's repeat."""
_SENTENCE: Final = 3
"""Words; of a sentence not one in so many is a digit that is dictated."""
_DIGIT = re.compile("[0-9]")
_TOKEN = re.compile("[0-9]+|[a-z]+")
_DIGIT_OR_WORD = re.compile(r"[0-9]|[a-z]+")
_ASKS = re.compile(
    r"(?i)exp|valid|thru|cv|secur|code|back|sort|account|phone|mobile|order|postcode"
)
Piece = tuple[int, int, int]
"""A text's place in its sequence, and from where to where in that text."""


@dataclass(frozen=True, slots=True)
class View:
    """Some of the texts, joined. ``repeats``: texts left out, and those that they repeat."""

    texts: Sequence[str]
    order: Sequence[int]
    repeats: Mapping[int, Collection[int]] = field(default_factory=dict)

    def joined(self) -> str:
        """What is read."""
        return BREAK.join([self.texts[place] for place in self.order])

    def starts(self) -> list[int]:
        """Where each of the texts begins."""
        sizes = (len(self.texts[place]) + len(BREAK) for place in self.order)
        return list(accumulate(sizes, initial=0))[:-1]

    def pieces(self, starts: Sequence[int], start: int, end: int) -> Iterator[Piece]:
        """The parts of texts that a part of the joined text is made of."""
        at = bisect_right(starts, start) - 1
        while at < len(starts) and starts[at] < end:
            text = self.order[at]
            low, high = max(start - starts[at], 0), min(end - starts[at], len(self.texts[text]))
            if low < high:
                yield text, low, high
            at += 1


def views(texts: Sequence[str], speakers: Sequence[Hashable] = ()) -> Iterator[View]:
    """The ways to read the texts; ``speakers`` names who said each, where it is known."""
    said = [_said(text) for text in texts]
    held = [place for place, digits in enumerate(said) if digits]
    everything = range(len(texts))
    yield View(texts, everything)
    if len(held) < _TWICE or sum(len(said[place]) for place in held) < SHORTEST:
        return
    if len(held) < len(texts):
        yield View(texts, _near(texts, everything, lambda place: _kept(texts, said, place)))
    spoken = {place for place in held if _in_passing(texts[place])}
    if spoken:
        said = ["" if place in spoken else digits for place, digits in enumerate(said)]
        held = [place for place, digits in enumerate(said) if digits]
        yield View(texts, _near(texts, everything, lambda place: _kept(texts, said, place)))
    yield from _unrepeated(texts, said, held, everything)
    if len(set(speakers)) > 1:
        yield from _of_speakers(texts, said, held, speakers)


def digits_of(text: str) -> Iterator[tuple[int, int]]:
    """Where a text's digits and number words stand."""
    for found in _DIGIT_OR_WORD.finditer(digits_plain(text).lower()):
        if found[0].isdigit() or found[0] in SPOKEN:
            yield found.span()


def _said(text: str) -> str:
    """The digits of a text, written or spoken, as far as is needed to know them again."""
    small = digits_plain(text).lower()
    if len(small) != len(text):
        small = digits_plain(text)
    said, times = [], 1
    for token in _TOKEN.findall(small):
        if token in TIMES:
            times = TIMES[token]
        elif token.isdigit():
            said.append(token)
        elif token in SPOKEN:
            value = UNITS.get(token, TENS.get(token))
            said.append((str(value) if value is not None else token) * times)
            times = 1
    return "".join(said) or ("2" if times > 1 else "")


def _in_passing(text: str) -> bool:
    """Whether a text has a number word as sentences do ("it is a long one")."""
    small = digits_plain(text).lower()
    words = _TOKEN.findall(small)
    spoken = sum(map(SPOKEN.__contains__, words))
    return len(words) > _SENTENCE and spoken * _SENTENCE < len(words) and not _DIGIT.search(small)


def _kept(texts: Sequence[str], said: Sequence[str], place: int) -> bool:
    text = texts[place]
    return bool(said[place]) or len(text) > _BETWEEN or _ASKS.search(text) is not None


def _near(
    texts: Sequence[str], places: Sequence[int], kept: Callable[[int], bool]
) -> Sequence[int]:
    """The places that are kept, and those between that are too much to be passed over."""
    order: list[int] = []
    passed: list[int] = []
    size = 0
    for place in places:
        if not kept(place):
            passed.append(place)
            size += len(texts[place])
            continue
        if size > _APART:
            order += passed
        order.append(place)
        passed, size = [], 0
    return order


def _unrepeated(
    texts: Sequence[str], said: Sequence[str], held: Sequence[int], places: Sequence[int]
) -> Iterator[View]:
    """Without what is said again: each thing once over, and as often as it is."""
    seen: list[Mapping[int, Collection[int]]] = []
    for repeats in (_pairs(said, held), _again(said, held)):
        if repeats and repeats not in seen:
            seen.append(repeats)
            left = [place for place in places if place not in repeats]
            order = _near(texts, left, lambda place: _kept(texts, said, place))
            yield View(texts, order, repeats)


def _pairs(said: Sequence[str], held: Sequence[int]) -> dict[int, Collection[int]]:
    """Every text that repeats the one before, which is itself no repeat."""
    repeats: dict[int, Collection[int]] = {}
    last = -1
    for place in held:
        if last >= 0 and said[place] == said[last]:
            repeats[place] = (last,)
            last = -1
        else:
            last = place
    return repeats


def _again(said: Sequence[str], held: Sequence[int]) -> dict[int, Collection[int]]:
    """Every text whose digits are those that were said last, over however many texts."""
    repeats: dict[int, Collection[int]] = {}
    kept: list[int] = []
    for place in held:
        tail = _tail(said, kept, said[place])
        if tail:
            repeats[place] = tail
        else:
            kept.append(place)
    return repeats


def _tail(said: Sequence[str], kept: Sequence[int], digits: str) -> tuple[int, ...]:
    """The last texts kept, if together they say just these digits."""
    left = digits if len(digits) <= _LONGEST_GROUP else ""
    for count, place in enumerate(reversed(kept), start=1):
        if not left.endswith(said[place]):
            return ()
        left = left[: -len(said[place])]
        if not left:
            return tuple(kept[-count:])
    return ()


def _of_speakers(
    texts: Sequence[str], said: Sequence[str], held: Sequence[int], speakers: Sequence[Hashable]
) -> Iterator[View]:
    """What each one says with digits, and what is asked, which names what is told."""
    own: dict[Hashable, list[int]] = {}
    for place in held:
        own.setdefault(speakers[place], []).append(place)
    several = [(who, places) for who, places in own.items() if len(places) > 1]
    for who, places in several:
        if len(several) <= _MOST_SPEAKERS:
            heard = [
                place for place in range(len(said)) if not said[place] or speakers[place] == who
            ]
        else:
            heard = places
        yield View(texts, _near(texts, heard, lambda place: _kept(texts, said, place)))
        yield from _unrepeated(texts, said, places, heard)
