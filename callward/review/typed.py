"""Reading what officer and board have typed, in a form or a terminal.

Remarks and actions go into catalogue and pack, so they are lines about the company: no address,
no long number, offices rather than persons. What is wrong is told by place and rule; what was
typed is never repeated.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from callward.errors import OperatorError
from callward.instructions.strict import Filed, Office, Remark
from callward.review.deciding import ReviewState
from callward.review.model import Comments, Decision, Point, Proposed

MAX_NAME: Final = 200
MAX_NAMES: Final = 50
MAX_ACTIONS: Final = 200

_LINE: Final = "one line of at most 400 characters, without '@', '<', '>' and telephone numbers"
_REFERENCE: Final = "one line of at most 200 characters, without '@' and telephone numbers"
_RULES: Final = {
    "remark": (TypeAdapter(Remark), _LINE),
    "action": (TypeAdapter(Remark), _LINE),
    "owner": (TypeAdapter(Office), "an office rather than a person, without long numbers"),
    "reference": (TypeAdapter(Filed), _REFERENCE),
}


class AnswerError(OperatorError):
    """What was typed in a review cannot be used; names every place and what it must hold."""

    code = "review-answer"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(slots=True)
class _Reader:
    """Collects what is wrong, so that all of it is told at once."""

    today: date
    clauses: Collection[str]
    problems: list[str] = field(default_factory=list)

    def line(self, kind: str, value: Any, place: str) -> str:
        adapter, rule = _RULES[kind]
        try:
            return str(adapter.validate_python(_text(value)))
        except ValidationError:
            self.problems.append(f"{place}: {rule}")
            return ""

    def day(self, value: Any, place: str) -> date:
        try:
            return date.fromisoformat(_text(value))
        except ValueError:
            self.problems.append(f"{place}: a day such as 2027-01-31")
            return self.today

    def action(self, typed: Mapping[str, Any], place: str) -> Proposed:
        clause = _text(typed.get("clause"))
        if clause not in self.clauses:
            self.problems.append(f"{place}: the number of a clause of the notice, such as N1.1")
        due = self.day(typed.get("due_day"), f"{place}, due day")
        if due < self.today:
            self.problems.append(f"{place}, due day: not a day that is over")
        return Proposed(
            clause=clause,
            action=self.line("action", typed.get("action"), f"{place}, action"),
            owner=self.line("owner", typed.get("owner"), f"{place}, owner"),
            due_day=due,
        )

    def names(self, typed: Iterable[Any]) -> tuple[str, ...]:
        found = tuple(name for one in typed if (name := _text(one)))
        good = all(map(_is_name, found))
        if not found or not good or len(found) > MAX_NAMES:
            self.problems.append(f"who: at least one name, each of at most {MAX_NAME} characters")
        return found

    def finish(self) -> None:
        if self.problems:
            raise AnswerError(self.problems)


def read_comments(
    points: Sequence[Point],
    clauses: Collection[str],
    typed: Mapping[str, Any],
    *,
    draft: str,
    today: date,
) -> Comments:
    """The officer's comments; AnswerError names every gap that has neither remark nor action.

    ``typed``: ``remarks`` by clause, ``actions`` (clause, action, owner, due_day), ``name``;
    ``clauses``: the ids of all there are. Blank lines count as not typed.
    """
    reader = _Reader(today, clauses)
    remarks = {
        clause: reader.line("remark", text, f"{_known(clause, clauses)}, remark")
        for clause, text in typed.get("remarks", {}).items()
        if _text(text)
    }
    if not set(remarks) <= set(clauses):
        reader.problems.append("a remark is on a clause of the notice, such as N1.1")
    actions = tuple(_actions(reader, typed.get("actions", ())))
    dealt = {*remarks, *(one.clause for one in actions)}
    reader.problems += [
        f"{one.clause}: a remark or an action"
        for one in points
        if one.must and one.clause not in dealt
    ]
    names = reader.names([typed.get("name")])
    reader.finish()
    return Comments(draft, remarks, actions, names[0])


def read_decision(
    clauses: Collection[str],
    typed: Mapping[str, Any],
    *,
    paper: str,
    drafted: date,
    today: date,
) -> Decision:
    """The board's decision; AnswerError for one that says too little or contradicts itself.

    ``typed``: ``decision`` (approve, approve with actions, reject), ``names``, ``meeting_day``,
    ``minute``, ``actions``. ``paper``: what is decided on; ``drafted``: the London day
    on which the draft was made.
    """
    reader = _Reader(today, clauses)
    verdict = _VERDICTS.get(_text(typed.get("decision")).replace("-", " "))
    if verdict is None:
        reader.problems.append(f"decision: one of {', '.join(_VERDICTS)}")
    actions = tuple(_actions(reader, typed.get("actions", ())))
    if verdict is ReviewState.WITH_ACTIONS and not actions:
        reader.problems.append("approve with actions: needs at least one action")
    if verdict is not ReviewState.WITH_ACTIONS and actions:
        reader.problems.append("actions: come with the decision 'approve with actions' only")
    day = reader.day(typed.get("meeting_day"), "day of the decision")
    if not drafted <= day <= today:
        reader.problems.append(
            f"day of the decision: from {drafted}, when the draft was made, to today"
        )
    minute = reader.line("reference", typed.get("minute"), "minute")
    names = reader.names(typed.get("names", ()))
    reader.finish()
    return Decision(paper, verdict or ReviewState.REJECTED, day, minute, actions, names)


def read_reference(typed: str) -> str:
    """What shows that an action was done; AnswerError."""
    reader = _Reader(date.min, ())
    reference = reader.line("reference", typed, "reference")
    reader.finish()
    return reference


def usable(kind: str, value: Any) -> bool:
    """Whether something typed is a good ``remark``, ``action``, ``owner`` or ``day``."""
    reader = _Reader(date.min, ())
    if kind == "day":
        reader.day(value, kind)
    else:
        reader.line(kind, value, kind)
    return not reader.problems


_VERDICTS: Final = {
    "approve": ReviewState.APPROVED,
    "approve with actions": ReviewState.WITH_ACTIONS,
    "reject": ReviewState.REJECTED,
}


def _actions(reader: _Reader, typed: Sequence[Mapping[str, Any]]) -> Iterator[Proposed]:
    """Those with a text; owners and days may be there as a form's defaults."""
    if len(typed) > MAX_ACTIONS:
        reader.problems.append(f"actions: at most {MAX_ACTIONS}")
        return
    for number, one in enumerate(typed, start=1):
        if _text(one.get("action")):
            clause = _text(one.get("clause"))
            known = _known(clause, reader.clauses)
            yield reader.action(one, f"action {number}" if known == "?" else f"{known}")


def _known(clause: str, clauses: Collection[str]) -> str:
    """A clause's id, unless it is something else that was typed in its place."""
    return clause if clause in clauses else "?"


def _is_name(text: str) -> bool:
    """Letters in it, not too long, and no half of a character, which cannot be sealed."""
    whole = not any("\ud800" <= one <= "\udfff" for one in text)
    return whole and any(map(str.isalpha, text)) and len(text) <= MAX_NAME


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
