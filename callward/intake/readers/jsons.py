"""JSON from strangers: bounded in size and depth, strict, and never surprised by a type."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from callward.intake.reasons import Reason, Refusal

MOST_DEPTH: Final = 64
_LONGEST_NUMBER: Final = 400
"""Digits of a number; Python's own limit on integers is 4300."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string that never ends is passed over once, not tried from each of its quotes again."""


def parse(data: bytes) -> Any:
    """The value of a JSON text (RFC 8259) in UTF-8, or UTF-16 with its mark.

    Refusal: encoding, too-deep, file-malformed. Of a name that is given twice, of NaN or
    a number beyond all bounds nothing good can be made: malformed.
    """
    return loads(decode(data))


def loads(text: str) -> Any:
    """The same of a text. A lone surrogate, half of a character cut in two, becomes U+FFFD."""
    require_shallow(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        raise Refusal(Reason.FILE_MALFORMED) from None
    return _whole_characters(value) if _HALF.search(text) else value


def decode(data: bytes) -> str:
    """Text of a JSON file; Refusal encoding."""
    mark = data[:2]
    try:
        if mark in {b"\xff\xfe", b"\xfe\xff"}:
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(Reason.ENCODING) from None


def require_shallow(text: str) -> None:
    """Refusal too-deep if brackets nest deeper than ``MOST_DEPTH``; strings are skipped."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = found[0][0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MOST_DEPTH:
            raise Refusal(Reason.TOO_DEEP)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("beyond all bounds")
    return number


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_characters(one) for one in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(one) for key, one in value.items()}
    return value


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("too long a number")
    return int(digits)


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a value that is one object or a list of them; Refusal file-malformed."""
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, Mapping):
            raise Refusal(Reason.FILE_MALFORMED)
        yield one


def text(of: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is a string or a number, as text; "" if none is."""
    for name in names:
        value = of.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def child(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that is an object; an empty one otherwise."""
    value = of.get(name)
    return value if isinstance(value, Mapping) else {}


def children(of: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a member that is a list."""
    value = of.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
