"""The standard library's parser of mail, held to limits while it parses.

``BytesFeedParser`` under a policy of our own: the policy never parses a header more than
is needed and cannot fail, and its messages count parts, headers and depth as the parser
puts them together, so that a bomb is refused while it is read and not after.
"""

import email.errors
import re
from email.feedparser import BytesFeedParser
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, Policy
from email.utils import collapse_rfc2231_value, decode_params, unquote
from typing import Any, Final

from callward.intake.readers import email_words as words
from callward.intake.reasons import Reason, Refusal

MOST_PARTS: Final = 1000
MOST_DEPTH: Final = 30
MOST_HEADERS: Final = 2000
"""Of one part; of all together at most ``MOST_HEADERS_IN_ALL``."""
MOST_HEADERS_IN_ALL: Final = 20_000
MOST_HEADER_CHARACTERS: Final = 1024 * 1024
MOST_LINES: Final = 2_000_000
_LONGEST_PARAMETERS: Final = 4096
"""Of a header with parameters, in characters."""
_PARAMETERS: Final = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
_PARAMETER: Final = re.compile(r""";\s*+([^\s=;"]{1,100}+)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;]*+)""")
_CHUNK: Final = 64 * 1024

ZOO: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    email.errors.MessageError,
)
"""What the library is known to raise on mail that is not as it should be."""


class _Policy(EmailPolicy):
    """Headers as text: unfolded, bytes decoded, nothing refused."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The value; parameters stay as written, and cut to a length that can be parsed."""
        if name.lower() in _PARAMETERS:
            return words.unfold(value[:_LONGEST_PARAMETERS])
        return words.header(value)


class BoundedMessage(EmailMessage):
    """A message or part that raises Refusal while it is parsed, once it is over a limit."""

    _payload: Any  # the library's own; its getter decodes, and loses what it cannot

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(policy)
        self.depth = 0
        self.tally = _Tally()
        self._headers_here = 0
        self._characters_here = 0

    def attach(self, payload: Any) -> None:
        """Take in a part, as the parser does when one begins."""
        payload.depth = self.depth + 1
        payload.tally = self.tally
        self.tally.parts += 1
        if payload.depth > MOST_DEPTH:
            raise Refusal(Reason.TOO_DEEP)
        if self.tally.parts > MOST_PARTS:
            raise Refusal(Reason.TOO_LARGE)
        super().attach(payload)

    def set_raw(self, name: str, value: Any) -> None:
        """Take in a header, as the parser does when it has all its lines."""
        self._headers_here += 1
        self._characters_here += len(name) + len(value)
        self.tally.headers += 1
        if (
            self._headers_here > MOST_HEADERS
            or self._characters_here > MOST_HEADER_CHARACTERS
            or self.tally.headers > MOST_HEADERS_IN_ALL
        ):
            raise Refusal(Reason.TOO_LARGE)
        super().set_raw(name, value)

    def children(self) -> list["BoundedMessage"] | None:
        """Its parts, or None where it has none."""
        payload = self._payload
        return payload if isinstance(payload, list) else None

    def source(self) -> bytes:
        """The bytes of a part without parts, exactly as they came."""
        payload = self._payload
        return payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else b""

    def get_boundary(self, failobj: Any = None) -> Any:
        """The boundary, read in linear time; ``failobj`` where there is none."""
        return parameters(self, "content-type").get("boundary", failobj)


class _Tally:
    """What all parts of one message have together."""

    def __init__(self) -> None:
        self.parts = 1
        self.headers = 0


_POLICY: Final = _Policy(message_factory=BoundedMessage)


def parse(data: bytes) -> BoundedMessage:
    """The message in ``data``. Raises Refusal: too-large, too-deep, file-malformed."""
    lines = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    if lines > MOST_LINES:
        raise Refusal(Reason.TOO_LARGE)
    parser: BytesFeedParser[Any] = BytesFeedParser(policy=_POLICY)
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
        found = parser.close()
    except ZOO:
        raise Refusal(Reason.FILE_MALFORMED) from None
    if not isinstance(found, BoundedMessage):
        raise Refusal(Reason.FILE_MALFORMED)
    return found


def parameters(part: Message, name: str) -> dict[str, str]:
    """Parameters of a header such as Content-Type, by name in small letters (RFC 2231)."""
    header = str(part.get(name, ""))
    found = [(key.lower(), _unquoted(value)) for key, value in _PARAMETER.findall(header)]
    try:
        pairs = decode_params([("", ""), *found])[1:]
        return {key: words.header(_whole(value)) for key, value in reversed(pairs)}
    except ZOO:
        return {key: words.header(value) for key, value in reversed(found)}


def _whole(value: Any) -> str:
    """A parameter's value with its pieces put together (RFC 2231), its charset undone."""
    if isinstance(value, tuple):
        charset, language, text = value
        return collapse_rfc2231_value((charset, language, unquote(text)))
    return unquote(value)


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value.strip()[1:].removesuffix('"'))
    return value.strip()


def raw_headers(part: Message) -> list[list[str]]:
    """Headers in order, as [name, value], decoded."""
    return [
        [words.eight_bit(str(name))[0], words.header(str(value))]
        for name, value in part.raw_items()
    ]


def stray_lines(part: Message) -> list[str]:
    """Lines among the headers that are none, which the library puts among its defects."""
    lines = (getattr(defect, "line", None) for defect in part.defects)
    return [words.unfold(line) for line in lines if isinstance(line, str) and line.strip()]
