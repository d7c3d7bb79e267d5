"""Trying a reader on bytes: what it makes of them, and that all of it is sound."""

import copy
import io
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callward.intake.manifest import CLOCK_TOLERANCE
from callward.intake.readers.base import HEAD_BYTES, Reader, Sight, Told
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import TEXTS, Record, Refused

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOLD = Told(NOW, ZoneInfo("Europe/London"))
Made = list[Record | Refused]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e300, 1.5, "", " ", "x", "\0", "\ud83d", "-1", "9" * 400),
    *("2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "NaN", "٣", "=1+1"),
    *([], {}, [[]], [None], [{}], {"a": 1}, [[], {}, "x", 1]),
)
"""What may stand where something else is expected."""


def real(*parts: str) -> Path:
    """A folder or file of real data; the test is skipped where there is none."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    found = Path(os.environ.get("CALLWARD_REAL_DATA", beside)).joinpath(*parts)
    if not found.exists():
        pytest.skip("no real data: CALLWARD_REAL_DATA names no folder with " + "/".join(parts))
    return found


def read(reader: Reader, data: bytes, told: Told = TOLD) -> Made:
    """Everything a reader makes of a file, slice by slice. Raises Refusal."""
    file = io.BytesIO(data)
    slices = list(reader.slices(file, len(data)))
    ends = [0, *(part.end for part in slices)]
    assert all(part.start >= end for part, end in zip(slices, ends, strict=False))
    return [one for part in slices for one in reader.read(file, part, told)]


def tried(reader: Reader, data: bytes, told: Told = TOLD) -> Made | Reason:
    """The same, or why the file as a whole is refused; all that is made is sound."""
    reader.claims(sight(data))
    try:
        made = read(reader, data, told)
    except Refusal as refusal:
        return refusal.reason
    for one in made:
        require_sound(one, reader)
    return made


def dumped(value: Any) -> bytes:
    """JSON as a careless writer would put it."""
    return json.dumps(value).encode()


def one(reader: Reader, value: Any, told: Told = TOLD) -> Record:
    """The one record of a JSON value."""
    (made,) = read(reader, dumped(value), told)
    assert isinstance(made, Record), made.reason
    require_sound(made, reader)
    return made


def why(reader: Reader, value: Any, told: Told = TOLD) -> Reason:
    """Why the one record of a JSON value is refused."""
    (made,) = read(reader, dumped(value), told)
    assert isinstance(made, Refused)
    require_sound(made, reader)
    return made.reason


def parties(record: Record) -> set[tuple[str, str]]:
    """Who took part: role and text."""
    return {(person.role, person.text) for person in record.people}


def sight(data: bytes, name: str = "file") -> Sight:
    """What is seen of a file before it is read."""
    return Sight(name, data[:HEAD_BYTES], len(data))


def require_sound(made: Record | Refused, reader: Reader) -> None:
    """Whatever was delivered, what comes out can be sealed, filed and indexed."""
    if isinstance(made, Refused):
        assert isinstance(made.reason, Reason)
        assert made.kind in {*reader.kinds, ""}
        json.dumps(made.raw, allow_nan=False).encode()
        return
    assert made.kind in reader.kinds
    assert made.external_id.strip()
    assert made.started_at.utcoffset() == made.ended_at.utcoffset() == UTC.utcoffset(None)
    assert made.started_at <= made.ended_at <= NOW + CLOCK_TOLERANCE
    json.dumps(made.document, allow_nan=False, ensure_ascii=False).encode()
    assert all(isinstance(entry["text"], str) for entry in made.document.get(TEXTS, ()))
    names = [made.external_id, made.conversation, made.of, *(who.text for who in made.people)]
    assert all(isinstance(name, str) and name.encode() is not None for name in names)
    assert all(who.text.strip() for who in made.people)


def twisted(value: Any) -> Iterator[Any]:
    """The value with each place in turn taken away, or something odd in it."""
    for path in _paths(value):
        for odd in (*ODD, _AWAY):
            changed = copy.deepcopy(value)
            inside = changed
            for step in path[:-1]:
                inside = inside[step]
            if odd is _AWAY:
                del inside[path[-1]]
            else:
                inside[path[-1]] = odd
            yield changed


_AWAY = object()


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    steps: Any = ()
    if isinstance(value, Mapping):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for name, inner in steps:
        yield (name,)
        yield from ((name, *rest) for rest in _paths(inner))
