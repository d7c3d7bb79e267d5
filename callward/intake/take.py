"""What a worker does with a slice of a file of records: read, mask card data, seal.

What goes back to the parent are opaque ids, times, ciphertexts with their keys and,
for blind indexes alone, who took part. The text itself stays here.
"""

import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any
from zoneinfo import ZoneInfo

from callward.cards.text import mask, mask_bytes, mask_document
from callward.contacts import blind_text
from callward.intake.audio import probe
from callward.intake.categories import KINDS
from callward.intake.files import Seen, open_inside
from callward.intake.readers.base import HEAD_BYTES, Slice, Told
from callward.intake.readers.registry import READERS
from callward.intake.readers.secrets import file_tells_a_secret
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import AGENT, Part, Record, Refused
from callward.intake.textpieces import masked_pieces
from callward.intake.together import masked_together
from callward.vault.sealing import Sealed, context, new_key, seal_bytes, seal_chunks
from callward.vault.stores import open_store
from callward.vault.vault import ROW_LIMIT

_AUDIO = frozenset(
    {".wav", ".mp3", ".m4a", ".ogg", ".opus", ".amr", ".gsm", ".au", ".aac", ".flac"}
)
_WHEN = ("started_at", "ended_at", "revision")
REFUSED_KIND = "record"
"""Kind under which a refused record, or a file of them, is sealed."""


@dataclass(frozen=True, slots=True)
class TakeTask:
    """A slice of one file, or of it the records from ``first`` on, at most ``most``."""

    drop: Path
    name: str
    seen: Seen
    controller: str
    source: str
    part: Slice
    now: datetime
    zone: str
    region: str
    mapping: Mapping[str, Any] | None
    store_url: str
    store_key: str
    first: int = 0
    most: int | None = None
    roots: tuple[bytes, ...] = ()
    """Certificates (DER) that those who sign records must lead to; none: whoever signed."""


@dataclass(frozen=True)  # without slots, as ``Sealed``: thousands go to the parent
class TakenPart:
    """A sealed object of a record: its document (the first) or something that came in it."""

    id: str
    kind: str
    sealed: Sealed
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, repr=False)
class Taken:
    """A record as the parent records it; ``reason`` is set where it was refused.

    ``people``: role, and the text that a blind index is computed from.
    """

    kind: str
    parts: tuple[TakenPart, ...]
    masked: int
    sha256: str = ""
    external_id: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    direction: str = "none"
    people: tuple[tuple[str, str], ...] = ()
    revision: datetime | None = None
    conversation: str = ""
    of: str = ""
    without: tuple[Reason, ...] = ()
    active: bool = False
    reason: Reason | None = None

    @property
    def id(self) -> str:
        """The id of its document."""
        return self.parts[0].id


def take_slice(task: TakeTask) -> tuple[Taken, ...] | Reason:
    """Read one slice; a Reason if the file as a whole is refused after all, or was changed."""
    told = Told(task.now, ZoneInfo(task.zone), task.region, task.mapping, task.roots)
    sealer = _Sealer(task)
    last = None if task.most is None else task.first + task.most
    try:
        with os.fdopen(open_inside(task.drop, task.name), "rb") as file:
            if Seen.of(file.fileno()) != task.seen:
                return Reason.CHANGED_WHILE_READ
            read = READERS[task.source].read(file, task.part, told)
            made, masked = masked_together(list(itertools.islice(read, task.first, last)))
            taken = tuple(sealer.take(one) for one in made)
            if Seen.of(file.fileno()) != task.seen:
                return Reason.CHANGED_WHILE_READ
    except Refusal as refusal:
        return refusal.reason
    if masked:  # counted with the first of them: which it stands in is not kept
        taken = (replace(taken[0], masked=taken[0].masked + masked), *taken[1:])
    return taken


