"""Content transfer encodings (RFC 2045 §6), as they should be and as they come.

Nothing is lost: what an encoding does not explain is handed back beside the content.
"""

import binascii
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})
_LAX: Final = frozenset({"7-bit", "8-bit", "plain", "none", "utf-8", "ascii", "us-ascii"})
_UU: Final = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_MOST_BLOCKS: Final = 1000
_PIECE: Final = 256 * 1024
_NOISE_SHARE: Final = 20
"""Of base64 at most every twentieth character may be of another alphabet (RFC 2045 §6.8)."""

_BLANK: Final = b" \t\r\n\v\f"
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS: Final = bytes(set(range(256)) - set(_ALPHABET))
_SEEN: Final = re.compile(rb"\S")
_PAD: Final = re.compile(rb"=[=\s]*+")
_WORDS: Final = re.compile(rb"\S[ \t]++(?=\S)")
_SOFT_BREAK: Final = re.compile(rb"=[ \t]*+(?:\r\n|\r|\n)")
_BARE_MARK: Final = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_BEGIN: Final = re.compile(
    rb"^begin(?:-[a-z0-9]{1,8})? [0-7]{3,4}[ \t]++([^\r\n]{0,1000})\r?\n", re.MULTILINE
)


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """Content, the bytes around it that were not encoded, and what was wrong with it.

    ``problem``: "" or ``unknown``, ``broken`` (the content is as it came), ``noise``
    (ignored, as RFC 2045 wants it, and part of ``rest``).
    """

    data: bytes
    rest: bytes = b""
    problem: str = ""


def decode(data: bytes, encoding: str) -> Decoded:
    """Undo a transfer encoding; never raises."""
    name = encoding.strip().strip("\"'").lower()
    name = re.split(r"[\s;,]", name, maxsplit=1)[0]
    if name in IDENTITY:
        return Decoded(data)
    if name == "base64":
        return _base64(data)
    if name in {"quoted-printable", "quotedprintable"}:
        return Decoded(_quoted_printable(data))
    if name in _UU:
        return _uu(data)
    return Decoded(data, problem="" if name in _LAX else "unknown")


def _quoted_printable(data: bytes) -> bytes:
    """RFC 2045 §6.7; an equals sign that starts no code stands for itself.

    A piece at a time: a replacement holds an object for each match.
    """
    out, at = bytearray(), 0
    while at < len(data):
        end = data.find(b"\n", at + _PIECE, at + 2 * _PIECE) + 1 or at + _PIECE
        whole = _SOFT_BREAK.sub(b"", data[at:end])
        out += binascii.a2b_qp(_BARE_MARK.sub(b"=3D", whole))
        at = end
    return bytes(out)


def _base64(data: bytes) -> Decoded:
    """Blocks up to their padding; noise, and text after the last one, is handed back."""
    out, at, noise = bytearray(), 0, bytearray()
    for _ in range(_MOST_BLOCKS):
        pad = _PAD.search(data, at)
        block = _block(data[at : pad.start()] if pad else data[at:])
        if block is None:
            rest = bytes(noise) + data[at:].strip()
            return Decoded(bytes(out), rest, "noise") if out else _as_it_came(data)
        out += block[0]
        noise += block[1]
        at = pad.end() if pad else len(data)
        if not _SEEN.search(data, at):
            return Decoded(bytes(out), bytes(noise), "noise" if noise else "")
    return _as_it_came(data)


def _as_it_came(data: bytes) -> Decoded:
    return Decoded(data, problem="broken" if data.strip() else "")


def _block(block: bytes) -> tuple[bytes, bytes] | None:
    """A block without padding, decoded, and the noise in it; None where it is no base64."""
    dense = block.translate(None, _BLANK)
    noise = dense.translate(None, _ALPHABET)
    most = len(dense) // _NOISE_SHARE
    if len(noise) + _spaces(block, most + 1) > most:
        return None
    kept = dense.translate(None, _OTHERS)
    if len(kept) % 4 == 1:
        noise, kept = noise + kept[-1:], kept[:-1]
    try:
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4)), noise
    except binascii.Error:
        return None


def _spaces(block: bytes, most: int) -> int:
    """How many spaces stand between characters of one line, at most ``most``."""
    if b" " not in block and b"\t" not in block:
        return 0
    return sum(1 for _ in itertools.islice(_WORDS.finditer(block), most))


def _uu(data: bytes) -> Decoded:
    """The first file of a part that says it is uuencoded; the text around it beside."""
    begun = _BEGIN.search(data)
    found = uu_block(data, begun) if begun else None
    if begun is None or found is None:
        return _as_it_came(data)
    content, end = found
    rest = data[: begun.start()].strip() + b"\n" + data[end:].strip()
    return Decoded(content, rest.strip())


def uu_files(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Files uuencoded into a plain text: where each starts and ends, its name, its content."""
    at = 0
    for _ in range(_MOST_BLOCKS if b"begin" in data else 0):
        begun = _BEGIN.search(data, at)
        if begun is None:
            return
        found = uu_block(data, begun)
        at = found[1] if found else begun.end()
        if found:
            yield begun.start(), at, begun[1].strip(), found[0]


def uu_block(data: bytes, begun: re.Match[bytes]) -> tuple[bytes, int] | None:
    """Content and end of a uuencoded file (POSIX uuencode); None if a line of it is none."""
    out, at = bytearray(), begun.end()
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end + 1
        line = data[at:end].rstrip(b"\r\n")
        at = end
        if line.strip() == b"end":
            return bytes(out), at
        if not line.strip(b"` "):
            continue
        try:
            out += _uu_line(line)
        except (binascii.Error, ValueError):
            return None
    return None


def _uu_line(line: bytes) -> bytes:
    """One line; trailing rubbish of careless encoders is cut off (as in ``uu.decode``)."""
    if len(line) > 90:  # noqa: PLR2004 - 45 bytes make 60 characters and a length
        raise ValueError("no uuencoded line")
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
        return binascii.a2b_uu(line[:wanted])
