"""Retention periods: reading, adding, comparing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.instructions.periods import CEILING, Period, due_day, is_shorter, within_ceiling

days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
periods = st.builds(
    Period, st.integers(1, 50), st.integers(0, 100), st.integers(0, 3000)
) | st.builds(Period, st.just(0), st.integers(0, 100), st.integers(1, 3000))


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("45 days", Period(days=45)),
        ("1 day", Period(days=1)),
        ("6 weeks", Period(days=42)),
        ("18 months", Period(months=18)),
        ("3 years", Period(years=3)),
        ("1 year 6 months", Period(years=1, months=6)),
    ],
)
def test_period_is_read(text: str, period: Period) -> None:
    """Every unit is understood, alone and from large to small."""
    assert Period.parse(text) == period


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "45",
        "days",
        "0 days",
        "-1 days",
        "1.5 years",
        "45 days ",
        "45  days",
        "٤٥ days",
        "45 Days",
        "6 months 1 year",
        "99999 years",
        "9999 years",
        "1e3 days",
        "45 days\n",
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """Whatever is not exactly a positive, sensible period is an error."""
    with pytest.raises(ValueError, match="period"):
        Period.parse(text)


@given(periods)
def test_period_survives_writing_and_reading(period: Period) -> None:
    """What is written into the catalogue reads back the same."""
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    ("anchor", "text", "due"),
    [
        (date(2024, 2, 29), "1 year", date(2025, 2, 28)),
        (date(2024, 2, 29), "3 years", date(2027, 2, 28)),
        (date(2024, 2, 29), "4 years", date(2028, 2, 29)),
        (date(2025, 1, 31), "1 month", date(2025, 2, 28)),
        (date(2024, 1, 31), "1 month", date(2024, 2, 29)),
        (date(2025, 8, 31), "18 months", date(2027, 2, 28)),
        (date(2025, 12, 15), "1 month", date(2026, 1, 15)),
        (date(2026, 3, 1), "45 days", date(2026, 4, 15)),
        (date(2025, 1, 31), "1 month 1 day", date(2025, 3, 1)),
    ],
)
def test_due_day_follows_the_calendar(anchor: date, text: str, due: date) -> None:
    """Month ends and 29 February give the earlier day."""
    assert due_day(anchor, Period.parse(text)) == due


@given(days, periods)
def test_due_day_is_later_and_orderly(anchor: date, period: Period) -> None:
    """A due day is after its anchor, and never moves back as the anchor moves on."""
    due = due_day(anchor, period)
    assert due > anchor
    assert due_day(anchor + timedelta(days=1), period) >= due


@given(days)
def test_three_years_never_reach_the_next_day(anchor: date) -> None:
    """The maximum of three years is at most 1096 days, and the anniversary at the latest."""
    due = due_day(anchor, CEILING)
    assert due.year == anchor.year + 3
    assert (due.month, due.day) <= (anchor.month, anchor.day)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("3 years", True),
        ("36 months", True),
        ("1095 days", True),
        ("156 weeks", True),
        ("1096 days", False),
        ("37 months", False),
        ("3 years 1 day", False),
        ("157 weeks", False),
    ],
)
def test_ceiling(text: str, allowed: bool) -> None:  # noqa: FBT001 - a table's column
    """Nothing that outlasts three years from any day passes."""
    assert within_ceiling(Period.parse(text)) is allowed


def test_comparison_is_careful() -> None:
    """Periods of unlike units count as shorter where they are so from any anchor."""
    assert is_shorter(Period(days=30), Period(days=45))
    assert not is_shorter(Period(days=45), Period(days=30))
    assert not is_shorter(Period(years=1), Period(months=12))
    assert is_shorter(Period(days=30), Period(months=1))
    assert is_shorter(Period(months=1), Period(days=30))


@given(periods, periods)
def test_one_of_two_different_periods_is_shorter(one: Period, other: Period) -> None:
    """If neither is shorter than the other, they end on the same days."""
    if not is_shorter(one, other) and not is_shorter(other, one):
        assert due_day(date(2025, 6, 17), one) == due_day(date(2025, 6, 17), other)
