"""The annual review through Prefect: officer and board answer forms as the UI does it.

The flow runs in this process, on a real server; the people are a thread that talks to that
server over HTTP, or types commands.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from callward.catalogue.guard import exclusive
from callward.clock import FixedClock, SystemClock, london_day, today
from callward.review import book
from callward.review.deciding import ReviewState
from callward.review.model import Comments, Proposed, Review
from tests.night.finding import everything_below, find
from tests.retention.shelf import read
from tests.review.setting import events, packs
from tests.review.stand import BOARD, OFFICER, REMARK, Stand, key_of
from tests.support import rows


def _officer_answers(stand: Stand, form: Mapping[str, Any]) -> Mapping[str, Any]:
    """Look, send what cannot be used, mend it; the board's form."""
    schema, review = stand.form(form), stand.review()
    assert sorted(schema["required"]) == ["name"]
    assert schema["properties"]["draft"]["default"] == review.draft
    assert schema["properties"]["N7_1_owner"]["default"] == "Head of Marketing"
    shown = stand.shown(form)
    assert review.draft in shown
    assert "- **N7.1 gap**, Marketing: no evidence is named for it" in shown
    assert "- **N1.1 partly**, Sunshine: cloudy." in shown
    # What a schema can say, the server refuses, and the form stays open.
    assert stand.comment(form, name=None) == "REJECT"
    assert stand.comment(form, N7_1_remark="ask ann@example.org") == "REJECT"
    with exclusive(stand.instance.engine):  # nothing is held while people think
        assert stand.comment(form, N7_1_remark="", N1_1_remark="Rain.") == "ACCEPT"
        form = stand.paused(other_than=key_of(form))
    assert "- N7.1: a remark or an action" in stand.shown(form)
    assert stand.form(form)["properties"]["N1_1_remark"]["default"] == "Rain."
    assert stand.review().state is ReviewState.DRAFTED
    assert stand.comment(form, N7_1_action="Write it down") == "ACCEPT"
    return stand.paused(other_than=key_of(form))


