"""Phone numbers and agents' names in one form each, so that a blind index finds them again."""

import re
import unicodedata
from functools import lru_cache
from ipaddress import ip_address

import phonenumbers

MAX_LENGTH = 128
"""Longest contact worth parsing, in characters."""

_GLOBAL_SIP = re.compile(r"sips?:(\+[0-9]{5,15})(?:[;@].*)?", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?:tel:)?(\+?[0-9()][0-9 ().\-/]*)(?:(?:;ext=|\s*(?:x|ext\.?)\s*)[0-9]{1,8})?", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f.]*(?::[0-9a-f.]*){2,7}", re.IGNORECASE
)


def _plain(raw: str) -> str:
    """NFKC, outer space taken off, inner space made single."""
    return " ".join(unicodedata.normalize("NFKC", raw).split())


@lru_cache(maxsize=8192)
def e164(raw: str, region: str = "GB") -> str | None:
    """The number in E.164 (``+44…``), or None where ``raw`` is no whole phone number.

    Takes international, national (of ``region``) and ``tel:`` forms (RFC 3966) and
    the global number of a SIP URI (RFC 3261 §19.1.6); an extension is dropped.
    Numbers need the right length, not to be allocated. Short codes, local
    numbers without an area code and free text are not numbers.
    """
    text = _plain(raw) if len(raw) <= MAX_LENGTH else ""
    match = _GLOBAL_SIP.fullmatch(text) or _NUMBER.fullmatch(text)
    if not match:
        return None
    try:
        number = phonenumbers.parse(match[1], region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def blind_text(raw: str, region: str | None = "GB") -> str | None:
    """What the blind index of a caller, called party or agent is computed from.

    ``ip:…`` for an IP address, however written; ``tel:+44…`` for a phone number;
    ``raw:…`` (NFKC, folded, spaces made single) for what is neither: a withheld
    number, a SIP URI, an extension, an agent's id.
    ``region`` None means that it cannot be a phone number. None if blank.
    """
    address = _ip(raw)
    if address:
        return f"ip:{address}"
    number = e164(raw, region) if region else None
    if number:
        return f"tel:{number}"
    text = _plain(raw).casefold()
    return f"raw:{text}" if text else None


def _ip(raw: str) -> str | None:
    """The address in its one form; four numbers with dots are never a telephone's."""
    text = raw.strip()
    if len(text) > MAX_LENGTH or not _ADDRESS.fullmatch(text):
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        return None
