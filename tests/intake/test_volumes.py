"""What came in is held against what usually comes on that weekday."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward import night
from callward.clock import london_day
from callward.errors import GateFailedError
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.intake.claims import claiming
from callward.intake.volumes import (
    FEWEST,
    LATER,
    WEEKS,
    Counted,
    Volume,
    check_volumes,
    median_of_weekday,
    volumes,
    weekdays_before,
)
from callward.run import record_counts
from data_checks.gate import GreatExpectationsGates
from tests.support import NOW, PassingGates, instruct, rows, snapshot

DAY = date(2026, 11, 20)
WEEKS_BEFORE = weekdays_before(DAY)
HOUR = timedelta(hours=1)


@given(
    st.dictionaries(
        st.integers(-10, 90).map(lambda days: DAY - timedelta(days=days)), st.integers(0, 9999)
    )
)
def test_the_median_is_of_the_same_weekday_in_eight_weeks(history: dict[date, int]) -> None:
    """Neither other weekdays count, nor the day itself, nor what is longer ago."""
    same = [
        count
        for day, count in history.items()
        if day.weekday() == DAY.weekday() and 0 < (DAY - day).days <= 7 * WEEKS
    ]
    expected = median(same) if len(same) >= FEWEST else None
    assert median_of_weekday(history, DAY) == expected


def _weekly(
    count: int, days: list[date], kind: str = "sms", controller: str = "acorn"
) -> list[Counted]:
    return [Counted(day, HOUR, controller, {f"kind:{kind}": count}) for day in days]


def _volumes(counted: list[Counted], **changes: object) -> dict[str, Volume]:
    told = {"into": HOUR, "up": {DAY, *WEEKS_BEFORE}, "expected": {"acorn"}} | changes
    found = volumes(counted, DAY, **told)  # type: ignore[arg-type]  # as the test says
    return {f"{one.controller}/{one.kind}": one for one in found}


@pytest.mark.parametrize(
    ("count", "unusual"),
    [(0, True), (9, True), (10, False), (100, False), (1000, False), (1001, True)],
)
def test_a_tenth_or_ten_times_the_usual_is_unusual(count: int, *, unusual: bool) -> None:
    """Less than a tenth, or more than ten times, and nothing between."""
    found = _volumes([*_weekly(100, WEEKS_BEFORE), *_weekly(count, [DAY])])
    assert found["acorn/sms"].median == 100
    assert found["acorn/sms"].count == count
    assert found["acorn/sms"].unusual is unusual


def test_a_kind_that_nobody_delivered_today_is_missed() -> None:
    """It has a row of nought, though nothing counted it today."""
    found = _volumes([*_weekly(100, WEEKS_BEFORE), *_weekly(5, [DAY], kind="email")])
    assert (found["acorn/sms"].count, found["acorn/sms"].unusual) == (0, True)
    assert (found["acorn/email"].median, found["acorn/email"].unusual) == (None, False)


def test_of_a_controller_who_has_left_nothing_is_expected() -> None:
    """Nor of anybody else of whom this run is not to judge."""
    assert _volumes(_weekly(100, WEEKS_BEFORE), expected=set()) == {}


def test_days_without_delivery_count_once_it_has_begun() -> None:
    """Noughts are days of a run without any; days without a run say nothing."""
    found = _volumes(_weekly(90, [WEEKS_BEFORE[0], WEEKS_BEFORE[2], WEEKS_BEFORE[4]]))
    assert found["acorn/sms"].median == 90  # 90, 0, 90, 0, 90, and before that not yet
    up = {DAY, *WEEKS_BEFORE} - {WEEKS_BEFORE[1]}
    found = _volumes(_weekly(90, [WEEKS_BEFORE[0], WEEKS_BEFORE[3]]), up=up)
    assert found["acorn/sms"].median == 90  # 90, -, 0, 90
    assert _volumes(_weekly(90, WEEKS_BEFORE[:2]))["acorn/sms"].median is None


def test_what_came_later_on_other_days_is_not_missed_yet() -> None:
    """A site that takes in all day is held against the same time of day."""
    evening = [Counted(day, 12 * HOUR, "acorn", {"kind:sms": 5000}) for day in WEEKS_BEFORE]
    morning = [*_weekly(100, WEEKS_BEFORE), *_weekly(80, [DAY])]
    assert not _volumes([*evening, *morning])["acorn/sms"].unusual
    assert _volumes([*evening, *morning], into=13 * HOUR)["acorn/sms"].unusual


def test_shares_are_of_todays_records() -> None:
    """Refused ones of all delivered, masked ones of those taken; none of few."""
    counts = {
        "kind:sms": 60,
        "kind:email": 20,
        "masked": 30,
        "masked-records": 8,
        "quarantined": 20,
        "quarantined:row-malformed": 15,
        "quarantined:gate": 5,
    }
    found = _volumes([Counted(DAY, HOUR, "acorn", counts)])
    for one in found.values():
        assert (one.share_quarantined, one.share_masked) == (0.2, 0.1)
    few = _volumes([Counted(DAY, HOUR, "acorn", {"kind:sms": 9, "masked-records": 8})])
    assert few["acorn/sms"].share_masked is None


def _counts(instance: Instance, weeks: int, counts: Mapping[str, int], **run: object) -> None:
    """Counts as a run of so many weeks ago entered them."""
    at = NOW - timedelta(weeks=weeks)
    made = night.new_run(instance, night=str(run.get("night", f"week-{weeks}")))
    with instance.unit() as connection:
        for stage in ("ingest", "retention"):
            told = counts if stage == "ingest" else {"shredded": 500}
            record_counts(connection, made, stage, "acorn", told, at=at)


def test_a_night_without_the_usual_fails_and_loses_nothing(instance: Instance) -> None:
    """The message names controller, kind and counts; only the verdict is new."""
    instruct(instance)
    load_folder(instance)
    for weeks in range(1, 5):
        _counts(instance, weeks, {"kind:sms": 120, "files": 2})
    _counts(instance, 0, {"kind:email": 7}, night="tonight")
    run = night.new_run(instance, night="tonight")
    before = snapshot(instance)
    with pytest.raises(GateFailedError) as caught:
        check_volumes(instance, night.work_for(instance, GreatExpectationsGates(), run), run)
    assert str(caught.value) == (
        "[gate-failed] gate ingest_volumes failed over 2 rows: acorn 0 of sms where 120 are usual"
    )
    changed = {name for name, found in snapshot(instance).items() if found != before[name]}
    assert {name for name in changed if not name.startswith("ledger")} == {"gate_results"}
    assert rows(instance, "gate_results", "suite", "outcome") == [("ingest_volumes", "failed")]


def test_the_usual_passes(instance: Instance) -> None:
    """Two runs in one day are one day's volume."""
    instruct(instance)
    load_folder(instance)
    for weeks in range(1, 5):
        _counts(instance, weeks, {"kind:sms": 120})
    _counts(instance, 0, {"kind:sms": 60}, night="tonight")
    _counts(instance, 0, {"kind:sms": 70}, night="again")
    gates = PassingGates()
    run = night.new_run(instance, night="again")
    report = check_volumes(instance, night.work_for(instance, gates, run), run)
    assert (report.counts, report.failures) == ({}, [])
    ((suite, frame),) = gates.seen
    assert suite == "ingest_volumes"
    assert frame[["id", "count", "median"]].values.tolist() == [["acorn/sms", 130, 120.0]]


