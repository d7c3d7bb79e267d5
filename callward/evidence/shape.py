"""What a document must look like: checks that name the first place where it does not.

A check takes a value and returns "" if it fits, else where it does not (members
joined by dots). No text of the value itself is repeated.
"""

import marshal
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from callward.ledger.canonical import LIMIT

Check = Callable[[Any], str]
HERE = "it"

_REMEMBERED: Final = 256
_LONGEST: Final = 65_536
"""Bytes of what is remembered at most."""
_WITHOUT_REFERENCES: Final = 2
"""The version of marshal's form that does not depend on which values are one object."""


def flag(value: Any) -> str:
    """Check for true or false."""
    return "" if isinstance(value, bool) else HERE


def natural(value: Any) -> str:
    """Check for a whole number from nought."""
    return "" if type(value) is int and 0 <= value <= LIMIT else HERE


def day(value: Any) -> str:
    """Check for a calendar day as ISO 8601 has it."""
    try:
        return "" if date.fromisoformat(value).isoformat() == value else HERE
    except (TypeError, ValueError):
        return HERE


def text(pattern: str) -> Check:
    """Check for text that is wholly matched by ``pattern``."""
    wanted = re.compile(pattern)
    return lambda value: "" if isinstance(value, str) and wanted.fullmatch(value) else HERE


def one_of(*values: str) -> Check:
    """Check for one of some words."""
    return lambda value: "" if isinstance(value, str) and value in values else HERE


def maybe(check: Check) -> Check:
    """Check for nothing, or what ``check`` wants."""
    return lambda value: "" if value is None else check(value)


def listed(check: Check, most: int) -> Check:
    """Check for a list of at most ``most`` members that each fit."""

    def look(value: Any) -> str:
        if not isinstance(value, list) or len(value) > most:
            return HERE
        return next((flaw for flaw in map(check, value) if flaw), "")

    return look


def table(key: Check, check: Check, most: int) -> Check:
    """Check for at most ``most`` names, free but for ``key``, with values that each fit."""

    def look(value: Any) -> str:
        if not isinstance(value, Mapping) or len(value) > most or any(map(key, value)):
            return HERE
        return next((flaw for flaw in map(check, value.values()) if flaw), "")

    return look


def remembered(check: Check) -> Check:
    """The same check, remembering what it found: many documents say the same there."""
    known: dict[bytes, str] = {}

    def look(value: Any) -> str:
        try:
            # Only ever written: the quickest bytes of which the same are of the same value.
            key = marshal.dumps(value, _WITHOUT_REFERENCES)
        except ValueError:
            return check(value)
        found = known.get(key)
        if found is None:
            found = check(value)
            if len(known) >= _REMEMBERED:
                known.clear()
            if len(key) <= _LONGEST:
                known[key] = found
        return found

    return look


def record(**members: Check) -> Check:
    """Check for exactly these members."""

    def look(value: Any) -> str:
        if not isinstance(value, Mapping) or value.keys() != members.keys():
            return HERE
        for name, check in members.items():
            flaw = check(value[name])
            if flaw:
                return name if flaw == HERE else f"{name}.{flaw}"
        return ""

    return look
