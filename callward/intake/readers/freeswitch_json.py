"""FreeSWITCH's call detail records as JSON, and its hang-up events.

Read are ``mod_json_cdr``'s objects (``variables``, ``channel_data``, ``callflow``; one, a
list, one a line, values URL-encoded or not) and CHANNEL_HANGUP_COMPLETE events, flat, as
JSON or as the event socket's plain text (``Name: url-encoded value``, a blank line after
each event). Source: ``switch_ivr_generate_json_cdr``, ``mod_event_socket``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, ClassVar, Final
from urllib.parse import unquote

from callward.intake.readers.base import Sight, Slice, Told
from callward.intake.readers.calls import identity, lasting, people, stamp
from callward.intake.readers.jsonfile import JsonFile
from callward.intake.readers.jsons import child, children, text
from callward.intake.readers.rows import text_of
from callward.intake.readers.shape import paths
from callward.intake.readers.times import span
from callward.intake.readers.withheld import withhold
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Direction, Record, Refused

_ENDS: Final = frozenset({"CHANNEL_HANGUP_COMPLETE"})
_PLAIN = re.compile(
    rb"\s*(?:Content-Type: text/event-plain\s+)?(?:Content-Length: \d+\s+)?Event-Name: "
)
_BLANK_LINE = re.compile(rb"(?:\r?\n[ \t]*){2,}")
_UNSET: Final = frozenset({"", "0", "none"})
_WORDS: Final[Mapping[str, Direction]] = {
    "inbound": "inbound",
    "outbound": "outbound",
    "local": "internal",
}


class FreeSwitchJson(JsonFile):
    """One record for each call detail record or hang-up event: a leg at FreeSWITCH.

    ``external_id`` is the channel's UUID, ``conversation`` that of the call's first leg.
    A leg's own direction is not the call's and not taken, ``call_direction`` (FusionPBX)
    is. Other events are refused as unsupported-kind. Passwords and media keys among the
    variables are taken out.
    """

    name: ClassVar[str] = "freeswitch-json"
    kinds: ClassVar[frozenset[str]] = frozenset({"call"})

    def claims(self, sight: Sight) -> bool:
        """Whether it begins as a call detail record or an event of FreeSWITCH."""
        if _PLAIN.match(sight.head):
            return b"\nCore-UUID: " in sight.head
        seen = paths(sight.head)
        cdr = "core-uuid" in seen or "channel_data" in seen
        return (cdr and bool(seen & {"variables", "channel_data", "callflow"})) or (
            {"Event-Name", "Core-UUID"} <= seen
        )

    def read(self, file: BinaryIO, part: Slice, told: Told) -> Iterator[Record | Refused]:
        """Read one slice, of JSON or of plain events."""
        file.seek(0)
        if not _PLAIN.match(file.read(256)):
            yield from super().read(file, part, told)
            return
        file.seek(part.start)
        for block in _BLANK_LINE.split(file.read(part.end - part.start)):
            if block.strip() and not _is_envelope(block):
                yield from self.guarded(_event(block), told)

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """Make the record of one object."""
        clean, removed = withhold(raw)
        yield _Leg(clean).record(told, (Reason.CREDENTIALS,) if removed else ())

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """What is kept of one that is none, without credentials."""
        return Refused(reason, withhold(raw)[0], "call")


def _is_envelope(block: bytes) -> bool:
    """The event socket's own header around an event."""
    return block.lstrip().startswith((b"Content-Length:", b"Content-Type: text/event-plain")) and (
        b"Event-Name:" not in block
    )


def _event(block: bytes) -> Any:
    """The headers of a plain event; one that is given again becomes a list."""
    found: dict[str, Any] = {}
    for line in text_of(block).splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            return {"event": text_of(block)}
        value = unquote(value.strip())
        if name in found:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*before, value]
        else:
            found[name] = value
    return found


class _Leg:
    """One leg's fields, wherever its form keeps them."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._variables = child(raw, "variables")
        flows = children(raw, "callflow") or [child(raw, "callflow")]
        self._profiles = [child(flow, "caller_profile") for flow in flows]
        self._times = [child(flow, "times") for flow in flows]
        name = text(raw, "Event-Name")
        if name and name not in _ENDS and not self._variables:
            raise Refusal(Reason.UNSUPPORTED_KIND)

    def record(self, told: Told, without: tuple[Reason, ...]) -> Record:
        unique = self._variable("uuid") or self._header("Unique-ID") or self._profile("uuid")
        if not unique:
            raise Refusal(Reason.RECORD_MALFORMED)
        started, ended = span(*self._span(told), told)
        return Record(
            kind="call",
            external_id=identity(unique),
            started_at=started,
            ended_at=ended,
            document={"raw": dict(self._raw)},
            direction=_WORDS.get(self._variable("call_direction").casefold(), "none"),
            people=people(
                ("caller", self._profile("caller_id_number")),
                ("caller", self._header("Caller-Caller-ID-Number")),
                ("caller", self._variable("sip_from_user")),
                *(("called", one) for one in self._everywhere("destination_number")),
                ("called", self._header("Caller-Destination-Number")),
                ("called", self._variable("sip_to_user")),
                ("agent", self._variable("cc_agent")),
                ("address", self._profile("network_addr") or self._header("Caller-Network-Addr")),
                ("address", self._variable("sip_network_ip")),
            ),
            conversation=identity(
                self._variable("call_uuid") or self._header("Channel-Call-UUID") or unique
            ),
            without=without,
        )

    def _span(self, told: Told) -> tuple[datetime, datetime]:
        start = (
            self._moment("start")
            or (_decoded(self._times[-1], "created_time") if self._times else "")
            or self._header("Caller-Channel-Created-Time")
        )
        started = stamp(start, told)
        end = (
            self._moment("end")
            or (_decoded(self._times[0], "hangup_time") if self._times else "")
            or self._header("Caller-Channel-Hangup-Time")
        )
        if end:
            return started, stamp(end, told, started)
        return started, started + lasting(self._variable("duration"))

    def _moment(self, which: str) -> str:
        """``start`` or ``end``, the finest there is."""
        names = (f"{which}_uepoch", f"{which}_epoch", f"{which}_stamp")
        return next(filter(None, map(self._variable, names)), "")

    def _variable(self, name: str) -> str:
        return _decoded(self._variables, name) or self._header(f"variable_{name}")

    def _header(self, name: str) -> str:
        return _decoded(self._raw, name)

    def _profile(self, name: str) -> str:
        return next(iter(self._everywhere(name)), "")

    def _everywhere(self, name: str) -> list[str]:
        return [value for one in self._profiles if (value := _decoded(one, name))]


def _decoded(of: Mapping[str, Any], name: str) -> str:
    """A value without its URL-encoding; "" for FreeSWITCH's ways of having none."""
    value = of.get(name)
    found = text({name: value[0]} if isinstance(value, list) and value else of, name)
    found = unquote(found).strip() if "%" in found else found
    return "" if found in _UNSET else found
