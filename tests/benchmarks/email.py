"""Mail read and masked, one process: messages and megabytes a second."""

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from callward.cards.text import mask_bytes, mask_document
from callward.intake.readers.base import Told
from callward.intake.readers.mbox import MboxReader
from callward.intake.records import Record

MESSAGES = 2000
_MEGABYTE = 1_000_000
_CARD = "4111 1111 1111 1111"
_TEXT = """please thanks order delivery tomorrow refund invoice number 2026 account 47114711 we hope
you are well and that this finds you in good time regards the team of support at acorn"""


def measure(messages: int = MESSAGES) -> dict[str, Any]:
    """Short plain mails, and mails with text, HTML and a picture; every tenth has a card."""
    return {
        "messages": messages,
        "short": _measured(_mailbox(messages, words=40)),
        "with_html_and_picture": _measured(_mailbox(messages, words=300, picture=30_000)),
    }


def _measured(mailbox: bytes) -> dict[str, Any]:
    start = time.perf_counter()
    count = sum(1 for _ in _records(mailbox))
    read = time.perf_counter() - start
    start = time.perf_counter()
    masked = 0
    for record in _records(mailbox):
        masked += mask_document(record.document)[1]
        masked += sum(found[1] for part in record.parts if (found := mask_bytes(part.data)))
    whole = time.perf_counter() - start
    if not masked:
        raise SystemExit("the benchmark's cards were not found")
    return {
        "megabytes": round(len(mailbox) / _MEGABYTE, 1),
        "read_per_second": round(count / read),
        "read_and_masked_per_second": round(count / whole),
        "read_and_masked_megabytes_per_second": round(len(mailbox) / _MEGABYTE / whole, 1),
    }


def _records(mailbox: bytes) -> Iterator[Record]:
    reader, file = MboxReader(), io.BytesIO(mailbox)
    told = Told(datetime(2026, 11, 23, tzinfo=UTC), ZoneInfo("Europe/London"))
    for part in reader.slices(file, len(mailbox)):
        for one in reader.read(file, part, told):
            if not isinstance(one, Record):
                raise SystemExit("the benchmark's mail was refused")
            yield one


def _mailbox(messages: int, words: int, picture: int = 0) -> bytes:
    random, mailbox = Random(4), bytearray()
    for number in range(messages):
        message = EmailMessage()
        message["Received"] = "from a by b (192.0.2.1); Mon, 05 Jan 2026 10:00:00 +0000"
        message["From"] = f"Customer {number} <customer{number}@acorn.example>"
        message["To"] = "Support <support@callward.example>"
        message["Subject"] = "Grüße: " + " ".join(random.choices(_TEXT.split(), k=6))
        message["Date"] = "Mon, 05 Jan 2026 10:00:00 +0000"
        message["Message-ID"] = f"<{number}@acorn.example>"
        text = " ".join(random.choices(_TEXT.split(), k=words)) + (f" {_CARD}" * (number % 10 == 0))
        message.set_content(text)
        if picture:
            message.add_alternative(f"<p>{text}</p><br>" * 2, subtype="html")
            message.add_attachment(
                random.randbytes(picture), maintype="image", subtype="png", filename="a.png"
            )
        mailbox += b"From a@acorn.example Mon Jan  5 10:00:00 2026\n" + bytes(message) + b"\n"
    return bytes(mailbox)
