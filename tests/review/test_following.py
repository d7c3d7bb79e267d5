"""Actions until they are closed, monthly; and what the evidence says of reviews."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from callward.clock import FixedClock, SystemClock
from callward.errors import NotFoundError, SettingsError
from callward.evidence.clauses.model import Context, Finding, Period, Weight
from callward.evidence.collectors import reviews as collector
from callward.evidence.gathering import source_of
from callward.evidence.judges import sentence
from callward.evidence.judges.reviewing import JUDGES, MEANS
from callward.evidence.months import month_before, month_of
from callward.instance import Instance
from callward.review import book
from callward.review.deciding import ReviewState, ReviewStateError
from callward.review.following import as_markdown, as_rows, follow_up, report_of
from tests.prefect_server import PrefectServer
from tests.review.setting import (
    DUE,
    PERIOD,
    Sky,
    action,
    approved,
    comment,
    decide,
    events,
    later,
    publish,
    publish_notice,
    start,
)
from tests.support import new_instance, rows

WHOLE = Period(date(2025, 11, 20), date(2026, 11, 20))


def facts(instance: Instance, period: Period = WHOLE) -> Any:
    """What the collector says of reviews, as JSON."""
    with instance.reading() as connection:
        found = collector.collect(source_of(instance, connection, period))
    return json.loads(json.dumps(found.facts))


def judged(name: str, told: Any, day: date) -> list[tuple[Weight, str, int]]:
    """What a judge says."""
    found: list[Finding] = list(JUDGES[name](told, Context(WHOLE, day)))
    assert all("{" not in sentence(one) for one in found)
    return [(one.weight, one.code, one.count) for one in found]


def test_an_action_until_it_is_closed(noticed: Instance) -> None:
    """Open, overdue, closed; the ledger says so once."""
    done = publish(noticed, approved(noticed, action(), action("N1.1", DUE + timedelta(days=9))))
    first, second = done.actions
    found = follow_up(noticed)
    assert [one.id for one in found.actions] == [first.id, second.id]
    assert report_of(found).failures == []
    assert as_rows(found)[0]["days left"] == (DUE - found.day).days
    later(noticed, days=(DUE - found.day).days + 1)
    report = report_of(follow_up(noticed))
    assert report.failures == [
        f"[actions-overdue] 1 not done in time: {first.id} (N7.1, due {DUE})"
    ]
    assert report.counts["-"] == {"open": 2, "overdue": 1}
    text = as_markdown(follow_up(noticed))
    assert "2 are open, **1 of them overdue**" in text
    assert text.index("## Overdue") < text.index(first.id) < text.index("## Open")
    book.close_action(noticed, first.id, "T/2027/3")
    assert report_of(follow_up(noticed)).failures == []
    assert events(noticed)[-1] == "review-action-closed"
    with pytest.raises(ReviewStateError):
        book.close_action(noticed, first.id, "T/2027/4")
    with pytest.raises(NotFoundError):
        book.close_action(noticed, "0" * 32, "T/2027/4")
    assert ("T/2027/3",) in rows(noticed, "review_actions", "reference")


def test_what_is_proposed_is_not_to_be_done_yet(noticed: Instance) -> None:
    """Nor can it be closed."""
    review = comment(noticed, start(noticed).review, action())
    assert follow_up(noticed).actions == ()
    with pytest.raises(ReviewStateError, match="is proposed"):
        book.close_action(noticed, review.actions[0].id, "T/1")
    assert facts(noticed)["actions"] == {"closed": 0, "closed_late": [], "open": [], "overdue": []}


def test_what_the_evidence_says_of_reviews(noticed: Instance) -> None:
    """None, one open, one published, and its actions; each as it stood at the period's end."""
    nothing = facts(noticed)
    assert nothing == {
        "published": 0,
        "rejected": 0,
        "last": None,
        "longest_gap": None,
        "open": {},
        "actions": {"closed": 0, "closed_late": [], "open": [], "overdue": []},
    }
    assert judged("reviewed", nothing, DUE) == [(Weight.GAP, "never-reviewed", 0)]
    assert judged("actions-followed", nothing, DUE) == [(Weight.NOT_APPLICABLE, "no-actions", 0)]
    review = comment(noticed, start(noticed).review, action())
    assert facts(noticed)["open"] == {review.id: 0}
    done = publish(noticed, decide(noticed, review))
    told = facts(noticed)
    assert told["last"] == {"review": review.id, "day": "2026-11-20"}
    assert told["open"] == {}
    assert told["actions"]["open"] == [done.actions[0].id]
    assert judged("reviewed", told, date(2027, 11, 21)) == []
    assert judged("reviewed", told, date(2027, 11, 22)) == [(Weight.GAP, "review-overdue", 367)]
    # As it stood before any of it, whenever it is asked.
    assert facts(noticed, PERIOD) == nothing


def test_a_review_that_came_late(noticed: Instance) -> None:
    """Whoever reviews in time again did not for a while: told of every period it touches."""
    for day in (date(2024, 1, 10), date(2025, 1, 10), date(2026, 11, 20)):
        publish(noticed, decide(noticed, comment(noticed, start(noticed).review), day=day))
    later(noticed, days=120)
    told = facts(noticed)
    assert told["longest_gap"] == {"days": 679, "from": "2025-01-10", "to": "2026-11-20"}
    assert judged("reviewed", told, WHOLE.to_day) == [(Weight.PARTLY, "review-late", 679)]
    last = date(2027, 1, 31)
    before = facts(noticed, Period(date(2026, 11, 19), last))
    assert judged("reviewed", before, last) == [(Weight.PARTLY, "review-late", 679)]
    since = facts(noticed, Period(date(2026, 11, 20), last))
    assert since["longest_gap"] is None
    assert judged("reviewed", since, last) == []
    year = {**told, "longest_gap": {"days": 366, "from": "2024-01-10", "to": "2025-01-10"}}
    assert judged("reviewed", year, WHOLE.to_day) == []


