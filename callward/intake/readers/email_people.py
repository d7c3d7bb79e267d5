"""Who a mail is from and to: every address in its headers that a person can be found by."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Final

from callward.intake.readers import email_words as words
from callward.intake.records import Person, Role

MOST_PEOPLE: Final = 1000
_LONGEST: Final = 320
"""Of an address: 64 octets, the sign, 255 (RFC 5321 §4.5.3.1)."""
_MOST_READ: Final = 256 * 1024
_ROLES: Final[dict[str, Role]] = {
    "from": "sender",
    "sender": "sender",
    "reply-to": "sender",
    "resent-from": "sender",
    "resent-sender": "sender",
    "to": "recipient",
    "cc": "recipient",
    "bcc": "recipient",
    "resent-to": "recipient",
    "resent-cc": "recipient",
    "resent-bcc": "recipient",
    "delivered-to": "recipient",
    "x-original-to": "recipient",
    "x-envelope-to": "recipient",
    "envelope-to": "recipient",
    "apparently-to": "recipient",
}
_ADDRESSES_OF_HOSTS: Final = frozenset({"x-originating-ip", "x-sender-ip", "x-client-ip"})
_ATOM: Final = r"""[^\s<>,;:"()\[\]\\@]"""
_ADDRESS: Final = re.compile(
    rf"""(?P<quoted>"(?:[^"\\]|\\.){{0,256}}+")(?P<domain>@(?:\[[^\]\s]{{1,64}}\]|{_ATOM}++))?"""
    rf"""|(?<!{_ATOM}){_ATOM}++@(?:\[[^\]\s]{{1,64}}\]|{_ATOM}++)"""
)


def people(headers: Iterable[tuple[str, str]], *, nested: bool = False) -> Iterator[Person]:
    """Parties by raw headers; those of a mail within a mail are participants.

    An internationalised domain (RFC 5890) is given in both of its forms.
    """
    for name, value in headers:
        role = _ROLES.get(name.lower())
        if role:
            for address in addresses(value):
                yield Person("participant" if nested else role, address)
        elif name.lower() in _ADDRESSES_OF_HOSTS and not nested:
            yield from _host(value)


def addresses(value: str) -> Iterator[str]:
    """Addresses in a header's raw value, also where it is not as RFC 5322 wants it."""
    plain = words.unfold(value[:_MOST_READ])
    found = list(_addresses(plain))
    if not found and "=?" in plain:
        found = list(_addresses(words.header(value[:_MOST_READ])))
    yield from found


def _addresses(text: str) -> Iterator[str]:
    for match in _ADDRESS.finditer(text):
        if match["quoted"] and not match["domain"]:
            continue  # a display name, not an address
        local, _, domain = match[0].rpartition("@")
        domain = domain.strip(".'").lower()
        local = local.lstrip("'")
        if local and domain and len(local) + len(domain) < _LONGEST:
            yield from (f"{local}@{form}" for form in _forms(domain))


def _forms(domain: str) -> list[str]:
    """A domain as written and, where it is internationalised, in its other form."""
    try:
        if "xn--" in domain:
            other = domain.encode("ascii").decode("idna")
        elif not domain.isascii():
            other = domain.encode("idna").decode("ascii")
        else:
            return [domain]
    except (UnicodeError, ValueError, IndexError):
        return [domain]
    return [domain, other] if other and other != domain else [domain]


def _host(value: str) -> Iterator[Person]:
    text = words.unfold(value[:_LONGEST]).strip("[] ")
    try:
        yield Person("address", str(ipaddress.ip_address(text.removeprefix("IPv6:"))))
    except ValueError:
        return
