"""Amazon Connect contact records, as streamed, exported, or kept in a bucket.

Source: Amazon Connect administrator guide, "Contact records data model". A record is
delivered at least once, and again whenever something of it changes: ``ContactId`` says
which it is, ``LastUpdateTimestamp`` which is newer. It is metadata of one contact
whatever its channel, so its kind is ``call``; recordings are named by their place in a
bucket and not fetched. The API's own form of a contact (``DescribeContact``) differs in
a few names and is read too.
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
    {
        "INBOUND": "inbound",
        "WEBRTC_API": "inbound",
        "OUTBOUND": "outbound",
        "EXTERNAL_OUTBOUND": "outbound",
        "CALLBACK": "outbound",
        "AGENT_REPLY": "outbound",
        "CAMPAIGN_PREVIEW": "outbound",
        "MONITOR": "internal",
    }
)
"""Transfers, flows and API requests say nothing of who began: none."""
_CUSTOMER: Final[Mapping[tuple[str, Direction], Role]] = MappingProxyType(
    {
        ("VOICE", "outbound"): "called",
        ("VOICE", "inbound"): "caller",
        ("VOICE", "none"): "caller",
        ("EMAIL", "inbound"): "sender",
        ("EMAIL", "outbound"): "recipient",
    }
)
_OPPOSITE: Final[Mapping[Role, Role]] = MappingProxyType(
    {"caller": "called", "called": "caller", "sender": "recipient", "recipient": "sender"}
)
_MARKS: Final = frozenset(
    {"AWSContactTraceRecordFormatVersion", "InitiationMethod", "InitiationTimestamp", "Channel"}
)
_GONE: Final = frozenset({"DELETED"})


class AmazonConnect(JsonFile):
    """Contact records: one object, a list, lines, or objects one behind the other."""

    name: ClassVar[str] = "amazon-connect"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})
    pages: ClassVar[tuple[str, ...]] = ("Contacts", "ContactRecords")

    def claims(self, sight: Sight) -> bool:
        """An object with a contact's id, and how or when it began."""
        found = paths(sight.head)
        return "ContactId" in found and bool(found & _MARKS)

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """The one record of a contact."""
        contact = child(raw, "Contact") or raw
        external_id = identity(contact, "ContactId", "Id")
        direction = _DIRECTIONS.get(text(contact, "InitiationMethod").upper(), "none")
        started, ended = _times(contact, told)
        yield Record(
            kind="call",
            external_id=external_id,
            started_at=started,
            ended_at=ended,
            document={"raw": dict(raw)},
            direction=direction,
            people=_people(contact, direction),
            revision=when(contact, told, "LastUpdateTimestamp"),
            conversation=text(contact, "InitialContactId", "RelatedContactId") or external_id,
            without=(Reason.MEDIA_BY_URL,) if _has_media(contact) else (),
        )

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """Everything in such a file is, or was to be, a contact."""
        return Refused(reason, raw, "call")


def _times(contact: Mapping[str, Any], told: Told) -> tuple[datetime, datetime]:
    """Begin and end; a contact that goes on has come as far as its last update."""
    started = required(
        when(contact, told, "InitiationTimestamp", "ConnectedToSystemTimestamp")
        or when(child(contact, "Queue"), told, "EnqueueTimestamp")
    )
    ended = when(contact, told, "DisconnectTimestamp")
    if ended is None:
        ended = max(started, when(contact, told, "LastUpdateTimestamp") or started)
    return span(started, ended, told)


def _people(contact: Mapping[str, Any], direction: Direction) -> tuple[Person, ...]:
    customer = _CUSTOMER.get((text(contact, "Channel").upper(), direction), "participant")
    agent = child(contact, "Agent") or child(contact, "AgentInfo")
    recipients = child(contact, "AdditionalEmailRecipients")
    more = [
        one for name in ("ToAddresses", "CcAddresses", "ToList", "CcList")
        for one in children(recipients, name)
    ]  # fmt: skip
    return people(
        (customer, _address(contact, "CustomerEndpoint")),
        (_OPPOSITE.get(customer, "participant"), _address(contact, "SystemEndpoint")),
        ("participant", _address(contact, "TransferredToEndpoint")),
        *(("recipient", text(one, "Address", "EmailAddress")) for one in more),
        ("agent", text(agent, "Username", "Id", "ARN")),
    )


def _address(contact: Mapping[str, Any], name: str) -> str:
    return text(child(contact, name), "Address")


def _has_media(contact: Mapping[str, Any]) -> bool:
    named = [child(contact, "Recording"), *children(contact, "Recordings")]
    return any(text(one, "Location") and text(one, "Status").upper() not in _GONE for one in named)
