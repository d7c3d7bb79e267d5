"""Recall and false alarms over generated text; the whole run where CALLWARD_CARDS is set."""

import os
from collections import Counter

from callward.cards.detect import find
from tests.cards.others import others
from tests.cards.renderings import cards

WHOLE = os.environ.get("CALLWARD_CARDS") == "whole"
CARDS = 20_000 if WHOLE else 6_000
OTHERS = 100_000 if WHOLE else 25_000


def test_recall() -> None:
    """At least 99.5 % of renderings over all schemes and dresses are found."""
    missed: Counter[str] = Counter()
    for dress, _, text in cards(CARDS, seed=20261124):
        missed[dress] += not any(span.kind == "number" for span in find(text))
    assert missed.total() <= CARDS * 0.005, missed


def test_false_alarms() -> None:
    """At most 0.05 % of numbers of other kinds are taken for card data."""
    alarms: Counter[str] = Counter()
    for kind, text in others(OTHERS, seed=20261125):
        alarms[kind] += bool(find(text))
    assert alarms.total() <= OTHERS * 0.0005, alarms
