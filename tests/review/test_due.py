"""When a review should have been begun, and was not."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from callward.evidence.clauses.model import Period
from callward.instance import Instance
from callward.review.deciding import ReviewState
from callward.review.due import ReviewDueError, require_none_due, why_due
from callward.review.model import Review
from tests.review.setting import approved, later, publish, start

PUBLISHED = date(2026, 1, 5)


def review(begun: str, meeting: str | None = None) -> Review:
    """One of that day, published if the board has met."""
    at = datetime.fromisoformat(begun).replace(hour=9, tzinfo=UTC)
    told: dict[str, Any] = dict.fromkeys(
        ("draft", "draft_pack", "names", "minute", "commented_at", "decided_at", "pack")
    )
    return Review(
        **told,
        id="1" * 32,
        period=Period(PUBLISHED, PUBLISHED),
        state=ReviewState.PUBLISHED if meeting else ReviewState.WITHDRAWN,
        drafted_at=at,
        verdicts={},
        comments={},
        meeting_day=date.fromisoformat(meeting) if meeting else None,
        started_at=at,
    )


@pytest.mark.parametrize(
    ("day", "reviews", "said"),
    [
        ("2026-11-30", [], None),
        ("2027-01-05", [], None),  # it begins today
        ("2027-01-06", [], "the review date 2027-01-05 has passed"),
        ("2027-01-07", [], "the notice is of 2026-01-05, more than a year ago"),
        ("2027-01-06", [review("2027-01-05")], None),  # and withdrawn: somebody saw to it
        ("2027-01-07", [review("2027-01-05")], "the notice is of 2026-01-05"),
        ("2027-01-20", [review("2026-12-05", "2027-01-10")], None),  # early
        ("2028-01-05", [review("2027-01-05", "2027-01-20")], None),
        ("2028-01-06", [review("2027-01-05", "2027-01-20")], "the review date 2028-01-05"),
        ("2028-01-21", [review("2027-01-05", "2027-01-20"), review("2028-01-05")], None),
        (
            "2028-01-22",
            [review("2028-01-05"), review("2027-01-05", "2027-01-20")],
            "the last review of the notice is of 2027-01-20, more than a year ago",
        ),
    ],
)
def test_when_a_review_is_due(day: str, reviews: list[Review], said: str | None) -> None:
    """A year and a day after the last, or once its date has passed without one begun."""
    why = why_due(date.fromisoformat(day), PUBLISHED, reviews)
    assert why is None if said is None else str(why).startswith(said)


def test_the_day_of_a_leap_year() -> None:
    """A notice of 29 February has its date on 1 March of other years."""
    published = date(2028, 2, 29)
    assert why_due(date(2029, 3, 1), published, []) is None
    assert "the notice is of 2028-02-29" in str(why_due(date(2029, 3, 2), published, []))


def test_an_instance_says_so(noticed: Instance) -> None:
    """By its own notice and reviews, and its own clock."""
    require_none_due(noticed)
    publish(noticed, approved(noticed))
    require_none_due(noticed)
    later(noticed, days=60)
    require_none_due(noticed)
    later(noticed, days=320)
    with pytest.raises(ReviewDueError, match="more than a year ago, and no review is under way"):
        require_none_due(noticed)
    start(noticed)
