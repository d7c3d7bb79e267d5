"""What looks like a card number and is another: the shapes and labels that tell.

Only what could be mistaken at all is here: most identifiers never begin and end like a
card number of their length. Sources: ISO 13616 (IBAN), RFC 9562 (UUID), ITU-T E.164 (a
telephone number has at most 15 digits), 3GPP TS 23.003 (IMEI), UK sort codes (three times two
digits before an account's 8).
"""

import re
from collections.abc import Sequence
from typing import Final

from callward.cards.atoms import LINE, LOOSE, Atom
from callward.cards.dress import GLUE, PAD

_E164: Final = 15
_HEX_TOKEN: Final = 24
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_LABEL = re.compile(
    r"\b(?:imei(?:sv)?|iccid|sim|meid|serial|iban|tracking|track|parcel|shipment|consignment|barcode"
    r"|ean|gtin|upc|isbn|phone|tel|telephone|mobile|cell|fax|sort code|account|acc|acct|a/c"
    r"|vat|utr|meter|mpan|ticket|pnr|order|booking|invoice|ref|reference|case|id|msisdn|status|tweet)\b"
)
_IBAN = re.compile(r"(?<![a-z0-9])([a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30})(?![a-z0-9])")
# ISO 13616 registry: characters by country.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "no", 16: "be", 18: "dk fo fi gl nl sd", 19: "mk si", 20: "at ba ee kz lt lu xk",
        21: "ch hr li lv", 22: "bg bh cr de gb ge ie me rs va", 23: "ae gi il iq om so tl",
        24: "ad cz es md pk ro sa se sk tn vg", 25: "ly pt st", 26: "is tr",
        27: "bi dj fr gr it mc mr sm",
        28: "al az by cy do gt hu lb pl sv ni", 29: "br eg ps qa ua", 30: "jo kw mu",
        31: "mt sc", 32: "lc",
        33: "ru",
    }.items()
    for country in countries.split()
}  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DECIMAL = re.compile(r"(?:^|[^0-9.])[0-9]{1,3}\.$")
_DATES = ((2, 2, 4), (4, 2, 2))
_SERIALS = ((2, 6, 6, 1), (2, 6, 6, 2), (2, 6, 6))
_AROUND: Final = 60


def labelled(plain: str, start: int) -> bool:
    """Whether the words just before a place announce some other number."""
    return _LABEL.search(plain, max(0, start - 28), start) is not None


def other(plain: str, window: Sequence[Atom], digits: str) -> bool:
    """Whether the window's shape, or what it stands in, shows it to be another number."""
    start, end = window[0].start, window[-1].end
    return (
        _telephone(plain, start, digits)
        or _part_of_identifier(plain, start, end)
        or (len(window) == 1 and _decimal(plain, start))
        or (len(window) > 1 and not any(atom.spoken for atom in window) and _shaped(window))
    )


def _telephone(plain: str, start: int, digits: str) -> bool:
    before = plain[max(0, start - 3) : start].rstrip(f" ({GLUE}{PAD}")
    return before.endswith("+") and len(digits) <= _E164 and not plain[: start - 1][-1:].isdigit()


def _decimal(plain: str, start: int) -> bool:
    return plain[start - 1 : start] == "." and bool(
        _DECIMAL.search(plain[max(0, start - 6) : start])
    )


def _part_of_identifier(plain: str, start: int, end: int) -> bool:
    low, high = max(0, start - _AROUND), min(len(plain), end + _AROUND)
    around = plain[low:high]
    if any(_overlaps(found, start - low, end - low) for found in _UUID.finditer(around)):
        return True
    if any(
        _overlaps(found, start - low, end - low) and _is_iban(found[1])
        for found in _IBAN.finditer(around)
    ):
        return True
    return _hexadecimal(plain, start, end)


def _overlaps(found: re.Match[str], start: int, end: int) -> bool:
    return found.start() <= start < found.end() or start <= found.start() < end


def _is_iban(text: str) -> bool:
    length = _IBAN_LENGTHS.get(text[:2], 0)
    whole = 0
    text, words = "", re.split("[ -]", text)
    for word in words:
        text += word
        whole += len(text) == length > 0
    if not whole:
        return False
    moved = text[4:length] + text[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def _hexadecimal(plain: str, start: int, end: int) -> bool:
    """Whether the window stands inside one long token of hexadecimal digits and letters."""
    low, high = start, end
    while low > 0 and start - low < _AROUND and plain[low - 1].isalnum():
        low -= 1
    while high < len(plain) and high - end < _AROUND and plain[high].isalnum():
        high += 1
    token = plain[low:high]
    if len(token) < _HEX_TOKEN or token.isdigit():
        return False
    letters = re.sub(r"[^a-z]", "", token)
    return len(letters) > 1 and set(letters) <= set("abcdef")


def _shaped(window: Sequence[Atom]) -> bool:
    sizes = tuple(len(atom.digits) for atom in window)
    return (
        sizes in _SERIALS
        or _sort_code(sizes)
        or any(sizes[at : at + 3] in _DATES for at in range(len(sizes) - 2))
        or _thousands(window, sizes)
        or all(_YEAR.fullmatch(atom.digits) for atom in window)
    )


def _sort_code(sizes: tuple[int, ...]) -> bool:
    return sizes in {(2, 2, 2, 8), (8, 2, 2, 2), (6, 8), (8, 6), (2, 2, 2, 4, 4)}


def _thousands(window: Sequence[Atom], sizes: tuple[int, ...]) -> bool:
    return (
        sizes[0] <= 3  # noqa: PLR2004 - 1,234,567
        and set(sizes[1:]) == {3}
        and all(atom.gap & LOOSE and not atom.gap & LINE for atom in window[1:])
    )