@dataclass(frozen=True, slots=True)
class KeepTask:
    """A refused file of records, or a slice of one, that is only to be kept."""

    drop: Path
    name: str
    controller: str
    store_url: str
    store_key: str
    part: Slice | None = None
    guarded: bool = False
    """Whether it is to be of a kind that may come with credentials."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A refused file as sealed, and which file that was; ``masked`` numbers of cards in it.

    ``part`` is None where it seems to hold credentials: those are never stored.
    """

    part: TakenPart | None
    sha256: str
    seen: Seen | None
    masked: int


def keep_file(task: KeepTask) -> Kept | Reason:
    """Seal a refused file, card data taken out where it is text; a Reason if it cannot be read."""
    try:
        handle = open_inside(task.drop, task.name)
    except Refusal as refusal:
        return refusal.reason
    with os.fdopen(handle, "rb") as file:
        seen, digest = Seen.of(file.fileno()), hashlib.sha256()
        if file_tells_a_secret(file.read(HEAD_BYTES), guarded=task.guarded):
            return Kept(None, "", seen, 0)
        masked = 0

        start, end = (task.part.start, task.part.end) if task.part else (0, seen.size)

        def chunks() -> Iterator[bytes]:
            nonlocal masked
            for piece, text, found in masked_pieces(file, start, end):
                digest.update(piece)
                masked += found
                yield text

        object_id = token_hex(16)
        bound_to = context(task.controller, object_id, REFUSED_KIND)
        sealed = _seal(bound_to, chunks(), max(0, end - start), task.store_url, task.store_key)
        same = Seen.of(file.fileno()) == seen
    part = TakenPart(object_id, REFUSED_KIND, sealed)
    return Kept(part, digest.hexdigest(), seen if same else None, masked)


def _seal(
    bound_to: bytes, chunks: Iterator[bytes], size: int, store_url: str, store_key: str
) -> Sealed:
    """Seal into a row what is small, else into the store."""
    key = new_key()
    if size <= ROW_LIMIT:
        plain = b"".join(chunks)
        payload = seal_bytes(key, bound_to, plain)
        return Sealed(key, len(plain), hashlib.sha256(payload).hexdigest(), None, payload)
    digest, count = hashlib.sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for chunk in chunks:
            count += len(chunk)
            yield chunk

    def ciphertext() -> Iterator[bytes]:
        for chunk in seal_chunks(key, bound_to, counted()):
            digest.update(chunk)
            yield chunk

    open_store(store_url).put(store_key, ciphertext())
    return Sealed(key, count, digest.hexdigest(), store_key, None)


class _Sealer:
    """Seals the records of one slice."""

    def __init__(self, task: TakeTask) -> None:
        self._task = task
        self._number = 0

    def take(self, one: Record | Refused) -> Taken:
        if isinstance(one, Refused):
            return self._refused(one)
        if one.kind not in KINDS:
            return self._refused(Refused(Reason.UNSUPPORTED_KIND, one.document))
        contents, reason = [], None
        masked, parts = 0, []
        for part in one.parts:
            sealed, sha256, found, fault = self._content(part)
            name, kind = mask(part.name)[0], mask(part.media_type)[0]
            contents.append({"name": name, "type": kind, "sha256": sha256})
            parts.append(sealed)
            masked, reason = masked + found, reason or fault
        document, found = mask_document(_plain(one))
        people, more = _masked_people(one)
        told = {**document, **_told(one, self._task.source), "people": people, "parts": contents}
        said, plain = _digest_and_bytes(told)
        found += more
        kind = "details" if KINDS[one.kind].media else one.kind
        parts.insert(0, self._part(kind, plain))
        if KINDS[one.kind].media and len(parts) == 1:
            reason = reason or Reason.NO_AUDIO
        return Taken(
            kind=one.kind,
            parts=tuple(parts),
            masked=masked + found,
            sha256=said,
            external_id=one.external_id,
            started_at=one.started_at,
            ended_at=one.ended_at,
            direction=one.direction,
            people=tuple(_people(one, self._task.region)),
            revision=one.revision,
            conversation=one.conversation or one.external_id,
            of=one.of,
            without=one.without,
            active=one.active,
            reason=reason,
        )

    def _refused(self, one: Refused) -> Taken:
        document, masked = mask_document(one.raw)
        part = self._part(REFUSED_KIND, _encoded(document))
        return Taken(one.kind or REFUSED_KIND, (part,), masked, reason=one.reason)

    def _content(self, part: Part) -> tuple[TakenPart, str, int, Reason | None]:
        """Seal what came in a record; its SHA-256, the cards masked in it, why it is refused."""
        if part.kind == "attachment":
            found = mask_bytes(part.data)
            data, masked = found or (part.data, 0)
            # A voicemail sent by mail is listened to for card numbers as any other.
            facts = _probed(data)[0] if _is_audio(part) else None
            sealed = self._part(part.kind, data, facts)
            return sealed, hashlib.sha256(data).hexdigest(), masked, None
        facts, reason = _probed(part.data)
        sealed = self._part(part.kind, part.data, facts)
        return sealed, hashlib.sha256(part.data).hexdigest(), 0, reason

    def _part(self, kind: str, plain: bytes, facts: Mapping[str, Any] | None = None) -> TakenPart:
        object_id = token_hex(16)
        bound_to = context(self._task.controller, object_id, kind)
        self._number += 1
        where = f"{self._task.store_key}-{self._number:06d}"
        size = len(plain) if facts is None else ROW_LIMIT + 1  # audio is heard from the store
        sealed = _seal(bound_to, iter((plain,)), size, self._task.store_url, where)
        return TakenPart(object_id, kind, sealed, facts)


