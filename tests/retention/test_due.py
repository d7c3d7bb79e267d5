"""Due days: what a sweep takes, and how changed instructions move it."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import FutureAsOfError
from callward.instance import Instance
from callward.instructions.periods import Period
from callward.retention.stage import enforce, prepare
from tests.retention.shelf import column, openable, refuse, shelve
from tests.support import NOW, PassingGates, instruct, rows, run_stage, snapshot


def _stand(instance: Instance, moment: datetime) -> None:
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = moment


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        # 23:30 UTC in summer is half past midnight in London: the next day.
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), date(2026, 8, 16)),
        (datetime(2026, 7, 1, 22, 59, tzinfo=UTC), date(2026, 8, 15)),
        # Over the end of summer time (25 October) and its start (28 March 2027).
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), date(2026, 12, 9)),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 12, 9)),
        (datetime(2027, 3, 27, 23, 59, tzinfo=UTC), date(2027, 5, 11)),
        # 15 January 2028 is 45 days from 29 February.
        (datetime(2028, 1, 15, 12, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_a_recording_goes_on_its_london_day_and_not_before(
    instance: Instance, ended: datetime, due: date
) -> None:
    """Up to the last minute of the day before it stays; from the due day's first it goes."""
    instruct(instance)
    _stand(instance, ended)
    one = shelve(instance, "one", ended=ended)
    midnight = datetime(due.year, due.month, due.day, tzinfo=UTC)
    london_midnight = midnight - (timedelta(hours=1) if 4 <= due.month <= 10 else timedelta())
    _stand(instance, london_midnight - timedelta(minutes=1))
    assert run_stage(instance, "retention").outcome == "NothingDue"
    assert openable(instance, one.all) == one.all
    _stand(instance, london_midnight)
    # Its clock has been put back, which needs a person's word.
    report = run_stage(instance, "retention", approve=_plan_hash(instance))
    assert report.failures == []
    assert report.total("shredded") == 2
    assert openable(instance, one.all) == {one.details}


def test_three_years_from_a_leap_day_end_with_february(instance: Instance) -> None:
    """The 29 February that is not there becomes the 28th, so three years are not exceeded."""
    instruct(instance)
    _stand(instance, datetime(2024, 2, 29, 12, tzinfo=UTC))
    one = shelve(instance, "one")
    _stand(instance, datetime(2027, 2, 27, 12, tzinfo=UTC))
    run_stage(instance, "retention")
    assert openable(instance, one.all) == {one.details}
    _stand(instance, datetime(2027, 2, 28, 12, tzinfo=UTC))
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, one.all) == set()


def test_due_today_and_late_go_and_due_tomorrow_stays(instance: Instance) -> None:
    """Three ages around the day, media and quarantined things alike."""
    instruct(instance)
    tomorrow, today_, late = (shelve(instance, f"age {age}", age=age) for age in (44, 45, 300))
    young, old = refuse(instance, "young", age=44), refuse(instance, "old", age=45)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, tomorrow.all | today_.all | late.all) == (
        tomorrow.all | {today_.details, late.details}
    )
    assert openable(instance, [young.media, young.row, old.media, old.row]) == {
        young.media,
        young.row,
    }
    assert dict(rows(instance, "quarantine", "id", "state")) == {
        young.id: "held",
        old.id: "shredded",
    }


def test_a_day_to_come_is_refused(instance: Instance) -> None:
    """A sweep as of tomorrow is an error, and nothing has changed after it."""
    instruct(instance)
    shelve(instance, "one", age=44.5)
    before = snapshot(instance)
    tomorrow = date(2026, 11, 21)
    with pytest.raises(FutureAsOfError):
        run_stage(instance, "retention", as_of=tomorrow)
    ahead = night.new_run(instance, as_of=tomorrow, dry_run=True)
    work = night.work_for(instance, PassingGates(), ahead)
    assert enforce(instance, work, ahead).outcome == "DryRun"
    assert snapshot(instance) == before


def test_a_dry_run_looks_ahead_and_changes_nothing(instance: Instance) -> None:
    """It sees what will be due and by which new instruction, and leaves every row as it was."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=10)
    instruct(instance, recordings="11 days")
    before = snapshot(instance)
    ahead = night.new_run(instance, as_of=date(2026, 11, 21), dry_run=True)
    prepared = prepare(instance, ahead)
    assert {due.id for due in prepared.plan.due} == one.media
    assert prepared.brake == ("shortened:acorn",)
    assert snapshot(instance) == before


def test_a_dry_run_leaves_out_whoever_is_unclear(instance: Instance) -> None:
    """So the hash it shows is that of the sweep that will run."""
    instruct(instance)
    instruct(instance, "birch")
    mine = shelve(instance, "mine", age=50)
    shelve(instance, "other", age=50, controller="birch")
    (instance.settings.instructions / "birch.yaml").write_text("controller: [")
    plan = prepare(instance, night.new_run(instance, dry_run=True)).plan
    assert {due.id for due in plan.due} == mine.media


def test_a_run_for_one_controller_touches_nobody_else(instance: Instance) -> None:
    """Not their objects, not their due days, not the clock's mark."""
    instruct(instance)
    instruct(instance, "birch")
    run_stage(instance, "retention")
    mine = shelve(instance, "mine", age=50)
    theirs = shelve(instance, "theirs", age=50, controller="birch")
    instruct(instance, "birch", recordings="100 days")
    before = rows(instance, "objects", "id", "state", "due_day")
    marks = _others_marks(instance)
    assert run_stage(instance, "retention", controller="acorn").failures == []
    assert openable(instance, mine.all | theirs.all) == {mine.details} | theirs.all
    after = rows(instance, "objects", "id", "state", "due_day")
    assert [row for row in after if row[0] in theirs.all] == [
        row for row in before if row[0] in theirs.all
    ]
    assert _others_marks(instance) == marks