def _board_looks(stand: Stand, form: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the officer said is shown; decisions that cannot be used; the form shown again."""
    assert stand.review().state is ReviewState.COMMENTED
    shown = stand.shown(form)
    assert "Write it down" in shown
    assert REMARK in shown
    assert OFFICER not in shown
    assert stand.decide(form, decision="perhaps") == "REJECT"
    assert stand.decide(form, minute=" ") == "REJECT"
    form = _officer_adds(stand, form)
    late = today(stand.instance.clock) + timedelta(days=2)
    assert stand.decide(form, meeting_day=late.isoformat()) == "ACCEPT"
    form = stand.paused(other_than=key_of(form))
    assert "- day of the decision: from" in stand.shown(form)
    return form


def _officer_adds(stand: Stand, form: Mapping[str, Any]) -> Mapping[str, Any]:
    """Under the open form: it comes again with what is new, and what it was about is refused."""
    from tests.review.setting import action, comment  # noqa: PLC0415 - beside the flow's own

    review, old = stand.review(), stand.form(form)["properties"]["paper"]["default"]
    assert old == review.paper
    comment(stand.instance, review, action(what="Ask somebody else"))
    form = stand.paused(other_than=key_of(form))
    assert "Ask somebody else" in stand.shown(form)
    assert stand.decide(form, paper=old) == "ACCEPT"
    form = stand.paused(other_than=key_of(form))
    assert "- what was sent was about another paper" in stand.shown(form)
    book.comment(stand.instance, review.id, _said(review), "terminal")
    return stand.paused(other_than=key_of(form))


def _said(review: Review) -> Comments:
    proposed = tuple(
        Proposed(one.clause, one.action, one.owner, one.due_day) for one in review.actions
    )
    return Comments(review.draft, review.comments, proposed, OFFICER)


def _both_answer_anew(stand: Stand, form: Mapping[str, Any], old: str) -> None:
    """Nothing was published; the old form is of no use; with the new ones it is."""
    review = stand.review()
    assert (review.state, review.decided_at) == (ReviewState.DRAFTED, None)
    assert (review.meeting_day, review.minute, review.pack) == (None, None, None)
    assert packs(stand.instance) == ["draft", "draft"]
    assert events(stand.instance)[-1] == "review-draft-changed"
    # What was said once is there already.
    assert stand.form(form)["properties"]["N7_1_remark"]["default"] == REMARK
    # The old form, sent again, with what nobody may see.
    assert stand.comment(form, draft=old, N1_1_owner="0161 496 0000", N1_1_due="x") == "ACCEPT"
    form = stand.paused(other_than=key_of(form))
    assert "- what was sent was about another draft" in stand.shown(form)
    assert stand.comment(form) == "ACCEPT"
    form = stand.paused(other_than=key_of(form))
    more = {
        "decision": "approve with actions",
        "action_1_clause": "N1.1",
        "action_1_action": "Look up more often",
        "action_1_owner": "Head of Operations",
    }
    assert stand.decide(form, **more) == "ACCEPT"


def test_a_draft_that_changes_is_refused_and_the_next_is_published(stand: Stand) -> None:
    """Officer and board answer; the evidence has changed; both answer anew, and it is out."""
    drafts: list[str] = []

    def people() -> None:
        form = stand.paused()
        drafts.append(stand.review().draft)
        form = _officer_answers(stand, form)
        form = _board_looks(stand, form)
        stand.sky.clouds = 2
        assert stand.decide(form) == "ACCEPT"
        form = stand.paused(other_than=key_of(form))
        drafts.append(stand.review().draft)
        _both_answer_anew(stand, form, drafts[0])

    state = stand.run_beside(people)
    assert (state.type, state.name) == ("COMPLETED", "Published"), state.message
    review = stand.review()
    assert review.state is ReviewState.PUBLISHED
    assert review.draft == drafts[1] != drafts[0]
    assert review.comments == {"N7.1": REMARK, "N1.1": "Rain."}
    assert [(one.clause, one.action, one.state) for one in sorted(review.actions, key=_clause)] == [
        ("N1.1", "Look up more often", "open"),
        ("N7.1", "Write it down", "open"),
    ]
    assert packs(stand.instance) == ["draft", "draft", "annual"]
    assert events(stand.instance) == [
        *("review-drafted", "review-commented", "review-commented", "review-commented"),
        *("review-decided", "review-draft-changed"),
        *("review-commented", "review-decided", "review-published", "review-action-opened"),
    ]
    assert _notes(stand) == [{"by": [OFFICER]}, {"by": BOARD}]
    _nothing_typed_is_left(stand)


def _clause(action: Any) -> str:
    return str(action.clause)


def _notes(stand: Stand) -> list[Any]:
    (ids,) = rows(stand.instance, "reviews", "officer_note_id", "board_note_id")
    return [json.loads(read(stand.instance, note)) for note in ids]


def _nothing_typed_is_left(stand: Stand) -> None:
    """Neither in rows of the server nor in its files, logs and artifacts; nor in ours."""
    run = stand.flow_run()
    kept = stand.call("POST", f"/flow_runs/{run['id']}/input/filter", {"prefix": "", "limit": 50})
    assert kept == []
    places = [
        *everything_below(stand.server.home),
        *everything_below(stand.instance.settings.home),
    ]
    assert find([OFFICER, "Ostrvanka", *BOARD, "Žoltanéx", "ann@example", "0161 496"], places) == []
    # It would be found: the form's own key is in the state that the server keeps.
    assert find([stand.review().id], places)


@pytest.mark.parametrize("stand", [{"review_wait_hours": 0}], indirect=True)
def test_runs_end_by_the_name_of_whom_they_wait_for(stand: Stand) -> None:
    """And the next goes on where the one before ended, also behind the terminal's word."""
    from tests.review.setting import comment, decide  # noqa: PLC0415 - beside the flow's own

    assert stand.run(begin=False).name == "NothingOpen"
    assert stand.run().name == "AwaitingOfficer"
    review = comment(stand.instance, stand.review())
    assert stand.run(begin=False).name == "AwaitingBoard"
    assert isinstance(stand.instance.clock, FixedClock)
    stand.instance.clock.moment = SystemClock().now()
    decide(stand.instance, review, day=london_day(review.drafted_at))
    state = stand.run(begin=False)
    assert (state.type, state.name) == ("COMPLETED", "Published")
    assert packs(stand.instance) == ["draft", "annual"]
    assert stand.run(begin=False).name == "NothingOpen"


@pytest.mark.parametrize("stand", [{"review_wait_hours": 0}], indirect=True)
def test_what_is_left_open_for_too_long_is_a_failure(stand: Stand) -> None:
    """By name; the review stays open."""
    from callward.catalogue import tables as t  # noqa: PLC0415

    assert stand.run().name == "AwaitingOfficer"
    long_ago = stand.instance.clock.now() - timedelta(days=31)
    with stand.instance.unit() as connection:
        connection.execute(t.reviews.update().values(started_at=long_ago))
    state = stand.run()
    assert (state.type, state.name) == ("FAILED", "NobodyDecided")
    assert "has been open for 31 days and is drafted" in state.message
    assert stand.review().state is ReviewState.DRAFTED


def test_a_rejection_ends_it_and_the_terminal_ends_the_wait(stand: Stand) -> None:
    """The officer answers at a terminal while the run is paused, the board in the form."""
    from tests.review.setting import comment  # noqa: PLC0415

    def people() -> None:
        first = stand.paused()
        comment(stand.instance, stand.review())
        second = stand.paused(other_than=key_of(first))
        assert stand.decide(second, decision="reject") == "ACCEPT"

    state = stand.run_beside(people)
    assert (state.type, state.name) == ("FAILED", "ReviewRejected")
    assert stand.review().state is ReviewState.REJECTED
    assert packs(stand.instance) == ["draft"]
