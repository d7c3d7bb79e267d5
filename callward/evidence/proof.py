"""The proof file: everything the ledger says of one object, object → leaf → checkpoint.

RFC 8785 canonical JSON: the ``events``, each an item with its path to the root
in its leaf and the leaf with its path to the log's root; the signed checkpoint
of that root; and over all of it the same key's signature (domain ``proof``),
by which the instance states that these are all up to that checkpoint. Checking
needs the standard library and ``cryptography``.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from callward.errors import IntegrityError
from callward.evidence.verify import CheckLine, Verification, key_line
from callward.ledger.canonical import canonical, parse
from callward.ledger.keys import History
from callward.ledger.notes import Checkpoint, verify_checkpoint
from callward.ledger.proofs import Proved, verify_event
from callward.ledger.signing import Signer, verify_signature

KIND: Final = "callward/proof"
VERSION: Final = 1
DOMAIN: Final = "proof"
MAX_CHARACTERS: Final = 64 * 1024 * 1024

_FIELDS = {"checkpoint", "events", "kind", "signature", "signed_by", "subject", "v"}
_NOT_SHOWN = (
    "that the instance recorded truly what it did; that nothing happened after the checkpoint; "
    "and that no later log contradicts this one (compare the checkpoint with those of a witness)"
)


def build_proof(
    subject: str, events: Sequence[Mapping[str, Any]], checkpoint: str, signer: Signer
) -> str:
    """Put a proof file together and sign it; ``checkpoint`` is to be of the same key.

    ``events`` are the parts ``item`` and ``leaf`` (``proofs.part``), in the log's order.
    """
    document: dict[str, Any] = {
        "kind": KIND,
        "v": VERSION,
        "subject": subject,
        "events": [{"item": event["item"], "leaf": event["leaf"]} for event in events],
        "checkpoint": checkpoint,
        "signed_by": signer.verifier,
    }
    signature = base64.b64encode(signer.sign(DOMAIN, canonical(document))).decode()
    return canonical({**document, "signature": signature}).decode()


def check_proof(content: bytes, expected_key: str | None) -> Verification:
    """Check a proof file; the lines say what holds, and what happened to the object.

    ``expected_key`` is the verifier key, or the list of a log's keys, that the
    reader had from elsewhere. Never raises over the content: every flaw is a line.
    """
    checks: list[CheckLine] = []
    key = ""
    try:
        document = _document(content)
        checks.append(CheckLine("file", ok=True, detail=f"about {document['subject']}"))
        key = _signed_by(document)
        checks += [_SIGNED, key_line(key, expected_key)]
        checkpoint = verify_checkpoint(document["checkpoint"], [key])
        _require_in_force(key, expected_key, checkpoint.size)
        detail = f"signed by the same key; {checkpoint.size} leaves, root {checkpoint.root.hex()}"
        checks.append(CheckLine("checkpoint", ok=True, detail=detail))
        checks += [_event_line(event) for event in _events(document, checkpoint)]
    except IntegrityError as error:
        checks.append(CheckLine("proof", ok=False, detail=str(error.args[0])))
    return Verification([*checks, CheckLine("not shown", None, _NOT_SHOWN)], key)


_SIGNED: Final = CheckLine(
    "signature",
    ok=True,
    detail="Ed25519, over everything: the instance states that no more happened to it by then",
)


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = parse(content.decode(), MAX_CHARACTERS)
    except UnicodeDecodeError:
        raise IntegrityError("a proof file is not UTF-8") from None
    if not isinstance(document, dict) or document.keys() != _FIELDS:
        raise IntegrityError("a proof file has the wrong members")
    if (document["kind"], document["v"]) != (KIND, VERSION):
        raise IntegrityError("not a proof file of a known version")
    texts = (document[name] for name in ("checkpoint", "signature", "signed_by", "subject"))
    if not all(isinstance(text, str) for text in texts):
        raise IntegrityError("a proof file's member is not text")
    return document


def _signed_by(document: Mapping[str, Any]) -> str:
    """The key that signed the whole document."""
    key: str = document["signed_by"]
    try:
        signature = base64.b64decode(document["signature"], validate=True)
    except (ValueError, binascii.Error):
        raise IntegrityError("a proof file's signature is not base64") from None
    if base64.b64encode(signature).decode() != document["signature"]:
        raise IntegrityError("a proof file's signature is not base64")
    signed = {name: value for name, value in document.items() if name != "signature"}
    verify_signature(key, DOMAIN, canonical(signed), signature)
    return key


def _events(document: Mapping[str, Any], checkpoint: Checkpoint) -> list[Proved]:
    events = document["events"]
    if not isinstance(events, list) or not events:
        raise IntegrityError("a proof file proves nothing")
    if not all(isinstance(event, dict) and event.keys() == {"item", "leaf"} for event in events):
        raise IntegrityError("a proof file's event is malformed")
    proved = [verify_event(event, document["subject"], checkpoint) for event in events]
    places = [(one.position, one.place) for one in proved]
    if places != sorted(set(places)):
        raise IntegrityError("a proof file's events are out of order")
    return proved


def _require_in_force(key: str, expected: str | None, size: int) -> None:
    """A retired key counts for the heads of its time only."""
    history = History.parse(key if expected is None else expected)
    if history.knows(key):
        history.require(key, size)


def _event_line(event: Proved) -> CheckLine:
    facts = [f"{name}={value}" for name, value in event.item.body.items()]
    ids = [f"{name}={value}" for name, value in event.leaf.ids.items()]
    said = " ".join([event.leaf.event, *facts, *ids])
    where = f"leaf {event.position}, item {event.place} of {event.leaf.items}"
    return CheckLine("event", ok=True, detail=f"{event.leaf.at} {said} ({where}, under the root)")
