"""What is written into the ledger: leaves, and the items each of them sums up.

A leaf's body is canonical JSON ``{"at", "counts", "event", "ids", "items",
"items_root", "v": 1}``; an item's is ``{"subject", …}``. Both hold opaque ids,
enums, counts and digests of ciphertext, nothing that can be about a person.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from callward.errors import DefectError, IntegrityError
from callward.ledger.canonical import canonical, parse
from callward.ledger.merkle import HASH_BYTES, leaf_hash

VERSION = 1
MAX_ID = 64
MAX_BODY = 65_535  # bytes of a leaf: what an entry of c2sp.org/tlog-tiles can hold

# E.164 would fit the pattern, and is what callers have at hand.
_OPAQUE = re.compile(r"(?!\+[0-9]{5,15}\Z)[A-Za-z0-9:._+/-]{0,128}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_FIELDS = frozenset({"at", "counts", "event", "ids", "items", "items_root", "v"})

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Item:
    """What happened to one thing: its id, and facts about it by name."""

    subject: str
    body: Mapping[str, Value] = field(default_factory=dict)

    def encoded(self) -> str:
        """The item's canonical JSON; DefectError if it holds what must not go in."""
        _check_id(self.subject)
        if "subject" in self.body:
            raise DefectError("a ledger item's body names its subject again")
        for name, value in self.body.items():
            _check_opaque(name)
            if isinstance(value, str):
                _check_opaque(value)
            elif not (value is None or isinstance(value, int)):
                raise DefectError(f"a ledger item cannot hold a {type(value).__name__}")
        return canonical({**self.body, "subject": self.subject}).decode()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One batch of one kind of event.

    ``at`` is RFC 3339 in UTC with six digits of a second; ``items_root`` is the
    Merkle root (32 bytes) over the hashes of the ``items`` item bodies.
    """

    event: str
    at: str
    items: int
    items_root: bytes
    counts: Mapping[str, int] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> str:
        """The leaf's canonical JSON; DefectError if it holds what must not go in."""
        _check_id(self.event)
        for name in [*self.counts, *self.ids, *self.ids.values()]:
            _check_opaque(name)
        if any(type(count) is not int for count in [self.items, *self.counts.values()]):
            raise DefectError("a ledger leaf's counts are not whole numbers")
        if not _MOMENT.fullmatch(self.at) or len(self.items_root) != HASH_BYTES or self.items < 0:
            raise DefectError("a ledger leaf's time, count or root is malformed")
        body = canonical(
            {
                "at": self.at,
                "counts": self.counts,
                "event": self.event,
                "ids": self.ids,
                "items": self.items,
                "items_root": self.items_root.hex(),
                "v": VERSION,
            }
        )
        if len(body) > MAX_BODY:
            raise DefectError(f"a ledger leaf is longer than {MAX_BODY} bytes")
        return body.decode()


def rfc3339(moment: datetime) -> str:
    """``moment`` in UTC, to the microsecond; DefectError if it has no offset."""
    if moment.tzinfo is None:
        raise DefectError("a moment without an offset cannot go into the ledger")
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def body_hash(body: str) -> bytes:
    """The Merkle leaf hash of a leaf's or an item's body."""
    return leaf_hash(body.encode())


def parse_item(body: str) -> Item:
    """Read an item's body; IntegrityError unless ``encoded`` could have written it."""
    document = _members(body)
    item = Item(document.pop("subject", None), document)
    _check_rewrites(item, body)
    return item


def parse_leaf(body: str) -> Leaf:
    """Read a leaf's body; IntegrityError unless ``encoded`` could have written it."""
    document = _members(body)
    if document.keys() != _FIELDS:
        raise IntegrityError("a leaf's body has the wrong members")
    try:
        leaf = Leaf(
            event=document["event"],
            at=document["at"],
            items=document["items"],
            items_root=bytes.fromhex(document["items_root"]),
            counts=dict(document["counts"]),
            ids=dict(document["ids"]),
        )
    except (TypeError, ValueError):
        raise IntegrityError("a leaf's body is malformed") from None
    _check_rewrites(leaf, body)
    return leaf


def _members(body: str) -> dict[str, Any]:
    document = parse(body)
    if not isinstance(document, dict):
        raise IntegrityError("a ledger body is not an object")
    return document


def _check_rewrites(value: Item | Leaf, body: str) -> None:
    """Writing it again is the strictest reading: types, patterns, members, order."""
    try:
        same = value.encoded() == body
    except (DefectError, TypeError):
        same = False
    if not same:
        raise IntegrityError("a ledger body is malformed")


def _check_id(text: str) -> None:
    _check_opaque(text)
    if not 0 < len(text) <= MAX_ID:
        raise DefectError(f"a ledger id is empty or longer than {MAX_ID}")


def _check_opaque(text: str) -> None:
    if not _OPAQUE.fullmatch(text):
        raise DefectError("only opaque ids, codes and digests may go into the ledger")
