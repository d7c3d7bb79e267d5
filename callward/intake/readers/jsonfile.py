"""Files of JSON records as platforms write them, and no bad record costs its neighbours.

One object; a list; an object around a list ("a page"); one object a line (JSON Lines); or
objects one behind the other without anything between, as Amazon's streams deliver them.
Lines are cut into slices; everything else is read at once.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, ClassVar, Final

from callward.intake.readers import jsons
from callward.intake.readers.base import SLICE_BYTES, SLICE_RECORDS, Slice, Told, WholeFile
from callward.intake.readers.rows import text_of
from callward.intake.readers.times import moment
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Person, Record, Refused, Role

MOST_LINE: Final = 16 * 1024 * 1024
_MOST_BAD: Final = 100
"""Places at which a file without lines may be broken; what follows is refused as one."""
_BLANK: Final = " \t\r\n\x1e,"
_DECODER: Final = json.JSONDecoder()


class JsonFile:
    """For readers of JSON records: ``records`` makes them of one object."""

    pages: ClassVar[tuple[str, ...]] = ()
    """Members of an object around a list that hold the records."""

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """Make records of one object. Raises Refusal; the object is then refused."""
        raise NotImplementedError

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """What is kept of an object that was refused."""
        return Refused(reason, raw)

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """Cut between lines if the lines are objects. Refusal too-large or empty."""
        if size == 0:
            raise Refusal(Reason.EMPTY)
        if in_lines(file):
            yield from _cut(file, size)
        else:
            yield from WholeFile().slices(file, size)

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """The records of one slice. Refusal where nothing in it is JSON."""
        found = lines(file, part) if in_lines(file) else values(_bytes(file, part))
        for value in found:
            if isinstance(value, Refused):
                yield self.refused(value.reason, value.raw)
                continue
            for raw in self.unwrap(value):
                yield from self.guarded(raw, told)

    def unwrap(self, value: Any) -> Iterator[Any]:
        """The objects in a value: a list's, a page's, or the value itself."""
        if isinstance(value, list):
            for one in value:
                yield from self.unwrap(one) if isinstance(one, Mapping) else [one]
            return
        for name in self.pages if isinstance(value, Mapping) else ():
            if isinstance(value.get(name), list):
                yield from value[name]
                return
        yield value

    def guarded(self, raw: Any, told: Told) -> Iterator[Record | Refused]:
        """``records`` of one value, or why there are none."""
        if not isinstance(raw, Mapping):
            yield self.refused(Reason.RECORD_MALFORMED, {"value": raw})
            return
        try:
            made = list(self.records(raw, told))
        except Refusal as refusal:
            made = [self.refused(refusal.reason, raw)]
        yield from made


def in_lines(file: BinaryIO) -> bool:
    """Whether the first line is an object by itself; or, where it is a broken one, the second."""
    file.seek(0)
    seen = 0
    while seen < 2 and (line := file.readline(MOST_LINE)):  # noqa: PLR2004 - the first two
        if not line.strip():
            continue
        seen += 1
        if not line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
            return False
        if _is_object(line):
            return line.endswith(b"\n") or seen > 1
        text = text_of(line)
        if (end := _end_of(text, 0)) is not None and text[end:].strip():
            return False  # objects one behind the other
    return False


def lines(file: BinaryIO, part: Slice) -> Iterator[Any]:
    """The value of each line of a slice, or it refused; blank lines are passed over."""
    file.seek(part.start)
    while (at := file.tell()) < part.end and (line := file.readline(MOST_LINE)):
        if not line.endswith(b"\n") and len(line) == MOST_LINE:
            _skip_line(file, part.end)
            yield Refused(Reason.TOO_LARGE, {"from": at})
        elif line.strip():
            try:
                yield jsons.parse(line)
            except Refusal as refusal:
                yield Refused(_of_one(refusal.reason), {"line": text_of(line)})


def values(data: bytes) -> Iterator[Any]:
    """The one value of a JSON file, or of objects one behind the other each. Raises Refusal."""
    try:
        yield jsons.parse(data)
    except Refusal as refusal:
        if refusal.reason is Reason.ENCODING:
            raise
        text = jsons.decode(data)
        if _end_of(text, 0) is None:
            raise
    else:
        return
    yield from _chain(text)


def _chain(text: str) -> Iterator[Any]:
    at, bad = 0, 0
    while at < len(text):
        if text[at] in _BLANK:
            at += 1
            continue
        end = _end_of(text, at)
        if end is None:
            bad += 1
            end = text.find("\n", at) if bad < _MOST_BAD else -1
            end = len(text) if end < 0 else end
        piece, at = text[at:end], end
        try:
            yield jsons.loads(piece)
        except Refusal as refusal:
            yield Refused(_of_one(refusal.reason), {"line": piece})


def _end_of(text: str, at: int) -> int | None:
    """Where the object that begins at ``at`` ends; None if none does."""
    while at < len(text) and (text[at] in _BLANK or text[at] == "\ufeff"):
        at += 1
    try:
        return _DECODER.raw_decode(text, at)[1] if text[at : at + 1] == "{" else None
    except (ValueError, RecursionError):
        return None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(jsons.parse(line), Mapping)
    except Refusal:
        return False


def _of_one(reason: Reason) -> Reason:
    return Reason.RECORD_MALFORMED if reason is Reason.FILE_MALFORMED else reason


def _bytes(file: BinaryIO, part: Slice) -> bytes:
    file.seek(part.start)
    return file.read(part.end - part.start)


def _skip_line(file: BinaryIO, end: int) -> None:
    while file.tell() < end and (more := file.readline(MOST_LINE)):
        if more.endswith(b"\n"):
            return


def _cut(file: BinaryIO, size: int) -> Iterator[Slice]:
    file.seek(0)
    start = at = count = 0
    while at < size and (line := file.readline(MOST_LINE)):
        if not line.endswith(b"\n"):
            _skip_line(file, size)
        if count == SLICE_RECORDS or (count and file.tell() - start > SLICE_BYTES):
            yield Slice(start, at, count)
            start, count = at, 0
        count += bool(line.strip())
        at = file.tell()
    if count:
        yield Slice(start, size, count)


def when(of: Mapping[str, Any], told: Told, *names: str) -> datetime | None:
    """The first of these members that says a moment; None if all are empty.

    Refusal time-malformed for one that says something else.
    """
    for name in names:
        value = of.get(name)
        if isinstance(value, bool | list | Mapping):
            raise Refusal(Reason.TIME_MALFORMED)
        if value is not None and value != "":
            return moment(value, told)
    return None


def people(*pairs: tuple[Role, str]) -> tuple[Person, ...]:
    """Everybody who is named, each in a role once."""
    return tuple(dict.fromkeys(Person(role, text) for role, text in pairs if text))


def required(found: datetime | None) -> datetime:
    """The moment; Refusal time-malformed without one."""
    if found is None:
        raise Refusal(Reason.TIME_MALFORMED)
    return found


def identity(raw: Mapping[str, Any], *names: str) -> str:
    """The format's own id; Refusal record-malformed without one."""
    found = jsons.text(raw, *names)
    if not found:
        raise Refusal(Reason.RECORD_MALFORMED)
    return found
