"""Whether a review of the notice is due and nobody has begun it. Days are London's."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from callward.clock import london_day, today
from callward.errors import OperatorError
from callward.evidence.clauses.notice import notice_of
from callward.instance import Instance
from callward.review.book import list_reviews
from callward.review.deciding import ReviewState
from callward.review.model import Review

_YEAR: Final = timedelta(days=366)
_BEFORE: Final = timedelta(days=180)
"""A review begun so long before its date is the one of that date."""


class ReviewDueError(OperatorError):
    """The notice is to be reviewed, and no review is under way."""

    code = "review-due"


def require_none_due(instance: Instance) -> None:
    """ReviewDueError if no review is open and one should be, or should have been begun."""
    published = notice_of(instance.settings.home).value.published
    with instance.reading() as connection:
        reviews = list_reviews(connection)
    why = why_due(today(instance.clock), published, reviews)
    if why:
        raise ReviewDueError(f"{why}; begin one: `callward review start`, or run `annual-review`")


def why_due(day: date, published: date, reviews: Sequence[Review]) -> str | None:
    """Why a review is due on ``day``; ``published``: the day of the notice. None if it is not."""
    done = [one for one in reviews if one.state is ReviewState.PUBLISHED]
    last = max((one.meeting_day for one in done if one.meeting_day), default=None)
    since = max(published, last or published)
    if day - since > _YEAR:
        what = "the last review of the notice" if since == last else "the notice"
        return f"{what} is of {since}, more than a year ago, and no review is under way"
    due = _anniversary(published, day)
    begun = any(london_day(one.started_at) >= due - _BEFORE for one in reviews)
    if published < due < day and not begun:
        return f"the review date {due} has passed, and no review was begun"
    return None


def _anniversary(published: date, day: date) -> date:
    """The newest one by ``day``; 1 March for 29 February."""
    for year in (day.year, day.year - 1):
        try:
            found = published.replace(year=year)
        except ValueError:
            found = date(year, 3, 1)
        if found <= day:
            break
    return found
