"""Where one mail of an mbox ends and the next begins, found line by line in constant memory.

A separator is a line ``From address date`` (RFC 4155) with a header or a blank line
after it, so that a sentence that begins with "From" is none. Files whose first mail has
a right Content-Length (mboxcl, mboxcl2) are cut by their lengths where these are right.
"""

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

_LONGEST_LINE: Final = 64 * 1024
_LONGEST_SEPARATOR: Final = 1000
_LOOK: Final = 4096
_MOST_HEADER_LINES: Final = 10_000
_DATED: Final = re.compile(
    rb"From .{0,400}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?[ \t]++(?:[A-Z][a-z]{2}[ \t]++\d{1,2}"
    rb"|\d{1,2}[ \t]++[A-Z][a-z]{2}[ \t]++\d{2,4})[ \t]++\d{1,2}:\d{2}(?::\d{2})?"
    rb"(?:[ \t]++\S++){0,6}+[ \t]*+[\r\n]*+"
)
_EMPTY: Final = frozenset({b"\n", b"\r\n"})
_BARE: Final = re.compile(rb"From (?:-|[^\s@]++@[^\s@]++|MAILER-DAEMON)?[ \t]*+[\r\n]++")
_HEADER: Final = re.compile(rb">?[!-9;-~]{1,80}+[ \t]*+:|>From ")
_LENGTH: Final = re.compile(rb"content-length[ \t]*+:[ \t]*+(\d{1,12})[ \t]*+[\r\n]", re.IGNORECASE)


class _Mac(io.RawIOBase):
    """A file whose lines end in CR alone, with LF in their place: as many bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view)).replace(b"\r", b"\n")
        view[: len(data)] = data
        return len(data)


def lines_of(file: BinaryIO) -> BinaryIO:
    """The file with line feeds at the ends of its lines, whatever it has."""
    file.seek(0)
    head = file.read(_LONGEST_LINE)
    file.seek(0)
    return file if b"\n" in head or b"\r" not in head else io.BufferedReader(_Mac(file))


def is_separator(line: bytes, after: bytes, *, blank_before: bool = True) -> bool:
    """Whether a line, with the one after it, begins a mail."""
    if not line.startswith(b"From ") or len(line) > _LONGEST_SEPARATOR:
        return False
    if _DATED.fullmatch(line):
        return bool(_HEADER.match(after)) or (blank_before and after.strip(b"\r\n") == b"" != after)
    return bool(_BARE.fullmatch(line) and _HEADER.match(after))


def has_lengths(file: BinaryIO) -> bool:
    """Whether the first mail's Content-Length is right: a sender cannot well have put it there."""
    file.seek(0)
    length = None
    for _ in range(_MOST_HEADER_LINES):
        line = file.readline(_LONGEST_LINE)
        if line in _EMPTY or not line:
            break
        found = _LENGTH.match(line)
        length = int(found[1]) if found else length
    return length is not None and _ends_at(file, file.tell() + length)


def mails(file: BinaryIO, start: int, end: int, *, lengths: bool) -> Iterator[tuple[int, int]]:
    """First and past-the-last byte of the mails that begin from ``start`` to before ``end``.

    ``start`` is 0 or where a mail begins; the file must not be moved meanwhile.
    """
    file.seek(start)
    at, begin, fresh, blank = start, -1, True, True
    in_headers, length = False, -1
    while line := file.readline(_LONGEST_LINE):
        here, at, new = at, at + len(line), fresh
        fresh = line.endswith(b"\n")
        empty = new and line in _EMPTY
        if begin < 0:
            if empty:
                continue
            begin, in_headers = here, True
        elif new and line.startswith(b"From ") and _separates(file, line, at, blank=blank):
            yield begin, here
            if here >= end:
                return
            begin, in_headers, length = here, True, -1
        elif in_headers and new:
            found = _LENGTH.match(line) if lengths else None
            length = int(found[1]) if found else length
            in_headers = not empty
            if empty and length >= 0:
                if _ends_at(file, at + length):
                    at, fresh = at + length, True
                file.seek(at)
        blank = empty
    if begin >= 0:
        yield begin, at


def _separates(file: BinaryIO, line: bytes, at: int, *, blank: bool) -> bool:
    after = file.readline(_LOOK)
    file.seek(at)
    return is_separator(line, after, blank_before=blank)


def _ends_at(file: BinaryIO, place: int) -> bool:
    """Whether a mail can end there: the file does, or a separator comes next."""
    if file.seek(0, io.SEEK_END) < place:
        return False
    file.seek(place)
    seen = file.read(_LOOK)
    rest = seen.lstrip(b"\r\n")
    line, _, after = rest.partition(b"\n")
    return not rest or is_separator(line + b"\n", after)
