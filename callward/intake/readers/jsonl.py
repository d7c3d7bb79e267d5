"""Callward's own form of records, one JSON object a line: for suppliers without a format.

The members are a record's fields by name (``docs/records.md`` has one of each kind):
``kind``, ``external_id`` and ``started_at`` always; ``ended_at``, ``direction``, ``people``,
``texts``, ``attachments``, ``revision``, ``conversation``, ``of`` and ``active`` where
they apply. Any other member is kept, sealed, and not used. Audio does not come this way.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, cast, get_args

from callward.intake.categories import KINDS, TRANSCRIPT
from callward.intake.readers.base import Sight, Told
from callward.intake.readers.jsonfile import JsonFile, identity, required, when
from callward.intake.readers.jsons import text
from callward.intake.readers.secrets import GUARDED, tells_a_secret, without_secrets
from callward.intake.readers.shape import paths
from callward.intake.readers.times import span
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import ROLES, TEXTS, Direction, Part, Person, Record, Refused

KINDS_HERE: Final = frozenset(kind for kind, category in KINDS.items() if not category.media)
_DIRECTIONS: Final = frozenset(get_args(Direction))
_ACCOUNT: Final = "agent-account"


class CallwardRecords(JsonFile):
    """Records of every category but audio."""

    name: ClassVar[str] = "callward-records"
    kinds: ClassVar[frozenset[str]] = KINDS_HERE

    def claims(self, sight: Sight) -> bool:
        """Objects with our names for what they are, which they are, and when."""
        return paths(sight.head) >= {"kind", "external_id", "started_at"}

    def records(self, raw: Mapping[str, Any], told: Told) -> Iterator[Record | Refused]:
        """The one record of an object."""
        kind = text(raw, "kind")
        if kind not in KINDS_HERE:
            raise Refusal(Reason.UNSUPPORTED_KIND)
        if kind in GUARDED and without_secrets(raw)[1]:
            raise Refusal(Reason.CREDENTIALS)
        started, ended, active = _times(raw, kind, told)
        kept, parts, broken = _attachments(raw)
        document: dict[str, Any] = {"raw": kept}
        if TEXTS in raw:
            document[TEXTS] = _texts(raw)
        yield Record(
            kind=kind,
            external_id=identity(raw, "external_id"),
            started_at=started,
            ended_at=ended,
            document=document,
            direction=_direction(raw),
            people=_people(raw),
            parts=parts,
            revision=when(raw, told, "revision"),
            conversation=text(raw, "conversation"),
            of=identity(raw, "of") if kind == TRANSCRIPT else "",
            without=(Reason.MEDIA_UNREADABLE,) if broken else (),
            active=active,
        )

    def refused(self, reason: Reason, raw: Mapping[str, Any]) -> Refused:
        """What is kept of an object, never a credential."""
        if tells_a_secret(text(raw, "line")):
            return Refused(reason)
        kind = text(raw, "kind")
        if kind in GUARDED or kind not in KINDS_HERE:
            raw, _ = without_secrets(raw)
        return Refused(reason, raw, kind if kind in KINDS_HERE else "")


def _times(raw: Mapping[str, Any], kind: str, told: Told) -> tuple[datetime, datetime, bool]:
    """Begin, end, and whether it is an account in use: one that nobody has left."""
    started = required(when(raw, told, "started_at"))
    ended = when(raw, told, "ended_at")
    active = raw.get("active", kind == _ACCOUNT and ended is None)
    if not isinstance(active, bool) or (active and (kind != _ACCOUNT or ended is not None)):
        raise Refusal(Reason.RECORD_MALFORMED)
    if kind == _ACCOUNT and not active and ended is None:
        raise Refusal(Reason.RECORD_MALFORMED)
    return *span(started, ended or started, told), active


def _direction(raw: Mapping[str, Any]) -> Direction:
    said = raw.get("direction") or "none"
    if not isinstance(said, str) or said not in _DIRECTIONS:
        raise Refusal(Reason.UNSUPPORTED_DIRECTION)
    return cast("Direction", said)


def _people(raw: Mapping[str, Any]) -> tuple[Person, ...]:
    found = []
    for one in _list(raw, "people"):
        role, name = text(one, "role"), text(one, "text")
        if role not in ROLES or not name:
            raise Refusal(Reason.RECORD_MALFORMED)
        found.append(Person(role, name))
    return tuple(dict.fromkeys(found))


def _texts(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _list(raw, TEXTS)
    if not all(isinstance(one.get("text"), str) for one in found):
        raise Refusal(Reason.RECORD_MALFORMED)
    return found


def _attachments(raw: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Part, ...], int]:
    """The object without what could be decoded, that, and how many could not be."""
    kept, parts, broken = dict(raw), [], 0
    if "attachments" not in raw:
        return kept, (), 0
    kept["attachments"] = []
    for one in _list(raw, "attachments"):
        left = dict(one)
        try:
            data = base64.b64decode("".join(str(left["data"]).split()), validate=True)
        except (binascii.Error, ValueError, KeyError):
            broken += 1
        else:
            del left["data"]
            parts.append(Part("attachment", data, text(one, "media_type"), text(one, "name")))
        kept["attachments"].append(left)
    return kept, tuple(parts), broken


def _list(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = raw.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise Refusal(Reason.RECORD_MALFORMED)
    return found
