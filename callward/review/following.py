"""Following up what reviews have decided: which actions are open, and which are late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from callward.clock import today
from callward.errors import OperatorError
from callward.instance import Instance
from callward.review import book
from callward.review.model import Action, Review
from callward.run import EVERYBODY, StageReport

STAGE: Final = "review-actions"


class ActionsOverdueError(OperatorError):
    """Something that a review has decided was not done by the day set for it."""

    code = "actions-overdue"


@dataclass(frozen=True, slots=True)
class Followed:
    """What is open on a London day, those due first in front; and the review under way."""

    day: date
    actions: tuple[Action, ...]
    review: Review | None

    @property
    def overdue(self) -> tuple[Action, ...]:
        """Those whose day is over."""
        return tuple(one for one in self.actions if one.overdue(self.day))


def follow_up(instance: Instance) -> Followed:
    """Look at every open action; changes nothing."""
    with instance.reading() as connection:
        actions = tuple(book.list_actions(connection, "open"))
        return Followed(today(instance.clock), actions, book.open_review(connection))


def report_of(found: Followed) -> StageReport:
    """The same as a stage's report, which has failed if anything is overdue."""
    report, late = StageReport(STAGE), found.overdue
    report.add(EVERYBODY, {"open": len(found.actions), "overdue": len(late)})
    if late:
        ids = ", ".join(f"{one.id} ({one.clause}, due {one.due_day})" for one in late)
        report.failures.append(str(ActionsOverdueError(f"{len(late)} not done in time: {ids}")))
    if found.review is not None:
        report.notes.append(f"review {found.review.id} is open: {found.review.state}")
    return report


def as_rows(found: Followed) -> list[Mapping[str, Any]]:
    """A row an action, as tables show it."""
    return [
        {
            "action": one.id,
            "clause": one.clause,
            "what": one.action,
            "office": one.owner,
            "due": one.due_day.isoformat(),
            "days left": (one.due_day - found.day).days,
        }
        for one in found.actions
    ]


def as_markdown(found: Followed) -> str:
    """For people: what is late in front."""
    late = found.overdue
    lines = ["# Actions of reviews", ""]
    lines.append(f"{len(found.actions)} are open, **{len(late)} of them overdue**.")
    waiting = [one for one in found.actions if one not in late]
    for title, actions in (("Overdue", late), ("Open", waiting)):
        if actions:
            lines += ["", f"## {title}", "", *_table(actions)]
    if found.review is not None:
        lines += ["", f"Review `{found.review.id}` is under way: {found.review.state}."]
    return "\n".join(lines) + "\n"


def _table(actions: Sequence[Action]) -> list[str]:
    rows = [
        f"| `{one.id}` | {one.clause} | {_cell(one.action)} | {_cell(one.owner)} | {one.due_day} |"
        for one in actions
    ]
    return ["| action | clause | what | office | due |", "|---|---|---|---|---|", *rows]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
