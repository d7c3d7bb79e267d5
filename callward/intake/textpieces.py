"""Refused files, piece by piece, card data taken out of what is text in them.

Pieces end with a line, in the width of the encoding, and each is looked at in that
encoding: a file's mark stands at its beginning only.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from callward.cards.text import mask_bytes

PIECE_BYTES: Final = 16 * 1024 * 1024
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE: Final = 4096
_NULS: Final = 0.2
"""Share of NUL bytes from which a text without a mark may be UTF-16."""


def masked_pieces(
    file: BinaryIO, start: int, end: int, size: int | None = None
) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield pieces of bytes ``start`` to before ``end``: as they were, masked, and how often.

    What is no text stays as it is. A line longer than a piece is cut.
    """
    size = size or PIECE_BYTES
    file.seek(0)
    mark, newline = _form(file.read(_SAMPLE))
    file.seek(start)
    first, left, rest = start == 0, end - start, b""
    while left > 0 and (read := file.read(min(size, left))):
        left -= len(read)
        data = rest + read
        cut = len(data) if left <= 0 else _cut(data, newline)
        piece, rest = data[:cut], data[cut:]
        yield piece, *_masked(piece, b"" if first else mark)
        first = False
    if rest:
        yield rest, *_masked(rest, b"" if first else mark)


def _masked(piece: bytes, mark: bytes) -> tuple[bytes, int]:
    found = mask_bytes(mark + piece)
    return (piece, 0) if found is None else (found[0][len(mark) :], found[1])


def _form(head: bytes) -> tuple[bytes, bytes]:
    """The mark of a text's encoding (none: b""), and a line's end in it."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return mark, "\n".encode(encoding)
    if head.count(0) > _NULS * len(head):
        # Without a mark: which half is NUL says which end comes first.
        little = head[1::2].count(0) > head[::2].count(0)
        return b"", b"\n\0" if little else b"\0\n"
    return b"", b"\n"


def _cut(data: bytes, newline: bytes) -> int:
    """Behind the last whole line; where there is none, behind the last whole character."""
    width, at = len(newline), len(data)
    while (at := data.rfind(newline, 0, at)) >= 0:
        if at % width == 0:
            return at + width
        at += width - 1
    return len(data) - len(data) % width or len(data)
