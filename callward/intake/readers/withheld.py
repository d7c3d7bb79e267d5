"""Passwords, PINs and media keys that telephone systems log: taken out, never stored."""

import re
from collections.abc import Mapping
from typing import Any, Final

REMOVED: Final = "[removed]"

_NAME = re.compile(
    r"(?:^|[^a-z])(?:password|passwd|passwort|passphrase|secret|pin|pincode|token|api_?key"
    r"|a1[-_]hash|auth_response|crypto_key|(?:proxy[-_])?authorization)(?:$|[^a-z])",
    re.IGNORECASE,
)
_KEY = r"(?!\[)(?:[A-Za-z0-9+/=:]|%2B|%2F|%3D|%3A)++"
_WITHIN = re.compile(
    rf"(inline(?::|%3A)|a(?:=|%3D)(?:ice-pwd|key)(?::|%3A)){_KEY}"
    r"|((?:password|passwd|secret)[\w-]{0,40}(?:=|%3D|\"?\s{0,9}:\s{0,9}\"?))"
    r"(?!\[)[^\s;,&\"'{}\[\]]+",
    re.IGNORECASE,
)
"""Group 1 or 2 is what stays: what a key or password stands behind."""


def withhold(value: Any) -> tuple[Any, bool]:
    """A JSON value without its credentials, and whether there were any.

    A member that is named like one loses its value; within other texts the keys of SDP
    (RFC 4568 ``inline:``, RFC 8839 ``ice-pwd``) and ``…password=…`` do.
    """
    if isinstance(value, Mapping):
        return _members(value)
    if isinstance(value, list):
        done = [withhold(one) for one in value]
        return [one for one, _ in done], any(found for _, found in done)
    if isinstance(value, str):
        clean, count = _WITHIN.subn(lambda m: f"{m[1] or m[2]}{REMOVED}", value)
        return clean, count > 0
    return value, False


def is_withheld(row: Mapping[str, Any]) -> bool:
    """Whether something was taken out of a row's cells."""
    return any(REMOVED in str(cell) for cell in row.values())


def _members(value: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    clean: dict[str, Any] = {}
    found = False
    for name, one in value.items():
        if _NAME.search(name) and isinstance(one, str | int | float) and one not in {"", REMOVED}:
            clean[name], removed = REMOVED, True
        else:
            clean[name], removed = withhold(one)
        found |= removed
    return clean, found
