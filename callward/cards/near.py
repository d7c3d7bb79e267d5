"""Expiry dates and security codes: by a label before them, or right behind a number."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from callward.cards.atoms import Atom
from callward.cards.dress import GLUE, PAD, VEIL

Companion = tuple[tuple[Atom, ...], Literal["expiry", "code"]]

_REACH: Final = 56
_BEHIND: Final = 16
_AMEX: Final = "american-express"
_FIRST_YEAR, _LAST_YEAR = 15, 49
_TRACK_DIGITS: Final = 7

_CODE = re.compile(
    r"\bcv[vc]|\bcvn\b|\bcv2|\bcsc\b|(?<!social )security (?:code|number|digits|value)"
    r"|signature strip"
    r"|(?:three|four|3|4)[ -]digits? (?:code|number|security|on|at|from)"
    r"|last (?:three|3) (?:digits )?(?:on|from|at)|back of (?:the|my|your) card|card code"
    r"|(?P<weak>verification (?:code|number|value)|\bcid\b|the back\b)"
)
_EXPIRY = re.compile(
    r"\bexp(?=[^a-z]|date|iry|iration|d\b)(?:iry|iration|d)?(?:date)?|\bvalid ?(?:thru|through)\b"
    r"|\bgood (?:thru|through)\b|\bthru\b"
    r"|(?P<weak>\bexpir(?:es|ing|ed|e)\b|\bvalid ?(?:until|till|to|from)\b|\b(?:end|start) date\b)"
)
_BARE_CODE = re.compile(
    r"(?<![a-z])(?<!promo )(?<!post )(?<!zip )(?<!sort )(?<!area )(?<!discount )(?<!voucher )"
    r"(?<!country )(?<!order )(?<!booking )(?<!error )(?<!access )(?<!dialling )(?<!pin )"
    r"(?<!gift )(?<!refund )(?<!coupon )code(?: is)?\b"
)
_CODE_BEHIND: Final = 96
_CODE_STEMS = (
    "cv", "csc", "secur", "signature", "digit", "last ", "back of", "the back",
    "card code", "verif", "cid",
)  # fmt: skip
_EXPIRY_STEMS = ("exp", "valid", "good th", "thru", "end date", "start date")
_CARD = re.compile(r"card|visa|master|amex|maestro|\bpan\b|debit|credit|\bcv[vc]")
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}\b")
_TURNED = re.compile(r"[^a-z0-9]*(?:(?:is|as|for|was) )?(?:(?:my|the|your|its|a) )?[^a-z0-9]*")
_TRACK = re.compile(r"=|d|\^[^^\n]{2,40}\^")


@dataclass(frozen=True, slots=True)
class Number:
    """A card number found, with its atoms."""

    atoms: tuple[Atom, ...]
    scheme: str


def companions(
    plain: str, chains: Sequence[Sequence[Atom]], numbers: Sequence[Number], *, carded: bool
) -> list[Companion]:
    """The expiry dates and codes in a plain text whose chains of atoms and numbers these are."""
    search = _Search(plain, chains, numbers)
    for number in numbers:
        search.behind(number)
    if numbers and "code" in plain:
        for label in _BARE_CODE.finditer(plain):
            if any(0 <= label.start() - number.atoms[-1].end <= _CODE_BEHIND for number in numbers):
                search.code(label)
    if not any(stem in plain for stem in (*_CODE_STEMS, *_EXPIRY_STEMS)):
        return search.found
    about_card = carded or bool(numbers) or _CARD.search(plain) is not None
    codes = _CODE.finditer(plain) if any(stem in plain for stem in _CODE_STEMS) else ()
    for label in codes:
        if about_card or not label["weak"]:
            search.code(label)
    dates = _EXPIRY.finditer(plain) if any(stem in plain for stem in _EXPIRY_STEMS) else ()
    for label in dates:
        if about_card or not label["weak"]:
            search.expiry(label)
    return search.found


class _Search:
    """The atoms that belong to no number yet, taken one after the other."""

    def __init__(
        self, plain: str, chains: Sequence[Sequence[Atom]], numbers: Sequence[Number]
    ) -> None:
        self.found: list[Companion] = []
        self._plain = plain
        self._atoms = [atom for chain in chains for atom in chain]
        self._chain = [place for place, chain in enumerate(chains) for _ in chain]
        self._starts = [atom.start for atom in self._atoms]
        self._taken = {atom.start for number in numbers for atom in number.atoms}

    def code(self, label: re.Match[str]) -> None:
        """The code a label announces, or that it follows."""
        place = bisect_left(self._starts, label.end())
        if self._within_reach(label, place):
            free = list(self._free(place))
            atoms = _code(free)
            if atoms and not self._goes_on(free[len(atoms) - 1 : len(atoms) + 1]):
                self._take(atoms, "code")
                return
        before = bisect_left(self._starts, label.start()) - 1
        while before > 0 and self._chain[before - 1] == self._chain[before]:
            before -= 1
        if before >= 0:
            atoms = tuple(self._free(before))
            ended = atoms[-1].end if atoms else -1
            between = self._plain[ended : label.start()] if 0 <= ended <= label.start() else "?"
            if sum(len(atom.digits) for atom in atoms) in {3, 4} and _TURNED.fullmatch(between):
                self._take(atoms, "code")

    def expiry(self, label: re.Match[str]) -> None:
        """The date a label announces."""
        place = bisect_left(self._starts, label.end())
        if self._within_reach(label, place):
            between = self._plain[label.end() : self._starts[place]]
            atoms = self._date(place, month=_MONTH.search(between) is not None)
            if atoms:
                self._take(atoms, "expiry")

    def behind(self, number: Number) -> None:
        """What stands right behind a number without a word: date, code, a track's rest."""
        place = bisect_left(self._starts, number.atoms[-1].end)
        if place == len(self._atoms):
            return
        if self._track(number, place) or not self._follows(number.atoms[-1], place):
            return
        month = _MONTH.search(self._plain[number.atoms[-1].end : self._starts[place]])
        date = self._date(place, month=month is not None)
        size = 4 if number.scheme == _AMEX else 3
        if date:
            self._take(date, "expiry")
            place += len(date)
            if place < len(self._atoms) and self._follows(date[-1], place):
                self._take(_code(list(self._free(place)), (size,)), "code")
            return
        rest = tuple(self._free(place))
        same = self._chain[place] == self._chain[place - 1]
        if same and len(rest) == 1 and len(rest[0].digits) == size and self._ends(rest[0]):
            self._take(rest, "code")

    def _within_reach(self, label: re.Match[str], place: int) -> bool:
        """Whether an atom follows a label soon, and nothing masked stands between."""
        if place == len(self._atoms) or self._starts[place] - label.end() > _REACH:
            return False
        marks = self._plain.count(VEIL, label.end(), self._starts[place])
        return marks <= 1

    def _goes_on(self, pair: list[Atom]) -> bool:
        """Whether the first atom is joined to the second by a sign, as in 853-37-1694."""
        return len(pair) > 1 and self._plain[pair[0].end : pair[1].start] in {"-", ".", "/"}

    def _track(self, number: Number, place: int) -> bool:
        between = self._plain[number.atoms[-1].end : self._starts[place]]
        if not _TRACK.fullmatch(between) or len(self._atoms[place].digits) < _TRACK_DIGITS:
            return False
        self._take((self._atoms[place],), "code")
        return True

    def _follows(self, atom: Atom, place: int) -> bool:
        between = self._plain[atom.end : self._starts[place]].replace(PAD, "").replace(GLUE, "")
        return (len(between) <= _BEHIND and not re.search("[a-z]", between)) or (
            len(between) <= _BEHIND and _MONTH.search(between) is not None
        )

    def _ends(self, atom: Atom) -> bool:
        return not re.match(r" ?[a-z%£$€]", self._plain[atom.end : atom.end + 2])

    def _free(self, place: int) -> Iterator[Atom]:
        """The atoms from a place on to the end of its chain or to the next that is taken."""
        chain = self._chain[place]
        while place < len(self._atoms) and self._chain[place] == chain:
            if self._starts[place] in self._taken:
                return
            yield self._atoms[place]
            place += 1

    def _date(self, place: int, *, month: bool) -> tuple[Atom, ...]:
        free = [atom for atom, _ in zip(self._free(place), range(7), strict=False)]
        if month:
            return next((tuple(free[:n]) for n in (1, 2) if _year(_joined(free[:n]))), ())
        best: tuple[Atom, ...] = ()
        for count in range(1, len(free) + 1):
            if _month_and_year(free[:count]):
                best = tuple(free[:count])
        return () if best and self._whole_date(best, free) else best

    def _whole_date(self, date: tuple[Atom, ...], free: list[Atom]) -> bool:
        """Whether a third part joined by the same sign makes it a day, as cards never have."""
        if len(date) + 1 > len(free) or len(date) < 2:  # noqa: PLR2004 - two parts and a third
            return False
        sign = self._plain[date[-1].end : free[len(date)].start]
        size = len(free[len(date)].digits)
        return (
            size in {2, 4}
            and sign in {"/", "-", "."}
            and sign == self._plain[date[0].end : date[1].start]
        )

    def _take(self, atoms: tuple[Atom, ...], kind: Literal["expiry", "code"]) -> None:
        if atoms:
            self._taken.update(atom.start for atom in atoms)
            self.found.append((atoms, kind))


