"""A review from its draft to its final pack, and what stops it; on both databases."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import LONDON
from callward.errors import GateFailedError, NotFoundError, SettingsError
from callward.evidence.clauses.model import Period
from callward.evidence.shelf import DRAFTS
from callward.evidence.verify import verify_pack
from callward.instance import Instance
from callward.review import book, stage
from callward.review.deciding import (
    DraftChangedError,
    ReviewState,
    ReviewStateError,
    RowsChangedError,
)
from callward.run import StageReport
from data_checks.gate import GreatExpectationsGates
from tests.retention.shelf import read
from tests.review.setting import (
    NOTICE,
    PERIOD,
    Sky,
    action,
    approved,
    comment,
    decide,
    events,
    ids,
    inside,
    later,
    pack_file,
    packs,
    previous,
    publish,
    publish_notice,
    start,
    work_of,
)
from tests.support import rows, snapshot


def test_from_draft_to_pack(noticed: Instance) -> None:
    """Every step is in the ledger; the final pack says what was decided and follows the last."""
    taken = start(noticed)
    assert taken.review.period == PERIOD
    assert [(one.clause, one.must) for one in taken.points] == [("N7.1", True), ("N1.1", False)]
    review = comment(noticed, taken.review, action())
    review = decide(
        noticed, review, ReviewState.WITH_ACTIONS, action("N1.1", what="Look up more often")
    )
    assert packs(noticed) == ["draft"]
    done = publish(noticed, review)
    assert done.state is ReviewState.PUBLISHED
    assert packs(noticed) == ["draft", "annual"]
    assert events(noticed) == [
        *("review-drafted", "review-commented", "review-decided", "review-published"),
        "review-action-opened",
    ]
    assert {one.state for one in done.actions} == {"open"}
    assert sorted(one.clause for one in done.actions) == ["N1.1", "N7.1"]
    assert verify_pack(pack_file(noticed, done.pack), expected_key=noticed.signer.verifier).passed
    told = json.loads(inside(noticed, done.pack, "data/review.json"))
    assert told == stage.review_json(review)
    assert len(told["actions"]) == 2
    with noticed.reading() as connection:
        assert book.open_review(connection) is None
        assert book.reviewed_to(connection) == PERIOD.to_day


def test_who_it_was_is_sealed(noticed: Instance) -> None:
    """The catalogue has ids of notes and a number; nothing else has the names."""
    review = comment(noticed, start(noticed).review, by="Quorvexia")
    decide(noticed, review, names=("Žoltanéx", "Ostrvanka"))
    (notes,) = rows(noticed, "reviews", "officer_note_id", "board_note_id")
    assert json.loads(read(noticed, notes[0])) == {"by": ["Quorvexia"]}
    assert json.loads(read(noticed, notes[1])) == {"by": ["Žoltanéx", "Ostrvanka"]}
    text = repr(snapshot(noticed))
    assert not [one for one in ("Quorvexia", "Žoltanéx", "Ostrvanka") if one in text]
    assert rows(noticed, "reviews", "names") == [(2,)]


def test_a_draft_that_has_changed_is_not_published(noticed: Instance, sky: Sky) -> None:
    """Nothing is made of it; the decision is void, and both are asked again."""
    review = approved(noticed, action())
    sky.clouds = 2
    before = snapshot(noticed)
    with pytest.raises(DraftChangedError, match="nothing was published"):
        publish(noticed, review)
    after = snapshot(noticed)
    for table in ("reviews", "packs", "review_actions", "evidence_items"):
        assert after[table] == before[table]
    again = start(noticed)
    assert again.changed
    assert again.review.id == review.id
    assert again.review.state is ReviewState.DRAFTED
    assert again.review.draft != review.draft
    assert again.review.decided_at is None
    assert again.review.meeting_day is None
    assert again.review.comments == review.comments  # as a help for whoever comments anew
    assert events(noticed)[-1] == "review-draft-changed"
    with pytest.raises(DraftChangedError):
        comment(noticed, review)
    with pytest.raises(ReviewStateError):
        decide(noticed, again.review)
    sky.clouds = 1  # as it was: that is the old draft again, and its decision stays void
    third = start(noticed).review
    assert third.draft == review.draft
    assert third.state is ReviewState.DRAFTED
    done = publish(noticed, decide(noticed, comment(noticed, third, action())))
    assert done.state is ReviewState.PUBLISHED
    assert len(done.actions) == 1


def test_the_board_decides_on_what_it_was_shown(noticed: Instance) -> None:
    """The officer comments again on the same draft: what the board had before it is of no use."""
    shown = comment(noticed, start(noticed).review)
    now = comment(noticed, shown, action())
    assert now.draft == shown.draft
    with pytest.raises(DraftChangedError, match=f"the paper is {now.paper[:12]} now"):
        decide(noticed, shown)
    done = publish(noticed, decide(noticed, now, ReviewState.WITH_ACTIONS, action("N1.1")))
    assert done.state is ReviewState.PUBLISHED
    said = [ids(noticed, event) for event in ("review-commented", "review-decided")]
    assert [one["paper"] for one in said] == [now.paper, now.paper]
    assert said[1]["decided"] == done.paper != now.paper


@pytest.mark.parametrize(
    "change",
    [
        t.reviews.update().values(comments={"N7.1": "Everything is well."}),
        t.review_actions.update().values(owner="Nobody"),
        t.review_actions.delete(),
    ],
)
def test_edited_rows_are_not_published(noticed: Instance, change: sa.Executable) -> None:
    """The ledger says what was decided on; no pack is made of anything else."""
    review = approved(noticed, action())
    with noticed.unit() as connection:
        connection.execute(change)
    with pytest.raises(RowsChangedError, match=f"review {review.id} are not those"):
        publish(noticed, review)
    assert packs(noticed) == ["draft"]
    with pytest.raises(RowsChangedError):
        book.publish(noticed, review.id, review.draft, review.draft_pack)


def test_what_the_review_itself_changes_does_not_change_its_draft(noticed: Instance) -> None:
    """Nor does being asked again."""
    first = start(noticed).review
    again = start(noticed)
    assert not again.changed
    assert again.review == first
    assert packs(noticed) == ["draft"]
    assert publish(noticed, approved(noticed)).draft == first.draft


def test_another_notice_is_another_draft(noticed: Instance) -> None:
    """The map is part of what is approved."""
    review = approved(noticed)
    publish_notice(noticed, NOTICE.replace("Sunshine", "Rain"))
    with pytest.raises(DraftChangedError):
        publish(noticed, review)


def test_a_rejected_review_is_over(noticed: Instance) -> None:
    """What was proposed lapses; nothing can be published; another can begin."""
    review = comment(noticed, start(noticed).review, action())
    done = decide(noticed, review, ReviewState.REJECTED)
    assert done.actions == ()
    with pytest.raises(ReviewStateError, match="not approved"):
        publish(noticed, done)
    assert packs(noticed) == ["draft"]
    assert start(noticed).review.id != review.id


def test_one_at_a_time(noticed: Instance) -> None:
    """Days of another period are refused while one is open; withdrawn, it is out of the way."""
    first = start(noticed).review
    other = Period(date(2026, 1, 1), date(2026, 6, 30))
    with pytest.raises(ReviewStateError, match=f"review {first.id} is open"):
        start(noticed, period=other)
    assert start(noticed, period=PERIOD).review == first
    with pytest.raises(ReviewStateError, match="end it before another begins"):
        book.begin(noticed, other, "0" * 64, first.draft_pack)
    book.withdraw(noticed, first.id)
    assert start(noticed, period=other).review.period == other
    assert "review-withdrawn" in events(noticed)
    with pytest.raises(ReviewStateError):
        book.withdraw(noticed, first.id)
    with pytest.raises(NotFoundError):
        book.withdraw(noticed, "0" * 32)


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 1, 1), date(2026, 11, 20)), (date(2026, 2, 1), date(2026, 1, 1))],
)
def test_only_days_that_are_over(noticed: Instance, first: date, last: date) -> None:
    """Today would change under the board's hands."""
    with pytest.raises(SettingsError):
        start(noticed, period=Period(first, last))
    assert packs(noticed) == []


