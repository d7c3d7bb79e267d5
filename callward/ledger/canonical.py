"""RFC 8785 (JCS) canonical JSON, without fractions.

One value has exactly one encoding, so its digest can be recomputed by anyone.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from callward.errors import DefectError, IntegrityError

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

LIMIT = 2**53 - 1  # beyond it a double, hence RFC 8785, is not exact
MAX_DEPTH = 32
MAX_CHARACTERS = 4 * 2**20

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
        value: Json = json.loads(text)
        same = canonical(value).decode() == text
    except (ValueError, RecursionError, DefectError):
        raise IntegrityError("not canonical JSON") from None
    if not same:
        raise IntegrityError("JSON is not in its canonical form")
    return value


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
