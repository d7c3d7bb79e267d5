"""Proofs that stand alone: one thing that happened to one object, in a signed log.

A proof is JSON-able: the item's body and its path to the root in its leaf, the
leaf's body and its path to the log's root, and the checkpoint that signs that
root. Checking one needs the verifier key and nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callward.errors import IntegrityError
from callward.ledger.keys import History
from callward.ledger.leaves import Item, Leaf, body_hash, parse_item, parse_leaf
from callward.ledger.merkle import Frontier, inclusion_path, verify_inclusion
from callward.ledger.notes import Checkpoint

KIND = "callward/ledger-proof"
VERSION = 1

_MAX_PATH = 64
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Proved:
    """One thing that happened: where in the log, where in its leaf, and what both say."""

    position: int
    place: int
    leaf: Leaf
    item: Item


def included(body: str, position: int, hashes: Sequence[bytes]) -> dict[str, Any]:
    """The part of a proof that puts ``body`` at ``position`` among the leaf ``hashes``."""
    return part(body, position, inclusion_path(hashes, position))


def part(body: str, position: int, path: Sequence[bytes]) -> dict[str, Any]:
    """The part of a proof that puts ``body`` at ``position`` by an inclusion ``path``."""
    return {"body": body, "position": position, "path": [each.hex() for each in path]}


def proof_document(
    subject: str, item: Mapping[str, Any], leaf: Mapping[str, Any], checkpoint: str
) -> dict[str, Any]:
    """Put a proof together; ``item`` and ``leaf`` come from ``included``."""
    return {
        "kind": KIND,
        "v": VERSION,
        "subject": subject,
        "item": dict(item),
        "leaf": dict(leaf),
        "checkpoint": checkpoint,
    }


def verify_proof(document: Mapping[str, Any], verifier_key: str) -> Proved:
    """Check a proof of ``prove``, from anywhere; IntegrityError if anything is off.

    What it then shows: the log called as the key is contains, under the signed
    root, the leaf and in it the item, and the item is about ``subject``.
    """
    if document.get("kind") != KIND or document.get("v") != VERSION:
        raise IntegrityError("not a ledger proof of a known version")
    checkpoint = History.parse(verifier_key).verify_checkpoint(_text(document, "checkpoint"))
    return verify_event(document, _text(document, "subject"), checkpoint)


def verify_event(event: Mapping[str, Any], subject: str, checkpoint: Checkpoint) -> Proved:
    """Check that under ``checkpoint`` is the ``leaf`` and in it the ``item``, about ``subject``.

    Whether the checkpoint is signed is for the caller to check. Raises IntegrityError.
    """
    leaf = parse_leaf(_verify_part(event, "leaf", checkpoint.size, checkpoint.root))
    item = parse_item(_verify_part(event, "item", leaf.items, leaf.items_root))
    if item.subject != subject:
        raise IntegrityError("a ledger proof is about another subject")
    return Proved(event["leaf"]["position"], event["item"]["position"], leaf, item)


def verify_slice(before: Frontier, bodies: Iterable[str], root: bytes) -> Frontier:
    """Check that ``bodies`` are all the leaves between two heads, offline.

    ``before`` is the frontier where the slice starts (compare its ``root`` with
    the checkpoint of that size, if there is one), ``root`` the signed root where
    it ends. Returns the frontier there; raises IntegrityError.
    """
    hashes = []
    for body in bodies:
        parse_leaf(body)
        hashes.append(body_hash(body))
    after = before.extend(hashes)
    if after.root != root:
        raise IntegrityError(f"leaves {before.size} to {after.size} do not lead to the root")
    return after


def _verify_part(document: Mapping[str, Any], name: str, size: int, root: bytes) -> str:
    found = document.get(name)
    if not isinstance(found, Mapping) or found.keys() != {"body", "position", "path"}:
        raise IntegrityError(f"a ledger proof's {name} is malformed")
    body, position = _text(found, "body"), found["position"]
    if type(position) is not int:
        raise IntegrityError(f"a ledger proof's {name} has no position")
    verify_inclusion(_hash(body), position, size, _path(found["path"]), root)
    return body


def _hash(body: str) -> bytes:
    try:
        return body_hash(body)
    except UnicodeEncodeError:
        raise IntegrityError("a ledger proof is not UTF-8") from None


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise IntegrityError(f"a ledger proof's {name} is not text")
    return value


def _path(value: Any) -> list[bytes]:
    if not isinstance(value, list) or len(value) > _MAX_PATH:
        raise IntegrityError("a ledger proof's path is malformed")
    if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in value):
        raise IntegrityError("a ledger proof's path is not hex")
    return [bytes.fromhex(each) for each in value]
