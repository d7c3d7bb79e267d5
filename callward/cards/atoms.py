"""Plain text cut into chains of atoms: digits as written or as spoken, in order.

A chain goes on over whatever may stand between the digits of one number: blanks, dashes,
line ends, ends of messages, words people say while they read out. Anything else ends it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from callward.cards.dress import BREAK, GLUE, PAD, VEIL
from callward.cards.words import FILLERS, HOMOPHONES, SCALES, TEENS, TENS, TIMES, UNITS

TIGHT, LOOSE, LINE, MESSAGE, FILLER = 0, 1, 2, 4, 8
"""What lies between an atom and the one before it, as bits."""
_STOP: Final = -1
_MOST_FILLERS: Final = 8
_FIRST_SIX, _LAST_FOUR = 6, 4

_TOKEN = re.compile(
    rf"(?P<digits>[0-9](?:[{PAD}{GLUE}]*[0-9])*{PAD}*)|(?P<word>[a-z]+(?:'[a-z]+)?)"
    rf"|(?P<veil>{VEIL})|[^0-9a-z{VEIL}]+"
)
_UNSEEN = str.maketrans("", "", PAD + GLUE)
_BETWEEN = re.compile(r"[\s\-._/,;:|\"'()\[\]*~\\+>#=" + BREAK + "]*")
_LOOSE = re.compile(r"[,;:|\"'()\[\]*~\\+#=]")
_MOST_SIGNS: Final = 6


@dataclass(frozen=True, slots=True)
class Item:
    """One token of a number: ``kind`` is digits, unit, teen, ten, scale, times or heard."""

    kind: str
    value: str
    start: int
    end: int
    gap: int


@dataclass(frozen=True, slots=True)
class Atom:
    """Digits that stand or fall together as written; ``spoken`` if said in words."""

    digits: str
    start: int
    end: int
    spoken: bool
    gap: int


def _vocabulary() -> dict[str, tuple[str, str]]:
    words = {word: ("heard", str(value)) for word, value in HOMOPHONES.items()}
    words |= {word: ("times", str(value)) for word, value in TIMES.items()}
    words |= {word: ("scale", "0" * value) for word, value in SCALES.items()}
    words |= {word: ("ten", str(value)) for word, value in TENS.items()}
    words |= {word: ("teen", str(value)) for word, value in TEENS.items()}
    return words | {word: ("unit", str(value)) for word, value in UNITS.items()}


_WORDS = _vocabulary()


def chains(plain: str) -> list[list[Item]]:
    """The chains of a plain text; digits beside the marks of masking are left out."""
    return [chain for chain in _Reader().read(plain) if chain]


class _Reader:
    """One pass over the tokens of a plain text."""

    def __init__(self) -> None:
        self._chain: list[Item] = []
        self._gap = TIGHT
        self._fillers = 0
        self._veils = 0
        self._spent = 0

    def read(self, plain: str) -> Iterator[list[Item]]:
        for token in _TOKEN.finditer(plain):
            kind = token.lastgroup
            if kind == "digits":
                self._add(Item("digits", token[0].translate(_UNSEEN), *token.span(), self._gap))
            elif kind == "word":
                if not self._word(token):
                    yield self._ended()
            elif kind == "veil":
                if self._chain:
                    yield self._ended(veiled=True)
                self._veils += 1
            else:
                gap = _between(token[0])
                if gap == _STOP:
                    yield self._ended()
                else:
                    self._gap |= gap
        yield self._ended()

    def _word(self, token: re.Match[str]) -> bool:
        """Take a word into the chain, or say that it ends it."""
        word = token[0]
        known = _WORDS.get(word)
        if known is not None and (self._chain or known[0] not in {"heard", "scale"}):
            self._add(Item(*known, *token.span(), self._gap))
            return True
        if word in FILLERS and self._chain:
            self._gap |= FILLER
            self._fillers += 1
            return self._fillers <= _MOST_FILLERS
        return False

    def _add(self, item: Item) -> None:
        if self._veils > 1 and not self._chain:
            self._spent = _LAST_FOUR
        self._veils = 0
        self._gap, self._fillers = TIGHT, 0
        if self._spent > 0:
            self._spent -= len(item.value)
            return
        self._chain.append(item)

    def _ended(self, *, veiled: bool = False) -> list[Item]:
        chain, self._chain = self._chain, []
        self._gap, self._fillers, self._spent = TIGHT, 0, 0
        if veiled:
            left = _FIRST_SIX
            while chain and left > 0 and len(chain[-1].value) <= _FIRST_SIX:
                left -= len(chain.pop().value)
        else:
            self._veils = 0
        while chain and chain[-1].kind == "heard":
            chain.pop()
        return chain


@lru_cache(maxsize=4096)
def _between(signs: str) -> int:
    """The bits of what stands between two tokens, or that it ends the chain."""
    signs = signs.translate(_UNSEEN)
    bare = signs.strip()
    if len(bare) > _MOST_SIGNS + 2 * signs.count("\n") or not _BETWEEN.fullmatch(signs):
        return _STOP
    if ">" in signs and "\n" not in signs:
        return _STOP
    if "+" in signs and signs != "+":
        return _STOP
    found = LOOSE if _LOOSE.search(signs) else TIGHT
    found |= LINE if "\n" in signs or "\r" in signs or BREAK in signs else TIGHT
    return found | (MESSAGE if BREAK in signs else TIGHT)


def readings(chain: list[Item]) -> list[list[Atom]]:
    """The ways to understand a chain: as it stands, and where words leave it open, others.

    "Forty-one hundred eleven" may be 4100 11 or 4111; "for" may be 4 or nothing.
    """
    kinds = {item.kind for item in chain}
    found = [_combined(chain, additive=False)]
    if "scale" in kinds:
        found.append(_combined(chain, additive=True))
    if "heard" in kinds:
        silent = [item for item in chain if item.kind != "heard"]
        found += [_combined(silent, additive=False)]
        if "scale" in kinds:
            found.append(_combined(silent, additive=True))
    return found


def _combined(chain: list[Item], *, additive: bool) -> list[Atom]:
    atoms: list[Atom] = []
    place = 0
    while place < len(chain):
        item = chain[place]
        if item.kind == "digits" and not _scaled(chain, place + 1):
            atoms.append(Atom(item.value, item.start, item.end, spoken=False, gap=item.gap))
            place += 1
            continue
        value, after = _phrase(chain, place, additive=additive)
        if value:
            last = chain[after - 1]
            atoms.append(Atom(value, item.start, last.end, spoken=True, gap=item.gap))
        place = after
    return atoms


def _scaled(chain: list[Item], place: int) -> bool:
    return place < len(chain) and chain[place].kind == "scale" and not chain[place].gap & LINE


def _phrase(chain: list[Item], place: int, *, additive: bool) -> tuple[str, int]:
    """The digits of the spoken number at a place, and the place after it."""
    if chain[place].kind == "times":
        if place + 1 == len(chain):
            return "", place + 1
        following = chain[place + 1]
        times = int(chain[place].value)
        if following.kind in {"unit", "heard"} or len(following.value) == 1:
            return following.value * times, place + 2
        return "", place + 1
    value, after = _below_hundred(chain, place)
    total = 0
    scaled = False
    while _scaled(chain, after):
        value += chain[after].value
        scaled = True
        after += 1
        if not additive or after == len(chain) or chain[after].gap & LINE:
            break
        if chain[after].kind not in {"unit", "teen", "ten"}:
            break
        more, then = _below_hundred(chain, after)
        if len(more) >= len(chain[after - 1].value) + (not _scaled(chain, then)):
            break
        total += int(value)
        value, after = more, then
    return (str(total + int(value)) if scaled and total else value), after


def _below_hundred(chain: list[Item], place: int) -> tuple[str, int]:
    item = chain[place]
    after = place + 1
    if (
        item.kind == "ten"
        and after < len(chain)
        and chain[after].kind == "unit"
        and chain[after].value != "0"
        and chain[after].gap == TIGHT
    ):
        return item.value[0] + chain[after].value, after + 1
    return item.value, after
