"""Moments and lengths as suppliers write them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake.manifest import EARLIEST
from callward.intake.readers.base import Told
from callward.intake.readers.calls import lasting, stamp
from callward.intake.readers.times import moment, span
from callward.intake.reasons import Reason, Refusal
from tests.intake.reading import NOW, ODD, TOLD

SUMMER = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
AMERICA = Told(NOW, ZoneInfo("America/New_York"), "US")


def reason(call: Any, *args: Any) -> Reason:
    """Why it is refused."""
    with pytest.raises(Refusal) as refusal:
        call(*args)
    return refusal.value.reason


def tried(call: Any, value: Any) -> Reason | None:
    """Why it is refused; None where it is a moment within bounds."""
    try:
        found = call(value, TOLD)
    except Refusal as refusal:
        return refusal.reason
    assert found >= EARLIEST
    assert found.utcoffset() == timedelta()
    return None


class TestMoment:
    """One function reads every form."""

    @pytest.mark.parametrize(
        "value",
        [
            *("2026-07-01T10:00:00", "2026-07-01 10:00:00", "2026-07-01T09:00:00Z"),
            *("2026-07-01T11:00:00.000000000+02:00", " 20260701T100000 ", "20260701100000"),
            *(1782896400, 1782896400.0, "1782896400", 1782896400000, "1782896400000000"),
        ],
    )
    def test_forms(self, value: str | float) -> None:
        """ISO 8601 with and without offset, Unix times in s, ms and µs, digits run together."""
        assert moment(value, TOLD) == SUMMER
        assert moment(value, TOLD).tzinfo is UTC

    def test_a_form_of_the_suppliers_own(self) -> None:
        """Is tried first."""
        assert moment("01/07/2026 10:00", TOLD, "%d/%m/%Y %H:%M") == SUMMER

    def test_before_the_year_2000_is_a_clock_never_set(self) -> None:
        """And would make a record due at once."""
        assert moment(EARLIEST.isoformat(), TOLD) == EARLIEST
        for value in ("1970-01-01T00:00:00Z", 0, -1, "1999-12-31T23:59:59Z"):
            assert reason(moment, value, TOLD) is Reason.TIME_MALFORMED

    @pytest.mark.parametrize("value", [*ODD, float("nan"), float("inf"), 10**400, "24:00", b"x"])
    def test_anything_else_is_refused(self, value: Any) -> None:
        """Nothing but a refusal or a moment comes of any value."""
        assert tried(moment, value) in {None, Reason.TIME_MALFORMED}

    @given(st.one_of(st.text(max_size=30), st.floats(), st.integers()))
    @settings(deadline=None, max_examples=150)
    def test_whatever_stands_there(self, value: Any) -> None:
        """The same of arbitrary text and numbers, in both functions."""
        assert tried(moment, value) in {None, Reason.TIME_MALFORMED}
        assert tried(stamp, str(value)) in {None, Reason.TIME_MALFORMED}


class TestSpan:
    """Start and end."""

    def test_order_and_future(self) -> None:
        """An end before its start, or either after now, is refused."""
        assert span(SUMMER, SUMMER, TOLD) == (SUMMER, SUMMER)
        later = NOW + timedelta(minutes=6)
        assert (
            reason(span, SUMMER, SUMMER - timedelta(seconds=1), TOLD) is Reason.ENDED_BEFORE_START
        )
        assert reason(span, SUMMER, later, TOLD) is Reason.FUTURE_START
        assert reason(span, later, later, TOLD) is Reason.FUTURE_START


class TestStamp:
    """What telephone systems and spreadsheets make of a moment."""

    @pytest.mark.parametrize(
        "text",
        [
            *("2026-07-01 10:00:00", "2026/07/01 10:00:00", "2026/7/1 10:00", "01.07.2026 10:00"),
            *("01/07/2026 10:00:00", "1/7/2026 10:00:00 AM", "2026-07-01 10:00:00.25am"),
        ],
    )
    def test_forms(self, text: str) -> None:
        """Year first or last, slashes or dots, with seconds or without, of half a day."""
        assert stamp(text, TOLD).replace(microsecond=0) == SUMMER

    def test_noon_and_midnight(self) -> None:
        """Of twelve hours the twelfth is the first."""
        assert stamp("2026-01-01 12:00 AM", TOLD).hour == 0
        assert stamp("2026-01-01 12:00 PM", TOLD).hour == 12

    def test_day_and_month_go_by_what_else_is_known(self) -> None:
        """By a moment near it, by the only order that is a date, by the region."""
        january = datetime(2026, 1, 7, 10, tzinfo=UTC)
        assert stamp("1/7/2026 10:00", TOLD, january) == january
        assert stamp("1/7/2026 10:00", TOLD) == SUMMER
        assert stamp("1/7/2026 10:00", AMERICA).month == 1
        assert stamp("7/13/2026 10:00", TOLD).day == 13
        assert reason(stamp, "13/13/2026 10:00", TOLD) is Reason.TIME_MALFORMED

    def test_the_hour_that_comes_twice(self) -> None:
        """Is the one near a moment that is known, else the first."""
        first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        second = first + timedelta(hours=1)
        assert stamp("2026-10-25 01:30:00", TOLD) == first
        assert stamp("2026-10-25 01:30:00", TOLD, second) == second


class TestLasting:
    """Lengths."""

    @pytest.mark.parametrize(
        ("text", "seconds"), [("", 0), ("60", 60), ("1.5", 1.5), ("01:00:05", 3605), ("02:05", 125)]
    )
    def test_forms(self, text: str, seconds: float) -> None:
        """Seconds or hours, minutes, seconds."""
        assert lasting(text) == timedelta(seconds=seconds)

    @pytest.mark.parametrize("text", ["-1", "x", "1:2:3:4", "nan", "1e9", "999999999", "٣", "1:"])
    def test_what_is_none(self, text: str) -> None:
        """Is refused, and so is more than a year."""
        assert reason(lasting, text) is Reason.NUMBER_MALFORMED
