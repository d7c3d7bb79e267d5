"""Text inside text: escapes of JSON and of e-mail opened in place, base64 blocks decoded."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from callward.cards.dress import GLUE, digits_plain

_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
# RFC 2045: a soft line end, and blanks as quoted-printable writes them (UTF-8, Latin-1).
_SOFT = re.compile(r"=[ \t]*\r?\n")
_QUOTED = re.compile(r"(?i)=(?:20|09|a0|c2=a0|e2=80=[89a][0-9a-f]|2d|0d=0a|0a)")
_BASE64 = re.compile(r"(?m)^(?:[A-Za-z0-9+/]{4,}+={0,2}[ \t]*(?:\r?\n|\Z))++")
_SHORTEST_BLOCK: Final = 20
"""Signs: twelve digits take sixteen, and a mail has more to say."""
_SPACES = re.compile(r"\s+")
_LETTER = re.compile(r"[A-Za-z0-9+/=]")
_BLANK: Final = "*"


def escapes_opened(text: str) -> str:
    """The text with JSON's escapes as what they stand for, place by place."""
    return _UNICODE.sub(_character, text)


def quoted_opened(text: str) -> str:
    """The text with quoted-printable's line ends and blanks opened, place by place."""
    if "=" not in text:
        return text
    return _QUOTED.sub(_blank, _SOFT.sub(_unseen, text))


def blocks(text: str) -> Iterator[tuple[int, int, bytes]]:
    """Base64 on lines of its own: where, and what it says. Each place is decoded once."""
    for found in _BASE64.finditer(text):
        written = _SPACES.sub("", found[0])
        if len(written) < _SHORTEST_BLOCK:
            continue
        written = written.split("=", 1)[0]
        written = written[: len(written) - (len(written) % 4 == 1)]
        try:
            said = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        yield found.start(), found.end(), said


def blanked(block: str) -> str:
    """A block without what it says; its lines stay."""
    return _LETTER.sub(_BLANK, block)


def _character(found: re.Match[str]) -> str:
    character = digits_plain(chr(int(found[1], 16)))
    return (character if character.isprintable() else " ") + GLUE * (len(found[0]) - 1)


def _blank(found: re.Match[str]) -> str:
    return " " + GLUE * (len(found[0]) - 1)


def _unseen(found: re.Match[str]) -> str:
    return GLUE * len(found[0])