def test_a_few_days_are_no_review(noticed: Instance) -> None:
    """One of them would count for the year's; a young instance has no more days than it has."""
    short = Period(date(2026, 2, 1), date(2026, 11, 19))  # 292 days
    start(noticed, period=short)  # the instance is an hour old
    (open_one,) = rows(noticed, "reviews", "id")
    book.withdraw(noticed, open_one[0])
    later(noticed, days=100)
    with pytest.raises(SettingsError, match="at least 300 days"):
        start(noticed, period=Period(date(2026, 11, 21), date(2027, 2, 20)))
    later(noticed, days=200)
    with pytest.raises(SettingsError, match="at least 300 days"):
        start(noticed, period=short)
    assert start(noticed, period=Period(date(2026, 1, 25), date(2026, 11, 20))).review


def test_the_gate_lets_whole_and_fresh_evidence_through(noticed: Instance) -> None:
    """The control of those that follow, by the real gate."""
    start(noticed, GreatExpectationsGates())
    found = rows(noticed, "gate_results", "suite", "outcome", "rows")
    assert ("review_entry", "passed", 1) in found


def _missing(instance: Instance, sky: Sky) -> str:
    del instance
    sky.failing = True
    return r"collected \(1 of 1\)"


def _stale(instance: Instance, sky: Sky) -> str:
    publish_notice(instance, NOTICE.replace("judge: sunny", "fresh_days: 2, judge: sunny"))
    assert sky.newest
    sky.newest -= timedelta(days=3)
    return r"fresh \(1 of 1\)"


@pytest.mark.parametrize("happened", [_missing, _stale])
def test_the_gate_stops_a_review(noticed: Instance, sky: Sky, happened: Any) -> None:
    """Nothing is entered but the gate's verdict, and no pack is made."""
    said = happened(noticed, sky)
    with pytest.raises(GateFailedError, match=f"gate review_entry failed over 1 rows: .*{said}"):
        start(noticed, GreatExpectationsGates())
    assert rows(noticed, "reviews") == []
    assert packs(noticed) == []
    assert events(noticed) == []


