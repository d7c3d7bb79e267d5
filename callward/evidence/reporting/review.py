"""What the annual review has said and decided. Offices, days and numbers; no names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from callward.evidence.model import PackContents
from callward.evidence.reporting.parts import Block, Code, Column, Section, Table, Text, line
from callward.evidence.reporting.summary import is_draft, is_open, to_clause
from callward.evidence.reporting.words import day_of, many, name

_STATES: Final[Mapping[str, str]] = {
    "approved": "approved the notice and this pack",
    "approved-with-actions": "approved the notice and this pack, with the actions below",
    "rejected": "rejected the draft",
}


def review_section(contents: PackContents) -> Section | None:
    """The board's decision, the remarks, and the actions; None where there is no review."""
    review = contents.review
    if review is None:
        return None
    blocks: tuple[Block, ...] = (*_decision(contents, review), *_remarks(review), *_actions(review))
    return Section("review", "The annual review", blocks)


def _decision(contents: PackContents, review: Mapping[str, Any]) -> Iterator[Block]:
    if is_draft(contents):
        yield Text(line("The board has not decided yet."))
    else:
        did = _STATES.get(str(review.get("state")), name(str(review.get("state"))))
        names = review.get("names")
        sentence = (
            f"On {day_of(str(review.get('meeting_day')))} the board {did}, "
            f"minute {review.get('minute')}."
        )
        yield Text(line(sentence + (_present(names) if isinstance(names, int) else "")))
    if review.get("draft"):
        yield Text(line("The draft that it looked at is bound to this digest:"), "note")
        yield Code(str(review["draft"]))


def _present(names: int) -> str:
    return f" It was given by {many(names, 'person')}, whose names are in the minutes."


def _remarks(review: Mapping[str, Any]) -> Iterator[Block]:
    comments = review.get("comments") or {}
    if comments:
        rows = tuple(
            (line(to_clause(str(clause))), line(str(text)))
            for clause, text in sorted(comments.items())
        )
        head = (Column("Promise"), Column("Remark", share=1))
        yield Table("remarks", "Remarks of the data protection officer", head, rows)


def _actions(review: Mapping[str, Any]) -> Iterator[Block]:
    actions = sorted(
        review.get("actions") or (), key=lambda one: (str(one["due_day"]), str(one["clause"]))
    )
    if not actions:
        yield Text(line("No actions were decided."))
        return
    rows = tuple(
        (
            line(to_clause(str(one["clause"]))),
            line(str(one["action"])),
            line(str(one["owner"])),
            line(day_of(str(one["due_day"]))),
            line(name(str(one.get("state", "open")))),
        )
        for one in actions
    )
    head = (
        Column("Promise"),
        Column("Action", share=4),
        Column("Owner", share=2),
        Column("By"),
        Column("State"),
    )
    still = sum(is_open(one) for one in actions)
    yield Table("actions", f"Actions: {len(actions)}, of which {still} open", head, rows)
