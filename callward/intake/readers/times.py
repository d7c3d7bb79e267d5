"""Moments as suppliers write them, held to the same bounds everywhere."""

from datetime import UTC, datetime, timedelta
from typing import Final

from callward.intake.manifest import CLOCK_TOLERANCE, EARLIEST
from callward.intake.readers.base import Told
from callward.intake.reasons import Reason, Refusal

_MICROSECONDS: Final = 10**14
_MILLISECONDS: Final = 10**11


def moment(value: str | float, told: Told, *formats: str) -> datetime:
    """A moment in UTC: ISO 8601, RFC 3339, a Unix time (s, ms, µs) or one of ``formats``.

    Fourteen digits are a date and time run together (a Unix time of so many is far off).

    Without an offset it is in ``told.zone``. Refusal time-malformed, also before the
    year 2000: a zeroed clock would make a record due the day it arrives.
    """
    try:
        found = _read(value, formats)
        if found.tzinfo is None:
            found = found.replace(tzinfo=told.zone)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Refusal(Reason.TIME_MALFORMED) from None
    if found < EARLIEST:
        raise Refusal(Reason.TIME_MALFORMED)
    return found


def span(started: datetime, ended: datetime, told: Told) -> tuple[datetime, datetime]:
    """Start and end, as they are; Refusal future-start or ended-before-start."""
    latest = told.now + CLOCK_TOLERANCE
    if started > latest or ended > latest:
        raise Refusal(Reason.FUTURE_START)
    if ended < started:
        raise Refusal(Reason.ENDED_BEFORE_START)
    return started, ended


def _read(value: str | float, formats: tuple[str, ...]) -> datetime:
    if isinstance(value, bool):
        raise ValueError("no moment")  # noqa: TRY004 - one kind to catch
    if isinstance(value, int | float):
        return _from_epoch(float(value))
    if not isinstance(value, str):
        raise ValueError("no moment")  # noqa: TRY004 - one kind to catch
    text = value.strip()
    if formats:
        for form in formats:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes after
            except ValueError:
                continue
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        if len(text) == len("20311224131415") and "." not in text:
            return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone comes after
        return _from_epoch(float(text))
    return datetime.fromisoformat(text)


def _from_epoch(number: float) -> datetime:
    if number >= _MICROSECONDS:
        number /= 1e6
    elif number >= _MILLISECONDS:
        number /= 1e3
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=number)
