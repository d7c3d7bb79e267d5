"""What the officer's form keeps of what was said of an earlier draft."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from callward.instance import Instance
from callward.review import book
from callward.review.model import Comments, Review
from tests.review.setting import DUE, Sky, action, start


def answered(instance: Instance, taken: Any, **fields: Any) -> Review:
    """The form sent as it is, with a name; the review then."""
    from tasks.reviewforms import OfficerQuestion  # noqa: PLC0415 - two seconds

    question = OfficerQuestion(instance, taken.review, taken.points)
    form = question.form()
    typed = {name: one.default for name, one in form.model_fields.items() if not one.is_required()}
    question.enter({**typed, "name": "Ann", **fields})
    return question.now()


def said(review: Review) -> list[tuple[str, str, date]]:
    """Actions."""
    return sorted((one.clause, one.action, one.due_day) for one in review.actions)


def test_what_was_said_of_an_earlier_draft_stays(noticed: Instance, sky: Sky) -> None:
    """A second action on a clause, and what was said of one that is met by now."""
    first = start(noticed).review
    actions = (
        action(what="Write it down"),
        action(what="Ask somebody", due=DUE + timedelta(days=1)),
        action("N1.1", what="Look up"),
    )
    remarks = {"N1.1": "Rain.", "N7.1": "Nothing is sent."}
    book.comment(noticed, first.id, Comments(first.draft, remarks, actions, "Ann"), "terminal")
    sky.clouds = 0
    taken = start(noticed)
    assert [one.clause for one in taken.points] == ["N7.1"]
    from tasks.reviewforms import OfficerQuestion  # noqa: PLC0415 - two seconds

    form = OfficerQuestion(noticed, taken.review, taken.points).form()
    shown = str(form.model_fields["draft"].description)
    assert "- **N1.1** Rain." in shown
    assert "- **N1.1** Look up (Head of Marketing, by 2027-02-01)" in shown
    assert "- **N7.1** Write it down" in shown
    review = answered(noticed, taken, N7_1_remark="Nothing at all.")
    assert review.comments == {"N1.1": "Rain.", "N7.1": "Nothing at all."}
    assert said(review) == [
        ("N1.1", "Look up", DUE),
        ("N7.1", "Ask somebody", DUE + timedelta(days=1)),
        ("N7.1", "Write it down", DUE),
    ]


def test_what_cannot_be_said_any_more_does_not_stand_in_the_way(noticed: Instance) -> None:
    """A day that is over, a clause that is not in the notice any more."""
    first = start(noticed).review
    gone = action("N9.9", what="Elsewhere")
    over = action("N7.1", what="Too late", due=date(2026, 11, 19))
    remarks = {"N9.9": "Elsewhere.", "N7.1": "Nothing is sent."}
    told = Comments(first.draft, remarks, (over, gone, action(what="Write it down")), "Ann")
    commented = book.comment(noticed, first.id, told, "terminal")
    review = answered(noticed, replace(start(noticed), review=commented))
    assert review.comments == {"N7.1": "Nothing is sent."}
    assert [one for _, one, _ in said(review)] == ["Write it down"]
