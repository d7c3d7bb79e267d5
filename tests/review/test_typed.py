"""What officer and board may type: good lines, and nothing of what is refused is repeated."""

from datetime import date
from typing import Any

import pytest

from callward.evidence.clauses.model import State
from callward.review.deciding import ReviewState
from callward.review.model import Point, Proposed
from callward.review.typed import AnswerError, read_comments, read_decision, read_reference, usable

TODAY = date(2026, 11, 20)
CLAUSES = ("N1.1", "N7.1", "N7.2")
POINTS = (
    Point("N7.1", "Marketing", "Head of Marketing", State.GAP, ()),
    Point("N7.2", "Opting out", "Head of Marketing", State.GAP, ()),
    Point("N1.1", "Sunshine", "Head of Operations", State.PARTLY, ()),
)
ACTION = {
    "clause": "N7.2",
    "action": "Write it down",
    "owner": "Head of Marketing",
    "due_day": "2027-02-01",
}
GOOD: dict[str, Any] = {
    "name": " Ann Example ",
    "remarks": {"N7.1": " Nothing is sent at all. ", "N7.2": "  ", "N1.1": None},
    "actions": [ACTION, {"clause": "N7.1", "action": " ", "owner": "x", "due_day": "2020-01-01"}],
}
DECISION: dict[str, Any] = {
    "decision": "approve with actions",
    "names": ["Bea Example", " ", "Cy Example"],
    "meeting_day": "2026-11-20",
    "minute": "B/2026/11",
    "actions": [ACTION],
}


def comments(**changes: Any) -> Any:
    """Read the officer's comments, with changes."""
    typed = {**GOOD, **changes}
    return read_comments(POINTS, CLAUSES, typed, draft="d", today=TODAY)


def decision(**changes: Any) -> Any:
    """Read the board's decision, with changes."""
    return read_decision(
        CLAUSES, {**DECISION, **changes}, paper="p", drafted=date(2026, 11, 18), today=TODAY
    )


def test_good_comments() -> None:
    """Blank lines are not said; every gap has something; the name is not in the repr."""
    said = comments()
    assert said.remarks == {"N7.1": "Nothing is sent at all."}
    assert said.actions == (
        Proposed("N7.2", "Write it down", "Head of Marketing", date(2027, 2, 1)),
    )
    assert said.by == "Ann Example"
    assert "Ann" not in repr(said)


def test_a_good_decision() -> None:
    """Either spelling of the choice; the names are not in the repr."""
    said = decision()
    assert said.verdict is ReviewState.WITH_ACTIONS
    assert said.names == ("Bea Example", "Cy Example")
    assert "Bea" not in repr(said)
    assert decision(decision="approve-with-actions") == said
    assert decision(decision="approve", actions=[]).verdict is ReviewState.APPROVED
    assert decision(decision="reject", actions=[]).verdict is ReviewState.REJECTED


@pytest.mark.parametrize(
    "text",
    [
        "ISO 27001:2022 is certified until 2027-06-30; ISO/IEC 27701 follows.",
        "1,000 of 2,500 done by 31 January 2027 (99.9 %)",
        "In 2026/27, unlike 2025-2026, by 2027-02-28.",
        "x" * 400,
    ],
)
def test_lines_that_people_write(text: str) -> None:
    """Standards and days are no telephone numbers."""
    assert comments(remarks={"N7.1": text}).remarks["N7.1"] == text


@pytest.mark.parametrize(
    "text",
    [
        *("ask ann@example.org", "call 07700 900123", "+44 20 7946 0001", "a\nb", "x" * 401),
        *("ISO 0770090 0123", "2027-01-31 07700", "27001 07700 900123"),
        *(
            "+44\u20137700\u2013900\u2013123",
            "4111_1111_1111_1111",
            "2077-00-90",
            "2027-02-30",
            "020 2012 2034",
        ),
        *("\uff10\uff17\uff17\uff10\uff10 900123", "077 ... 009"),
    ],
)
def test_lines_that_may_be_about_a_person(text: str) -> None:
    """Refused by place and rule; what was typed is not repeated."""
    for changes in (
        {"remarks": {"N7.1": text}},
        {"actions": [{**ACTION, "action": text}], "remarks": {"N7.1": "Good."}},
        {"actions": [{**ACTION, "owner": text}], "remarks": {"N7.1": "Good."}},
    ):
        with pytest.raises(AnswerError) as refused:
            comments(**changes)
        assert str(refused.value).startswith("[review-answer] N7.")
        assert text not in str(refused.value)


