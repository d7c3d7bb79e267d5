"""Calendar months as periods of London days."""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from callward.errors import SettingsError
from callward.evidence.clauses.model import Period

_MONTH: Final = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")


def period_of(from_day: date | None, to_day: date | None) -> Period | None:
    """The days between two that were given, both included; None if neither was.

    Raises SettingsError if only one was, or the second lies before the first.
    """
    if from_day is None and to_day is None:
        return None
    if from_day is None or to_day is None:
        raise SettingsError("a period has a first and a last day, and only one was given")
    if to_day < from_day:
        raise SettingsError("the period ends before it begins")
    return Period(from_day, to_day)


def month_of(text: str, today: date) -> Period:
    """``2026-10``: from its first to its last day; SettingsError for anything else.

    Nor for a month that is not over ``today`` (London): its pack would be of a part of it.
    """
    if not _MONTH.fullmatch(text):
        raise SettingsError("a month is written as in 2026-10")
    year, month = map(int, text.split("-"))
    whole = Period(date(year, month, 1), date(year, month, monthrange(year, month)[1]))
    if whole.to_day >= today:
        raise SettingsError(f"the month is not over: its last day is {whole.to_day}")
    return whole


def month_before(day: date) -> Period:
    """The whole month before the one in which ``day`` lies."""
    last = day.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last)
