"""What may follow what in a review, and which days it covers."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import OperatorError
from callward.evidence.clauses.model import Period
from callward.review.deciding import (
    DECIDED,
    OPEN,
    DraftChangedError,
    Event,
    ReviewState,
    ReviewStateError,
    Standing,
    default_period,
    step,
)

_OF_THE_BOARD = {Event.APPROVED, Event.WITH_ACTIONS, Event.REJECTED}
_ABOUT = st.sampled_from(["a", "b", "p", "p'", "p''"])
_HAPPENS = st.tuples(st.sampled_from(list(Event)), _ABOUT)


@given(st.lists(_HAPPENS, max_size=30))
def test_nothing_is_published_without_both_answers_on_its_draft(
    happens: list[tuple[Event, str]],
) -> None:
    """Whatever happens in whatever order, about whichever draft, by a reckoning of our own."""
    now, paper = Standing(ReviewState.DRAFTED, "a", "p"), "p"
    draft, commented, approved, ended = "a", False, False, False
    for event, about in happens:
        try:
            now = step(now, event, about)
        except OperatorError:
            continue
        assert not ended
        if event is Event.REDRAFTED:
            draft, commented, approved = about, False, False
        elif event is Event.COMMENTED:
            assert about == draft
            commented = True
            paper = f"{paper}'"
            now = replace(now, paper=paper)
        elif event in _OF_THE_BOARD:
            assert commented
            assert about == paper
            approved = event is not Event.REJECTED
        elif event is Event.PUBLISHED:
            assert commented
            assert approved
            assert about == draft
        ended = event in {Event.PUBLISHED, Event.REJECTED, Event.WITHDRAWN}
        assert (now.state not in OPEN) == ended
        assert (now.state in DECIDED) == (approved and not ended)
        assert now.draft == draft


def test_the_way_to_a_published_review() -> None:
    """The control: there is one."""
    now = Standing(ReviewState.DRAFTED, "a", "p")
    for event in (Event.COMMENTED, Event.COMMENTED, Event.WITH_ACTIONS, Event.PUBLISHED):
        now = step(now, event, "p" if event in _OF_THE_BOARD else "a")
    assert now == Standing(ReviewState.PUBLISHED, "a", "p")


def test_refusals_say_why() -> None:
    """Another draft, or another state."""
    with pytest.raises(DraftChangedError, match="look at the present draft"):
        step(Standing(ReviewState.DRAFTED, "a", "p"), Event.COMMENTED, "b")
    with pytest.raises(DraftChangedError, match="look at the present paper"):
        step(Standing(ReviewState.COMMENTED, "a", "p"), Event.REJECTED, "a")
    with pytest.raises(ReviewStateError, match="drafted: it cannot be approved now"):
        step(Standing(ReviewState.DRAFTED, "a", "p"), Event.APPROVED, "p")


@pytest.mark.parametrize(
    ("today", "last", "period"),
    [
        ("2027-01-05", None, ("2026-01-05", "2027-01-04")),
        ("2028-02-29", None, ("2027-03-01", "2028-02-28")),
        ("2028-03-01", None, ("2027-03-01", "2028-02-29")),
        # Four days late, and a month early: no day is left out, none comes twice.
        ("2027-01-09", "2026-01-04", ("2026-01-05", "2027-01-08")),
        ("2026-12-05", "2026-01-04", ("2026-01-05", "2026-12-04")),
        # A review on a material change, and one after years without.
        ("2026-03-05", "2026-01-04", ("2025-03-05", "2026-03-04")),
        ("2030-01-05", "2026-01-04", ("2029-01-05", "2030-01-04")),
    ],
)
def test_the_days_that_a_review_covers(
    today: str, last: str | None, period: tuple[str, str]
) -> None:
    """Twelve months to yesterday, or all since the last review if that is about as long."""
    covered = default_period(date.fromisoformat(today), date.fromisoformat(last) if last else None)
    assert covered == Period(*map(date.fromisoformat, period))
    assert covered.to_day == date.fromisoformat(today) - timedelta(days=1)
