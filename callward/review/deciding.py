"""What may follow what in a review: pure, so that every order of events can be tried.

drafted → commented → approved → published, or → rejected; a draft that has changed goes back to
drafted and voids what was said of it. The officer's answer names the draft (the digest
``binding``) that it is about, the board's the paper: that draft with what the officer has said of
it (``paper.digest_of``). An answer counts for no other.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from callward.errors import IntegrityError, OperatorError
from callward.evidence.clauses.model import Period


class ReviewState(StrEnum):
    """Where a review stands."""

    DRAFTED = "drafted"
    COMMENTED = "commented"
    APPROVED = "approved"
    WITH_ACTIONS = "approved-with-actions"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    PUBLISHED = "published"


class Event(StrEnum):
    """What happens to a review."""

    REDRAFTED = "redrafted"
    COMMENTED = "commented"
    APPROVED = "approved"
    WITH_ACTIONS = "approved-with-actions"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    PUBLISHED = "published"


class ReviewStateError(OperatorError):
    """The review is not in a state in which that can be done."""

    code = "review-state"


class DraftChangedError(OperatorError):
    """What was said is of another draft, or of other remarks, than the review has now."""

    code = "draft-changed"


class RowsChangedError(IntegrityError):
    """What is to be published is not what the ledger says was decided on."""

    code = "review-rows"


OPEN: Final = frozenset(
    {
        ReviewState.DRAFTED,
        ReviewState.COMMENTED,
        ReviewState.APPROVED,
        ReviewState.WITH_ACTIONS,
    }
)
"""States that a run takes up."""
DECIDED: Final = frozenset({ReviewState.APPROVED, ReviewState.WITH_ACTIONS})
"""Approved, and waiting to be published."""

_FROM: Final = {
    Event.REDRAFTED: OPEN,
    Event.COMMENTED: frozenset({ReviewState.DRAFTED, ReviewState.COMMENTED}),
    Event.APPROVED: frozenset({ReviewState.COMMENTED}),
    Event.WITH_ACTIONS: frozenset({ReviewState.COMMENTED}),
    Event.REJECTED: frozenset({ReviewState.COMMENTED}),
    Event.WITHDRAWN: OPEN,
    Event.PUBLISHED: DECIDED,
}
_CHANGES_DRAFT: Final = frozenset({Event.REDRAFTED, Event.WITHDRAWN})
_OF_THE_BOARD: Final = frozenset({Event.APPROVED, Event.WITH_ACTIONS, Event.REJECTED})


@dataclass(frozen=True, slots=True)
class Standing:
    """A review's state, its draft, and the paper that is put to the board (digests)."""

    state: ReviewState
    draft: str
    paper: str


def step(now: Standing, event: Event, about: str) -> Standing:
    """What the review is after ``event``, which is about a draft, or a paper if it is the board's.

    The paper is the one before: what an answer adds to it is the caller's to reckon. Raises
    ReviewStateError if it cannot happen now, DraftChangedError if it is about another draft or
    paper than the present one.
    """
    if now.state not in _FROM[event]:
        raise ReviewStateError(f"the review is {now.state}: it cannot be {event} now")
    if event is Event.REDRAFTED:
        return Standing(ReviewState.DRAFTED, about, now.paper)
    kind, present = ("paper", now.paper) if event in _OF_THE_BOARD else ("draft", now.draft)
    if about != present and event is not Event.WITHDRAWN:
        raise DraftChangedError(
            f"the {kind} is {present[:12]} now, and what was said is about {about[:12]}: "
            f"look at the present {kind} and decide on that"
        )
    return Standing(ReviewState(event.value), now.draft, now.paper)


_YEAR_LIKE: Final = (timedelta(days=300), timedelta(days=550))


def default_period(today: date, reviewed_to: date | None) -> Period:
    """The period of a review begun ``today``, all London days: the twelve months to yesterday.

    Where the last published review ended between ten months and a year and a half ago, it is
    all days since, so that no day is left out or reviewed twice.
    """
    yesterday = today - timedelta(days=1)
    if reviewed_to is not None and _YEAR_LIKE[0] <= yesterday - reviewed_to <= _YEAR_LIKE[1]:
        return Period(reviewed_to + timedelta(days=1), yesterday)
    return Period(_year_before(today), yesterday)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return date(day.year - 1, 3, 1)
