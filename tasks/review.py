"""The annual review through Prefect: packs in task runs, and forms for officer and board."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from typing import Final, TypeVar

from callward.catalogue.guard import BusyError
from callward.errors import OperatorError, scrubbed
from callward.evidence.clauses.model import Period
from callward.review import book, stage
from callward.review.deciding import DECIDED, OPEN, DraftChangedError, ReviewState, ReviewStateError
from callward.review.due import require_none_due
from callward.review.model import Review
from callward.review.stage import Taken
from callward.run import StageReport
from tasks import waiting
from tasks.reviewforms import FLOWS, BoardQuestion, OfficerQuestion
from tasks.room import Room
from tasks.steps import as_task

BUSY_SECONDS = 180.0
"""So long a run is patient with another one at work."""
_HOUR: Final = 3600
_QUESTIONS: Final = {
    ReviewState.DRAFTED: OfficerQuestion,
    ReviewState.COMMENTED: BoardQuestion,
}
_OUTCOMES: Final = {
    ReviewState.DRAFTED: "AwaitingOfficer",
    ReviewState.COMMENTED: "AwaitingBoard",
    ReviewState.PUBLISHED: "Published",
    ReviewState.WITHDRAWN: "Withdrawn",
}
"""How a run ends by the state it leaves the review in; the rest are failures."""

Got = TypeVar("Got")


class ReviewRejectedError(OperatorError):
    """The board has rejected the draft; the notice or what is done about it must change."""

    code = "review-rejected"


def annual_review(room: Room, period: Period | None, *, begin: bool = True) -> StageReport:
    """Begin a review or take the open one up, ask, and publish what is approved.

    Waits ``review_wait_hours`` in all; the next run goes on where this one ends.
    """
    report = StageReport(stage.STAGE)
    seconds = room.instance.settings.review_wait_hours * _HOUR
    waiting.clear(FLOWS, seconds)
    deadline = monotonic() + seconds
    taken = _take_up(room, report, period, begin=begin)
    while taken is not None and taken.review.state in OPEN:
        if taken.review.state in DECIDED:
            taken = _publish(room, report, taken)
            continue
        question = _QUESTIONS[taken.review.state](room.instance, taken.review, taken.points)
        if not waiting.wait(question, max(deadline - monotonic(), 0)):
            break
        taken = _as_it_is_now(room, report, taken)
    if taken is None:
        require_none_due(room.instance)
        report.outcome = "NothingOpen"
        return report
    stage.tell(report, taken)
    return _ended(room, report, taken.review)


def _as_it_is_now(room: Room, report: StageReport, taken: Taken) -> Taken | None:
    """The review, and the points of its draft: another run may have made a new one."""
    with room.instance.reading() as connection:
        review = book.get(connection, taken.review.id)
    if review.state in OPEN and review.draft != taken.review.draft:
        return _take_up(room, report, None, begin=False)
    return replace(taken, review=review)


def _ended(room: Room, report: StageReport, review: Review) -> StageReport:
    days = room.instance.settings.review_wait_days
    report.outcome = _OUTCOMES.get(review.state, "")
    if review.state is ReviewState.REJECTED:
        said = ReviewRejectedError(
            f"the board has rejected review {review.id}; nothing is published"
        )
        report.failures.insert(0, str(said))
    elif review.state in _QUESTIONS:
        open_for = room.instance.clock.now() - review.started_at
        if open_for >= timedelta(days=days):
            late = waiting.NobodyDecidedError(
                f"review {review.id} has been open for {open_for.days} days and is "
                f"{review.state}; it can be decided in the next run or at a terminal"
            )
            report.failures.insert(0, str(late))
    return report


def _take_up(
    room: Room, report: StageReport, period: Period | None, *, begin: bool = True
) -> Taken | None:
    return _in_task(
        "draft",
        report,
        lambda part: stage.take_up(
            room.instance, room.work, room.run, part, period=period, begin=begin
        ),
    )


def _publish(room: Room, report: StageReport, taken: Taken) -> Taken | None:
    """Publish, or make a new draft if the evidence is no longer what was approved.

    Another run may have been quicker: what it has made of the review is how it is.
    """
    try:
        review = _in_task(
            "final pack",
            report,
            lambda part: stage.publish(room.instance, room.work, room.run, taken.review, part),
        )
    except DraftChangedError as error:
        report.notes.append(str(error))
        return _take_up(room, report, None, begin=False)
    except ReviewStateError:
        now = _as_it_is_now(room, report, taken)
        if now is None or now.review.state in DECIDED:
            raise
        report.notes.append(
            f"another run was quicker: review {now.review.id} is {now.review.state}"
        )
        return now
    return replace(taken, review=review)


def _in_task(name: str, report: StageReport, act: Callable[[StageReport], Got]) -> Got:
    """Do a part as a task run; what it brings is not the task's result, which is counts."""
    brought: list[Got] = []

    def part() -> StageReport:
        done = StageReport(stage.STAGE)
        try:
            brought.append(_patiently(act, done))
        except Exception as error:  # noqa: BLE001 - Prefect stores and shows what it says
            raise scrubbed(error) from None
        return done

    report.merge(as_task(name, part))
    return brought[0]


def _patiently(act: Callable[[StageReport], Got], report: StageReport) -> Got:
    """Do it, and again for a few minutes while somebody else is at work."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            return act(report)
        except BusyError:  # before anything was done
            if monotonic() >= deadline:
                raise
        sleep(waiting.POLL_SECONDS)
