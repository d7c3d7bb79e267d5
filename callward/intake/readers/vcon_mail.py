"""Bodies of texts that are MIME or HTML: what people wrote in them, and what came attached.

draft-ietf-vcon-vcon-core has mails as their body with ``multipart/…`` and its boundary in
the media type, without their headers. They are read as mails are, so that nothing hides
in a transfer encoding.
"""

import re
from typing import Final

from callward.intake.readers.email_body import Body, body_of
from callward.intake.readers.email_parse import parse

_WHOLE: Final = "message/rfc822"
_MAIL = re.compile(r"(?:multipart/|message/rfc822|text/html)", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)


def is_mail(media: str) -> bool:
    """Whether content of this media type is to be read as a mail's body."""
    return _MAIL.match(media) is not None


def mail(media: str, text: str) -> Body:
    """The parts of a body. Raises Refusal: too-large, too-deep, file-malformed."""
    if media.lower().startswith(_WHOLE):
        return body_of(parse(text.encode()))
    kind = media if media.lower().startswith("multipart/") else _CHARSET.sub("", media)
    charset = "" if kind is media else "; charset=utf-8"
    head = f"MIME-Version: 1.0\r\nContent-Type: {kind}{charset}\r\n\r\n"
    return body_of(parse((head + text).encode()))
