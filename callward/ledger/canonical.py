"""RFC 8785 (JCS) canonical JSON, without fractions.

One value has exactly one encoding, so its digest can be recomputed by anyone.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias

from callward.errors import DefectError, IntegrityError

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

LIMIT = 2**53 - 1  # beyond it a double, hence RFC 8785, is not exact
MAX_DEPTH = 32
_DIGITS = 17
MAX_CHARACTERS = 4 * 2**20

# Below the surrogates, which is where nearly all text is, code points sort as RFC 8785 wants.
_QUICK = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True
)
_HIGH = (b"\xee", b"\xef", b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""First bytes of characters from U+E000 on, in UTF-8."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical(value: Json) -> bytes:
    """Encode ``value`` as RFC 8785 does, in UTF-8.

    Raises DefectError for fractions, integers beyond ±(2^53-1), lone
    surrogates, keys that are not strings, nesting deeper than ``MAX_DEPTH``
    and any other type.
    """
    try:
        return _ENCODER.encode(_ordered(value, MAX_DEPTH)).encode()
    except UnicodeEncodeError:
        raise DefectError("canonical JSON cannot hold a lone surrogate") from None


def parse(text: str, limit: int = MAX_CHARACTERS) -> Json:
    """Decode ``text``; raises IntegrityError unless it is its own canonical form.

    What is longer than ``limit`` characters is not looked at.
    """
    if len(text) > limit:
        raise IntegrityError(f"canonical JSON longer than {limit} characters")
    try:
        value: Json = _DECODER.decode(text)
        same = (_QUICK.encode(value) if _is_plain(text) else canonical(value).decode()) == text
    except (ValueError, RecursionError, DefectError):
        raise IntegrityError("not canonical JSON") from None
    if not same:
        raise IntegrityError("JSON is not in its canonical form")
    return value


def _refuse(token: str) -> NoReturn:
    raise ValueError(f"{len(token)} characters of a number that is not whole")


def _whole(token: str) -> int:
    value = int(token) if len(token) <= _DIGITS else LIMIT + 1
    if abs(value) > LIMIT:
        raise ValueError(f"a number of {len(token)} digits")
    return value


_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_whole)


def _is_plain(text: str) -> bool:
    """Whether ``_QUICK`` writes what was read from this just as ``canonical`` would.

    If not it is slower, and no less strict, to have ``canonical`` write it.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError:
        return False
    if not text.isascii() and any(first in content for first in _HIGH):
        return False
    brackets = content.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _ordered(value: Json, depth: int) -> Json:
    """Check ``value`` and put every object's keys in order."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > LIMIT:
            raise DefectError("canonical JSON cannot hold an integer beyond 2^53-1")
        return value
    if depth == 0:
        raise DefectError(f"canonical JSON nests at most {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return {
            key: member
            if (member := value[key]) is None or type(member) is str
            else _ordered(member, depth - 1)
            for key in _sorted(value)
        }
    if isinstance(value, list | tuple):
        return [_ordered(member, depth - 1) for member in value]
    raise DefectError(f"canonical JSON cannot hold a {type(value).__name__}")


def _sorted(value: Mapping[str, Json]) -> list[str]:
    """The keys in order; those of ASCII alone, as nearly all are, need no encoding for it."""
    keys = list(value)
    plain = all(type(key) is str and key.isascii() for key in keys)
    return sorted(keys) if plain else sorted(keys, key=_utf16)


def _utf16(key: object) -> bytes:
    """Sort key of RFC 8785 §3.2.3: UTF-16 code units, which big-endian bytes order alike."""
    if not isinstance(key, str):
        raise DefectError("canonical JSON keys are strings")
    return key.encode("utf-16-be", "surrogatepass")
