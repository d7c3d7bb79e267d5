"""Twilio resources: calls, recordings, messages and transcriptions, single or as list pages.

Source: Twilio REST API 2010-04-01. What a resource is, its ``sid`` says: ``CA`` a call,
``RE`` a recording (its media is at an address and not fetched, so this is metadata of
the call), ``SM``/``MM`` a message, ``TR`` a transcription of a recording. Times are RFC 2822
("Tue, 31 Aug 2010 20:36:28 +0000"), in newer interfaces ISO 8601. ``date_updated`` says
which version is newer. A message over WhatsApp or Messenger is a social message.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from callward.intake.readers.base import Sight, Told
from callward.intake.readers.jsonfile import JsonFile, people, required, when
from callward.intake.readers.jsons import text
from callward.intake.readers.shape import paths
from callward.intake.readers.times import span
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import TEXTS, Direction, Record, Refused

_DIRECTIONS: Final[Mapping[str, Direction]] = MappingProxyType(
    {
        "inbound": "inbound",
        "trunking-originating": "inbound",
        "outbound-api": "outbound",
        "outbound-dial": "outbound",
        "outbound-call": "outbound",
        "outbound-reply": "outbound",
        "trunking-terminating": "outbound",
    }
)
_SID: Final = re.compile(r"(CA|RE|SM|MM|TR)[0-9a-f]{32}", re.IGNORECASE)
_SOCIAL: Final = re.compile(r"(whatsapp|messenger|instagram|rcs):", re.IGNORECASE)
_TIMES: Final = ("date_created", "date_sent", "date_updated", "start_time", "end_time")
_NO_MEDIA: Final = frozenset({"deleted", "absent", "failed"})


class Twilio(JsonFile):
    """Resources as the API gives them: one, a list, or a page (``calls``, ``messages``, …)."""

    name: ClassVar[str] = "twilio"
    kinds: ClassVar[frozenset[str]] = frozenset({"call", "sms", "social", "transcript"})
    pages: ClassVar[tuple[str, ...]] = (
        "calls",
        "recordings",
        "messages",
        "transcriptions",
        *("conferences", "media_list", "add_on_results", "payloads", "notifications", "queues"),
    )

    def claims(self, sight: Sight) -> bool:
        """A sid of its own and its account's, and when it was made; or a page, empty or not."""
        found = paths(sight.head)
        return ("first_page_uri" in found and not found.isdisjoint(self.pages)) or any(
            {f"{page}sid", f"{page}account_sid", f"{page}date_created"} <= found
            for page in ("", *(f"{name}." for name in self.pages))
        )

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """The one record of a resource."""
        sid = _SID.fullmatch(text(raw, "sid"))
        if sid is None:
            raise Refusal(Reason.UNSUPPORTED_KIND if text(raw, "sid") else Reason.RECORD_MALFORMED)
        yield _MAKERS[sid[1].upper()]({**raw, **_readable(raw)}, raw, told)

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """A resource that cannot be taken in; its sid says what it was to be."""
        sid = _SID.fullmatch(text(raw, "sid"))
        return Refused(reason, raw, _KINDS[sid[1].upper()] if sid else "")


def _readable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Its RFC 2822 times as ISO 8601; what is neither stays as it is."""
    found = {}
    for name in _TIMES:
        value = raw.get(name)
        if isinstance(value, str) and value[:3].isalpha():
            try:
                # Without a zone, which RFC 5322 writes as -0000, it is UTC all the same.
                at = parsedate_to_datetime(value)
                found[name] = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
    return found


_Fields = Mapping[str, Any]


def _ended(of: _Fields, started: datetime, told: Told) -> tuple[datetime, datetime]:
    span(started, started, told)
    ended = when(of, told, "end_time")
    if ended is None:
        ended = started + timedelta(seconds=_seconds(text(of, "duration")))
    return span(started, ended, told)


def _seconds(value: str) -> int:
    # An unfinished recording says -1.
    return int(value) if value.isascii() and value.isdigit() and len(value) < 9 else 0  # noqa: PLR2004 - three years


def _call(of: _Fields, raw: _Fields, told: Told) -> Record:
    sid = text(of, "sid")
    started, ended = _ended(of, required(when(of, told, "start_time", "date_created")), told)
    return Record(
        kind="call",
        external_id=sid,
        started_at=started,
        ended_at=ended,
        document={"raw": dict(raw)},
        direction=_direction(of),
        people=people(
            ("caller", text(of, "from")),
            ("called", text(of, "to")),
            ("participant", text(of, "forwarded_from")),
            ("participant", text(of, "caller_name")),
        ),
        revision=when(of, told, "date_updated"),
        conversation=text(of, "parent_call_sid") or sid,
    )


def _recording(of: _Fields, raw: _Fields, told: Told) -> Record:
    started, ended = _ended(of, required(when(of, told, "start_time", "date_created")), told)
    gone = text(of, "status").lower() in _NO_MEDIA
    return Record(
        kind="call",
        external_id=text(of, "sid"),
        started_at=started,
        ended_at=ended,
        document={"raw": dict(raw)},
        revision=when(of, told, "date_updated"),
        conversation=text(of, "call_sid", "conference_sid"),
        without=() if gone else (Reason.MEDIA_BY_URL,),
    )


def _message(of: _Fields, raw: _Fields, told: Told) -> Record:
    sender, recipient = text(of, "from"), text(of, "to")
    sent = required(when(of, told, "date_sent", "date_created"))
    span(sent, sent, told)
    body = raw.get("body")
    said = {"text": body, "from": sender, "at": sent.isoformat()}
    return Record(
        kind="social" if _SOCIAL.match(sender) or _SOCIAL.match(recipient) else "sms",
        external_id=text(of, "sid"),
        started_at=sent,
        ended_at=sent,
        document={"raw": dict(raw), TEXTS: [said] if isinstance(body, str) else []},
        direction=_direction(of),
        people=people(
            ("sender", _SOCIAL.sub("", sender, count=1)),
            ("recipient", _SOCIAL.sub("", recipient, count=1)),
        ),
        revision=when(of, told, "date_updated"),
        without=(Reason.MEDIA_BY_URL,) if _seconds(text(of, "num_media")) else (),
    )


def _transcription(of: _Fields, raw: _Fields, told: Told) -> Record:
    recording = text(of, "recording_sid")
    if not recording:
        raise Refusal(Reason.RECORD_MALFORMED)
    started, ended = _ended(of, required(when(of, told, "date_created")), told)
    words = raw.get("transcription_text")
    return Record(
        kind="transcript",
        external_id=text(of, "sid"),
        started_at=started,
        ended_at=ended,
        document={
            "raw": dict(raw),
            TEXTS: [{"text": words}] if isinstance(words, str) else [],
        },
        revision=when(of, told, "date_updated"),
        of=recording,
    )


def _direction(of: _Fields) -> Direction:
    said = text(of, "direction").lower()
    if said and said not in _DIRECTIONS:
        raise Refusal(Reason.UNSUPPORTED_DIRECTION)
    return _DIRECTIONS.get(said, "none")


_KINDS: Final = MappingProxyType(
    {"CA": "call", "RE": "call", "SM": "sms", "MM": "sms", "TR": "transcript"}
)
_MAKERS: Final[Mapping[str, Callable[[_Fields, _Fields, Told], Record]]] = MappingProxyType(
    {"CA": _call, "RE": _recording, "SM": _message, "MM": _message, "TR": _transcription}
)