def test_while_others_are_at_work_nothing_is_judged(instance: Instance) -> None:
    """What another worker has claimed has not come in yet; once it has let go, it has."""
    instruct(instance)
    load_folder(instance)
    for weeks in range(1, 5):
        _counts(instance, weeks, {"kind:sms": 120})
    run, gates = night.new_run(instance), PassingGates()
    work = night.work_for(instance, gates, run)
    with claiming(instance) as others:
        assert others.claim("a drop")
        check_volumes(instance, work, run)
        assert gates.seen == []
    check_volumes(instance, work, run)
    assert [suite for suite, _ in gates.seen] == ["ingest_volumes"]


def test_where_nothing_ever_came_nothing_is_judged(instance: Instance) -> None:
    """A new instance has no volumes."""
    instruct(instance)
    load_folder(instance)
    gates = PassingGates()
    run = night.new_run(instance)
    check_volumes(instance, night.work_for(instance, gates, run), run)
    assert gates.seen == []


def test_a_run_over_midnight_belongs_to_the_day_it_began(instance: Instance) -> None:
    """What it takes in after midnight is of the same night."""
    instruct(instance)
    load_folder(instance)
    began = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    assert london_day(began) < london_day(NOW)
    for weeks in range(4):
        run = night.new_run(instance, night=f"week-{weeks}")
        with instance.unit() as connection:
            for at in (began, NOW):
                counts = {"kind:sms": 50}
                moment = at - timedelta(weeks=weeks)
                record_counts(connection, run, "ingest", "acorn", counts, at=moment)
    gates = PassingGates()
    run = night.new_run(instance, night="week-0")
    check_volumes(instance, night.work_for(instance, gates, run), run)
    ((_, frame),) = gates.seen
    assert frame[["count", "median"]].values.tolist() == [[100, 100.0]]
    assert NOW - began < LATER
