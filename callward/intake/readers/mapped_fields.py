"""A record from the fields that a controller's mapping finds in a row or an object."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, cast

from callward.instructions.mapping import UNDATED
from callward.intake.categories import TRANSCRIPT
from callward.intake.readers.base import Told
from callward.intake.readers.secrets import GUARDED, without_secrets
from callward.intake.readers.times import moment, span
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import TEXTS, Direction, Person, Record, Role

Find = Callable[[str], Any]
"""The value of one of our fields; None where the mapping has no column for it, or it none."""

_SIDES: Final[Mapping[str, tuple[Role, Role]]] = MappingProxyType(
    {
        "call": ("caller", "called"),
        "transcript": ("caller", "called"),
        "sms": ("sender", "recipient"),
        "email": ("sender", "recipient"),
    }
)
_ACCOUNT: Final = "agent-account"
_SPEAKERS: Final = frozenset(
    {"agent", "customer", "user", "assistant", "system", "bot", "action", "client", "visitor"}
)
"""Authors of a message who are nobody in particular."""
_DIRECTIONS: Final[Mapping[str, Direction]] = MappingProxyType(
    {
        "inbound": "inbound",
        "in": "inbound",
        "incoming": "inbound",
        "received": "inbound",
        "outbound": "outbound",
        "out": "outbound",
        "outgoing": "outbound",
        "sent": "outbound",
        "internal": "internal",
        "none": "none",
    }
)
_ACTIVE: Final[Mapping[str, bool]] = MappingProxyType(
    dict.fromkeys(("true", "yes", "y", "1", "active", "enabled"), True)
    | dict.fromkeys(("false", "no", "n", "0", "inactive", "disabled", "left", "deleted"), False)
)
_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:\.\d+)?", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,8}(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One message of a record: who wrote what, when."""

    author: str
    text: str
    at: datetime | None

    def entry(self) -> dict[str, Any]:
        """As an entry of the document's texts."""
        found: dict[str, Any] = {"text": self.text}
        if self.author:
            found["from"] = self.author
        if self.at:
            found["at"] = self.at.isoformat()
        return found


@dataclass(frozen=True, slots=True, repr=False)
class Fields:
    """What a mapping finds in one row or object (``raw``), and the messages in it."""

    mapping: Mapping[str, Any]
    told: Told
    raw: Mapping[str, Any]
    find: Find
    messages: Sequence[Message] = ()

    def text(self, field: str) -> str:
        """A field's text; "" without one."""
        return plain(self.find(field))

    def moment(self, field: str) -> datetime | None:
        """A field's moment; Refusal time-malformed if it is none."""
        return instant(self.find(field), self.mapping, self.told)

    def record(self) -> Record:
        """The record. Raises Refusal."""
        kind = self.mapping["kind"]
        if kind in GUARDED and without_secrets(self.raw)[1]:
            raise Refusal(Reason.CREDENTIALS)
        started, ended, active = self._times(kind)
        people, texts = self._people(kind), self._texts()
        of = self.text("of") if kind == TRANSCRIPT else ""
        if kind == TRANSCRIPT and not of:
            raise Refusal(Reason.RECORD_MALFORMED)
        return Record(
            kind=kind,
            external_id=self.text("external_id") or self._digest(started, people, texts),
            started_at=started,
            ended_at=ended,
            document={"raw": self.raw} | ({TEXTS: texts} if texts else {}),
            direction=self._direction(),
            people=people,
            revision=self.moment("revision"),
            conversation=self.text("conversation"),
            of=of,
            active=active,
        )

    def _times(self, kind: str) -> tuple[datetime, datetime, bool]:
        started = self._started(kind)
        if kind == _ACCOUNT:
            left = self._left(started)
            return *span(started, left or started, self.told), left is None
        return *span(started, self._ended(started), self.told), False

    def _started(self, kind: str) -> datetime:
        said = [one.at for one in self.messages if one.at]
        always = self.mapping["always"]["started_at"]
        found = self.moment("started_at") or (min(said) if said else None)
        if found is None and always:
            found = moment(always, self.told)
        if found is None and kind in UNDATED:
            found = self.moment("revision") or self.told.now
        if found is None:
            raise Refusal(Reason.TIME_MALFORMED)
        return found

    def _ended(self, started: datetime) -> datetime:
        said = [one.at for one in self.messages if one.at]
        found = self.moment("ended_at")
        if found is None and (duration := self.text("duration")):
            span(started, started, self.told)
            found = started + _length(duration)
        return found or max([started, *said])

    def _left(self, started: datetime) -> datetime | None:
        """The day an account was left; None while it is in use."""
        left = self.moment("left_on") or self.moment("ended_at")
        if left is not None:
            return left if left <= self.told.now else None
        word = self.text("active").casefold()
        words = {name.casefold(): one for name, one in self.mapping["words"]["active"].items()}
        active = words.get(word, _ACTIVE.get(word)) if word else True
        if active is None:
            raise Refusal(Reason.RECORD_MALFORMED)
        # Left, and nobody says when: on the day on which we are told.
        return None if active else max(started, self.moment("revision") or self.told.now)

    def _direction(self) -> Direction:
        word = self.text("direction").casefold()
        words = {name.casefold(): one for name, one in self.mapping["words"]["direction"].items()}
        if not word and word not in words:
            return cast("Direction", self.mapping["always"]["direction"] or "none")
        found = words.get(word) or _DIRECTIONS.get(word)
        if found is None:
            raise Refusal(Reason.UNSUPPORTED_DIRECTION)
        return cast("Direction", found)

    def _people(self, kind: str) -> tuple[Person, ...]:
        first, second = _SIDES.get(kind, ("participant", "participant"))
        fields: tuple[tuple[Role, str], ...] = (
            (first, "from"),
            (second, "to"),
            ("agent", "agent"),
            ("participant", "name"),
            *(("participant", "phone"), ("participant", "email"), ("address", "ip")),
        )
        if kind == _ACCOUNT:  # whoever it is, by whatever it is called
            fields = (("agent", "external_id"), ("agent", "name"), *fields[4:])
        found = [Person(role, self.text(field)) for role, field in fields]
        found += [Person("participant", one.author) for one in self.messages]
        return tuple(
            dict.fromkeys(one for one in found if one.text and one.text.lower() not in _SPEAKERS)
        )

    def _texts(self) -> list[dict[str, Any]]:
        own = [{"text": found} for field in ("subject", "text") if (found := self.text(field))]
        return own + [one.entry() for one in self.messages]

    def _digest(self, started: datetime, people: tuple[Person, ...], texts: Any) -> str:
        """An id where the export has none: what it is of, of whom, when, and what was said."""
        dated = self.mapping["kind"] not in UNDATED
        identifying = [
            self.mapping["kind"],
            self.text("conversation"),
            self.text("of"),
            started.isoformat() if dated else "",
            [(one.role, one.text) for one in people],
            texts,
        ]
        return hashlib.sha256(json.dumps(identifying).encode()).hexdigest()


def plain(value: Any) -> str:
    """A value as text: strings and numbers, of a flag "true" or "false"; else ""."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, str | int | float) else ""


def instant(value: Any, mapping: Mapping[str, Any], told: Told) -> datetime | None:
    """A moment by the mapping's form; None if there is none. Refusal time-malformed."""
    if value is None or value == "" or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refusal(Reason.TIME_MALFORMED)
    form = mapping["time_format"]
    return moment(value, told, *((form,) if form else ()))


def _length(text: str) -> timedelta:
    """Seconds, or hours, minutes and seconds. Refusal number-malformed."""
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=float(text))
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise Refusal(Reason.NUMBER_MALFORMED)
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
