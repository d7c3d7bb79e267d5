"""Places of card data turned into marks; nothing else of the text changes."""

import re
from collections.abc import Iterator, Sequence

from callward.cards.atoms import Atom
from callward.cards.detect import Finding
from callward.cards.dress import MARK, PAD, plain

_DIGIT = re.compile(f"[0-9]{PAD}*")
Edit = tuple[int, int, str]
"""``text[start:end]`` becomes this."""
_FIRST, _LAST = 6, 4
"""Digits of a number that may be kept (PCI DSS 4.0.1, requirement 3.4.1)."""


def edits(text: str, found: Sequence[Finding]) -> list[Edit]:
    """What to change in ``text`` so that the card data found is gone, in order."""
    changes: list[Edit] = []
    for finding in found:
        number = finding.span.kind == "number"
        length = sum(len(atom.digits) for atom in finding.atoms)
        first, last = (_FIRST, length - _LAST) if number else (0, length)
        changes += _of_atoms(text, finding.atoms, first, last)
    return changes


def applied(text: str, changes: Sequence[Edit]) -> str:
    """The text with the changes made."""
    parts: list[str] = []
    done = 0
    for start, end, new in changes:
        parts += (text[done:start], new)
        done = end
    return "".join((*parts, text[done:]))


def _of_atoms(text: str, atoms: Sequence[Atom], first: int, last: int) -> Iterator[Edit]:
    """The digits from the ``first`` up to the ``last`` become marks, each in its place."""
    place = 0
    for atom in atoms:
        count = len(atom.digits)
        if place + count > first and place < last:
            if atom.spoken:
                yield atom.start, atom.end, MARK * count
            else:
                written = _digits(text, atom)
                for start, end in written[max(first - place, 0) : last - place]:
                    yield start, end, MARK
        place += count


def _digits(text: str, atom: Atom) -> list[tuple[int, int]]:
    """Where each digit of a written atom stands, with all that it is written with."""
    made = plain(text[atom.start : atom.end])
    return [
        (atom.start + found.start(), atom.start + found.end()) for found in _DIGIT.finditer(made)
    ]
