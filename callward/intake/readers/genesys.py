"""Genesys Cloud conversations: analytics detail records, and conversations of the platform API.

Source: Genesys Cloud platform API, ``AnalyticsConversation`` with its participants,
sessions and segments (``/api/v2/analytics/conversations/details``), and ``Conversation``
(``/api/v2/conversations``). Both are metadata of one conversation whatever its media,
so their kind is ``call``. Neither says when it was last changed.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from callward.intake.readers.base import Sight, Told
from callward.intake.readers.jsonfile import JsonFile, identity, people, required, when
from callward.intake.readers.jsons import child, children, text
from callward.intake.readers.shape import paths
from callward.intake.readers.times import span
from callward.intake.reasons import Reason
from callward.intake.records import Direction, Person, Record, Refused, Role

_DIRECTIONS: Final[Mapping[str, Direction]] = MappingProxyType(
    {"inbound": "inbound", "outbound": "outbound"}
)
_OURS: Final = frozenset({"agent", "user"})
_THEIRS: Final = frozenset({"customer", "external", "station", ""})
_ADDRESSES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "ani": "caller",
        "dnis": "called",
        "sessionDnis": "called",
        "addressFrom": "sender",
        "addressTo": "recipient",
        "cc": "recipient",
        "bcc": "recipient",
        "addressSelf": "participant",
        "addressOther": "participant",
        "callbackNumbers": "called",
        "callbackUserName": "participant",
        "destinationAddresses": "participant",
    }
)
_SESSIONS: Final = (
    "sessions",
    "calls",
    "callbacks",
    "chats",
    "emails",
    "messages",
    "cobrowsesessions",
    "socialExpressions",
    "videos",
    "screenshares",
    "internalMessages",
)
"""Where a participant's sessions are: analytics' one list, the platform's one for each medium."""


class GenesysCloud(JsonFile):
    """Conversations: one, a list, or a page of them (``conversations``, ``entities``)."""

    name: ClassVar[str] = "genesys-cloud"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})
    pages: ClassVar[tuple[str, ...]] = ("conversations", "entities")

    def claims(self, sight: Sight) -> bool:
        """A conversation's id and participants, with the purposes that Genesys gives them."""
        found = paths(sight.head)
        return any(
            {f"{page}participants", f"{page}participants.purpose"} <= found
            and (
                {f"{page}conversationId", f"{page}conversationStart"} <= found
                or f"{page}id" in found
            )
            for page in ("", *(f"{name}." for name in self.pages))
        )

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """The one record of a conversation."""
        external_id = identity(raw, "conversationId", "id")
        direction = _direction(raw)
        started, ended = _times(raw, told)
        yield Record(
            kind="call",
            external_id=external_id,
            started_at=started,
            ended_at=ended,
            document={"raw": dict(raw)},
            direction=direction,
            people=_people(raw, direction),
            conversation=external_id,
            without=(Reason.MEDIA_BY_URL,) if children(raw, "otherMediaUris") else (),
        )

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """Everything in such a file is, or was to be, a conversation."""
        return Refused(reason, raw, "call")


def _sessions(of: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A participant's sessions; the participant itself, where its fields are in it."""
    return [of, *(one for name in _SESSIONS for one in children(of, name))]


def _direction(raw: Mapping[str, Any]) -> Direction:
    if found := _DIRECTIONS.get(text(raw, "originatingDirection").lower()):
        return found
    said = (
        _DIRECTIONS.get(text(session, "direction").lower())
        for one in children(raw, "participants")
        for session in _sessions(one)
    )
    return next((one for one in said if one), "none")


def _times(raw: Mapping[str, Any], told: Told) -> tuple[datetime, datetime]:
    """Begin and end; a conversation that goes on has come as far as its newest segment."""
    participants = children(raw, "participants")
    started = when(raw, told, "conversationStart", "startTime")
    begun = [when(one, told, "connectedTime", "startTime") for one in participants]
    started = required(started or min((one for one in begun if one), default=None))
    ended = when(raw, told, "conversationEnd", "endTime")
    if ended is None:
        segments = [
            segment
            for one in participants
            for session in _sessions(one)
            for segment in (session, *children(session, "segments"))
        ]
        known = (when(one, told, "segmentEnd", "disconnectedTime", "endTime") for one in segments)
        ended = max([started, *(one for one in known if one)])
    return span(started, ended, told)


def _people(raw: Mapping[str, Any], direction: Direction) -> tuple[Person, ...]:
    found: list[tuple[Role, str]] = []
    for one in children(raw, "participants"):
        purpose = text(one, "purpose").lower()
        if purpose in _OURS:
            found.append(("agent", text(one, "userId") or text(child(one, "user"), "id")))
            continue
        if purpose in _THEIRS:
            found += _named(one, direction)
        found += _numbers(one)
    return people(*found)


def _named(one: Mapping[str, Any], direction: Direction) -> Iterator[tuple[Role, str]]:
    """Somebody who is neither an agent nor a part of the system: name, id, address."""
    for name in ("participantName", "name", "aniName", "externalContactId"):
        yield "participant", text(one, name)
    yield "called" if direction == "outbound" else "caller", text(one, "address")


def _numbers(one: Mapping[str, Any]) -> Iterator[tuple[Role, str]]:
    """Numbers and addresses of all sessions: ``ani`` called, ``dnis`` was called."""
    for session in _sessions(one):
        for name, role in _ADDRESSES.items():
            value = session.get(name)
            for said in value if isinstance(value, list) else [value]:
                yield role, text({"": said}, "")
        for side in ("self", "other"):
            yield "participant", text(child(session, side), "addressNormalized", "addressRaw")
