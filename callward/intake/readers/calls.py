"""What readers of telephone systems have in common: stamps, identities, parties."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from callward.intake.readers.base import Told
from callward.intake.readers.times import moment
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Person, Role

_MOST_IDENTITY: Final = 128
_MOST_SECONDS: Final = 366 * 86400
_MONTH_FIRST: Final = frozenset({"US", "PH"})
_STAMP: Final = re.compile(
    r"([0-9]{1,4})([/.-])([0-9]{1,2})\2([0-9]{1,4})[ T]+"
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.][0-9]+)?)?(?: *([AP])M)?",
    re.IGNORECASE,
)
_LASTING: Final = re.compile(r"(?:[0-9]{1,9}:){0,2}[0-9]{1,9}(?:[.][0-9]{1,9})?")
_YEAR_DIGITS: Final = 4
_NOON: Final = 12
_YEARS: Final = range(2, 9999)
"""Of these every zone's offset stays within what a datetime holds."""


def stamp(text: str, told: Told, near: datetime | None = None) -> datetime:
    """A moment in UTC, in a form telephone systems and spreadsheets write it.

    ISO 8601, a Unix time, or year, month, day in that order or the other, with or without
    seconds. Where a date or an hour of the autumn's change can be read in two ways it is
    the one nearest to ``near``; without that the region's order and the hour's first
    coming. Refusal time-malformed.
    """
    text = text.strip()
    found = _STAMP.fullmatch(text)
    if not found:
        return moment(text, told)
    readings = [
        one.replace(tzinfo=told.zone, fold=fold).astimezone(UTC)
        for one in _readings(found, told.region)
        for fold in (0, 1)
        if one.year in _YEARS
    ]
    if not readings:
        raise Refusal(Reason.TIME_MALFORMED)
    chosen = min(readings, key=lambda one: abs(one - near)) if near else readings[0]
    return moment(chosen.isoformat(), told)


def _readings(found: re.Match[str], region: str) -> Iterator[datetime]:
    """What the numbers of a stamp can mean, likeliest first."""
    first, _, second, third, hour, minute, seconds, half = found.groups()
    if len(first) == _YEAR_DIGITS:
        dates = [(first, second, third)]
    else:
        dates = [(third, second, first), (third, first, second)]
        if region in _MONTH_FIRST:
            dates.reverse()
    hours = int(hour)
    if half:
        hours = hours % _NOON + (_NOON if half.upper() == "P" else 0)
    for year, month, day in dates:
        try:
            yield datetime(  # noqa: DTZ001 - the zone comes after
                int(year), int(month), int(day), hours, int(minute), int(seconds or 0)
            )
        except ValueError:
            continue


def lasting(text: str) -> timedelta:
    """A number of seconds (whole or not), or hours:minutes:seconds; none if it is blank.

    Refusal number-malformed, also of more than a year.
    """
    text = text.strip() or "0"
    if not _LASTING.fullmatch(text):
        raise Refusal(Reason.NUMBER_MALFORMED)
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    if seconds > _MOST_SECONDS:
        raise Refusal(Reason.NUMBER_MALFORMED)
    return timedelta(seconds=seconds)


def digest(*parts: str) -> str:
    """An identity of several parts: SHA-256 (hex) over them, each ended by U+001F."""
    whole = "".join(f"{part}\x1f" for part in parts)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def identity(text: str) -> str:
    """An id as delivered, or of one that is long or unprintable its digest."""
    return text if len(text) <= _MOST_IDENTITY and text.isprintable() else digest(text)


def people(*found: tuple[Role, str]) -> tuple[Person, ...]:
    """Those of the parties who are named, each once in each role."""
    named = {(role, text.strip()): None for role, text in found if text.strip()}
    return tuple(Person(role, text) for role, text in named)
