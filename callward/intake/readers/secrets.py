"""Fields that hold credentials: found by their name, and taken out before anything is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

GUARDED: Final = frozenset({"agent-account", "contact", "technical"})
"""Kinds in which a field of such a name is a credential; elsewhere "token" may be a coupon."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET: Final = frozenset(
    {"pin", "pins", "pwd", "pass", "passwd", "secret", "secrets", "token", "tokens", "hash"}
    | {"credential", "credentials", "salt", "otp", "totp", "apikey", "privatekey", "pw"}
)
_INSIDE: Final = re.compile(r"passw|passcode|passphrase|credential|apikey|secretkey|privatekey")
_ABOUT: Final = frozenset(
    {"changed", "expires", "expiry", "expired", "required", "enabled", "updated", "date"}
    | {"age", "policy", "at", "on", "last", "set", "never", "length", "attempts"}
)
"""Words that make of it something said *about* a credential, if behind: ``passwordChangedAt``."""
_HIDDEN: Final = re.compile(r"[*•·●]*")
_CELL: Final = re.compile(r'[^,;|\t"]{1,64}')
_UTF16: Final = frozenset({b"\xff\xfe", b"\xfe\xff"})
_MEMBER: Final = re.compile(r'"([^"\\]{1,64})"\s*:')


def names_a_secret(name: str) -> bool:
    """Whether a column or member of this name holds a credential."""
    words = [word.lower() for word in _WORD.findall(name)]
    for n, word in enumerate(words, 1):
        if word in _SECRET or _INSIDE.search("".join(words[:n])):
            return _ABOUT.isdisjoint(words[n:])
    return False


def tells_a_secret(line: str) -> bool:
    """Whether a line that could not be read has members of such a name."""
    return any(names_a_secret(name) for name in _MEMBER.findall(line))


def file_tells_a_secret(head: bytes, *, guarded: bool) -> bool:
    """Whether a file that could not be read is likely to hold credentials.

    By the cells of its first line and by its JSON members. If nobody says that it is of
    a ``guarded`` kind, only by names that can mean nothing else.
    """
    text = head.decode("utf-16" if head[:2] in _UTF16 else "utf-8", errors="replace")
    first = text.lstrip("\ufeff\r\n ").split("\n", 1)[0]
    names = [*_CELL.findall(first), *_MEMBER.findall(text)]
    return any(
        names_a_secret(name) and (guarded or _INSIDE.search(_letters(name))) for name in names
    )


def _letters(name: str) -> str:
    return "".join(word.lower() for word in _WORD.findall(name))


def without_secrets(value: Any) -> tuple[Any, int]:
    """The value without what credentials are in it, at any depth, and how many there were.

    An empty one, a flag or a row of stars is none, and stays.
    """
    if isinstance(value, Mapping):
        found, kept = 0, {}
        for name, one in value.items():
            if names_a_secret(name) and _is_said(one):
                found += 1
                continue
            kept[name], more = without_secrets(one)
            found += more
        return kept, found
    if isinstance(value, list):
        pairs = [without_secrets(one) for one in value]
        return [one for one, _ in pairs], sum(more for _, more in pairs)
    return value, 0


def _is_said(value: Any) -> bool:
    if isinstance(value, str):
        return _HIDDEN.fullmatch(value.strip()) is None
    if isinstance(value, Mapping):
        return any(_is_said(one) for one in value.values())
    if isinstance(value, list):
        return any(_is_said(one) for one in value)
    return value is not None and not isinstance(value, bool)
