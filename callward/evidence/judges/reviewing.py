"""The notice is reviewed in time, and what reviews have decided is done."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

EVERY_DAYS: Final = 366
"""At least once a year; a leap year has so many."""


def reviewed(facts: Facts, context: Context) -> Iterator[Finding]:
    """The board's last decision that led to a published pack lies a year back at most.

    Partly, where that is so and was not for a time: a review that came late is late.
    """
    last = facts["last"]
    if last is None:
        yield Finding(Weight.GAP, "never-reviewed")
    else:
        age = (context.day - date.fromisoformat(last["day"])).days
        if age > EVERY_DAYS:
            yield Finding(Weight.GAP, "review-overdue", age, (last["review"],))
    gap = facts["longest_gap"]
    if gap and gap["days"] > EVERY_DAYS:
        about = (f"{gap['from']} to {gap['to']}",)
        yield Finding(Weight.PARTLY, "review-late", gap["days"], about)
    waiting = facts["open"]
    if waiting:
        yield Finding(Weight.NOTE, "review-open", max(waiting.values()), tuple(sorted(waiting)))
    if facts["rejected"]:
        yield Finding(Weight.NOTE, "drafts-rejected", facts["rejected"])


def actions_followed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """What a review has decided is done by its day: it neither is open after it, nor was."""
    actions = facts["actions"]
    late, waiting = actions["overdue"], actions["open"]
    if not late and not waiting and not actions["closed"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-actions")
    if late:
        yield Finding(Weight.GAP, "actions-overdue", len(late), tuple(late))
    closed_late = tuple(actions["closed_late"])
    if closed_late:
        yield Finding(Weight.PARTLY, "action-closed-late", len(closed_late), closed_late)
    if waiting:
        yield Finding(Weight.NOTE, "actions-open", len(waiting), tuple(waiting))


JUDGES: Final[Mapping[str, Judge]] = {
    "actions-followed": actions_followed,
    "reviewed": reviewed,
}
MEANS: Final[Mapping[str, str]] = {
    "action-closed-late": "{count} action[s] of reviews [was|were] done after the day set for "
    "[it|them]: {about}",
    "actions-open": "{count} action[s] of reviews [is|are] under way and not yet due: {about}",
    "actions-overdue": "{count} action[s] of reviews [was|were] not done by the day set for "
    "[it|them]: {about}",
    "drafts-rejected": "the board has rejected {count} draft[s]",
    "never-reviewed": "the board has not approved any review of the notice yet",
    "no-actions": "no review has decided on any action",
    "review-late": "[a day|{count} days] lay between two reviews of the board, more than a year "
    "({about})",
    "review-open": "a review has been under way for {count} day[s]: {about}",
    "review-overdue": "the board's last review was {count} day[s] ago, more than a year",
}
