"""Residual scans and restore drills: every week, and what they found."""

from datetime import date, timedelta
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from tests.evidence.collectors.kept import Shelf, on

_KINDS = ("residual-scans", "restore-drills")
JUNE = Period(date(2026, 6, 1), date(2026, 6, 28))
"""Four weeks, from Monday to Sunday."""


def _scan(shelf: Shelf, day: int, found: int = 0, scope: str = "whole", sweep: Any = None) -> None:
    shelf.add(
        t.scans,
        scope=scope,
        sweep_id=sweep,
        outcome="found" if found else "clean",
        counts={"payloads": {"looked-at": 100, "payload-of-shredded": found}},
        at=on(6, day),
    )


def test_weeks_without_a_whole_scan(shelf: Shelf) -> None:
    """Each by its Monday; scans behind sweeps do not count, nor weeks before there was anything."""
    shelf.made(on(6, 3))
    _scan(shelf, 9)
    _scan(shelf, 16, scope="sweep", sweep="s")
    _scan(shelf, 22)
    facts, _, newest = shelf.collected("residual-scans", JUNE)
    assert (facts["weeks"], facts["missing_weeks"]) == (3, ["2026-06-15"])
    assert (facts["whole"], facts["sweep"], newest) == (2, 1, on(6, 22))


def test_what_was_found_and_cleared(shelf: Shelf) -> None:
    """By a later scan of everything, or of the same sweep; what was found before, too."""
    shelf.made()
    _scan(shelf, 2, found=5)
    _scan(shelf, 3, found=2, scope="sweep", sweep="a")
    _scan(shelf, 4, found=1, scope="sweep", sweep="b")
    _scan(shelf, 5, scope="sweep", sweep="a")
    late = Period(date(2026, 6, 3), date(2026, 6, 6))
    facts = shelf.facts("residual-scans", late)
    assert facts["standing"] == {"payload-of-shredded": 6}
    assert facts["cleared"] == {"payload-of-shredded": 2}
    _scan(shelf, 6)
    facts = shelf.facts("residual-scans", late)
    assert (facts["standing"], facts["cleared"]) == ({}, {"payload-of-shredded": 8})


@pytest.mark.parametrize("kind", _KINDS)
def test_nothing_is_due_in_the_first_week(shelf: Shelf, kind: str) -> None:
    """Until a week is over, unless it has been done by then."""
    shelf.made(on(6, 3, 12))
    for day, due in ((9, True), (10, False)):
        period = Period(date(2026, 6, 1), date(2026, 6, day))
        assert shelf.facts(kind, period)["not_yet_due"] is due
    _scan(shelf, 5)
    shelf.add(t.drills, outcome="passed", body={"trials": []}, at=on(6, 5))
    period = Period(date(2026, 6, 1), date(2026, 6, 9))
    assert shelf.facts(kind, period)["not_yet_due"] is False


def test_a_week_over_a_month_s_end_is_of_the_month_it_ends_in(shelf: Shelf) -> None:
    """Also by what was done in it before the month began; one that ends later is not asked for."""
    shelf.made()
    july = Period(date(2026, 7, 1), date(2026, 7, 14))
    found = [shelf.facts("residual-scans", july)["missing_weeks"]]
    _scan(shelf, 30)
    shelf.add(t.drills, outcome="passed", body={"trials": []}, at=on(6, 30))
    found += [shelf.facts(kind, july)["missing_weeks"] for kind in _KINDS]
    assert found == [["2026-06-29", "2026-07-06"], ["2026-07-06"], ["2026-07-06"]]
    june = Period(date(2026, 6, 1), date(2026, 6, 30))
    assert "2026-06-29" not in shelf.facts("restore-drills", june)["missing_weeks"]


def test_a_drill_that_tried_nothing(shelf: Shelf) -> None:
    """Though things had been kept for a day by then; neither is one that failed, or was first."""
    shelf.made()
    none = {"targets_tried": 0, "survivors_tried": 0}
    shelf.add(t.drills, outcome="passed", body={"trials": [none]}, at=on(6, 2))
    shelf.thing(date(2027, 6, 1), created_at=on(6, 5))
    shelf.gone(date(2026, 6, 7), on(6, 7), created_at=on(6, 3))
    for day, outcome, trials in (
        (6, "passed", [none]),
        (8, "passed", [none, none]),
        (9, "passed", [none, {"targets_tried": 1}]),
        (10, "passed", [{"survivors_tried": 1}]),
        (11, "failed", [{**none, "error": "x"}]),
    ):
        shelf.add(t.drills, outcome=outcome, body={"trials": trials}, at=on(6, day))
    assert shelf.facts("restore-drills", JUNE)["empty"] == 2


def test_drills(shelf: Shelf) -> None:
    """Weeks without one, outcomes, and the last of all, also before the period."""
    shelf.made()
    trial = {"targets_tried": 9, "opened_by_force": 1, "survivors_tried": 5, "ids": ["a"]}
    shelf.add(t.drills, outcome="passed", body={"trials": []}, at=on(5, 30))
    assert shelf.facts("restore-drills", JUNE)["last"] == "passed"
    for day, outcome in ((2, "failed"), (9, "passed"), (16, "failed")):
        shelf.add(t.drills, outcome=outcome, body={"trials": [trial]}, at=on(6, day))
    facts, written, newest = shelf.collected("restore-drills", JUNE)
    assert (facts["drills"], facts["failed"], facts["last"]) == (3, 2, "failed")
    assert (facts["targets_tried"], facts["opened_by_force"]) == (27, 3)
    assert facts["missing_weeks"] == ["2026-06-22"]
    assert b'"ids"' not in written
    assert newest == on(6, 16)
    thursday = Period(date(2026, 6, 25), date(2026, 6, 25))
    assert shelf.collected("restore-drills", thursday)[2] == newest
    assert shelf.facts("restore-drills", thursday)["missing_weeks"] == []
    assert newest is not None
    assert newest + timedelta(days=9) == on(6, 25)
