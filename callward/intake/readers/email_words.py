"""Bytes of mail into text: declared, lying and missing charsets; encoded words (RFC 2047).

A charset is looked up in Python's own list of aliases and never imported by name.
What comes out is always text that UTF-8 can hold, without lone surrogates.
"""

import binascii
import re
from collections.abc import Iterator
from encodings.aliases import aliases
from typing import Final, Literal

Note = Literal["", "guessed", "replaced"]
"""How a text was decoded: as declared, by another charset, or with characters replaced."""

_UNFIT: Final = frozenset(
    [
        "base64_codec",
        "bz2_codec",
        "hex_codec",
        "idna",
        "mbcs",
        "punycode",
        "quopri_codec",
        "raw_unicode_escape",
        "rot_13",
        "undefined",
        "unicode_escape",
        "uu_codec",
        "zlib_codec",
        "charmap",
        "oem",
    ]
)
"""Codecs that are no charset, some of them slow on purpose-made input."""
_STATEFUL: Final = re.compile(r"utf_7|hz|iso2022")
"""Charsets in which bytes below 128 are more than ASCII."""
_OTHER_NAMES: Final = {
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_1_1_utf_8": "utf_8",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "windows_874": "cp874",
    "x_sjis": "cp932",
    "x_euc_jp": "euc_jp",
    "x_gbk": "gbk",
    "x_mac_roman": "mac_roman",
    "x_windows_949": "cp949",
}
_WIDER: Final = {
    "ascii": "utf_8",
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""Declared charset to the superset that senders mean by it (as in WHATWG's Encoding)."""
_CODECS: Final = (set(aliases.values()) | {"utf_8", "cp1252", "ascii", "latin_1"}) - _UNFIT
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LONGEST_NAME: Final = 40
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_FOLD: Final = re.compile(r"[\r\n]++(?=[ \t])")
_LINE_END: Final = re.compile(r"[\r\n]++")
_WORD: Final = re.compile(r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*+)\?=")
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")


def codec_of(charset: str) -> str | None:
    """Python's name of a declared charset; None where it is unknown or not a charset."""
    if len(charset) > _LONGEST_NAME:
        return None
    plain = re.sub(r"[^a-z0-9]+", "_", charset.lower()).strip("_")
    found = _OTHER_NAMES.get(plain) or aliases.get(plain, plain)
    return found if found in _CODECS else None


def decode(data: bytes, charset: str = "") -> tuple[str, Note]:
    """Text of ``data``: as declared, else UTF-8, else Windows-1252; with how it was found."""
    codec = codec_of(charset) if charset else None
    if data.isascii() and b"\0" not in data and not (codec and _STATEFUL.search(codec)):
        return data.decode("ascii"), ""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _first(data, (name, codec, "utf-8"))
    if codec is None:
        text, note = _first(data, ("utf-8", "cp1252"))
        return text, note if note or not charset else "guessed"
    text, note = _first(data, (_WIDER.get(codec, codec), codec, "utf-8", "cp1252"))
    if not note and codec == "ascii":
        return text, "guessed"
    return text, note


def _first(data: bytes, codecs: tuple[str | None, ...]) -> tuple[str, Note]:
    """Decode by the first codec that can; if none, by the first with replacements."""
    wanted = [codec for codec in codecs if codec]
    for number, codec in enumerate(wanted):
        try:
            text = data.decode(codec)
        except (UnicodeError, LookupError, ValueError):
            continue
        if not _SURROGATES.search(text):
            return text, "guessed" if number and codec in {"utf-8", "cp1252"} else ""
    codec = next((one for one in wanted if one.startswith(("utf", "cp1252"))), "cp1252")
    return clean(data.decode(codec, "replace")), "replaced"


def clean(text: str) -> str:
    """The text with lone surrogates replaced."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def eight_bit(text: str) -> tuple[str, Note]:
    """Text that the parser holds with undecodable bytes as surrogates (PEP 383), made whole."""
    if text.isascii():
        return text, ""
    try:
        data = text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return clean(text), ""
    return decode(data)


def unfold(value: str) -> str:
    """A header's value on one line (RFC 5322 §2.2.3), its bytes decoded."""
    if "\n" in value or "\r" in value:
        value = _LINE_END.sub(" ", _FOLD.sub("", value))
    return eight_bit(value)[0].strip()


def header(value: str) -> str:
    """A header's value as people read it: unfolded, encoded words decoded."""
    text = unfold(value)
    return clean("".join(_pieces(text))) if "=?" in text else text


def _pieces(text: str) -> Iterator[str]:
    """Plain text and decoded words in turn; bytes of neighbours in one charset are joined."""
    at, charset, gathered = 0, "", bytearray()
    for found in _WORD.finditer(text):
        between = text[at : found.start()]
        data = _word(found[2], found[3])
        if data is None:
            continue
        at = found.end()
        if gathered and (between.strip() or charset != found[1].lower()):
            yield decode(bytes(gathered), charset)[0]
            gathered = bytearray()
            yield between if between.strip() else ""
        elif not gathered:
            yield between
        charset = found[1].lower()
        gathered += data
    if gathered:
        yield decode(bytes(gathered), charset)[0]
    yield text[at:]


def _word(encoding: str, coded: str) -> bytes | None:
    """Bytes of one encoded word; None where it is none after all."""
    data = coded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b"\n", b" "), header=True)
    kept = _NO_BASE64.sub(b"", data)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    try:
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))
    except binascii.Error:
        return None
