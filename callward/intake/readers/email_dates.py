"""When a mail was written: its Date, or what carried it says, or the mbox it lay in."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Final

from callward.intake.readers import times
from callward.intake.readers.base import Told
from callward.intake.reasons import Reason, Refusal

_LONGEST: Final = 200
_MOST_READ: Final = 100
_FALLBACKS: Final = ("received", "delivery-date", "resent-date", "x-received")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_TRAILING_WORD: Final = re.compile(r"\s([A-Za-z]{2,5})$")
_HOURS: Final = {
    "WET": 0.0, "WEST": 1.0, "BST": 1.0, "CET": 1.0, "CEST": 2.0, "MEZ": 1.0, "MESZ": 2.0,
    "EET": 2.0, "EEST": 3.0, "MSK": 3.0, "JST": 9.0, "KST": 9.0, "HKT": 8.0, "SGT": 8.0,
    "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0, "UTC": 0.0,
}  # fmt: skip
"""Zones that mailers write and RFC 5322 does not know; ambiguous ones are left out."""
_ENVELOPE: Final = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+"
    r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?)\s+(?P<zone1>[A-Z]{2,5}\s+|[+-]\d{4}\s+)?"
    r"(?P<year>\d{4})(?:\s+(?P<zone2>[+-]\d{4}|[A-Z]{2,5}))?\s*$"
)


def written(headers: Iterable[tuple[str, str]], envelope: str, told: Told) -> datetime:
    """The moment of a mail, UTC. Raises Refusal time-malformed or future-start.

    Its first usable Date; else the latest moment its carriers noted (Received, RFC 5321
    §4.4, Delivery-Date, Resent-Date); else that of the mbox's From_ line.
    """
    dates, carried = _noted(headers)
    refusal = Refusal(Reason.TIME_MALFORMED)
    for value in dates:
        try:
            return _plausible(value, told)
        except Refusal as unusable:
            refusal = unusable
    others = [moment for value in carried if (moment := _or_none(value, told))]
    moment = max(others, default=None) or _of_envelope(envelope, told)
    if moment is None:
        raise refusal
    return moment


def _noted(headers: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Values of Date, and what the carriers put behind their last semicolon."""
    dates: list[str] = []
    carried: list[str] = []
    for name, value in headers:
        if name.lower() == "date":
            dates.append(value)
        elif name.lower() in _FALLBACKS:
            carried.append(value.rpartition(";")[2])
    return dates[:_MOST_READ], carried[:_MOST_READ]


def _of_envelope(line: str, told: Told) -> datetime | None:
    """Of a From_ line, asctime's order with an offset before or after the year."""
    found = _ENVELOPE.search(line[-_LONGEST:])
    if not found:
        return None
    zone = found["zone2"] or found["zone1"] or ""
    return _or_none(f"{found['day']} {found['month']} {found['year']} {found['time']} {zone}", told)


def _or_none(text: str, told: Told) -> datetime | None:
    try:
        return _plausible(text, told)
    except Refusal:
        return None


def _plausible(text: str, told: Told) -> datetime:
    """The moment in ``text`` if it lies between the year 2000 and now."""
    moment = times.moment(_iso(text, told), told)
    return times.span(moment, moment, told)[0]


def _iso(text: str, told: Told) -> str:
    """RFC 5322's date, with its obsolete and its merely common forms, as ISO 8601."""
    plain = " ".join(_COMMENT.sub(" ", text[:_LONGEST]).split())
    try:
        found = parsedate_to_datetime(plain)
        if found.tzinfo is None:
            found = found.replace(tzinfo=_zone(plain) or told.zone)
        return found.astimezone(UTC).isoformat()
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return plain


def _zone(text: str) -> timezone | None:
    """Zone of a date for which the library knows none: -0000 is UTC (RFC 5322 §3.3)."""
    if text.endswith("-0000"):
        return UTC
    word = _TRAILING_WORD.search(text)
    hours = _HOURS.get(word[1].upper()) if word else None
    return None if hours is None else timezone(timedelta(hours=hours))
