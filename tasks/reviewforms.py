"""The two forms of the annual review: the officer's, a field per gap, and the board's.

The server checks what a schema can say, so that a form stays open with what was typed; the rest
is ours (``callward.review.typed``). What cannot be used is asked again, with every place that
is wrong; good lines are in the new form already, names never.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, Final, Literal

from prefect.input import RunInput
from pydantic import ConfigDict, Field, create_model

from callward.clock import london_day, today
from callward.errors import CallwardError
from callward.instance import Instance
from callward.review import book
from callward.review.deciding import ReviewState
from callward.review.model import Action, Point, Proposed, Review
from callward.review.typed import MAX_NAME, AnswerError, read_comments, read_decision, usable
from tasks.waiting import NobodyDecidedError

FLOWS: Final = ("annual-review",)
BOARD_ACTIONS: Final = 3
"""Rows for actions in the board's form; the terminal takes more."""
_PARTS: Final = {"remark": "remark", "action": "action", "owner": "owner", "due": "day"}
"""Fields of a clause in the officer's form, and what they hold."""
_MARKS: Final = re.compile(r"[\\`*_\[\]#|~]")
_IN_DAYS: Final = 90
"""When an action is due unless somebody says otherwise."""
_LINE: Final[Any] = {"pattern": r"^[^@<>\n\r]*$", "maxLength": 400}
_OFFICE: Final[Any] = {"pattern": r"^[^@<>\n\r]*$", "maxLength": 200}
_MINUTE: Final[Any] = {"pattern": r"^[^@\n\r]*\S[^@\n\r]*$", "maxLength": 200}
_PERSON: Final[Any] = {"pattern": r"[^\s\d]", "maxLength": MAX_NAME}
_ABOUT_LINES: Final = (
    "Remarks and actions go into the pack and are read by others: one line each, offices instead "
    "of persons, no addresses or telephone numbers. Your name is sealed."
)