@pytest.mark.parametrize("text", ["BOARD/2027-01", "INC0012345", "T/17", "B/2026-11-20/3", "12"])
def test_references_that_people_write(text: str) -> None:
    """Years, days and tickets are no telephone numbers."""
    assert decision(minute=text).minute == text
    assert read_reference(text) == text


@pytest.mark.parametrize(
    "text", ["Jane Doe 07700 900123", "T/07700-900123", "TEL07700900123", "B/2027-13-01", "a@b"]
)
def test_references_that_may_be_about_a_person(text: str) -> None:
    """Of a minute and of what was done: refused, and not repeated."""
    for read in (lambda: decision(minute=text), lambda: read_reference(text)):
        with pytest.raises(AnswerError) as refused:
            read()
        assert text not in str(refused.value)


def test_no_markup() -> None:
    """A line is shown in pages."""
    with pytest.raises(AnswerError):
        comments(remarks={"N7.1": "<b>bold</b>"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"remarks": {}}, "N7.1: a remark or an action"),
        ({"actions": []}, "N7.2: a remark or an action"),
        ({"name": " "}, "who: at least one name"),
        ({"name": "07700 900123"}, "who: at least one name"),
        ({"remarks": {"N7.1": "a", "canary": "b"}}, "a remark is on a clause"),
        ({"actions": [{**ACTION, "clause": "canary"}]}, "action 1: the number of a clause"),
        ({"actions": [{**ACTION, "due_day": "canary"}]}, "N7.2, due day: a day such as"),
        ({"actions": [{**ACTION, "due_day": "2026-11-19"}]}, "N7.2, due day: not a day that"),
        ({"actions": [{**ACTION, "owner": ""}]}, "N7.2, owner: an office"),
    ],
)
def test_comments_that_cannot_be_used(changes: dict[str, Any], said: str) -> None:
    """Each is told by the place to mend."""
    with pytest.raises(AnswerError, match=said) as refused:
        comments(**changes)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": "canary"}, "decision: one of approve, approve with actions, reject"),
        ({"actions": []}, "approve with actions: needs at least one action"),
        ({"decision": "approve"}, "actions: come with"),
        ({"decision": "reject"}, "actions: come with"),
        ({"names": []}, "who: at least one name"),
        ({"names": ["x" * 201]}, "who: at least one name"),
        ({"meeting_day": "2026-11-21"}, "day of the decision: from 2026-11-18"),
        ({"meeting_day": "2026-11-17"}, "day of the decision: from 2026-11-18"),
        ({"meeting_day": ""}, "day of the decision: a day such as"),
        ({"minute": ""}, "minute: one line"),
        ({"minute": "canary@example.org"}, "minute: one line"),
    ],
)
def test_decisions_that_cannot_be_used(changes: dict[str, Any], said: str) -> None:
    """Each is told by the place to mend."""
    with pytest.raises(AnswerError, match=said) as refused:
        decision(**changes)
    assert "canary" not in str(refused.value)


def test_everything_wrong_is_told_at_once() -> None:
    """So that a form is sent again once."""
    with pytest.raises(AnswerError) as refused:
        comments(remarks={}, actions=[], name="")
    assert len(refused.value.problems) == 3


def test_what_is_shown_again_is_good() -> None:
    """A form that comes back holds nothing that could not be used."""
    assert usable("remark", "Nothing is sent.")
    assert usable("day", "2027-02-01")
    for kind, text in (
        *(("remark", "ann@example.org"), ("action", ""), ("owner", "07700 900123")),
        *(("day", "canary"), ("day", None)),
    ):
        assert not usable(kind, text)


def test_a_reference_closes() -> None:
    """One line, no address."""
    assert read_reference(" T/2027/3 ") == "T/2027/3"
    with pytest.raises(AnswerError):
        read_reference("ann@example.org")


def test_half_a_character_is_no_name() -> None:
    """A lone surrogate, as JSON can hold one: it is asked again."""
    with pytest.raises(AnswerError, match="who: at least one name"):
        comments(name="Ann \ud83d")
    with pytest.raises(AnswerError, match="who: at least one name"):
        decision(names=["Bea", "Cy \udc00"])
