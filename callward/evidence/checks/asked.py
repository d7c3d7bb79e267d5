"""What the reader gives on the command line, in the form that checks want."""

from datetime import date
from pathlib import Path
from typing import Final

from callward.errors import SettingsError
from callward.evidence.checks.model import Wanted
from callward.evidence.clauses.model import Period

_MAX_KEYS: Final = 64 * 1024


def given_text(text: str | None) -> str | None:
    """Verifier keys: themselves, or what the file of that name holds; SettingsError for none."""
    if text is None:
        return None
    found = _text_of(text)
    if not found.strip():
        raise SettingsError("a key was to be given, and what was given is empty")
    return found


def _text_of(text: str) -> str:
    try:
        path = Path(text)
        if not path.is_file():
            return text
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_KEYS)
    except (OSError, ValueError):
        return text


def wanted_of(
    *,
    period: tuple[date, ...] | None = None,
    year: int | None = None,
    earlier: Path | None = None,
    witness: str | None = None,
) -> Wanted:
    """SettingsError if there is no earlier pack at the path given, or the days make no period."""
    if earlier is not None and not earlier.is_file():
        raise SettingsError("there is no earlier pack at the path given")
    days = None if period is None else Period(*period)
    if days is not None and days.to_day < days.from_day:
        raise SettingsError("the period expected ends before it begins")
    return Wanted(days, year, earlier, witness)
