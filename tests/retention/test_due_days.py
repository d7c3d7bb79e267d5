"""Due days: calendar days in London, whatever the clocks do, and at the ends of months."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from callward.clock import LONDON, FixedClock, london_day, today
from callward.instructions.classes import CLASS_OF_KIND, FOLLOWERS, NOTES, RETENTION_CLASSES
from callward.instructions.model import Retention
from callward.instructions.periods import AT_ONCE, CEILING, Period, due_day
from callward.intake.manifest import KINDS
from callward.intake.plan import FILE_KIND

YEARS = range(2000, 2060)


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _change(year: int, month: int) -> datetime:
    """When the clocks change: at 01:00 UTC (SI 2002/262), whichever way."""
    return datetime.combine(_last_sunday(year, month), time(1), UTC)


changes = st.builds(_change, st.sampled_from(YEARS), st.sampled_from((3, 10)))
around_changes = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    changes,
    st.integers(-72 * 60, 72 * 60),
)
at_month_ends = st.builds(
    lambda year, month, minutes: (
        datetime.combine(date(year, month, monthrange(year, month)[1]), time(23, 0), UTC)
        + timedelta(minutes=minutes)
    ),
    st.sampled_from(YEARS),
    st.integers(1, 12),
    st.integers(-90, 120),
)
moments = around_changes | at_month_ends
periods = st.builds(Period, days=st.integers(1, 1095)) | st.builds(
    Period, years=st.integers(0, 2), months=st.integers(1, 12), days=st.integers(0, 0)
)


def _london_midnight(day: date) -> datetime:
    """The first moment of a London day, UTC; it is never skipped: clocks change at one."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


@given(moments)
@example(datetime(2026, 3, 29, 23, 30, tzinfo=UTC))  # the day of the change: 00:30 on the 30th
@example(datetime(2026, 10, 24, 23, 30, tzinfo=UTC))  # summer's last night: 00:30 on the 25th
@example(datetime(2026, 10, 25, 23, 30, tzinfo=UTC))  # winter again: still the 25th
def test_a_london_day_begins_and_ends_at_londons_midnight(moment: datetime) -> None:
    """Of 23, 24 or 25 hours, each moment is in the day between two midnights."""
    day = london_day(moment)
    assert _london_midnight(day) <= moment < _london_midnight(day + timedelta(days=1))
    long = (_london_midnight(day + timedelta(days=1)) - _london_midnight(day)) / timedelta(hours=1)
    expected = {_last_sunday(day.year, 3): 23, _last_sunday(day.year, 10): 25}
    assert long == expected.get(day, 24)


@given(moments, st.integers(1, 1095))
def test_days_are_counted_on_the_calendar_not_in_hours(ended: datetime, days: int) -> None:
    """Not due on the day before, due from the first moment of the last day, at any hour."""
    due = due_day(london_day(ended), Period(days=days))
    first = _london_midnight(due)
    assert today(FixedClock(first - timedelta(microseconds=1))) < due
    assert today(FixedClock(first)) == due
    # Neither early nor late by more than the day within which it ended, and the hour of a change.
    elapsed, whole = first - ended, timedelta(days=days)
    assert whole - timedelta(hours=25) < elapsed < whole + timedelta(hours=2)


@given(st.dates(date(2000, 1, 1), date(2059, 12, 31)), periods)
@example(date(2024, 2, 29), Period(years=3))
@example(date(2025, 1, 31), Period(months=1))
@example(date(2023, 8, 31), Period(months=6))
def test_months_end_with_their_last_day_and_never_later(anchor: date, period: Period) -> None:
    """The same day of the month, or the month's last where it has no such day."""
    due = due_day(anchor, period) - timedelta(days=period.days)
    months = anchor.year * 12 + anchor.month - 1 + period.years * 12 + period.months
    assert (due.year * 12 + due.month - 1) == months
    assert due.day == min(anchor.day, monthrange(due.year, due.month)[1])


@given(moments, moments, periods)
def test_what_ended_first_is_never_due_later(one: datetime, other: datetime, of: Period) -> None:
    """Order is kept through changes of clocks and ends of months."""
    first, second = sorted((one, other))
    assert due_day(london_day(first), of) <= due_day(london_day(second), of)


@given(moments)
def test_the_ceiling_is_three_calendar_years(ended: datetime) -> None:
    """Never beyond the same day three years on; a 29 February ends with February."""
    day = london_day(ended)
    leap = (day.month, day.day) == (2, 29)
    expected = date(day.year + 3, 2, 28) if leap else day.replace(year=day.year + 3)
    assert due_day(day, CEILING) == expected


@given(moments)
def test_an_account_that_was_left_is_due_that_day(left: datetime) -> None:
    """Unless a period was asked for, nothing is added."""
    day = london_day(left)
    assert due_day(day, Retention().of("agent-accounts")) == day
    assert due_day(day, AT_ONCE) == day


def test_every_kind_has_one_class() -> None:
    """All that intake files, in one table; followers and notes are in no class of their own."""
    assert {FILE_KIND, *KINDS, "details"} <= set(CLASS_OF_KIND)
    assert set(CLASS_OF_KIND.values()) == set(RETENTION_CLASSES)
    assert not (FOLLOWERS | NOTES) & set(CLASS_OF_KIND)
    assert not FOLLOWERS & NOTES


def test_default_periods() -> None:
    """What the privacy notice says (DESIGN §8, N10) where nobody agreed otherwise."""
    default = Retention()
    assert {name: str(default.of(name)) for name in RETENTION_CLASSES} == {
        "recordings": "45 days",
        "voicemail": "45 days",
        "messages": "3 years",
        "interactions": "3 years",
        "agent-accounts": "",
    }


def test_voicemail_goes_with_recordings_unless_spoken_of() -> None:
    """So an instruction from before there was such a class means what it meant."""
    ten, twenty = Period(days=10), Period(days=20)
    assert Retention(recordings=ten).of("voicemail") == ten
    assert Retention(recordings=ten, voicemail=twenty).of("voicemail") == twenty


def test_the_key_is_of_the_periods_alone() -> None:
    """Equal for equal periods however written, different where any class differs."""
    assert Retention().key == Retention(voicemail=Period(days=45)).key
    keys = {
        Retention(**{field: Period(days=7)}).key
        for field in ("recordings", "voicemail", "messages", "interactions")
    }
    accounts = Retention.model_validate({"agent-accounts": "7 days"})
    assert len({*keys, accounts.key, Retention().key}) == 6
