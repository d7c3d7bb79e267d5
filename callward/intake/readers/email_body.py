"""The parts of a mail, in order: what people wrote, and what came attached.

A body of plain text and the rendering of one in HTML become texts. Whatever is neither
text nor a mail within the mail is an attachment, byte for byte.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from callward.cards.detect import find
from callward.intake.readers import email_parse as mail
from callward.intake.readers import email_transfer as transfer
from callward.intake.readers import email_words as words
from callward.intake.readers.email_html import render
from callward.intake.readers.email_people import people
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Part, Person

_NOT_WRITTEN: Final = frozenset(
    [
        "text/calendar",
        "text/x-vcalendar",
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/csv",
        "text/rfc822-headers",
        "text/xml",
        "text/css",
        "text/javascript",
    ]
)
"""Texts that nobody wrote to be read, so attachments even where they are inline."""
_REPORTS: Final = re.compile(
    r"message/(?:global-)?(?:delivery-status|disposition-notification|feedback-report|"
    r"tracking-status|headers)"
)
_MAILS: Final = frozenset({"message/rfc822", "message/global", "message/news"})
_PGP: Final = "-----BEGIN PGP MESSAGE-----"
_BY_URL: Final = frozenset({"url", "ftp", "anon-ftp", "tftp", "http"})
_LONGEST_NAME: Final = 255
_BOUNDARY: Final = re.compile(
    rb"^--(\S[^\r\n]{0,200}?)[ \t]*+\r?\n(?=content-(?:type|transfer|disposition))",
    re.MULTILINE | re.IGNORECASE,
)
_OUTSIDE_NAME: Final = re.compile(r"[\x00-\x1f\x7f]++")


@dataclass(slots=True, repr=False)
class Body:
    """What was found in the parts of one mail; ``layout`` has an entry for each part."""

    layout: list[dict[str, Any]] = field(default_factory=list)
    plain: list[dict[str, Any]] = field(default_factory=list)
    rendered: list[dict[str, Any]] = field(default_factory=list)
    html: list[dict[str, Any]] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    without: list[Reason] = field(default_factory=list)
    replaced: bool = False

    @property
    def texts(self) -> list[dict[str, Any]]:
        """What people wrote: plain text first, then what was rendered of HTML."""
        return self.plain + self.rendered


def body_of(message: mail.BoundedMessage) -> Body:
    """Walk a parsed mail. Raises Refusal: too-deep, too-large, file-malformed."""
    body = Body()
    _Walk(body).part(message, "1")
    return body


class _Walk:
    """One walk over the parts, also over mails that had to be decoded first."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def part(self, part: mail.BoundedMessage, place: str) -> None:
        if place.count(".") > mail.MOST_DEPTH:
            raise Refusal(Reason.TOO_DEEP)
        if len(self._body.layout) >= mail.MOST_PARTS:
            raise Refusal(Reason.TOO_LARGE)
        kind = _type_of(part)
        entry: dict[str, Any] = {"part": place, "type": kind}
        if place != "1":
            entry["raw"] = mail.raw_headers(part)
        if stray := mail.stray_lines(part):
            entry["stray"] = stray
        self._body.layout.append(entry)
        children = part.children() or _recut(part, kind)
        if _is_encrypted(part, kind):
            self._refuse(Reason.ENCRYPTED)
        if children is None:
            self._leaf(part, kind, entry)
        elif _REPORTS.fullmatch(kind):
            self._report(children, kind, part, entry)
        else:
            self._container(part, kind, children, entry)

    def _container(
        self,
        part: mail.BoundedMessage,
        kind: str,
        children: list[mail.BoundedMessage],
        entry: dict[str, Any],
    ) -> None:
        place = entry["part"]
        for name, around in (("preamble", part.preamble), ("epilogue", part.epilogue)):
            if around and around.strip():
                entry[name] = words.eight_bit(around)[0].strip("\r\n")
        if kind.startswith("message/"):
            if kind == "message/external-body" and _is_by_url(part):
                self._refuse(Reason.MEDIA_BY_URL)
            children = [self._nested(part, child) for child in children]
            for child in children:
                self._body.people += people(child.raw_items(), nested=True)
        for number, child in enumerate(children, 1):
            self.part(child, f"{place}.{number}")

    def _nested(self, part: mail.BoundedMessage, child: mail.BoundedMessage) -> mail.BoundedMessage:
        """A mail within the mail; parsed again where it was encoded, which RFC 2046 forbids."""
        encoding = str(part.get("content-transfer-encoding", "")).lower().strip()
        if encoding in transfer.IDENTITY or child.children() or any(child.raw_items()):
            return child
        return mail.parse(transfer.decode(child.source(), encoding).data)

    def _report(
        self,
        children: list[mail.BoundedMessage],
        kind: str,
        part: mail.BoundedMessage,
        entry: dict[str, Any],
    ) -> None:
        """A notification for machines: fields in blocks, put together again."""
        blocks = [
            "".join(f"{name}: {value}\r\n" for name, value in mail.raw_headers(child)).encode()
            + "".join(f"{line}\r\n" for line in mail.stray_lines(child)).encode()
            + child.source()
            for child in children
        ]
        encoding = str(part.get("content-transfer-encoding", ""))
        self._attach(transfer.decode(b"\r\n".join(blocks), encoding).data, kind, part, entry)

    def _leaf(self, part: mail.BoundedMessage, kind: str, entry: dict[str, Any]) -> None:
        decoded = transfer.decode(part.source(), str(part.get("content-transfer-encoding", "")))
        if decoded.problem:
            entry["transfer"] = decoded.problem
        if decoded.rest:
            text, note = words.decode(decoded.rest)
            self._note(note, entry)
            self._write(text, entry, self._body.plain)
        if _is_written(part, kind):
            self._text(decoded.data, part, kind, entry)
        else:
            self._attach(decoded.data, kind, part, entry)

    def _text(
        self, data: bytes, part: mail.BoundedMessage, kind: str, entry: dict[str, Any]
    ) -> None:
        if kind != "text/html":
            data = self._uuencoded(data, entry)
        text, note = words.decode(data, mail.parameters(part, "content-type").get("charset", ""))
        self._note(note, entry)
        if kind == "text/html":
            self._html(text, entry)
            return
        if _PGP in text:
            self._refuse(Reason.ENCRYPTED)
        self._write(text, entry, self._body.plain)

    def _uuencoded(self, data: bytes, entry: dict[str, Any]) -> bytes:
        """Take files that are uuencoded into a plain text out of it."""
        kept, at = [], 0
        for start, end, name, content in transfer.uu_files(data):
            kept.append(data[at:start])
            at = end
            self._body.attached.append(
                Part(
                    "attachment", content, "application/octet-stream", _name(words.decode(name)[0])
                )
            )
            entry["uuencoded"] = int(entry.get("uuencoded", 0)) + 1
        return b"".join([*kept, data[at:]])

    def _html(self, text: str, entry: dict[str, Any]) -> None:
        """Keep the text seen, and the markup unless it hides how a card number is cut up."""
        seen = render(text)
        self._write(seen, entry, self._body.rendered)
        if find(seen):
            entry["html"] = "left-out"
        else:
            self._body.html.append({"part": entry["part"], "html": text})

    def _attach(
        self, data: bytes, kind: str, part: mail.BoundedMessage, entry: dict[str, Any]
    ) -> None:
        named = _name(_file_name(part))
        entry["bytes"] = len(data)
        if data:
            self._body.attached.append(Part("attachment", data, kind, named))

    def _write(self, text: str, entry: dict[str, Any], where: list[dict[str, Any]]) -> None:
        if text.strip():
            where.append({"text": text, "part": entry["part"]})

    def _note(self, note: str, entry: dict[str, Any]) -> None:
        if note:
            entry["encoding"] = note
        self._body.replaced = self._body.replaced or note == "replaced"

    def _refuse(self, reason: Reason) -> None:
        if reason not in self._body.without:
            self._body.without.append(reason)