def test_altered_evidence_is_stopped(noticed: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not what its item says."""
    from callward.review import gate  # noqa: PLC0415 - it is changed here

    whole = gate.entry_frame

    def altered(proof: Any) -> Any:
        for path in proof.files:
            proof.files[path] += b" "
        return whole(proof)

    monkeypatch.setattr(stage, "entry_frame", altered)
    with pytest.raises(GateFailedError, match=r"digest-matches \(1 of 1\)"):
        start(noticed, GreatExpectationsGates())


def test_killed_anywhere_it_comes_to_the_same_end(
    noticed: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the draft pack there is one draft too many; behind the final one it is taken up."""

    class Killed(BaseException):
        """The process is gone."""

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(book, "begin", kill)
        with pytest.raises(Killed):
            start(noticed)
    assert rows(noticed, "reviews") == []
    review = approved(noticed)
    with monkeypatch.context() as patch:
        patch.setattr(book, "publish", kill)
        with pytest.raises(Killed):
            publish(noticed, review)
    assert packs(noticed) == ["draft", "draft", "annual"]
    done = publish(noticed, start(noticed).review)
    assert done.state is ReviewState.PUBLISHED
    assert packs(noticed) == ["draft", "draft", "annual"]
    (made,) = [pack for pack, kind in rows(noticed, "packs", "id", "kind") if kind == "annual"]
    assert done.pack == made


def test_a_final_pack_that_is_not_there_any_more_is_made_again(
    noticed: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published can be read."""
    review = approved(noticed)
    with monkeypatch.context() as patch:
        patch.setattr(book, "publish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(noticed, review)
    (name,) = [name for kind, name in rows(noticed, "packs", "kind", "name") if kind == "annual"]
    (noticed.settings.evidence / DRAFTS / name).unlink()
    done = publish(noticed, review)
    assert packs(noticed) == ["draft", "annual", "annual"]
    assert verify_pack(pack_file(noticed, done.pack), expected_key=noticed.signer.verifier).passed


def test_material_changes_are_dealt_with(noticed: Instance) -> None:
    """Those in its pack, up to the end of its last day, though the draft was made later."""
    midnight = datetime(2026, 11, 20, tzinfo=LONDON)
    _change(noticed, "1" * 32, midnight - timedelta(microseconds=1))
    _change(noticed, "2" * 32, midnight)
    review = approved(noticed)
    assert review.drafted_at > midnight
    done = publish(noticed, review)
    shown = json.loads(inside(noticed, done.pack, "data/evidence/material-changes.json"))
    assert [one["id"] for one in shown["details"]["changes"]] == ["1" * 32]
    found = dict(rows(noticed, "material_changes", "id", "review"))
    assert found == {"1" * 32: review.id, "2" * 32: None}
    dealt = dict(rows(noticed, "material_changes", "id", "dealt_at"))
    assert dealt["1" * 32] is not None
    assert dealt["2" * 32] is None


def _change(instance: Instance, change: str, found_at: datetime) -> None:
    with instance.unit() as connection:
        connection.execute(
            t.material_changes.insert().values(
                id=change, kind="notice", subject="notice", after="x", found_at=found_at
            )
        )


def test_the_next_review_follows_the_last(noticed: Instance, sky: Sky) -> None:
    """Its days begin where those of the last ended, and its pack names that one."""
    first = publish(noticed, approved(noticed))
    later(noticed, days=369)
    assert sky.newest
    taken = start(noticed)
    assert taken.review.period == Period(date(2026, 11, 20), date(2027, 11, 23))
    assert previous(noticed, taken.review) == first.pack


def test_a_review_follows_the_last_one_though_their_days_overlap(noticed: Instance) -> None:
    """One on demand in between is no gap in the chain."""
    publish(noticed, approved(noticed))
    later(noticed, days=100)
    review = comment(noticed, start(noticed).review)
    assert review.period.from_day <= PERIOD.to_day
    second = publish(noticed, decide(noticed, review, day=date(2027, 2, 28)))
    later(noticed, days=100)
    assert previous(noticed, start(noticed).review) == second.pack


def test_only_open_reviews_are_taken_up_unless_told(noticed: Instance) -> None:
    """A run that is to begin none finds nothing to do."""
    work, run = work_of(noticed)
    assert stage.take_up(noticed, work, run, StageReport("r"), begin=False) is None
    assert packs(noticed) == []


def test_what_is_made_is_told(noticed: Instance) -> None:
    """The final pack's review: state, day, minute, number of names, remarks, actions."""
    told = stage.review_json(approved(noticed, action()))
    assert told["state"] == "approved"
    assert told["meeting_day"] == "2026-11-20"
    assert told["minute"] == "B/2026/11"
    assert told["names"] == 2
    assert told["comments"] == {"N7.1": "Nothing is sent at all."}
    assert [one["action"] for one in told["actions"]] == ["Write it down"]
    assert "Bea" not in json.dumps(told)