def test_a_longer_period_moves_due_days_without_asking(instance: Instance) -> None:
    """What would have gone today stays, its transcript with it; it is said once."""
    instruct(instance)
    one = shelve(instance, "one", age=45)
    instruct(instance, recordings="46 days")
    assert run_stage(instance, "retention").outcome == "NothingDue"
    assert openable(instance, one.all) == one.all
    assert column(instance, "due_day", one.media) == {date(2026, 11, 21)}
    assert _events(instance, "due-days-replanned") == 1
    run_stage(instance, "retention")
    assert _events(instance, "due-days-replanned") == 1


def test_a_shorter_period_needs_a_person(instance: Instance) -> None:
    """Shortened: nothing goes until the very plan is approved, then recording and transcript."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=31)
    refused = refuse(instance, "refused", age=31)
    instruct(instance, recordings="30 days")
    report = run_stage(instance, "retention")
    assert "shortened:acorn" in report.failures[0]
    everything = one.all | {refused.media, refused.row}
    assert openable(instance, everything) == everything
    assert rows(instance, "sweeps") == []
    assert column(instance, "due_day", one.media) == {date(2026, 11, 19)}
    hash_ = _plan_hash(instance)
    assert run_stage(instance, "retention", approve=hash_).failures == []
    assert openable(instance, everything) == {one.details}
    shelve(instance, "next", age=31, recordings=Period(days=30))
    assert run_stage(instance, "retention").failures == []


def test_a_hold_or_an_unclear_file_does_not_hide_a_shortening(instance: Instance) -> None:
    """Whatever kept the first sweeps from it, the first that would destroy still asks."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=31)
    instruct(instance, recordings="30 days")
    assert run_stage(instance, "retention").failures
    path = instance.settings.instructions / "acorn.yaml"
    good = path.read_text()
    path.write_text("controller: [")
    assert len(run_stage(instance, "retention").failures) == 1
    path.write_text(good)
    report = run_stage(instance, "retention")
    assert "shortened:acorn" in report.failures[0]
    assert openable(instance, one.all) == one.all


def test_a_day_gone_by_is_swept_by_todays_instruction(instance: Instance) -> None:
    """What was due under last year's shorter period is kept under this year's longer one."""
    instruct(instance, recordings="10 days")
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=20)
    instruct(instance, recordings="45 days", effective_from="2026-11-20")
    run_stage(instance, "retention", as_of=date(2026, 11, 19))
    assert openable(instance, one.all) == one.all
    assert column(instance, "due_day", one.media) == {date(2026, 12, 15)}


def test_what_was_filed_by_an_old_version_is_put_right(instance: Instance) -> None:
    """Each night looks at every object, not only when an instruction has just changed."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=20, recordings=Period(days=10))
    assert run_stage(instance, "retention").outcome == "NothingDue"
    assert column(instance, "due_day", one.media) == {date(2026, 12, 15)}


def test_a_missing_due_day_is_filled_in(instance: Instance) -> None:
    """A recording without a day is not kept for ever, yet a person is asked before it goes."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=50)
    with instance.unit() as connection:
        mine = t.objects.c.id.in_(one.media)
        connection.execute(t.objects.update().where(mine).values(due_day=None))
    assert "shortened:acorn" in run_stage(instance, "retention").failures[0]
    assert column(instance, "due_day", one.media) == {date(2026, 11, 15)}


def test_an_instruction_to_come_counts_from_its_day(instance: Instance) -> None:
    """Loaded today, in force tomorrow: due days move tomorrow."""
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=20)
    instruct(instance, recordings="60 days", effective_from="2026-11-21")
    run_stage(instance, "retention")
    assert column(instance, "due_day", one.media) == {date(2026, 12, 15)}
    _stand(instance, NOW + timedelta(days=1))
    run_stage(instance, "retention")
    assert column(instance, "due_day", one.media) == {date(2026, 12, 30)}


def test_nothing_of_a_controller_with_a_wrong_file_goes(instance: Instance) -> None:
    """Others' data are destroyed; the failure names the file, not its content."""
    instruct(instance)
    instruct(instance, "birch")
    run_stage(instance, "retention")
    mine, theirs = shelve(instance, "mine", age=50), shelve(instance, "x", controller="birch")
    overdue = shelve(instance, "overdue", age=50, controller="birch")
    (instance.settings.instructions / "birch.yaml").write_text("retention: soonish\n")
    report = run_stage(instance, "retention")
    assert [("birch.yaml" in one, "soonish" in one) for one in report.failures] == [(True, False)]
    kept = {mine.details} | theirs.all | overdue.all
    assert openable(instance, mine.all | theirs.all | overdue.all) == kept


def _plan_hash(instance: Instance) -> str:
    return prepare(instance, night.new_run(instance, dry_run=True)).plan.hash


def _events(instance: Instance, event: str) -> int:
    query = sa.select(sa.func.count()).where(t.ledger_leaves.c.event == event)
    with instance.unit() as connection:
        return int(connection.scalar(query) or 0)


def _others_marks(instance: Instance) -> list[tuple[object, ...]]:
    return [row for row in rows(instance, "marks") if ":acorn:" not in str(row[0])]
