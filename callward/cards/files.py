"""Card data masked in files that are text, whatever their encoding."""

import codecs
from typing import Final

from callward.cards.dress import MARK
from callward.cards.messages import mask

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\v\x1b\x08")
_MOST_CONTROLS: Final = 0.05
_FIRST_OUTSIDE: Final = 0x80


def mask_bytes(data: bytes) -> tuple[bytes, int] | None:
    """The file without card data, and how many finds were masked; nothing if it is no text.

    UTF-8, UTF-16 and UTF-32 with their marks, Windows-1252, Latin-1. What is not masked
    stays byte for byte. Transfer encodings (base64, quoted-printable) are not undone.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _with_mark(data, mark, encoding)
    if not _is_text(data):
        return None
    text, encoding, errors = _decoded(data)
    masked, count = mask(text)
    return (masked.replace(MARK, "*") if encoding == "latin-1" else masked).encode(
        encoding, errors
    ), count


def _with_mark(data: bytes, mark: bytes, encoding: str) -> tuple[bytes, int] | None:
    width = int(encoding[4:6].strip("-")) // 8
    body = data[len(mark) :]
    whole = body[: len(body) - len(body) % width]
    try:
        text = whole.decode(encoding, "surrogatepass" if width > 1 else "surrogateescape")
    except UnicodeDecodeError:
        return None
    if width == 1 and not _is_text(body):
        return None
    masked, count = mask(text)
    errors = "surrogatepass" if width > 1 else "surrogateescape"
    return mark + masked.encode(encoding, errors) + body[len(whole) :], count


def _is_text(data: bytes) -> bool:
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return b"\x00" not in data and controls <= len(data) * _MOST_CONTROLS


def _decoded(data: bytes) -> tuple[str, str, str]:
    """Text, encoding and how errors are kept, so that encoding gives the bytes again."""
    text = data.decode("utf-8", "surrogateescape")
    wrong = sum("\udc80" <= sign <= "\udcff" for sign in text) if not text.isascii() else 0
    if not wrong or wrong < sum(ord(sign) >= _FIRST_OUTSIDE for sign in text) - wrong:
        return text, "utf-8", "surrogateescape"
    try:
        return data.decode("cp1252"), "cp1252", "strict"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1", "strict"