def content_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what a sealed document says, whenever it was said.

    Of a record without a time of its own the day it was delivered is taken: that does not
    make it another version.
    """
    return _digest_and_bytes(document)[0]


def _digest_and_bytes(document: Mapping[str, Any]) -> tuple[str, bytes]:
    """The content digest and the bytes to seal: when it was said stands behind what was."""
    said = _encoded({name: value for name, value in document.items() if name not in _WHEN})
    when = _encoded({name: document[name] for name in _WHEN if name in document})
    # Neither is empty, and writing what was said twice would cost as much as masking it.
    plain = b"%b,%b" % (said[:-1], when[1:])
    return hashlib.sha256(said).hexdigest(), plain


def _encoded(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def _is_audio(part: Part) -> bool:
    """Whether an attachment says by type or name that it is to be heard."""
    by_name = Path(part.name.lower()).suffix in _AUDIO
    return by_name or part.media_type.lower().startswith("audio/")


def _told(one: Record, source: str) -> Mapping[str, Any]:
    """What the catalogue has as well, in words and times of our own: no card data can be in it."""
    return {
        "source": source,
        "kind": one.kind,
        "started_at": one.started_at.isoformat(),
        "ended_at": one.ended_at.isoformat(),
        "direction": one.direction,
        "revision": one.revision.isoformat() if one.revision else None,
    }


def _plain(one: Record) -> Mapping[str, Any]:
    """What of a record is to be masked and sealed: what the supplier wrote."""
    return {
        **one.document,
        "external_id": one.external_id,
        "conversation": one.conversation,
        "of": one.of,
    }


def _masked_people(one: Record) -> tuple[list[tuple[str, str]], int]:
    """Each by itself: nobody says a card number by taking part."""
    masked = [(person.role, *mask(person.text)) for person in one.people]
    return [(role, text) for role, text, _ in masked], sum(count for *_, count in masked)


def _people(one: Record, region: str) -> Iterator[tuple[str, str]]:
    for person in one.people:
        text = blind_text(person.text, None if person.role == AGENT else region)
        if text is not None:
            yield person.role, text


def _probed(data: bytes) -> tuple[dict[str, Any] | None, Reason | None]:
    if not data:
        return None, Reason.EMPTY
    try:
        facts = probe(io.BytesIO(data))
    except Refusal as refusal:
        return None, refusal.reason
    return asdict(facts), Reason.TRUNCATED if facts.truncated else None
