"""Facts of assurance: whether each kind that is promised is in force. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from callward.assurance.checking import Fails, Finding
from callward.assurance.model import Item
from callward.assurance.required import REQUIRED
from callward.material.model import About, Kind

_STANDING: Final = frozenset(
    {Fails.EXPIRED, Fails.NOT_YET, Fails.TEST_OLD, Fails.REVIEW_OVERDUE, Fails.NO_CREST}
)
"""Codes by which an item does not assure; a paper that is missing is another matter."""


def of_assurance(items: Iterable[Item], findings: Sequence[Finding]) -> dict[About, str]:
    """``in-force``, ``not-in-force`` or ``missing`` for every kind that the notice promises."""
    kinds = {one.id: one.kind for one in items}
    missing = {one.item for one in findings if one.code is Fails.MISSING}
    lapsed: set[str] = {
        kinds[one.item] for one in findings if one.code in _STANDING and one.item in kinds
    }
    return {About(Kind.ASSURANCE, one.kind): _state(one.kind, missing, lapsed) for one in REQUIRED}


def _state(kind: str, missing: set[str], lapsed: set[str]) -> str:
    if kind in missing:
        return "missing"
    return "not-in-force" if kind in lapsed else "in-force"
