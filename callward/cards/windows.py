"""Which atoms of a chain are a card number: grouping, issuer, check digit, surroundings."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from callward.cards import luhn
from callward.cards.atoms import FILLER, LINE, LOOSE, MESSAGE, Atom
from callward.cards.refute import labelled, other
from callward.cards.schemes import LONGEST, SHORTEST, issued

_LENGTHS: Final = (16, 15, 14, 19, 18, 17, 13, 12)
"""In this order a prefix of a chain is tried: the usual lengths first."""
_USUAL = frozenset({15, 16, 19})
_LONG_CHAIN: Final = 96
"""Atoms; a longer chain is a table, and only groups of four are looked for in it."""
_GLUED: Final = 24
"""Digits of a number with expiry date and code stuck to it, at most."""
_TAIL: Final = 11
"""Digits that may follow a number at most: expiry (8) and code (3)."""
_HEAD: Final = 4

_CARD = re.compile(
    r"card|visa|master|amex|american express|maestro|union ?pay|diners|discover|\bjcb\b|\bpan\b"
    r"|\bcc\b|\bcv[vc]|\bexp\b|expir|valid thru|cart[ae]|tarjeta|kart[ea]|kaart|long number|rupay"
    r"|\bmir\b|\belo\b|\btroy\b|\bverve\b|\buatp\b|debit|credit"
)
_GROUPINGS = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1), (4, 4, 4, 2), (4, 4, 4, 3), (4, 3, 3, 3),
     (4, 4, 5), (4, 5, 6), (6, 13), (6, 10), (8, 8), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2),
     (4, 4, 4, 4, 3), (5, 5, 5), (4, 4, 8), (8, 4, 4), (4, 8, 4), (4, 12), (12, 4),
     (6, 6, 4), (6, 6, 7), (6, 4, 5), (4, 4, 4, 6), (4, 4, 4, 5), (4, 4, 4, 7)}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A card number: the atoms from ``first`` up to ``last`` of a chain, and its scheme."""

    first: int
    last: int
    scheme: str