def _recut(part: mail.BoundedMessage, kind: str) -> list[mail.BoundedMessage] | None:
    """Parts of a multipart whose boundary is another than it says, if one can be seen."""
    if not kind.startswith("multipart/"):
        return None
    encoding = str(part.get("content-transfer-encoding", ""))
    source = transfer.decode(part.source(), encoding).data
    seen = _BOUNDARY.search(source)
    if seen is None:
        return None
    boundary = re.sub(rb"([\"\\])", rb"\\\1", seen[1])
    return mail.parse(
        b'Content-Type: multipart/mixed; boundary="%s"\n\n' % boundary + source
    ).children()


def _type_of(part: mail.BoundedMessage) -> str:
    try:
        return part.get_content_type()
    except mail.ZOO:
        return "text/plain"


def _is_written(part: mail.BoundedMessage, kind: str) -> bool:
    """Whether a leaf is what somebody wrote: text that is neither attached nor named."""
    if kind.startswith("multipart/"):
        return True  # no boundary was found in it, so it is read as it stands
    if not kind.startswith("text/") or kind in _NOT_WRITTEN:
        return False
    return _disposition(part) != "attachment" and not _file_name(part)


def _is_encrypted(part: mail.BoundedMessage, kind: str) -> bool:
    """S/MIME (RFC 8551 §3.2) or PGP (RFC 3156 §4)."""
    if kind in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        wrapped = mail.parameters(part, "content-type").get("smime-type", "").lower()
        return wrapped not in {"signed-data", "certs-only", "compressed-data"}
    return kind in {"multipart/encrypted", "application/pgp-encrypted"}


def _is_by_url(part: mail.BoundedMessage) -> bool:
    """Whether an external body (RFC 2046 §5.2.3, RFC 2017) is somewhere else."""
    access = mail.parameters(part, "content-type").get("access-type", "")
    return access.lower() in _BY_URL


def _disposition(part: mail.BoundedMessage) -> str:
    return str(part.get("content-disposition", "")).partition(";")[0].strip().lower()


def _file_name(part: mail.BoundedMessage) -> str:
    return mail.parameters(part, "content-disposition").get("filename", "") or mail.parameters(
        part, "content-type"
    ).get("name", "")


def _name(text: str) -> str:
    """A file's own name, without the folders somebody put before it."""
    last = _OUTSIDE_NAME.sub("", text).replace("\\", "/").rpartition("/")[2]
    return last.strip()[:_LONGEST_NAME]
