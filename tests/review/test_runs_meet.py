"""Runs of the review that meet others, alive or dead, and the run that should have begun one."""

import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from callward.catalogue.guard import exclusive
from callward.clock import SystemClock
from callward.review import book
from callward.review.deciding import ReviewState
from tests.night.finding import everything_below, find
from tests.review.setting import NOTICE, comment, packs, publish_notice, start
from tests.review.stand import OFFICER, Stand, key_of

AT_ONCE = pytest.mark.parametrize("stand", [{"review_wait_hours": 0}], indirect=True)


def test_a_draft_made_by_another_run_is_shown_with_its_own_points(stand: Stand) -> None:
    """The clause that is met by now is not asked about any more."""

    def people() -> None:
        form = stand.paused()
        assert "N1_1_remark" in stand.form(form)["properties"]
        stand.sky.clouds = 0
        assert start(stand.instance).changed
        form = stand.paused(other_than=key_of(form))
        assert stand.form(form)["properties"]["draft"]["default"] == stand.review().draft
        assert "N1_1_remark" not in stand.form(form)["properties"]
        assert "N1.1" not in stand.shown(form)
        assert stand.comment(form) == "ACCEPT"
        assert stand.decide(stand.paused(other_than=key_of(form)), decision="reject") == "ACCEPT"

    assert stand.run_beside(people).name == "ReviewRejected"


def test_who_comes_second_to_publish_has_succeeded(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the other, and finds the review published."""
    monkeypatch.setattr("tasks.review.BUSY_SECONDS", 30.0)

    def people() -> None:
        form = stand.paused()
        comment(stand.instance, stand.review())
        form = stand.paused(other_than=key_of(form))
        with exclusive(stand.instance.engine):
            assert stand.decide(form) == "ACCEPT"
            deadline = time.monotonic() + 20
            while (review := stand.review()).state is not ReviewState.APPROVED:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            time.sleep(1)
            book.publish(stand.instance, review.id, review.draft, review.draft_pack)

    state = stand.run_beside(people)
    assert (state.type, state.name) == ("COMPLETED", "Published"), state.message
    assert packs(stand.instance) == ["draft"]  # the other's is the pack


@AT_ONCE
def test_who_finds_nobody_else_go_away_is_busy(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience ends."""
    monkeypatch.setattr("tasks.review.BUSY_SECONDS", 0.5)
    with exclusive(stand.instance.engine):
        assert stand.run().name == "Busy"


@AT_ONCE
def test_a_review_that_nobody_has_begun_is_a_failure(stand: Stand) -> None:
    """A day's run says so until one is under way."""
    assert stand.run(begin=False).name == "NothingOpen"
    long_ago = (SystemClock().now() - timedelta(days=400)).date().isoformat()
    publish_notice(stand.instance, NOTICE.replace("2026-01-05", long_ago))
    state = stand.run(begin=False)
    assert (state.type, state.name) == ("FAILED", "ReviewDue")
    assert "more than a year ago, and no review is under way" in state.message
    assert stand.run().name == "AwaitingOfficer"
    assert stand.run(begin=False).name == "AwaitingOfficer"


@AT_ONCE
@pytest.mark.parametrize("name", ["review", "evidence"])
def test_half_a_period_is_refused(stand: Stand, name: str) -> None:
    """One day without the other is not taken for none."""
    import flows.evidence  # noqa: PLC0415 - two seconds
    import flows.review  # noqa: PLC0415

    del stand  # the instance that flows open
    known: Mapping[str, Any] = {
        "review": flows.review.annual_review,
        "evidence": flows.evidence.evidence,
    }
    for days in ({"from_day": date(2026, 1, 1)}, {"to_day": date(2026, 1, 31)}):
        state = known[name](**days, return_state=True)
        assert state.type == "FAILED"
        assert "[settings] a period has a first and a last day" in str(state.message)


@AT_ONCE
def test_what_was_typed_for_a_dead_run_goes_with_the_next(stand: Stand) -> None:
    """Also if that one begins nothing, and waits for nobody."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds
    from prefect.states import Crashed, Running  # noqa: PLC0415

    from flows.review import annual_review  # noqa: PLC0415
    from tasks import waiting  # noqa: PLC0415
    from tasks.reviewforms import OfficerQuestion  # noqa: PLC0415

    taken = start(stand.instance)
    question = OfficerQuestion(stand.instance, taken.review, taken.points)
    with get_client(sync_client=True) as client:
        dead = client.create_flow_run(annual_review, parameters={}, state=Running())
        waiting.pause(client, dead.id, question, 600)
        assert stand.comment(stand.call("GET", f"/flow_runs/{dead.id}")) == "ACCEPT"
        client.set_flow_run_state(dead.id, Crashed(), force=True)
    assert len(_inputs(stand, dead.id)) == 3
    assert find([OFFICER], everything_below(stand.server.home))
    book.withdraw(stand.instance, taken.review.id)
    assert stand.run(begin=False).name == "NothingOpen"
    assert _inputs(stand, dead.id) == []
    assert find([OFFICER], everything_below(stand.server.home)) == []


def _inputs(stand: Stand, run_id: UUID) -> list[object]:
    path = f"/flow_runs/{run_id}/input/filter"
    return list(stand.call("POST", path, {"prefix": "", "limit": 50}))
