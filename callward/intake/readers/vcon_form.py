"""One vCon held against its definition: version, extensions, identity, times, parties, dialogs.

draft-ietf-vcon-vcon-core, sections 4.1 to 4.3, whose versions of the syntax were 0.0.1,
0.0.2, 0.3.0 and 0.4.0. ``vcon`` is deprecated since: without it the syntax is the last
one. What changed its name is read under either: ``mimetype``/``mediatype``,
``appended``/``amended``, ``must_support``/``critical``, ``transfer-target``/``_target``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from callward.intake.readers import jsons, times
from callward.intake.readers.base import Told
from callward.intake.reasons import Reason, Refusal

VERSIONS: Final = frozenset({"0.0.1", "0.0.2", "0.3.0", "0.4.0"})
UNDERSTOOD: Final[frozenset[str]] = frozenset()
"""Extensions that we know how to read where a vCon says that its reader must: none."""
RECORDINGS: Final = frozenset({"recording", "audio", "video"})
"""Types of dialog that are recordings; the last two are written by vcon-lib alone."""
TYPES: Final = RECORDINGS | {"text", "transfer", "incomplete", "recording-set"}
MOST_PARTIES: Final = 1000
MOST_ITEMS: Final = 10_000
"""Dialogs, attachments or analyses of one vCon."""
LONGEST: Final = timedelta(days=31)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MEDIA_TYPE = re.compile(r"\s*[\w!#$&^.+-]{1,127}/[\w!#$&^.+*-]{1,127}\s*(?:;.*)?", re.DOTALL)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+")
_MAIL_DATES: Final = ("%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z")
"""As RFC 5322 has them, which the first implementations wrote."""


@dataclass(frozen=True, slots=True, repr=False)
class Dialog:
    """One dialog that is no placeholder. ``parties`` are indices, the originator's first."""

    index: int
    raw: Mapping[str, Any]
    type: str
    started: datetime
    ended: datetime
    parties: tuple[int, ...]

    @property
    def is_recording(self) -> bool:
        """Whether it is sound (or pictures with sound), here or elsewhere."""
        return self.type in RECORDINGS


@dataclass(frozen=True, slots=True, repr=False)
class Container:
    """A vCon in its unsigned form, sound in what identifies and dates it.

    ``conversation``: the uuid of the vCon it was redacted or amended from, else its own.
    """

    raw: Mapping[str, Any]
    uuid: str
    conversation: str
    revision: datetime | None
    started: datetime
    ended: datetime
    parties: tuple[Mapping[str, Any], ...]
    dialogs: tuple[Dialog, ...]
    attachments: tuple[Mapping[str, Any], ...]
    analysis: tuple[Mapping[str, Any], ...]


def container(raw: Mapping[str, Any], told: Told) -> Container:
    """Check a vCon. Raises Refusal: the first thing that is wrong with it."""
    _require_known(raw)
    uuid = _uuid(raw.get("uuid"))
    parties = _objects(raw, "parties", MOST_PARTIES)
    items = _objects(raw, "dialog", MOST_ITEMS)
    dialogs = tuple(
        _dialog(index, one, len(parties), told) for index, one in enumerate(items) if one
    )
    created, updated = _moment(raw, "created_at", told), _moment(raw, "updated_at", told)
    revision = updated or created
    if revision:
        times.span(revision, revision, told)
    started, ended = _span(dialogs, created or updated, told)
    return Container(
        raw=raw,
        uuid=uuid,
        conversation=_origin(raw) or uuid,
        revision=revision,
        started=started,
        ended=ended,
        parties=parties,
        dialogs=dialogs,
        attachments=_objects(raw, "attachments", MOST_ITEMS),
        analysis=_objects(raw, "analysis", MOST_ITEMS),
    )


def signing_time(raw: Mapping[str, Any], told: Told) -> datetime:
    """When a vCon says it was signed: ``updated_at``, else ``created_at``, else now."""
    return _moment(raw, "updated_at", told) or _moment(raw, "created_at", told) or told.now


def _require_known(raw: Mapping[str, Any]) -> None:
    version = raw.get("vcon")
    if version not in (None, "") and not (isinstance(version, str) and version in VERSIONS):
        raise Refusal(Reason.VERSION_UNSUPPORTED)
    for name in ("critical", "must_support"):
        needed = raw.get(name)
        if needed is None:
            continue
        if not isinstance(needed, list) or not all(isinstance(one, str) for one in needed):
            raise Refusal(Reason.RECORD_MALFORMED)
        if not UNDERSTOOD.issuperset(needed):
            raise Refusal(Reason.EXTENSION_UNKNOWN)


