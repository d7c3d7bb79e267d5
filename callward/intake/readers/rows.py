"""Delimited rows from strangers (RFC 4180 and its cousins): cut into slices, bad rows contained.

Text is UTF-8, or where a line is not, Windows-1252, which every byte can be. A line
that opens a quote it never closes costs itself and not the lines it would swallow.
"""

import csv
import io
import itertools
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from callward.intake.readers.base import SLICE_BYTES, SLICE_RECORDS, Slice, Told
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

MOST_LINE: Final = 256 * 1024
"""A longer line is refused, by itself up to ``LONGEST_LINE``, above that with its file."""
LONGEST_LINE: Final = 16 * 1024 * 1024
MOST_LINES: Final = 100
"""Lines that one row may stretch over."""
MOST_COLUMNS: Final = 1000
SIGHTED_ROWS: Final = 20
SEARCHED_ROWS: Final = 1000
"""First rows that are looked at to tell whose a file is; and one that is said to be ours."""
_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PIECES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_CONTROLS = bytes(set(range(32)) - {*b"\t\r\n"})
_WINDOWS = {
    byte: bytes([byte]).decode("cp1252")
    for byte in range(0x80, 0xA0)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows are written; ``header``: the first row names the columns.

    ``loose`` says how to cut a line that is no CSV because its writer quotes without
    care: ``quoted``, between quotes with a delimiter between them; ``plain``, at every
    delimiter; no row of such stretches over lines. ``around`` is what may stand around
    a line's cells, which are its group 1.
    """

    delimiter: str = ","
    header: bool = True
    loose: Literal["", "quoted", "plain"] = ""
    around: re.Pattern[str] | None = None


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
        return line.decode("latin-1").translate(_WINDOWS)


def sample(head: bytes, dialect: Dialect, most: int = SIGHTED_ROWS) -> list[tuple[str, ...]]:
    """Those of the first rows of a file that can be read, of its first bytes; never raises."""
    start = head[:512]
    if len(start) - len(start.translate(None, _CONTROLS)) > len(start) // 8:
        return []  # no text: sound, images
    try:
        first = list(itertools.islice(rows(io.BytesIO(head), 0, len(head), dialect), most))
    except Refusal:
        return []
    return [row.cells for row in first if row.cells is not None]


_Line = tuple[int, bytes, int]


class _Lines:
    """Lines with their places in the file; some can be given back.

    They end in LF, CR LF or CR alone. A line over ``LONGEST_LINE`` refuses the file.
    """

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        self._file, self._at, self._end = file, start, end
        self._back: deque[_Line] = deque()
        if start == 0 and file.read(3) == _MARK:
            self._at = 3
        file.seek(self._at)

    def take(self) -> _Line | None:
        if not self._back:
            self._fill()
        return self._back.popleft() if self._back else None

    def give_back(self, lines: Sequence[_Line]) -> None:
        self._back.extendleft(reversed(lines))

    def _fill(self) -> None:
        line = self._read(MOST_LINE)
        if b"\r" in (line[:-2] if line.endswith(b"\r\n") else line[:-1]):
            pieces = _PIECES.findall(line)
            if len(pieces) > 1 and pieces[-1][-1:] not in {b"\r", b"\n"}:
                self._file.seek(self._at + len(line) - len(pieces.pop()))
        else:
            pieces = [line] if line else []
        for piece in pieces:
            whole = self._rest(piece) if len(piece) == MOST_LINE else piece
            self._back.append((self._at, whole, self._at + len(whole)))
            self._at += len(whole)

    def _read(self, most: int) -> bytes:
        return self._file.readline(max(0, min(most, self._end - self._file.tell())))

    def _rest(self, line: bytes) -> bytes:
        """A long line up to its end."""
        parts = [line]
        while parts[-1][-1:] not in {b"\r", b"\n"} and (more := self._read(MOST_LINE)):
            first = _PIECES.match(more)
            parts.append(first[0] if first else more)
            self._file.seek(len(parts[-1]) - len(more), os.SEEK_CUR)
            if sum(map(len, parts)) > LONGEST_LINE:
                raise Refusal(Reason.TOO_LARGE)
        return b"".join(parts)


def _row(lines: _Lines, first: _Line, dialect: Dialect) -> Row:
    text = text_of(first[1])
    if len(first[1]) > MOST_LINE:
        return Row(None, text, first[0], first[2])
    if dialect.around and (found := dialect.around.fullmatch(text.strip())):
        text = found[1]
    used = [first]

    def feed() -> Iterator[str]:
        yield text
        while not dialect.loose and len(used) < MOST_LINES and (more := lines.take()) is not None:
            used.append(more)
            yield text_of(more[1])

    try:
        cells = tuple(
            next(
                csv.reader(feed(), delimiter=dialect.delimiter, strict=True, skipinitialspace=True)
            )
        )
    except (csv.Error, StopIteration):
        lines.give_back(used[1:])
        cells, used = _loose(text.strip("\r\n"), dialect), [first]
    if cells and len(cells) <= MOST_COLUMNS and not any("\0" in cell for cell in cells):
        return Row(cells, "", first[0], used[-1][2])
    return Row(None, "".join(text_of(line) for _, line, _ in used), first[0], used[-1][2])


def _loose(text: str, dialect: Dialect) -> tuple[str, ...]:
    """Cells of a line that is no CSV, as its dialect allows; none if it does not."""
    if dialect.loose == "plain":
        return tuple(text.split(dialect.delimiter))
    if dialect.loose == "quoted" and len(text) > 1 and text[0] == text[-1] == '"':
        return tuple(re.split(f'" *{re.escape(dialect.delimiter)} *"', text[1:-1]))
    return ()


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
        if first.cells is None and dialect.header:
            raise Refusal(Reason.FILE_MALFORMED)
        columns = self.columns(first.cells or ())
        for row in rows(file, part.start, part.end, dialect):
            if row.cells is None:
                yield Refused(Reason.ROW_MALFORMED, {"line": row.line})
                continue
            try:
                yield self.row(row.cells, columns, told)
            except Refusal as refusal:
                yield Refused(refusal.reason, self.raw(row.cells, columns))

    def raw(self, cells: tuple[str, ...], columns: tuple[str, ...]) -> Mapping[str, Any]:
        """What is kept of a row: its cells by column, or by number where that has no name."""
        found: dict[str, Any] = {}
        for n, cell in enumerate(cells):
            name = columns[n] if n < len(columns) else ""
            found[name if name and name not in found else f"+{n + 1}"] = cell
        return found

    def _first(self, file: BinaryIO) -> tuple[Dialect, Row]:
        file.seek(0)
        head = file.read(HEAD)
        if head.startswith(_WIDE_MARKS):
            raise Refusal(Reason.ENCODING)
        dialect = self.dialect(head)
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
