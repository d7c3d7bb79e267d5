"""What a reader makes of a supplier's file: records, and what could not be made one.

Plain values, all of them personal data: they live in a worker's memory, are
masked and sealed there, and never reach a log or a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from callward.intake.reasons import Reason

Direction = Literal["inbound", "outbound", "internal", "none"]
Role = Literal["caller", "called", "agent", "sender", "recipient", "participant", "address"]
ROLES: Final[tuple[Role, ...]] = (
    "caller",
    "called",
    "agent",
    "sender",
    "recipient",
    "participant",
    "address",
)

AGENT: Final = "agent"
"""The role whose text is never taken for a telephone number."""
TEXTS: Final = "texts"
"""Key of a record's document that holds what people wrote or said, in order."""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Somebody a record is about, to be found again by a blind index.

    ``text``: a telephone number (any form), an e-mail address, a SIP URI, an IP address
    or an id at the supplier's; of role ``agent`` never taken for a telephone number.
    """

    role: Role
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """Content that came inside a record: ``recording``, ``voicemail`` or ``attachment``.

    ``media_type`` as declared (RFC 2045), which may lie; ``name`` is the supplier's.
    """

    kind: Literal["recording", "voicemail", "attachment"]
    data: bytes
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One record of one category (``callward.intake.categories``). Times are aware, UTC.

    ``external_id`` with ``kind`` and the reader's name makes it the same record again.
    ``revision`` is the supplier's own word for how new this version is, else None: then
    the one that ended later is newer, and of two that ended together the later delivered.
    ``document`` is JSON (str keys; str, int, float, bool, None, list, dict): all that is
    sealed, raw fields included. Its ``texts``, where there are any, is a list of
    ``{"text": …, "from": …, "at": …}`` in the order said: a card number spread over
    several of them is found too.
    ``conversation`` is the supplier's id of the interaction that this record, its
    recording, its transcript belong to; ``of`` the external id of the recording (or
    voicemail) that a transcript was made of.
    ``without`` is what of it was refused while the rest was taken (media by URL, …).
    """

    kind: str
    external_id: str
    started_at: datetime
    ended_at: datetime
    document: Mapping[str, Any]
    direction: Direction = "none"
    people: tuple[Person, ...] = ()
    parts: tuple[Part, ...] = ()
    revision: datetime | None = None
    conversation: str = ""
    of: str = ""
    without: tuple[Reason, ...] = ()
    active: bool = False
    """An agent account that is in use: it is not due until a version says when it was left."""


@dataclass(frozen=True, slots=True, repr=False)
class Refused:
    """A record that cannot be taken in: why, and what there is of it (JSON, to be sealed)."""

    reason: Reason
    raw: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    """What it would have been, where that could be told: it decides the retention class."""