def _joined(atoms: Sequence[Atom]) -> str:
    return "".join(atom.digits for atom in atoms)


def _code(free: list[Atom], sizes: tuple[int, ...] = (3, 4)) -> tuple[Atom, ...]:
    """The three or four digits the atoms begin with."""
    if not free:
        return ()
    if len(free[0].digits) in sizes:
        return (free[0],)
    if len(_joined(free)) in sizes:
        return tuple(free)
    if len(_joined(free[:3])) == 3:  # noqa: PLR2004 - one by one, and something behind them
        return tuple(free[:3])
    return tuple(free[:2]) if len(_joined(free[:2])) in sizes else ()


def _month_and_year(atoms: Sequence[Atom]) -> bool:
    digits = _joined(atoms)
    if len(digits) not in {3, 4, 5, 6} or len(atoms[0].digits) == 3:  # noqa: PLR2004 - no month
        return False
    if len(digits) == 6 and digits[:2] == "20" and _month(digits[4:]):  # noqa: PLR2004 - 2027-09
        return _year(digits[:4])
    year = 4 if len(digits) > 4 else 2  # noqa: PLR2004 - 9 27 to 09 27, or with the century
    return _month(digits[:-year]) and _year(digits[-year:])


def _month(digits: str) -> bool:
    return digits.isdigit() and 1 <= int(digits) <= 12  # noqa: PLR2004 - months


def _year(digits: str) -> bool:
    if len(digits) == 4:  # noqa: PLR2004 - with the century
        return digits.startswith("20") and _year(digits[2:])
    return len(digits) == 2 and _FIRST_YEAR <= int(digits) <= _LAST_YEAR  # noqa: PLR2004 - two
