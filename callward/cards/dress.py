"""Text made plain, place by place: the same length, so that every position still holds.

In plain text every digit of any script is ASCII, every dash is ``-``, every space a
blank, letters are small ASCII; what is no longer needed is padding:

- ``PAD`` belongs to the character before it (``&#52;`` is ``4`` and four pads),
- ``GLUE`` stands for what is not seen (zero-width marks, joiners, variation selectors),
- ``VEIL`` for the mark that masking leaves, ``BREAK`` for the end of a message.
"""

import html
import re
import sys
import unicodedata

PAD, GLUE, VEIL, BREAK = "\x00", "\x02", "\x03", "\x1e"
MARK = "•"
"""What a masked digit becomes."""

_UNSEEN = (0x00AD, 0x034F, 0x061C, 0x180E, 0x20E3, 0x2060, 0xFEFF, 0x1D173, 0x1D17A)
_VARIATIONS = range(0xFE00, 0xFE10)
_BLANK = (0x2028, 0x2029, 0x0085, 0x2800, 0x3164, 0xFFA0, 0x115F, 0x1160)
_DASH = (0x2212, 0x2043, 0x02D7, 0x207B, 0x208B, 0x2796, 0x2500, 0x2501, 0x30FC)
_DOT = (0x00B7, 0x2024, 0x2027, 0x2219, 0x22C5, 0x3002, 0xFF0E, 0xFF61, 0x30FB, 0x06D4, 0x0387)
_SLASH = (0x2044, 0x2215, 0xFF0F, 0x29F8)
_COMMA = (0xFF0C, 0x3001, 0x060C, 0x066B, 0x066C)
_QUOTE = (0x2018, 0x2019, 0x201C, 0x201D, 0x00AB, 0x00BB, 0x2039, 0x203A, 0x201E, 0x201A)


def _others() -> tuple[dict[int, str], str]:
    """Every character outside ASCII that means something here, and all digits among them."""
    table: dict[int, str] = {0: GLUE, 2: GLUE, 3: GLUE}
    digits = []
    for point in range(0x80, 0x20000):
        character = chr(point)
        category = unicodedata.category(character)
        value = unicodedata.digit(character, None)
        if value is not None:
            table[point] = str(value)
            digits.append(character)
        elif category == "Zs":
            table[point] = " "
        elif category == "Pd":
            table[point] = "-"
        elif category == "Cf" or point in _UNSEEN or point in _VARIATIONS:
            table[point] = GLUE
    for points, plain in (
        (_BLANK, " "), (_DASH, "-"), (_DOT, "."), (_SLASH, "/"), (_COMMA, ","), (_QUOTE, '"'),
    ):  # fmt: skip
        table.update(dict.fromkeys(points, plain))
    # Full-width Latin letters and signs, and the mark of masking.
    table.update(
        {0xFEE0 + point: chr(point) for point in range(0x21, 0x7F) if not chr(point).isdigit()}
    )
    table[ord(MARK)] = VEIL
    return table, "".join(digits)


_ASTRAL = 0x10000
_TABLE, _DIGITS = _others()
# Two steps: a class that reaches beyond the basic plane is slow in ``re``.
_BASIC_DIGIT = re.compile(f"[{''.join(digit for digit in _DIGITS if ord(digit) < _ASTRAL)}]")
_ASTRAL_ANY = re.compile("[\U00010000-\U0001ffff]")
_SMALL = bytes(range(256)).lower()
_ESCAPED = re.compile(
    r"&(?:amp;)?(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});?"
    r"|<[A-Za-z/!](?:[^<>0-9]|[0-9]{1,3}(?![0-9])){0,200}>"
    r"|%(?:20|2[dDeEfF]|0[aAdD9]|[cC]2%[aA]0)"
    r"|\\(?:[nrt]|u[0-9a-fA-F]{4})"
)
_INLINE = re.compile(r"(?i)</?(?:a|b|i|u|em|font|mark|small|span|strong|code|wbr)\b")
_LINE = re.compile(r"(?i)</?(?:br|p|tr|li|div)\b")
_CLOCK = re.compile(
    r"\[?(?<![0-9:.])[0-9]{1,2}:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,3})?)?(?![0-9:])\]?"
    r"(?: ?--> ?)?"
)
_SECOND_CODE = re.compile(r"(?<![a-z])cv[vcnp]?2(?![0-9])")
_SPEAKER = re.compile(r"(?<=\n)[> \t]*[A-Z][\w.'-]{0,20}(?: [\w.'-]{1,20})?:(?=[ \t])")
LABELS = re.compile(
    r"(?i)card|visa|master|amex|exp|valid|cv|code|security|pan|number|order|ref|book|ticket|phone"
    r"|tel|mobile|acc|sort|iban|imei|serial|id\b|no\b|date|from|to\b|total|amount|price|qty"
)


def digits_plain(text: str) -> str:
    """The text with the digits of every script as ASCII, at their places."""
    if text.isascii():
        return text
    text = _BASIC_DIGIT.sub(_digit, text)
    return _ASTRAL_ANY.sub(_digit, text) if _ASTRAL_ANY.search(text) else text


def _digit(found: re.Match[str]) -> str:
    plainly = _TABLE.get(ord(found[0]), "")
    return plainly if plainly.isdigit() else found[0]


def plain(text: str) -> str:
    """The text made plain: as long as it was, ASCII, and small."""
    text = text.translate(_TABLE) if not text.isascii() or _has_control(text) else text
    if "&" in text or "<" in text or "%" in text or "\\" in text:
        text = _ESCAPED.sub(_unescaped, text)
    if ":" in text:
        text = _CLOCK.sub(_blank, text)
        text = _SPEAKER.sub(_speaker, text)
    text = text.encode("ascii", "replace").translate(_SMALL).decode("ascii")
    return _SECOND_CODE.sub(_second_code, text) if "cv" in text else text


def _has_control(text: str) -> bool:
    return PAD in text or GLUE in text or VEIL in text


def _blank(found: re.Match[str]) -> str:
    return " " + PAD * (len(found[0]) - 1)


def _speaker(found: re.Match[str]) -> str:
    return found[0] if LABELS.search(found[0]) else _blank(found)


def _second_code(found: re.Match[str]) -> str:
    return "cvv" + PAD * (len(found[0]) - 3)


def _unescaped(found: re.Match[str]) -> str:
    raw = found[0]
    if raw[0] == "&":
        character = _entity(raw)
    elif raw[0] == "<":
        character = GLUE if _INLINE.match(raw) else "\n" if _LINE.match(raw) else " "
    elif raw[0] == "%":
        character = chr(int(raw[1:3], 16)) if len(raw) == len("%20") else " "
    else:
        character = {"n": "\n", "r": "\r", "t": "\t"}.get(raw[1]) or chr(
            int(raw.removeprefix("\\u"), base=16)
        )
        character = character.translate(_TABLE)
    return character + PAD * (len(raw) - 1) if character else raw


def _entity(raw: str) -> str:
    """The one character an entity stands for, made plain; nothing if it stands for none."""
    body = raw.replace("&amp;", "&", 1).removesuffix(";")
    if body == "&":
        return ""
    if body[1] == "#":
        number = int(body[3:], 16) if body[2] in "xX" else int(body[2:])
        character = chr(number) if ord(" ") <= number <= sys.maxunicode else "\n"
    else:
        character = html.unescape(body + ";")
    if len(character) != 1:
        return ""
    character = character.translate(_TABLE)
    return character if character not in "&<>" else ""