class _Form(RunInput):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(slots=True)
class _ReviewQuestion:
    """What both forms share (``waiting.Question``)."""

    instance: Instance
    review: Review
    points: Sequence[Point]
    problems: Sequence[str] = ()
    kept: dict[str, str] = field(default_factory=dict)
    """Lines that were good, by field, for a form that is shown again."""
    flows: Sequence[str] = FLOWS
    state: ClassVar[ReviewState]
    bound: ClassVar[str]
    """What an answer is about, and the field that has its digest: ``draft`` or ``paper``."""
    title: ClassVar[str]
    command: ClassVar[str]

    @property
    def id(self) -> str:
        """The review's."""
        return self.review.id

    def now(self) -> Review:
        """The review as it is now."""
        with self.instance.reading() as connection:
            return book.get(connection, self.review.id)

    def open(self) -> bool:
        """Whether the review still waits for this answer, with nothing said of it since."""
        now, asked = self.now(), self.review
        return (now.state, now.draft, now.paper) == (self.state, asked.draft, asked.paper)

    def cannot_wait(self) -> CallwardError:
        """The review stays open."""
        said = f"review {self.id} is open, and its form could not be shown"
        return NobodyDecidedError(said)

    def lines(self) -> Sequence[str]:
        """The commands that answer it."""
        return (
            f"{self.title} on review {self.id}",
            f"in a terminal: callward review show {self.id}",
            f"  callward review {self.command} {self.id} --name - …",
        )

    def interrupted(self) -> str:
        """Nothing is lost."""
        return f"review {self.id} is open and can be taken up again"

    def form(self) -> type[RunInput]:
        """What it is about stands over the first field: Prefect cuts a form's own text off."""
        about = "\n\n".join(self._description())  # single ends of lines are lost
        label = f"The {self.bound}; leave it as it is"
        fields = {self.bound: (str, _text(label, self._about(), help_=about))}
        fields |= {name: (kind, told) for name, kind, told in self._fields()}
        form: type[_Form] = create_model(self.title, __base__=_Form, **fields)  # type: ignore[call-overload]  # fields made here
        days = self.review.period
        form._description = f"**{self.title}**, {days.from_day} to {days.to_day}"  # noqa: SLF001 - Prefect's own way
        return form

    def enter(self, answer: Mapping[str, Any]) -> None:
        """Enter what was typed; what is wrong with it is shown with the next form."""
        try:
            self._require_same(answer)
            self._enter(answer)
        except AnswerError as error:
            self.problems, self.kept = error.problems, self._good(answer)
            raise

    def _about(self) -> str:
        return str(getattr(self.review, self.bound))

    def _require_same(self, answer: Mapping[str, Any]) -> None:
        if answer.get(self.bound) != self._about():
            raise AnswerError([f"what was sent was about another {self.bound}"])

    def _good(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """Every line and day that can be used, whatever is wrong with others."""
        fields = {
            f"{_name(one.clause)}_{part}": kind
            for one in self.points
            for part, kind in _PARTS.items()
        }
        return {
            name: str(answer[name]).strip()
            for name, kind in fields.items()
            if name in answer and usable(kind, answer[name])
        }

    def _head(self) -> Iterable[str]:
        review = self.review
        if self.problems:
            yield "**What was sent could not be used.** Please mend:"
            yield from (f"- {one}" for one in self.problems)
        yield f"Draft `{review.draft}`, review `{review.id}`."
        yield f"The draft pack has the SHA-256 `{review.draft_pack}`."

    def _points(self) -> Iterable[str]:
        """A list: tables are cut off in the form."""
        for one in self.points:
            remark = self.review.comments.get(one.clause, "")
            said = f" Remark: {_plain(remark)}" if remark else ""
            yield f"- **{one.clause} {one.state}**, {_plain(one.title)}: {_why(one)}.{said}"
        if not self.points:
            yield "Every clause is met."

    def _fields(self) -> Iterable[tuple[str, Any, Any]]:
        raise NotImplementedError

    def _description(self) -> Iterable[str]:
        raise NotImplementedError

    def _enter(self, answer: Mapping[str, Any]) -> None:
        raise NotImplementedError


class OfficerQuestion(_ReviewQuestion):
    """The data protection officer's: a remark or an action on every gap."""

    state = ReviewState.DRAFTED
    bound = "draft"
    title = "Comments of the data protection officer"
    command = "comment"

    def _fields(self) -> Iterable[tuple[str, Any, Any]]:
        yield "name", str, _who("Who comments")
        before = self._before()
        due = today(self.instance.clock) + timedelta(days=_IN_DAYS)
        for one in self.points:
            name, said = _name(one.clause), before.get(one.clause)
            remark = self._kept(name, "remark", self.review.comments.get(one.clause, ""))
            action = self._kept(name, "action", said.action if said else "")
            owner = self._kept(name, "owner", said.owner if said else one.owner)
            day = self._kept(name, "due", (said.due_day if said else due).isoformat())
            label = f"{one.clause} {one.state}, {one.title}"
            needed = f"{_why(one)}. A remark or an action is needed." if one.must else _why(one)
            yield f"{name}_remark", str, _text(f"{label}: remark", remark, _LINE, needed)
            yield f"{name}_action", str, _text(f"{one.clause}: what is to be done", action, _LINE)
            yield f"{name}_owner", str, _text(f"{one.clause}: by which office", owner, _OFFICE)
            yield f"{name}_due", date, _day(f"{one.clause}: by which day", day)

    def _kept(self, name: str, part: str, otherwise: str) -> str:
        return self.kept.get(f"{name}_{part}", otherwise)

    def _before(self) -> Mapping[str, Action]:
        """What was proposed on an earlier draft and has fields here, by clause."""
        asked = {one.clause for one in self.points}
        return {one.clause: one for one in self._proposed() if one.clause in asked}

    def _proposed(self) -> Sequence[Action]:
        return [one for one in self.review.actions if one.state == "proposed"]

    def _others(self) -> Sequence[Proposed]:
        """What was proposed and has no fields here: a second action, or one on a clause now met.

        Only what can be proposed still: its day is not over, and there is the clause.
        """
        day, clauses = today(self.instance.clock), self.review.verdicts.keys()
        shown = [one.id for one in self._before().values()]
        return [
            Proposed(one.clause, one.action, one.owner, one.due_day)
            for one in self._proposed()
            if one.id not in shown and one.due_day >= day and one.clause in clauses
        ]

    def _other_remarks(self) -> Mapping[str, str]:
        """Those on clauses that are met by now."""
        asked, clauses = {one.clause for one in self.points}, self.review.verdicts.keys()
        said = self.review.comments.items()
        return {one: text for one, text in said if one in clauses and one not in asked}

    def _stays(self) -> Iterable[str]:
        lines = [f"- **{one}** {_plain(text)}" for one, text in self._other_remarks().items()]
        lines += [_proposed_line(one) for one in self._others()]
        if lines:
            yield "Stays as it was said of an earlier draft (at a terminal it can be left out):"
            yield from lines

    def _description(self) -> Iterable[str]:
        yield from self._head()
        yield from self._points()
        yield from self._stays()
        yield "Every gap needs a remark or an action. " + _ABOUT_LINES

    def _enter(self, answer: Mapping[str, Any]) -> None:
        said = read_comments(
            self.points,
            self.review.verdicts.keys(),
            {
                "remarks": dict(self._other_remarks())
                | {one.clause: answer.get(f"{_name(one.clause)}_remark") for one in self.points},
                "actions": [
                    *(_action(answer, _name(one.clause), one.clause) for one in self.points),
                    *map(asdict, self._others()),
                ],
                "name": answer.get("name"),
            },
            draft=self.review.draft,
            today=today(self.instance.clock),
        )
        book.comment(self.instance, self.id, said, "form")


class BoardQuestion(_ReviewQuestion):
    """The board's: approve, approve with actions, or reject exactly this paper."""

    state = ReviewState.COMMENTED
    bound = "paper"
    title = "Decision of the board"
    command = "decide"

    def _fields(self) -> Iterable[tuple[str, Any, Any]]:
        choice = Literal["approve", "approve with actions", "reject"]
        yield "decision", choice, Field(description="What the board has decided", title="Decision")
        who = Field(
            description="Who decided, one name a row; sealed",
            title="Names",
            min_length=1,
            max_length=50,
        )
        yield "names", list[str], who
        yield (
            "meeting_day",
            date,
            Field(description="Day of the board's decision", title="Day of the decision"),
        )
        minute = Field(description="Reference of the minute", json_schema_extra=_MINUTE)
        yield "minute", str, minute
        due = today(self.instance.clock) + timedelta(days=_IN_DAYS)
        for number in range(1, BOARD_ACTIONS + 1):
            name = f"action_{number}"
            yield f"{name}_clause", str, _text(f"Action {number}: on which clause", "", _OFFICE)
            yield f"{name}_action", str, _text(f"Action {number}: what is to be done", "", _LINE)
            yield f"{name}_owner", str, _text(f"Action {number}: by which office", "", _OFFICE)
            yield f"{name}_due", date, _day(f"Action {number}: by which day", due.isoformat())

    def _description(self) -> Iterable[str]:
        yield from self._head()
        yield from self._points()
        proposed = [one for one in self.review.actions if one.state == "proposed"]
        if proposed:
            yield "Actions proposed by the officer; they are open once you approve:"
            yield from map(_proposed_line, proposed)
        yield (
            "The evidence is collected again after you approve; if any of it differs from this "
            "draft, nothing is published and you are asked anew. With 'approve with actions' at "
            "least one more action is needed. A rejection ends the review. " + _ABOUT_LINES
        )

    def _enter(self, answer: Mapping[str, Any]) -> None:
        numbers = range(1, BOARD_ACTIONS + 1)
        said = read_decision(
            self.review.verdicts.keys(),
            {
                "decision": answer.get("decision"),
                "names": answer.get("names") or (),
                "meeting_day": answer.get("meeting_day"),
                "minute": answer.get("minute"),
                "actions": [
                    _action(answer, f"action_{number}", answer.get(f"action_{number}_clause"))
                    for number in numbers
                ],
            },
            paper=self.review.paper,
            drafted=london_day(self.review.drafted_at),
            today=today(self.instance.clock),
        )
        book.decide(self.instance, self.id, said, "form")


def _proposed_line(one: Action | Proposed) -> str:
    return f"- **{one.clause}** {_plain(one.action)} ({_plain(one.owner)}, by {one.due_day})"


def _action(answer: Mapping[str, Any], name: str, clause: Any) -> Mapping[str, Any]:
    return {
        "clause": clause,
        "action": answer.get(f"{name}_action"),
        "owner": answer.get(f"{name}_owner"),
        "due_day": answer.get(f"{name}_due"),
    }


def _name(clause: str) -> str:
    """``N7_1``: a clause's id as the name of a field."""
    return clause.replace(".", "_")


def _text(label: str, default: str, rule: Any = None, help_: str | None = None) -> Any:
    return Field(default=default, title=label, description=help_, json_schema_extra=rule)


def _day(label: str, default: str) -> Any:
    return Field(default=date.fromisoformat(default), title=label)


def _who(label: str) -> Any:
    return Field(
        title=label, description="Sealed, and never in the pack", json_schema_extra=_PERSON
    )


def _why(one: Point) -> str:
    return "; ".join(one.says)


def _plain(text: str) -> str:
    """As it is, in Markdown."""
    return _MARKS.sub(r"\\\g<0>", text)
