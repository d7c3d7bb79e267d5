"""Retention periods in calendar terms, and the days on which they end."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Self

_SHAPE = re.compile(
    r"(?:([0-9]{1,4}) years?)? ?(?:([0-9]{1,4}) months?)?"
    r" ?(?:([0-9]{1,4}) weeks?)? ?(?:([0-9]{1,5}) days?)?"
)
_MOST_MONTHS = 1200
_MOST_DAYS = 36525
# Whole four-year leap cycle: every length that years and months can have occurs in it.
_ANCHORS = tuple(date(2023, 1, 1) + timedelta(days=n) for n in range(1461))


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time in calendar years and months, then days; all nought: at once.

    Raises ValueError for parts that are negative or absurd (over a century).
    """

    years: int = 0
    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if min(self.years, self.months, self.days) < 0:
            raise ValueError("a period is not negative")
        if self.years * 12 + self.months > _MOST_MONTHS or self.days > _MOST_DAYS:
            raise ValueError("a period is shorter than a century")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``45 days``, ``6 weeks``, ``18 months``, ``3 years`` or ``1 year 6 months``.

        Raises ValueError, which does not repeat ``text``; a written period is never nought.
        """
        shape = _SHAPE.fullmatch(text)
        if shape is None or text != text.strip():
            raise ValueError("not a period")
        years, months, weeks, days = (int(part or 0) for part in shape.groups())
        period = cls(years, months, weeks * 7 + days)
        if period == cls():
            raise ValueError("a period is longer than nothing")
        return period

    def __str__(self) -> str:
        """Write it so that ``parse`` reads the same period back."""
        parts = ((self.years, "year"), (self.months, "month"), (self.days, "day"))
        return " ".join(f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n)


AT_ONCE = Period()
"""No time at all: due on the day it counts from."""
CEILING = Period(years=3)
"""The longest any class may be kept (DESIGN §8, N10)."""


def due_day(anchor: date, period: Period) -> date:
    """Return the day ``period`` after ``anchor``, both London calendar days.

    Years and months are added first; a day the month does not have becomes the
    month's last, never the next month's first, so that no maximum is exceeded.
    """
    month = anchor.month - 1 + period.months + 12 * period.years
    year, month = anchor.year + month // 12, month % 12 + 1
    day = min(anchor.day, monthrange(year, month)[1])
    return date(year, month, day) + timedelta(days=period.days)


@lru_cache(maxsize=1024)
def is_shorter(period: Period, other: Period) -> bool:
    """Tell whether ``period`` ends earlier than ``other`` from at least one anchor.

    "30 days" and "1 month" are each shorter than the other from some day; both
    then count as shorter, which is the careful answer for ceiling and brake alike.
    """
    return any(due_day(anchor, period) < due_day(anchor, other) for anchor in _ANCHORS)


def within_ceiling(period: Period) -> bool:
    """Tell whether ``period`` never outlasts the ceiling, whatever day it starts on."""
    return not is_shorter(CEILING, period)
