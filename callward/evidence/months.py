"""Calendar months as periods of London days."""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from callward.errors import SettingsError
from callward.evidence.clauses.model import Period

_MONTH: Final = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")


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