class Chain:
    """The atoms of one reading of a chain, in the plain text they stand in."""

    def __init__(self, plain: str, atoms: list[Atom], *, carded: bool) -> None:
        self.atoms = atoms
        self._plain = plain
        self._carded = carded

    @cached_property
    def _context(self) -> bool:
        """Whether words about cards stand near the chain."""
        start, end = self.atoms[0].start, self.atoms[-1].end
        return (
            self._carded
            or _CARD.search(self._plain, max(0, start - 90), start) is not None
            or _CARD.search(self._plain, end, end + 60) is not None
        )

    def numbers(self) -> list[Found]:
        """Every card number, in order, none overlapping."""
        if sum(len(atom.digits) for atom in self.atoms) < SHORTEST:
            return []
        if any(LONGEST <= len(atom.digits) <= _GLUED for atom in self.atoms) and self._context:
            self.atoms = [part for atom in self.atoms for part in _unglued(atom)]
        found: list[Found] = []
        for first, last in self._rests(self._unbroken(found)):
            lines = self._segments(first, last)
            inside = [item for part in lines for item in self._in_segment(*part)]
            if not inside and len(lines) > 1:
                inside = self._over_lines(lines)
            found += inside
        return sorted(found, key=lambda item: item.first)

    def _unbroken(self, found: list[Found]) -> list[Found]:
        for place, atom in enumerate(self.atoms):
            if len(atom.digits) >= SHORTEST:
                scheme = self._accepted(place, place + 1)
                if scheme:
                    found.append(Found(place, place + 1, scheme))
        return list(found)

    def _rests(self, taken: list[Found]) -> list[tuple[int, int]]:
        """What is left between the numbers already found and digits too many for one."""
        walls = {item.first for item in taken}
        walls |= {place for place, atom in enumerate(self.atoms) if len(atom.digits) > LONGEST}
        rests, first = [], 0
        for place in [*sorted(walls), len(self.atoms)]:
            if place - first > 1:
                rests.append((first, place))
            first = place + 1
        return rests

    def _segments(self, first: int, last: int) -> list[tuple[int, int]]:
        cuts = [place for place in range(first + 1, last) if self.atoms[place].gap & LINE]
        return list(zip([first, *cuts], [*cuts, last], strict=True))

    def _in_segment(self, first: int, last: int) -> list[Found]:
        """Card numbers among atoms of one line: the whole of it, or from left to right."""
        if last - first < 2 or self._digits(first, last) < SHORTEST:  # noqa: PLR2004 - one is done
            return []
        if last - first > _LONG_CHAIN:
            return self._tiles(first, last)
        scheme = self._accepted(first, last, whole=True)
        if scheme:
            return [Found(first, last, scheme)]
        found: list[Found] = []
        place = first
        while place < last:
            item = self._at(place, first, last)
            if item:
                found.append(item)
            place = item.last if item else place + 1
        return found

    def _over_lines(self, lines: list[tuple[int, int]]) -> list[Found]:
        """Numbers that go over lines or messages, where no line holds one of its own."""
        short = [(low, high) for low, high in lines if self._digits(low, high) <= LONGEST]
        first, last = lines[0][0], lines[-1][1]
        if len(short) < len(lines) or last - first > _LONG_CHAIN:
            return []
        return self._in_segment(first, last)

    def _digits(self, first: int, last: int) -> int:
        total = 0
        for atom in self.atoms[first:last]:
            total += len(atom.digits)
            if total > _LONG_CHAIN:
                break
        return total

    def _at(self, place: int, first: int, last: int) -> Found | None:
        """The best number beginning at a place of the segment ``first`` to ``last``."""
        ends: dict[int, int] = {}
        digits = ""
        for end in range(place, last):
            digits += self.atoms[end].digits
            if len(digits) > LONGEST:
                break
            ends[len(digits)] = end + 1
        for length in _LENGTHS:
            end = ends.get(length, 0)
            if end > place + 1 and self._possible(digits[:length]):
                scheme = self._accepted(place, end)
                if scheme and self._stands_out(place, end, first, last):
                    return Found(place, end, scheme)
        return None

    def _possible(self, digits: str) -> bool:
        """Whether digits could be a number at all, by issuer and check digit."""
        issuer = issued(digits)
        return issuer is not None and (issuer.unchecked or luhn.valid(digits))

    def _tiles(self, first: int, last: int) -> list[Found]:
        """Numbers in fours, one after the other, from the beginning of a long row."""
        found: list[Found] = []
        for place in range(first, last - 3, 4):
            scheme = self._accepted(place, place + 4)
            if not scheme:
                break
            found.append(Found(place, place + 4, scheme))
        return found if len(found) > 1 else []

    def _stands_out(self, start: int, end: int, first: int, last: int) -> bool:
        """Whether a window is more than a piece of a row of numbers like itself."""
        if self._context and not self.atoms[start].spoken:
            return True
        before = sum(len(atom.digits) for atom in self.atoms[first:start])
        after = sum(len(atom.digits) for atom in self.atoms[end:last])
        size = max(len(atom.digits) for atom in self.atoms[start:end])
        spoken = any(atom.spoken for atom in self.atoms[start:end])
        if not spoken and 1 < size < 4:  # noqa: PLR2004 - pairs and threes
            return start == first and end + 2 >= last and after <= _HEAD
        if spoken or size == 1:
            most = _LONG_CHAIN if self._context else _TAIL
            return (start == first and after <= most) or (end == last and before <= _HEAD)
        like = [
            atom
            for atom in (*self.atoms[first:start][-1:], *self.atoms[end:last][:1])
            if len(atom.digits) == size
        ]
        return not like or (before + after == size == end - start) or self._in_fours(first, last)

    def _in_fours(self, first: int, last: int) -> bool:
        """Whether a line is nothing but whole numbers in fours."""
        sizes = {len(atom.digits) for atom in self.atoms[first:last]}
        return (
            sizes == {4}
            and (last - first) % 4 == 0
            and all(
                luhn.valid("".join(atom.digits for atom in self.atoms[place : place + 4]))
                for place in range(first, last, 4)
            )
        )

    def _accepted(self, first: int, last: int, *, whole: bool = False) -> str:
        """The scheme of the window if it is a card number, else nothing."""
        window = self.atoms[first:last]
        digits = "".join(atom.digits for atom in window) if last - first > 1 else window[0].digits
        issuer = issued(digits) if SHORTEST <= len(digits) <= LONGEST else None
        if issuer is None:
            return ""
        checked = luhn.valid(digits)
        if not checked and not (issuer.unchecked and self._context):
            return ""
        doubtful = issuer.weak or len(digits) == SHORTEST
        if doubtful and not self._believed(window, len(digits), whole=whole):
            return ""
        if last - first > 1 and not self._grouped(window, len(digits), whole=whole, weak=doubtful):
            return ""
        return "" if other(self._plain, window, digits) else issuer.scheme

    def _believed(self, window: Sequence[Atom], length: int, *, whole: bool) -> bool:
        """Whether nothing but words about cards speaks of a number of a doubtful kind."""
        if self._context:
            return True
        if any(atom.spoken for atom in window) and not whole:
            return False
        return length > SHORTEST and not labelled(self._plain, window[0].start)

    def _grouped(self, window: Sequence[Atom], length: int, *, whole: bool, weak: bool) -> bool:
        """Whether the digits are grouped as people group the digits of a card."""
        if any(atom.spoken for atom in window):
            return True
        sizes = tuple(len(atom.digits) for atom in window)
        size = sizes[0]
        even = len(set(sizes[:-1])) == 1 and sizes[-1] <= size
        if even and size in {2, 3} and len(window) < len(self.atoms) and not self._context:
            return False
        if sizes in _GROUPINGS or (even and (size < 5 or whole) and length > SHORTEST):  # noqa: PLR2004 - 5 and more
            return self._plainly_joined(window) or whole or self._context
        if not whole and not self._context:
            return False
        if length == SHORTEST or len(set(sizes)) == 1:
            return sizes == (4, 4, 4)
        singles = sizes.count(1) * 10 >= len(sizes) * 7
        few = len(sizes) <= 3 and min(sizes) > 1  # noqa: PLR2004 - a break or two
        return (self._context or (length in _USUAL and not weak)) and (singles or few)

    def _plainly_joined(self, window: Sequence[Atom]) -> bool:
        return not any(atom.gap & (LOOSE | FILLER | MESSAGE) for atom in window[1:])


_STUCK = re.compile(r"(?P<expiry>(?:0[1-9]|1[0-2])(?:20)?[2-4][0-9])?(?P<code>[0-9]{3})?")


def _unglued(atom: Atom) -> list[Atom]:
    """A number with its expiry date and code stuck to it, taken apart; else as it is."""
    digits = atom.digits
    if atom.spoken or atom.end - atom.start != len(digits) or not LONGEST <= len(digits) <= _GLUED:
        return [atom]
    if len(digits) == LONGEST and issued(digits) and luhn.valid(digits):
        return [atom]
    for length in (16, 15):
        stuck = _STUCK.fullmatch(digits, length)
        if stuck and issued(digits[:length]) and luhn.valid(digits[:length]):
            cuts = [0, length, *([stuck.end("expiry")] if stuck["expiry"] else []), len(digits)]
            return [
                Atom(digits[low:high], atom.start + low, atom.start + high, spoken=False, gap=0)
                for low, high in itertools.pairwise(cuts)
                if high > low
            ]
    return [atom]
