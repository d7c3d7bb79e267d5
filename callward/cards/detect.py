"""Card data in text: numbers, and the expiry dates and security codes near them."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from callward.cards import near, runs, sieve
from callward.cards.atoms import Atom, Item, chains, readings
from callward.cards.dress import plain
from callward.cards.windows import Chain

_BLOCK: Final = 1 << 18
"""Characters looked at in one go, so that memory stays small whatever the text."""
_OVERLAP, _UNFINISHED = 8192, 6144
"""Blocks overlap; what begins this near a block's end is the next one's, seen whole there."""
Kind = Literal["number", "expiry", "code"]


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` is card data; ``scheme`` is empty unless it is a number."""

    start: int
    end: int
    kind: Kind
    scheme: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A span and the atoms it is made of, their places being those of the text."""

    span: Span
    atoms: tuple[Atom, ...]


def find(text: str) -> list[Span]:
    """Card data in ``text``, in order of place, not overlapping.

    Numbers: 12 to 19 digits of an issuer's range that satisfy Luhn (without, where the
    scheme has numbers without and words about cards stand near), in digits of any script,
    in any dress, or in English words. Takes time in proportion to the text's length.
    """
    return [finding.span for finding in findings(text)]


def findings(
    text: str, veiled: str | None = None, *, gap: int = sieve.GAP, carded: bool = False
) -> list[Finding]:
    """Card data with its atoms. ``veiled`` stands in for the text, place by place.

    ``gap``: places between digits of one number, at most. ``carded``: what the text comes
    from (the name of a field) says that it is about a card.
    """
    seen = text if veiled is None else veiled
    if len(seen) <= _BLOCK:
        return _in_block(seen, 0, gap, carded=carded)
    found: list[Finding] = []
    for start in range(0, len(seen), _BLOCK):
        low, high = max(start - _OVERLAP, 0), start + _BLOCK
        own = start - _UNFINISHED if start else 0
        until = high - _UNFINISHED if high < len(seen) else high
        found += [
            finding
            for finding in _in_block(seen[low:high], low, gap, carded=carded)
            if own <= finding.span.start < until
        ]
    return found


def _in_block(text: str, offset: int, gap: int, *, carded: bool) -> list[Finding]:
    found: list[Finding] = []
    for start, end in sieve.regions(text, gap):
        for low, high in runs.pieces(text, start, end, gap):
            found += _in_piece(text[low:high], offset + low, carded=carded)
    return found


def _in_piece(piece: str, offset: int, *, carded: bool) -> list[Finding]:
    made = plain(piece)
    read: list[list[Atom]] = []
    numbers: list[near.Number] = []
    for chain in chains(made):
        atoms, found = _understood(made, chain, carded=carded)
        read.append(atoms)
        numbers += found
    found_all: list[tuple[tuple[Atom, ...], Kind, str]] = [
        (number.atoms, "number", number.scheme) for number in numbers
    ]
    beside = near.companions(made, read, numbers, carded=carded)
    found_all += [(atoms, kind, "") for atoms, kind in beside]
    found_all.sort(key=lambda item: item[0][0].start)
    return [_finding(*item, offset) for item in found_all]


def _understood(
    made: str, items: list[Item], *, carded: bool
) -> tuple[list[Atom], list[near.Number]]:
    """The reading of a chain that holds card numbers, else the plainest."""
    several = readings(items)
    for atoms in several:
        chain = Chain(made, atoms, carded=carded) if atoms else None
        found = chain.numbers() if chain else []
        if chain and found:
            taken = [
                near.Number(tuple(chain.atoms[one.first : one.last]), one.scheme) for one in found
            ]
            return chain.atoms, taken
    return several[0], []


def _finding(atoms: tuple[Atom, ...], kind: Kind, scheme: str, offset: int) -> Finding:
    moved = tuple(replace(atom, start=atom.start + offset, end=atom.end + offset) for atom in atoms)
    return Finding(Span(moved[0].start, moved[-1].end, kind, scheme), moved)
