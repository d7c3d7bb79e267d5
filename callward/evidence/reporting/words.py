"""Codes, days, moments and numbers as people read them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMES: Final[Mapping[str, str]] = {"cyber-essentials-plus": "Cyber Essentials Plus"}
_ACRONYMS: Final[Mapping[str, str]] = {
    "iso": "ISO",
    "ico": "ICO",
    "dpo": "DPO",
    "id": "ID",
    "sbom": "SBOM",
}


def many(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def words(code: str) -> str:
    """A code as words."""
    if code in _NAMES:
        return _NAMES[code]
    pieces = code.replace("-", " ").replace("_", " ").split()
    return " ".join(_ACRONYMS.get(one, one) for one in pieces)


def days(first: date, last: date) -> str:
    """The days from the first to the last, both included."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def name(code: str) -> str:
    """A code as words with a capital."""
    return capital(words(code))


def full(sentence: str) -> str:
    """With a capital first letter and a full stop."""
    return capital(sentence.rstrip(".")) + "."


def day(value: date) -> str:
    """A day in full."""
    return f"{value.day} {value:%B %Y}"


def day_of(text: str) -> str:
    """A day given as ISO 8601, in short; what is not a day stays as it is."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime | None) -> str:
    """A moment in UTC to the minute."""
    return "-" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def month(text: str) -> str:
    """``2026-03`` as ``Mar 26``; what is no month stays as it is."""
    year, _, number = text.partition("-")
    known = number.isdigit() and year.isdigit() and 1 <= int(number) <= len(MONTHS)
    return f"{MONTHS[int(number) - 1]}\xa0{year[-2:]}" if known else text


def listing(parts: Iterable[str]) -> str:
    """``a, b and c``."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last