def test_what_the_evidence_says_of_actions(noticed: Instance) -> None:
    """Open is a note, overdue a gap, closed late partly; and it says the same later on."""
    done = publish(noticed, approved(noticed, action()))
    one = done.actions[0].id
    later(noticed, days=100)
    over = Period(date(2027, 2, 2), date(2027, 2, 10))
    told = facts(noticed, over)
    assert told["actions"]["overdue"] == [one]
    assert judged("actions-followed", told, over.to_day) == [(Weight.GAP, "actions-overdue", 1)]
    book.close_action(noticed, one, "T/2027/3")
    assert facts(noticed, over) == told
    later(noticed, days=2)
    closed = facts(noticed, Period(date(2027, 2, 2), date(2027, 3, 1)))
    assert closed["actions"] == {"closed": 1, "closed_late": [one], "open": [], "overdue": []}
    assert judged("actions-followed", closed, DUE) == [(Weight.PARTLY, "action-closed-late", 1)]
    # What is told of one period is not told again of the next.
    later(noticed, days=30)
    after = facts(noticed, Period(date(2027, 3, 2), date(2027, 3, 20)))
    assert after["actions"] == {"closed": 1, "closed_late": [], "open": [], "overdue": []}
    waiting = {**closed["actions"], "closed_late": [], "open": [one]}
    assert judged("actions-followed", {"actions": waiting}, DUE) == [
        (Weight.NOTE, "actions-open", 1)
    ]


def test_rejections_and_open_reviews_are_told(noticed: Instance) -> None:
    """As notes: a board should know."""
    decide(noticed, comment(noticed, start(noticed).review), ReviewState.REJECTED)
    start(noticed)
    told = facts(noticed)
    assert judged("reviewed", told, DUE) == [
        (Weight.GAP, "never-reviewed", 0),
        (Weight.NOTE, "review-open", 0),
        (Weight.NOTE, "drafts-rejected", 1),
    ]


def test_every_finding_has_a_sentence() -> None:
    """And every sentence a finding."""
    source = Path(collector.__file__).parents[1] / "judges" / "reviewing.py"
    said = source.read_text().partition("MEANS")[0]
    assert all(f'"{code}"' in said for code in MEANS)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2027, 1, 1), date(2026, 12, 1), date(2026, 12, 31)),
        (date(2028, 3, 31), date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_the_month_before(day: date, first: date, last: date) -> None:
    """From its first to its last day."""
    assert month_before(day) == Period(first, last)
    assert month_of(f"{first:%Y-%m}", day) == Period(first, last)


@pytest.mark.parametrize("text", ["2027-13", "2027-1", "canary", "0126-01", "2027-01-01"])
def test_what_is_no_month(text: str) -> None:
    """Refused, and not repeated."""
    with pytest.raises(SettingsError) as refused:
        month_of(text, date(2030, 1, 1))
    assert text not in str(refused.value)


def test_a_month_that_is_not_over() -> None:
    """Its pack would be signed as the month's and be of a part of it."""
    with pytest.raises(SettingsError, match="not over: its last day is 2026-11-30"):
        month_of("2026-11", date(2026, 11, 30))
    assert month_of("2026-11", date(2026, 12, 1)).to_day == date(2026, 11, 30)


def test_monthly_flows(
    tmp_path: Path, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch, sky: Sky
) -> None:
    """Overdue actions fail by name, with table and text; a month is packed without approval."""
    from flows.monthly import evidence_monthly  # noqa: PLC0415 - two seconds
    from flows.review_actions import review_actions  # noqa: PLC0415

    del sky
    now = SystemClock().now()
    instance = new_instance(tmp_path / "home", clock=FixedClock(now - timedelta(days=40)))
    publish_notice(instance)
    monkeypatch.setenv("CALLWARD_HOME", str(tmp_path / "home"))
    due = (now - timedelta(days=10)).date()
    review = comment(instance, start(instance).review, action(due=due))
    publish(instance, decide(instance, review, day=review.started_at.date()))
    with prefect_server.used_here():
        late = review_actions(return_state=True)
        table, text = _latest("review-actions-findings"), _latest("review-actions-explained")
        book.close_action(instance, table[0]["action"], "T/1")
        good = review_actions(return_state=True)
        packed = evidence_monthly(return_state=True)
        wrong = evidence_monthly("canary", return_state=True)
    instance.close()
    assert (late.type.value, late.name) == ("FAILED", "ActionsOverdue")
    assert table[0]["what"] == "Write it down"
    assert "## Overdue" in text
    assert (good.type.value, good.name) == ("COMPLETED", "Completed")
    assert packed.is_completed(), packed.message
    assert wrong.message == "[settings] a month is written as in 2026-10"
    kinds = rows(instance, "packs", "kind", "from_day", "to_day")
    month = month_before(now.date())
    assert ("monthly", month.from_day, month.to_day) in kinds


def _latest(key: str) -> Any:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    with get_client(sync_client=True) as client:
        found = [one for one in client.read_artifacts() if one.key == key]
    latest = max(found, key=lambda one: str(one.created))
    return json.loads(str(latest.data)) if latest.type == "table" else str(latest.data)
