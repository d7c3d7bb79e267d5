"""Mails put together by hand, and what the readers make of them."""

from callward.intake.readers.email import EmailReader
from callward.intake.readers.mbox import MboxReader
from callward.intake.records import Record, Refused
from tests.intake.reading import read, require_sound

EMAIL = EmailReader()
MBOX = MboxReader()
DATE = b"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n"
FROM_ = b"From ann@acorn.example Mon Jan  5 10:00:00 2026\n"


def mail(*headers: bytes, body: bytes = b"Hello.\r\n", date: bytes = DATE) -> bytes:
    """A mail of these headers, with a date."""
    return date + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def made(data: bytes) -> Record:
    """The one record of a mail."""
    (one,) = read(EMAIL, data)
    assert isinstance(one, Record), one.reason
    require_sound(one, EMAIL)
    return one


def refused(data: bytes) -> Refused:
    """The one refusal of a mail."""
    (one,) = read(EMAIL, data)
    assert isinstance(one, Refused)
    require_sound(one, EMAIL)
    return one


def texts(record: Record) -> list[str]:
    """What was written, without the white space around it."""
    return [entry["text"].strip() for entry in record.document["texts"]]


def header(record: Record, name: str) -> str:
    """The first value of a header."""
    return next(str(value) for key, value in record.document["raw"] if key == name)


def multipart(*parts: bytes, subtype: bytes = b"mixed", boundary: bytes = b"cut") -> bytes:
    """A mail of parts, each with its own headers."""
    cut = b"\r\n--" + boundary
    content = b"".join(cut + b"\r\n" + part for part in parts)
    kind = b"Content-Type: multipart/" + subtype + b'; boundary="' + boundary + b'"'
    return mail(kind, body=content + cut + b"--\r\n")


def part(*headers: bytes, body: bytes = b"x") -> bytes:
    """One part."""
    return b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body
