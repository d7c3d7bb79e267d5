"""Delimited rows from strangers (RFC 4180 and its cousins): cut into slices, bad rows contained.

Text is UTF-8, or where a line is not, Windows-1252, which every byte can be. A line
that opens a quote it never closes costs itself and not the lines it would swallow.
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from callward.intake.readers.base import SLICE_BYTES, SLICE_RECORDS, Slice, Told
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

MOST_LINE: Final = 256 * 1024
MOST_LINES: Final = 100
"""Lines that one row may stretch over."""
MOST_COLUMNS: Final = 1000
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows are written; ``header``: the first row names the columns."""

    delimiter: str = ","
    header: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """Cells, or None where the line could not be read; which bytes of the file they were."""

    cells: tuple[str, ...] | None
    line: str
    start: int
    end: int


def rows(file: BinaryIO, start: int, end: int, dialect: Dialect) -> Iterator[Row]:
    """The rows from byte ``start`` to before ``end``; blank lines are passed over."""
    lines = _Lines(file, start, end)
    while (first := lines.take()) is not None:
        if not first[1].strip():
            continue
        yield _row(lines, first, dialect)


def text_of(line: bytes) -> str:
    """A line's text: UTF-8, else Windows-1252 with Latin-1 for its gaps."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


_Line = tuple[int, bytes, int]


class _Lines:
    """Lines with their places in the file; some can be given back."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        self._file, self._at, self._end = file, start, end
        self._back: deque[_Line] = deque()
        if start == 0 and file.read(3) == _MARK:
            self._at = 3
        file.seek(self._at)

    def take(self) -> _Line | None:
        if self._back:
            return self._back.popleft()
        if self._at >= self._end:
            return None
        line = self._file.readline(min(MOST_LINE, self._end - self._at))
        if not line:
            return None
        found = (self._at, line, self._at + len(line))
        self._at = found[2]
        return found

    def give_back(self, lines: Sequence[_Line]) -> None:
        self._back.extendleft(reversed(lines))


def _row(lines: _Lines, first: _Line, dialect: Dialect) -> Row:
    used = [first]

    def feed() -> Iterator[str]:
        yield text_of(first[1])
        while len(used) < MOST_LINES and (more := lines.take()) is not None:
            used.append(more)
            yield text_of(more[1])

    try:
        cells = tuple(next(csv.reader(feed(), delimiter=dialect.delimiter, strict=True)))
        if len(cells) <= MOST_COLUMNS and not any("\0" in cell for cell in cells):
            return Row(cells, "", first[0], used[-1][2])
        return Row(None, "".join(text_of(line) for _, line, _ in used), first[0], used[-1][2])
    except (csv.Error, StopIteration):
        lines.give_back(used[1:])
        return Row(None, text_of(first[1]), first[0], first[2])


class RowFile:
    """For readers of delimited rows: the file is cut between rows, each row read by ``row``."""

    def dialect(self, head: bytes) -> Dialect:
        """How this file is written, from its first bytes."""
        del head
        return Dialect()

    def columns(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the columns, from the header's cells, or for a first row without header."""
        return tuple(cell.strip() for cell in cells)

    def row(self, cells: tuple[str, ...], columns: tuple[str, ...], told: Told) -> Record | Refused:
        """Make a record of one row's cells. Raises Refusal; the row is then refused."""
        raise NotImplementedError

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """Cut between rows; Refusal empty or file-malformed."""
        dialect, body = self._body(file, size)
        start, count, end = body, 0, body
        for row in rows(file, body, size, dialect):
            if count and (count == SLICE_RECORDS or row.end - start > SLICE_BYTES):
                yield Slice(start, row.start, count)
                start, count = row.start, 0
            count, end = count + 1, row.end
        if count:
            yield Slice(start, max(end, size), count)

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """Read the rows of one slice."""
        dialect, first = self._first(file)
        if first.cells is None:
            raise Refusal(Reason.FILE_MALFORMED)
        columns = self.columns(first.cells)
        for row in rows(file, part.start, part.end, dialect):
            if row.cells is None:
                yield Refused(Reason.ROW_MALFORMED, {"line": row.line})
                continue
            try:
                yield self.row(row.cells, columns, told)
            except Refusal as refusal:
                yield Refused(refusal.reason, self.raw(row.cells, columns))

    def raw(self, cells: tuple[str, ...], columns: tuple[str, ...]) -> Mapping[str, Any]:
        """What is kept of a row: its cells by column; stray cells get a number."""
        names = (*columns, *(f"+{n}" for n in range(1, len(cells) + 1)))
        return dict(zip(names, cells, strict=False))

    def _first(self, file: BinaryIO) -> tuple[Dialect, Row]:
        file.seek(0)
        dialect = self.dialect(file.read(HEAD))
        for row in rows(file, 0, MOST_LINE * MOST_LINES, dialect):
            return dialect, row
        raise Refusal(Reason.EMPTY)

    def _body(self, file: BinaryIO, size: int) -> tuple[Dialect, int]:
        """Where the rows begin that are records."""
        if size == 0:
            raise Refusal(Reason.EMPTY)
        dialect, first = self._first(file)
        if first.cells is None and dialect.header:
            raise Refusal(Reason.FILE_MALFORMED)
        return dialect, first.end if dialect.header else first.start


HEAD: Final = 64 * 1024
