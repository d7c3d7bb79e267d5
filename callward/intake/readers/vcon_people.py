"""Who took part in a vCon, in what part; what kind of conversation it was, and which way."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from callward.intake.readers import jsons
from callward.intake.readers.vcon_content import media_type
from callward.intake.readers.vcon_form import Container, Dialog
from callward.intake.records import Direction, Person, Role

AGENTS: Final = frozenset(
    {"agent", "supervisor", "sme", "specialist", "operator", "representative"}
)
"""Roles (draft-ietf-vcon-cc-extension, section 3.1.1) of those who work for the controller."""
_NUMBERS: Final = ("tel", "sip")
_ADDRESSES: Final = ("mailto", "email", "did")
_NAMES: Final = ("uuid", "id", "name")
_LONGEST: Final = 512
_SCHEME = re.compile(r"(?:tel|mailto):", re.IGNORECASE)
_WAYS: Final[Mapping[str, Direction]] = {
    "in": "inbound",
    "inbound": "inbound",
    "incoming": "inbound",
    "out": "outbound",
    "outbound": "outbound",
    "outgoing": "outbound",
    "internal": "internal",
}
_CHANNELS: Final = (
    ("sms", re.compile(r"\b(sms|mms|text[ _-]?message)", re.IGNORECASE)),
    ("email", re.compile(r"\b(e-?mail|smtp|imap|gmail|outlook|exchange)", re.IGNORECASE)),
    (
        "social",
        re.compile(
            r"\b(social|whats ?app|facebook|messenger|instagram|twitter|tik ?tok|telegram"
            r"|linkedin|viber|wechat|apple messages)",
            re.IGNORECASE,
        ),
    ),
    ("chat", re.compile(r"(chat|slack|teams|zoom|webex)", re.IGNORECASE)),
)
_MAIL_ID = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>\s*")
_MAIL_TYPE = re.compile(r"(message/rfc822|multipart/)", re.IGNORECASE)


def kind(of: Container) -> str:
    """``call`` unless all that there is are texts; then what they say that they are.

    By ``application``, ``interaction_type`` or ``channel``; else e-mail by its media type
    (multipart, message/rfc822), a Message-ID, or a subject between mail addresses; SMS
    between telephone numbers; else chat.
    """
    if not of.dialogs or any(one.type != "text" for one in of.dialogs):
        return "call"
    for dialog in of.dialogs:
        said = " ".join(_channel_words(of, dialog))[:_LONGEST]
        for name, pattern in _CHANNELS:
            if pattern.search(said):
                return name
    if any(_is_mail(one) for one in of.dialogs):
        return "email"
    return _kind_by_addresses(of)


def direction(of: Container) -> Direction:
    """As said in ``direction`` or ``meta.direction``; else by who began: agent or customer."""
    for source in (of.raw, *(one.raw for one in of.dialogs)):
        for place in (source, jsons.child(source, "meta"), jsons.child(source, "metadata")):
            if way := _WAYS.get(jsons.text(place, "direction").lower()):
                return way
    for dialog in sorted(of.dialogs, key=lambda one: one.started):
        agents = [is_agent(of.parties[one]) for one in dialog.parties]
        if any(agents):
            return _way(agents)
    return "none"


def people(of: Container, dialogs: Sequence[Dialog], main: str) -> tuple[Person, ...]:
    """Everybody in ``dialogs`` with numbers, addresses, names and ids; each once.

    A party whose role is an agent's is ``agent``; his number is besides indexed as a
    number. Others began a dialog (caller, sender), were in one (called, recipient), or,
    when ``dialogs`` are all there are, were only named (participant).
    """
    first: tuple[Role, Role] = ("caller", "called") if main == "call" else ("sender", "recipient")
    parts: dict[int, list[Role]] = {}
    for dialog in dialogs:
        for place, index in enumerate(dialog.parties):
            parts.setdefault(index, []).append(first[min(place, 1)])
    if len(dialogs) == len(of.dialogs):
        for index in range(len(of.parties)):
            parts.setdefault(index, ["participant"])
    found = (
        person
        for index, roles in parts.items()
        for role in dict.fromkeys(roles)
        for person in _person(of.parties[index], role)
    )
    return tuple(dict.fromkeys(found))


def is_agent(party: Mapping[str, Any]) -> bool:
    """Whether the party's ``role`` (in ``meta`` as older writers have it) is an agent's."""
    role = jsons.text(party, "role") or jsons.text(jsons.child(party, "meta"), "role")
    return role.lower() in AGENTS


def label(of: Container, index: int) -> str:
    """What a party is called: name, or address, or its number in the list."""
    party = of.parties[index]
    return jsons.text(party, "name", *_ADDRESSES, *_NUMBERS) or f"party {index}"


def _person(party: Mapping[str, Any], role: Role) -> Iterator[Person]:
    agent = is_agent(party)
    for name in _NUMBERS:
        yield from _made(role, party, name)
    for name in _ADDRESSES:
        yield from _made("agent" if agent else role, party, name)
    for name in _NAMES:
        yield from _made("agent" if agent else "participant", party, name)


def _made(role: Role, party: Mapping[str, Any], name: str) -> Iterator[Person]:
    text = _SCHEME.sub("", jsons.text(party, name), count=1).strip()
    if name == "mailto":
        text = text.split("?", 1)[0]
    if text and len(text) <= _LONGEST:
        yield Person(role, text)


def _way(agents: Sequence[bool]) -> Direction:
    """By whom it was begun, the first of those who are told to be agents or not."""
    if all(agents):
        return "internal" if len(agents) > 1 else "none"
    return "outbound" if agents[0] else "inbound"


def _channel_words(of: Container, dialog: Dialog) -> Iterator[str]:
    for place in (dialog.raw, jsons.child(dialog.raw, "meta"), of.raw, jsons.child(of.raw, "meta")):
        for name in ("application", "interaction_type", "channel"):
            yield jsons.text(place, name)[:_LONGEST]


def _is_mail(dialog: Dialog) -> bool:
    message_id = jsons.text(dialog.raw, "message_id")[:_LONGEST]
    return bool(_MAIL_TYPE.match(media_type(dialog.raw)) or _MAIL_ID.fullmatch(message_id))


def _kind_by_addresses(of: Container) -> str:
    present = [of.parties[one] for one in {i for dialog in of.dialogs for i in dialog.parties}]
    numbers = [bool(jsons.text(one, "tel")) for one in present]
    addresses = [bool(jsons.text(one, "mailto", "email")) for one in present]
    if present and all(addresses) and not any(numbers) and jsons.text(of.raw, "subject"):
        return "email"
    if present and all(numbers) and not any(addresses):
        return "sms"
    return "chat"
