"""Mail in files of one message each, ``.eml`` (RFC 5322, MIME, SMTPUTF8)."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from callward.intake.readers.base import Sight, Told, WholeFile
from callward.intake.readers.email_record import KIND, record_of
from callward.intake.records import Record, Refused

_LINE: Final = re.compile(rb"(?:[ \t]*+(?:\r\n|\r|\n))*+(?P<from>From [^\r\n]*+(?:\r\n|\r|\n))?")
_HEADER: Final = re.compile(
    rb"(?P<name>[!-9;-~]{1,80}+)[ \t]*+:[^\r\n]*+(?:(?:\r\n|\r|\n)(?:[ \t][^\r\n]*+|\Z))*+"
    rb"(?:\r\n|\r|\n|\Z)"
)
_MOST_LOOKED_AT: Final = 200
_OF_MAIL: Final = frozenset(
    b"""from to cc subject date message-id received return-path delivered-to reply-to sender
    in-reply-to references mime-version content-type content-transfer-encoding
    x-original-to x-mailer dkim-signature arc-seal arc-authentication-results
    x-apparently-to x-gmail-labels x-envelope-from""".split()
)
_PARTIES: Final = frozenset(b"from to received return-path delivered-to message-id".split())
_OF_OTHERS: Final = frozenset(b"via cseq call-id max-forwards".split())
"""Of SIP, whose messages have some headers of the same names as mail."""


class EmailReader(WholeFile):
    """One mail a file; its kind of record is ``email``, its id its Message-ID."""

    name: ClassVar[str] = "email"
    kinds: ClassVar[frozenset[str]] = frozenset({KIND})

    def claims(self, sight: Sight) -> bool:
        """Whether it begins with headers of mail; one is enough under the name ``.eml``."""
        named = sight.name.lower().endswith((".eml", ".mime", ".mim"))
        start = _LINE.match(sight.head.removeprefix(b"\xef\xbb\xbf"))
        if start is None or (start["from"] and not named):
            return False
        names = _names(start.string, start.end())
        if names & _OF_OTHERS:
            return False
        known = names & _OF_MAIL
        return bool(known) if named else len(known) > 1 and bool(known & _PARTIES)

    def parse(self, data: bytes, told: Told) -> Iterator[Record | Refused]:
        """The one record of the file. Raises Refusal: too-large, too-deep, file-malformed."""
        yield record_of(data, told)


def _names(head: bytes, at: int) -> frozenset[bytes]:
    """Names of the headers at the beginning, in small letters."""
    found = set()
    for _ in range(_MOST_LOOKED_AT):
        header = _HEADER.match(head, at)
        if header is None:
            break
        found.add(header["name"].lower())
        at = header.end()
    return frozenset(found)
