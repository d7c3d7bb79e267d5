"""A mail's bytes into a record, the same for a file of one mail and for one in an mbox."""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from callward.intake.readers import email_parse as mail
from callward.intake.readers import email_words as words
from callward.intake.readers.base import Told
from callward.intake.readers.email_body import Body, body_of
from callward.intake.readers.email_dates import written
from callward.intake.readers.email_people import MOST_PEOPLE, people
from callward.intake.reasons import Refusal
from callward.intake.records import Part, Person, Record, Refused

KIND: Final = "email"
_LONGEST_ID: Final = 500
_LONGEST_ENVELOPE: Final = 1000
_MARK: Final = b"\xef\xbb\xbf"
_IN_BRACKETS: Final = re.compile(r"<([^<>]{1,2000}+)>")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SPACE: Final = re.compile(r"\s++")
_BLANK_LINES: Final = re.compile(rb"(?:[ \t]*+(?:\r\n|\r|\n))*+")

_Headers = list[tuple[str, str]]


def record_of(data: bytes, told: Told, *, envelope: str = "") -> Record | Refused:
    """The record of one mail (RFC 5322); refused where it has no usable date.

    ``envelope``: the From_ line it had in an mbox. Without a Message-ID its external id is
    the SHA-256 of ``envelope`` and ``data``. Its conversation is the first of its
    References, else what it is In-Reply-To, else itself. Raises Refusal if it cannot be
    parsed at all: too-large, too-deep, file-malformed.
    """
    message = mail.parse(_start(data))
    headers: _Headers = [(name, str(value)) for name, value in message.raw_items()]
    envelope = envelope or str(message.get_unixfrom() or "")
    body = body_of(message)
    found, left_out = _people(headers, body.people)
    document = _document(message, body, envelope, left_out)
    try:
        moment = written(headers, envelope, told)
    except Refusal as refusal:
        return Refused(refusal.reason, document | _content(body.attached), KIND)
    own = _own_id(headers) or hashlib.sha256(envelope.encode(errors="replace") + data).hexdigest()
    return Record(
        kind=KIND,
        external_id=own,
        started_at=moment,
        ended_at=moment,
        document=document,
        people=found,
        parts=tuple(body.attached),
        conversation=_conversation(headers) or own,
        without=tuple(body.without),
    )


def _start(data: bytes) -> bytes:
    """The mail from its first line that is not blank."""
    start = len(_MARK) if data.startswith(_MARK) else 0
    blank = _BLANK_LINES.match(data, start)
    return data[blank.end() :] if blank else data[start:]


def _document(
    message: mail.BoundedMessage, body: Body, envelope: str, left_out: int
) -> dict[str, Any]:
    """What is sealed: headers, texts, markup, and how the parts lay."""
    document: dict[str, Any] = {
        "raw": mail.raw_headers(message),
        "texts": body.texts,
        "mime": body.layout,
    }
    if body.html:
        document["html"] = body.html
    if envelope:
        document["envelope"] = words.unfold(envelope[:_LONGEST_ENVELOPE])
    if body.replaced:
        document["encoding"] = "replaced"
    if left_out:
        document["people_left_out"] = left_out
    return document


def _content(parts: Iterable[Part]) -> dict[str, Any]:
    """Attachments of a refused mail, which has nowhere else to keep them."""
    kept = [
        {"name": part.name, "media_type": part.media_type, **_readable(part.data)} for part in parts
    ]
    return {"attachments": kept} if kept else {}


def _readable(data: bytes) -> dict[str, str]:
    """Text as text, so that card data in it is masked; else Base64."""
    if _BINARY.search(data):
        return {"base64": base64.b64encode(data).decode("ascii")}
    return {"text": words.decode(data)[0]}


def _people(headers: _Headers, nested: list[Person]) -> tuple[tuple[Person, ...], int]:
    """Everybody once, at most ``MOST_PEOPLE``; and how many more there were."""
    every = {
        (person.role, person.text): person for person in itertools.chain(people(headers), nested)
    }
    kept = tuple(itertools.islice(every.values(), MOST_PEOPLE))
    return kept, len(every) - len(kept)


def _own_id(headers: _Headers) -> str:
    return next(_ids(headers, "message-id"), "")


def _conversation(headers: _Headers) -> str:
    first = itertools.chain(_ids(headers, "references"), _ids(headers, "in-reply-to"))
    return next(first, "")


def _ids(headers: _Headers, name: str) -> Iterator[str]:
    """Message ids of a header (RFC 5322 §3.6.4), without brackets and white space."""
    for value in (value for key, value in headers if key.lower() == name):
        plain = words.header(value)
        found = [_SPACE.sub("", one) for one in _IN_BRACKETS.findall(plain)]
        if not found and (name == "message-id" or "@" in plain):
            bare = plain.strip("<> \t")
            found = [_SPACE.sub("", bare) if name == "message-id" else bare.split()[0]]
        yield from (_short(one) for one in found if one)


def _short(own: str) -> str:
    if len(own) <= _LONGEST_ID:
        return own
    return "sha256:" + hashlib.sha256(own.encode(errors="replace")).hexdigest()
