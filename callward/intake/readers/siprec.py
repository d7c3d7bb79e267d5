"""SIPREC: the metadata of a recording session (RFC 7865), alone or as SIP carried it (RFC 7866).

Read are ``application/rs-metadata+xml`` documents, bare, in a multipart body beside SDP, or
in a whole SIP message; RFC 7865's namespace and those of its drafts
(``urn:ietf:params:xml:ns:recording`` and ``…:siprec``, whose elements name each other by
``id`` and ``session``). SDP is not kept: it holds the addresses and keys of media, not what
was said or by whom. The media themselves come by other ways.
"""

import re
from collections.abc import Iterator
from typing import ClassVar, Final
from xml.etree.ElementTree import Element

from callward.intake.readers.base import Sight, Told, WholeFile
from callward.intake.readers.siprec_sessions import NAMESPACES, sessions
from callward.intake.readers.siprec_xml import local, parse
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused

_NAMESPACE = re.compile(
    rb"xmlns(?::\w+)?\s*=\s*[\"'](?:" + "|".join(map(re.escape, NAMESPACES)).encode() + rb")[\"']"
)
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(?:recording|recording_metadata)[\s>/]")
_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<|--[\x21-\x7e]|[A-Z]{3,10} sips?:\S+ SIP/2\.0\r?\n|SIP/2\.0 \d{3}"
    rb"|(?:Content-[\w-]+|MIME-Version)\s*:)",
    re.IGNORECASE,
)
_MAIL_BEGINS = re.compile(rb"\s*(?:Content-|MIME-)", re.IGNORECASE)
_MAIL = re.compile(rb"^(?:From|Subject|Received|Message-ID):", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb"(?:^|[\r\n])[ \t]*--([\x21-\x7e]{1,200})[ \t]*(?=[\r\n])")
_METADATA = re.compile(
    rb"^[ \t]*Content-Type[ \t]*:[ \t]*application/rs-metadata", re.IGNORECASE | re.MULTILINE
)
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r)[ \t]*(?:\r\n|\n|\r)")
_XML = re.compile(rb"<\?xml\b|" + _ROOT.pattern)
_ROOTS: Final = frozenset({"recording", "recording_metadata"})
_MOST_PARTS: Final = 1000


class Siprec(WholeFile):
    """One record for each communication session a document describes.

    ``external_id``: the session's id (``session_id``), with a digest of the document
    where its data mode is partial: an update tells only what changed and stands beside
    the whole. ``conversation``: the session's id. Start and end are the first and last
    time told of the session, its participants and streams; a document that tells none is
    refused as time-malformed. Times without offset are in ``told.zone``.
    """

    name: ClassVar[str] = "siprec"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})

    def claims(self, sight: Sight) -> bool:
        """Whether it is XML, multipart or SIP with a recording's metadata in it."""
        if _MAIL_BEGINS.match(sight.head) and _MAIL.search(sight.head):
            return False
        begins = _BEGINS.match(sight.head) and _NAMESPACE.search(sight.head)
        return bool(begins and _ROOT.search(sight.head))

    def parse(self, data: bytes, told: Told) -> Iterator[Record | Refused]:
        """Make records of every metadata document in the file. Refusal file-malformed."""
        found = documents(data)
        if not found:
            raise Refusal(Reason.FILE_MALFORMED)
        for document in found:
            try:
                made = list(sessions(_recording(document), document, told))
            except Refusal as refusal:
                if len(found) == 1:
                    raise
                made = [Refused(refusal.reason, {"xml": _text(document)}, "call")]
            yield from made


def documents(data: bytes) -> list[bytes]:
    """The metadata documents in a file: it itself if it is XML, else those of its parts."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return [data]
    plain = data.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n\0")
    if plain[:1] == b"<":
        return [plain]
    found = _BOUNDARY.search(plain)
    if not found:
        return [body] if (body := _body(plain)) else []
    line = rb"(?:^|[\r\n])[ \t]*--" + re.escape(found[1]) + rb"(?:--)?[ \t]*(?=[\r\n]|$)"
    return [body for part in re.split(line, plain, maxsplit=_MOST_PARTS) if (body := _body(part))]


def _body(part: bytes) -> bytes:
    """The metadata in one part of a multipart body; nothing if it is of another type."""
    part = part.lstrip(b"\r\n")
    if not _METADATA.search(part):
        return b""
    blank = _BLANK_LINE.search(part)
    if blank and (body := part[blank.end() :].strip()).startswith(b"<"):
        return body
    found = _XML.search(part)  # some senders leave the blank line out
    return part[found.start() :].strip() if found else b""


def _recording(document: bytes) -> Element:
    root = parse(document)
    if local(root.tag) not in _ROOTS:
        kind = "requestsnapshot" in local(root.tag)
        raise Refusal(Reason.UNSUPPORTED_KIND if kind else Reason.FILE_MALFORMED)
    return root


def _text(document: bytes) -> str:
    return document.decode("utf-8", errors="replace")
