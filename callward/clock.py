"""The one clock, injected wherever time matters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class Clock(Protocol):
    """Tells the time, aware and in UTC."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands where it is put (tests, replays)."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to, UTC."""
        return self.moment.astimezone(UTC)


def london_day(moment: datetime) -> date:
    """The calendar day in Europe/London on which an aware ``moment`` falls."""
    if moment.tzinfo is None:
        msg = "a moment without an offset has no day"
        raise ValueError(msg)
    return moment.astimezone(LONDON).date()


def today(clock: Clock) -> date:
    """Today in Europe/London."""
    return london_day(clock.now())
