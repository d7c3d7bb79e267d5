"""Mailboxes: cut where one mail ends, whatever the variant, in memory that does not grow."""

import io
import tracemalloc
from datetime import UTC, datetime
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callward.intake.readers import mbox
from callward.intake.readers.base import SLICE_RECORDS, Slice
from callward.intake.readers.registry import reader_for
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.readers.mails import DATE, FROM_, MBOX
from tests.intake.reading import TOLD, Made, read, sight, tried

PLAIN = DATE.replace(b"\r\n", b"\n")


def _mail(number: int, body: bytes = b"Hello.\n", *headers: bytes) -> bytes:
    lines = b"".join(header + b"\n" for header in headers)
    return b"Message-ID: <%d@x>\n" % number + PLAIN + lines + b"\n" + body


def _bodies(made: Made) -> list[str]:
    assert all(isinstance(one, Record) for one in made)
    return [
        one.document["texts"][0]["text"] if one.document["texts"] else ""
        for one in made
        if isinstance(one, Record)
    ]


def _slices(data: bytes) -> list[Slice]:
    return list(MBOX.slices(io.BytesIO(data), len(data)))


@pytest.mark.parametrize(
    "line",
    [
        b"From ann@acorn.example Mon Jan  5 10:00:00 2026",
        b"From ann@acorn.example  Mon Jan 05 10:00:00 2026 +0100",
        b"From - Mon Jan 05 10:00:00 2026",
        b"From MAILER-DAEMON Mon Jan  5 10:00:00 CET 2026",
        b'From "ann acorn"@x.example Mon Jan  5 10:00 2026 remote from host',
        b"From ann@x.example Mon, 05 Jan 2026 10:00:00 +0000",
        b"From - ",
        b"From ann@acorn.example",
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_mailbox_is_cut_at_its_separators(line: bytes, end: bytes) -> None:
    """As many programs write them, with the ends of lines of every system."""
    data = b"".join(line + b"\n" + _mail(number) + b"\n" for number in range(3))
    made = read(MBOX, data.replace(b"\n", end))
    assert [body.strip() for body in _bodies(made)] == ["Hello."] * 3
    assert [one.external_id for one in made if isinstance(one, Record)] == ["0@x", "1@x", "2@x"]


@pytest.mark.parametrize(
    "line",
    [
        b"From here on it is easy.",
        b"From Monday 5 Jan 2026 at ten, we are open",
        b"From ann@acorn.example we heard",
        b" From ann@acorn.example Mon Jan  5 10:00:00 2026",
        b">From ann@acorn.example Mon Jan  5 10:00:00 2026",
    ],
)
def test_a_sentence_is_no_separator(line: bytes) -> None:
    """Also at the start of a line, after a blank one."""
    data = FROM_ + _mail(1, b"Hello.\n\n" + line + b"\n\nBye.\n") + b"\n" + FROM_ + _mail(2)
    first, second = _bodies(read(MBOX, data))
    assert line.removeprefix(b">").decode() in first
    assert second == "Hello.\n"


def test_quoted_lines_lose_one_mark() -> None:
    """As mboxrd has it, and mboxo, which cannot be told from it."""
    body = b">From me\n>>From you\n> From nobody\n"
    assert _bodies(read(MBOX, FROM_ + _mail(1, body))) == ["From me\n>From you\n> From nobody\n"]


def test_right_lengths_are_believed() -> None:
    """A mail in an mboxcl2 may hold what looks like a separator; nothing is unquoted there."""
    body = b"See:\n\n" + FROM_ + b"To: x\n\n>From y\n"
    length = b"Content-Length: %d" % len(body)
    data = FROM_ + _mail(1, body, length) + b"\n" + FROM_ + _mail(2, body, length)
    made = read(MBOX, data)
    assert _bodies(made) == [body.decode(), body.decode()]
    wrong = data.replace(length, b"Content-Length: 7")
    assert len(read(MBOX, wrong)) == 4


def test_a_sender_cannot_swallow_the_mails_behind_his() -> None:
    """A length in a mailbox that has none is a header like any other."""
    rest = FROM_ + _mail(3)
    swallowing = _mail(2, b"x\n\n", b"Content-Length: %d" % (3 + len(rest)))
    assert len(read(MBOX, FROM_ + _mail(1) + b"\n" + FROM_ + swallowing + rest)) == 3


def test_the_separator_tells_the_time_where_nothing_else_does() -> None:
    """In the time zone of the controller, unless it has one; it is kept with the mail."""
    one, other = read(
        MBOX,
        b"From a@x Sun Jul  5 10:00:00 2026\nTo: b@x\n\nHi\n\n"
        b"From a@x Sun Jul  5 10:00:00 2026 +0200\nTo: b@x\n\nHi\n",
    )
    assert isinstance(one, Record)
    assert isinstance(other, Record)
    assert one.started_at == datetime(2026, 7, 5, 9, tzinfo=UTC)
    assert other.started_at == datetime(2026, 7, 5, 8, tzinfo=UTC)
    assert one.external_id != other.external_id
    assert one.document["envelope"] == "From a@x Sun Jul  5 10:00:00 2026"


def test_a_bad_mail_costs_its_neighbours_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many headers, no date, too large: each is refused by itself and kept."""
    monkeypatch.setattr(mbox, "WHOLE_BYTES", 50_000)
    good = FROM_ + _mail(1) + b"\n"
    headers = FROM_ + b"A: b\n" * 3000 + b"\n"
    undated = b"From - \nTo: a@x.example\n\nHi\n"
    large = FROM_ + _mail(2, b"card\n" * 20_000)
    made = read(MBOX, good + headers + good + undated + good + large + good)
    reasons = [one.reason if isinstance(one, Refused) else None for one in made]
    assert reasons == [
        *(None, Reason.TOO_LARGE, None, Reason.TIME_MALFORMED, None, Reason.TOO_LARGE, None)
    ]
    assert [one.kind for one in made] == ["email"] * 7
    refused = [one for one in made if isinstance(one, Refused)]
    assert refused[0].raw["mail"].startswith("A: b\n")
    assert refused[1].raw["texts"][0]["text"] == "Hi\n"
    assert refused[2].raw["bytes"] == len(large)
    assert refused[2].raw["begins"].startswith("From ann@acorn.example")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"\n\r\n\n", Reason.EMPTY),
        (b"To: a@x\n\nno separator\n", Reason.FILE_MALFORMED),
        (b"\0" * 1000, Reason.FILE_MALFORMED),
    ],
)
def test_what_holds_no_mail_is_refused(data: bytes, reason: Reason) -> None:
    """As a whole."""
    with pytest.raises(Refusal) as refusal:
        read(MBOX, data)
    assert refusal.value.reason == reason


def test_slices_cover_the_file_and_hold_whole_mails() -> None:
    """A mail that is larger than a slice has one of its own."""
    count = 2 * SLICE_RECORDS + 1
    data = b"\n" + b"".join(FROM_ + _mail(number) + b"\n" for number in range(count))
    data += FROM_ + _mail(count, b"x" * 99 + b"\n") * 60_000 + FROM_ + _mail(count + 1)
    parts = _slices(data)
    assert [part.records for part in parts] == [500, 500, 1, 1, 1]
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert len(read(MBOX, data)) == count + 2


PIECE = st.sampled_from(
    [
        *(FROM_, b"From - \n", b"From x", b"\n", b"\r\n", b"\r", b"To: a@x\n", b">From y\n"),
        *(PLAIN, b"body\n", b"Content-Length: 5\n", b"Content-Length: 40\n", b"\0\xff", b" fold\n"),
    ]
)


@given(st.lists(PIECE, max_size=30).map(b"".join))
@example(FROM_ + b"Content-Length: 80\n\n" + FROM_ + b"To: a@x\n\n" + FROM_ + b"To: a@x\n\n")
def test_however_it_is_cut_it_is_the_same(data: bytes) -> None:
    """As many records and refusals as mails; in slices of one mail each the very same ones."""
    whole = tried(MBOX, data)
    if isinstance(whole, Reason):
        return
    parts = _slices(data)
    assert sum(part.records for part in parts) == len(whole)
    assert (parts[0].start, parts[-1].end) == (0, len(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mbox, "SLICE_RECORDS", 1)
        assert tried(MBOX, data) == whole
        assert len(_slices(data)) == len(whole)


class _Endless(io.RawIOBase):
    """A mailbox that is the same mail over and over, and takes no memory."""

    def __init__(self, mail: bytes, times: int) -> None:
        self._mail, self._size, self._at = mail, len(mail) * times, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        size = min(size if size >= 0 else self._size, self._size - self._at)
        start = self._at % len(self._mail)
        found = (self._mail * (2 + size // len(self._mail)))[start : start + size]
        self._at += size
        return found

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # enough
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def test_a_large_mailbox_is_cut_in_little_memory() -> None:
    """Of 60 MB no more is held than some lines."""
    one = FROM_ + _mail(1, b"x" * 50_000 + b"\n" + b"y" * 50_000 + b"\n") + b"\n"
    times = 600
    file = cast("BinaryIO", io.BufferedReader(_Endless(one, times)))
    tracemalloc.start()
    try:
        parts = list(MBOX.slices(file, len(one) * times))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(part.records for part in parts) == times
    assert peak < 3 * 1024 * 1024
    assert len(list(MBOX.read(file, parts[-1], TOLD))) == parts[-1].records


@pytest.mark.parametrize(
    ("name", "data", "claimed"),
    [
        ("a.mbox", FROM_ + _mail(1), True),
        ("a", b"\n" + FROM_ + b"\nbody", True),
        ("a", b"From - \r\nTo: a@x\r\n\r\n", True),
        ("a.eml", FROM_ + _mail(1), False),
        ("a.mbox", _mail(1), False),
        ("a.txt", b"From here on:\nTo: there\n", False),
        ("a", b"From", False),
    ],
)
def test_a_mailbox_is_known_by_its_first_separator(name: str, data: bytes, claimed: object) -> None:
    """A file of one mail that has one too says so by its name."""
    assert MBOX.claims(sight(data, name)) is claimed
    if claimed:
        reader = reader_for(sight(data, name))
        assert reader is not None
        assert reader.name == "mbox"