def _uuid(value: Any) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value.strip()):
        raise Refusal(Reason.RECORD_MALFORMED)
    return value.strip().lower()


def _origin(raw: Mapping[str, Any]) -> str:
    """The uuid of the version that this one was made from, where it says so."""
    for name in ("redacted", "amended", "appended"):
        uuid = jsons.text(jsons.child(raw, name), "uuid")
        if _UUID.fullmatch(uuid):
            return uuid.lower()
    return ""


def _objects(raw: Mapping[str, Any], name: str, most: int) -> tuple[Mapping[str, Any], ...]:
    """A member that is a list of objects; what was redacted may be null or empty."""
    value = raw.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Refusal(Reason.RECORD_MALFORMED)
    if len(value) > most:
        raise Refusal(Reason.TOO_LARGE)
    if not all(one is None or isinstance(one, Mapping) for one in value):
        raise Refusal(Reason.RECORD_MALFORMED)
    return tuple(one or {} for one in value)


def _dialog(index: int, raw: Mapping[str, Any], parties: int, told: Told) -> Dialog:
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Refusal(Reason.RECORD_MALFORMED)
    present = _parties(raw, parties)
    _require_shapes(raw)
    started = _moment(raw, "start", told)
    if started is None:
        raise Refusal(Reason.TIME_MALFORMED)
    times.span(started, started, told)
    return Dialog(index, raw, kind, started, started + _duration(raw), present)


def _require_shapes(raw: Mapping[str, Any]) -> None:
    """What its content is, and where: a media type and an address, where they are given."""
    for name, shape in (("mediatype", _MEDIA_TYPE), ("mimetype", _MEDIA_TYPE), ("url", _URL)):
        value = raw.get(name)
        if value in (None, ""):
            continue
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise Refusal(Reason.RECORD_MALFORMED)


def _parties(raw: Mapping[str, Any], count: int) -> tuple[int, ...]:
    """The parties' indices, each once, the originator's first."""
    found = list(_indices(raw.get("parties"), 2))
    first = raw.get("originator")
    if first is not None:
        found[:0] = _indices(first, 0)
    found += _transferred(raw)
    if any(not 0 <= one < count for one in found):
        raise Refusal(Reason.RECORD_MALFORMED)
    return tuple(dict.fromkeys(found))


def _transferred(raw: Mapping[str, Any]) -> Iterator[int]:
    names = ("transferee", "transferor", "transfer_target", "transfer-target")
    return chain.from_iterable(_indices(raw.get(name), 1) for name in names)


def _indices(value: Any, deep: int) -> Iterator[int]:
    """Index, list of them, or list of lists of them; null where nobody is."""
    if value is None:
        return
    if isinstance(value, list) and deep:
        if len(value) > MOST_PARTIES:
            raise Refusal(Reason.TOO_LARGE)
        for one in value:
            yield from _indices(one, deep - 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value
    else:
        raise Refusal(Reason.RECORD_MALFORMED)


def _duration(raw: Mapping[str, Any]) -> timedelta:
    value = raw.get("duration")
    if value is None:
        return timedelta()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(Reason.RECORD_MALFORMED)
    if not 0 <= value <= LONGEST.total_seconds():
        raise Refusal(Reason.NUMBER_MALFORMED)
    return timedelta(seconds=value)


def _moment(raw: Mapping[str, Any], name: str, told: Told) -> datetime | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(Reason.TIME_MALFORMED)
    formats = _MAIL_DATES if " " in value.strip()[:8] else ()
    return times.moment(value, told, *formats)


def _span(
    dialogs: tuple[Dialog, ...], otherwise: datetime | None, told: Told
) -> tuple[datetime, datetime]:
    """From the first dialog's start to the last one's end; without dialogs, when it was made."""
    moments = [(one.started, one.ended) for one in dialogs]
    if not moments:
        if otherwise is None:
            raise Refusal(Reason.TIME_MALFORMED)
        moments = [(otherwise, otherwise)]
    return times.span(min(one for one, _ in moments), max(one for _, one in moments), told)
