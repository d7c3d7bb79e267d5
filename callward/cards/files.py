"""Card data masked in files that are text, whatever their encoding."""

import codecs
from typing import Final

from callward.cards.detect import findings
from callward.cards.dress import MARK
from callward.cards.encoded import blanked, blocks, quoted_opened
from callward.cards.masking import applied, edits
from callward.cards.messages import mask

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(byte for byte in range(1, 32) if byte not in b"\t\n\r\f\v\x1b\x08")
_MOST_CONTROLS: Final = 0.05
_FIRST_OUTSIDE: Final = 0x80
_WIDE_NULS: Final = 0.2
"""Share of NULs from which a text may be UTF-16 or UTF-32 without a mark."""
_ONE_SIDED: Final = 20
"""So many times more NULs stand where the upper half of a character does."""
_DEEPEST: Final = 3


def mask_bytes(data: bytes) -> tuple[bytes, int] | None:
    """The file without card data, and how many finds were masked; nothing if it is no text.

    UTF-8, UTF-16 and UTF-32 with their marks and without, Windows-1252, Latin-1; NULs in
    text are not seen. What is not masked stays byte for byte. Blanks and line ends of
    quoted-printable are seen through; a base64 block that holds card data goes wholly.
    """
    return _masked_bytes(data, 0)


def _masked_bytes(data: bytes, depth: int) -> tuple[bytes, int] | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _wide(data, mark, encoding, depth)
    nuls = data.count(0)
    encoding = _unmarked(data) if nuls > len(data) * _WIDE_NULS else ""
    if encoding:
        found = _wide(data, b"", encoding, depth)
        if found:
            return found
    if not _is_text(data, nuls):
        return None
    text, encoding, errors = _decoded(data)
    masked, count = _masked(text, depth)
    # A file with NULs may have its parts at fixed places: it stays as long as it was.
    sign = "*" if nuls or encoding == "latin-1" else MARK
    return (masked.replace(MARK, sign) if count else masked).encode(encoding, errors), count


def _masked(text: str, depth: int) -> tuple[str, int]:
    text, count = mask(text)
    opened = quoted_opened(text)
    if opened != text:
        found = findings(text, opened)
        text, count = applied(text, edits(text, found)), count + len(found)
    changes = []
    for start, end, said in blocks(text) if depth < _DEEPEST else ():
        inside = _masked_bytes(said, depth + 1)
        if inside and inside[1]:
            changes.append((start, end, blanked(text[start:end])))
            count += inside[1]
    return applied(text, changes), count


def _wide(data: bytes, mark: bytes, encoding: str, depth: int) -> tuple[bytes, int] | None:
    width = int(encoding[4:6].strip("-")) // 8
    errors = "surrogatepass" if width > 1 else "surrogateescape"
    body = data[len(mark) :]
    whole = body[: len(body) - len(body) % width]
    try:
        text = whole.decode(encoding, errors)
    except UnicodeDecodeError:
        return None
    if width == 1 and not _is_text(body, body.count(0)):
        return None
    if not mark and not _is_text(text.encode("utf-8", "surrogatepass"), text.count("\0")):
        return None
    masked, count = _masked(text, depth)
    return mark + masked.encode(encoding, errors) + body[len(whole) :], count


def _unmarked(data: bytes) -> str:
    """The encoding that the places of NULs tell: empty where they tell none."""
    nuls = [data[place::4].count(0) for place in range(4)]
    even, odd = nuls[0] + nuls[2], nuls[1] + nuls[3]
    if min(nuls[1:]) > _ONE_SIDED * nuls[0]:
        return "utf-32-le"
    if min(nuls[:3]) > _ONE_SIDED * nuls[3]:
        return "utf-32-be"
    if odd > _ONE_SIDED * even:
        return "utf-16-le"
    return "utf-16-be" if even > _ONE_SIDED * odd else ""


def _is_text(data: bytes, nuls: int) -> bool:
    """Whether anything is written, and hardly any of it are control characters but NULs."""
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return controls <= (len(data) - nuls) * _MOST_CONTROLS and (nuls < len(data) or not data)


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
