"""Mail in mailboxes: mbox as RFC 4155 has it, with mboxo, mboxrd, mboxcl and mboxcl2.

Read mail by mail: a mailbox may be of any size, and what is wrong with one mail is
between that mail and us. Lines are unquoted as mboxrd has it (one ``>`` off).
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from callward.intake.readers import email_words as words
from callward.intake.readers.base import (
    SLICE_BYTES,
    SLICE_RECORDS,
    WHOLE_BYTES,
    Sight,
    Slice,
    Told,
)
from callward.intake.readers.email_record import KIND, record_of
from callward.intake.readers.mbox_cut import has_lengths, is_separator, lines_of, mails
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

_QUOTED: Final = re.compile(rb"^>(>*+From )", re.MULTILINE)
_MOST_KEPT: Final = 1024 * 1024
"""Bytes kept of a mail that is over the limit."""


class MboxReader:
    """Many mails a file; see ``EmailReader`` for what becomes of each."""

    name: ClassVar[str] = "mbox"
    kinds: ClassVar[frozenset[str]] = frozenset({KIND})

    def claims(self, sight: Sight) -> bool:
        """Whether it begins with a From_ line and is not named as a file of one mail."""
        if sight.name.lower().endswith(".eml"):
            return False
        lines = sight.head.lstrip(b"\r\n").splitlines(keepends=True)[:2]
        return len(lines) > 1 and is_separator(lines[0], lines[1])

    def slices(self, file: BinaryIO, size: int) -> Iterator[Slice]:
        """Cut between mails. Raises Refusal: empty, or file-malformed where there is none."""
        file = lines_of(file)
        start, count, first = 0, 0, True
        for begin, end in mails(file, 0, size, lengths=has_lengths(file)):
            if count and (count == SLICE_RECORDS or end - start > SLICE_BYTES):
                yield Slice(start, begin, count)
                start, count = begin, 0
            count += 1
            if first and end >= size and not _is_mail(file, begin):
                raise Refusal(Reason.FILE_MALFORMED)
            first = False
        if not count:
            raise Refusal(Reason.EMPTY)
        yield Slice(start, size, count)

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """The mails of one slice; each that cannot be read is refused by itself."""
        file = lines_of(file)
        lengths = has_lengths(file)
        for begin, end in list(mails(file, part.start, part.end, lengths=lengths)):
            file.seek(begin)
            if end - begin > WHOLE_BYTES:
                kept = words.decode(file.read(_MOST_KEPT))[0]
                yield Refused(Reason.TOO_LARGE, {"bytes": end - begin, "begins": kept}, KIND)
            else:
                yield _mail(file.read(end - begin), told, lengths=lengths)


def _is_mail(file: BinaryIO, begin: int) -> bool:
    file.seek(begin)
    return file.read(5) == b"From "


def _mail(data: bytes, told: Told, *, lengths: bool) -> Record | Refused:
    envelope, content = b"", data
    if data.startswith(b"From "):
        envelope, _, content = data.partition(b"\n")
    if not (lengths and b"\nFrom " in content):
        content = _QUOTED.sub(rb"\1", content)
    line = words.decode(envelope.rstrip(b"\r"))[0]
    try:
        return record_of(_ended(content), told, envelope=line)
    except Refusal as refusal:
        return Refused(refusal.reason, {"envelope": line, "mail": words.decode(content)[0]}, KIND)


def _ended(content: bytes) -> bytes:
    """Without the blank line that an mbox puts after each mail."""
    for end in (b"\r\n\r\n", b"\n\n"):
        if content.endswith(end):
            return content[: -len(end) // 2]
    return content
