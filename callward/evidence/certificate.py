"""The certificate of destruction: a signed statement of what no longer exists."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

from callward.errors import DefectError, IntegrityError
from callward.ledger.canonical import Json, canonical
from callward.ledger.signing import verify_signature

KIND: Final = "callward/certificate-of-destruction"
VERSION: Final = 1
DOMAIN: Final = "certificate"
MAX_CHARACTERS: Final = 256 * 1024 * 1024

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("id", "controller", "sweep", "as_of", "issued_at", "signed_by", "signature")
_FIELDS = {*_TEXTS, "kind", "v", "generation", "ledger", "objects", "residual"}
_OBJECT_FIELDS = {"id", "kind", "ciphertext_sha256", "due_day"}


class Signer(Protocol):
    """Signs documents; ``callward.ledger.signing.Signer`` is one."""

    @property
    def verifier(self) -> str:
        """The C2SP verifier key that checks what ``sign`` signs."""
        ...

    def sign(self, domain: str, body: bytes) -> bytes:
        """Sign ``body`` as a document of the kind ``domain``."""
        ...


def build_certificate(
    signer: Signer,
    *,
    id: str,  # noqa: A002 - the field's name in the document
    controller: str,
    sweep_id: str,
    as_of: date,
    objects: Sequence[tuple[str, str, str, date]],
    ledger_size: int,
    intent_leaf: int,
    residual: Mapping[str, int],
    issued_at: datetime,
    generation: int,
) -> str:
    """Certify that ``objects`` are gone and return the signed document.

    ``objects`` are (object id, kind, SHA-256 of the ciphertext in hex, due day);
    ``residual`` says for each store searched how much of them was found;
    ``intent_leaf`` is the position of the sweep's INTENT entry and
    ``ledger_size`` the log's size when the certificate was made. The document
    is RFC 8785 canonical JSON. Raises DefectError if anything is left, nothing
    was searched or destroyed, an object is listed twice or was not yet due:
    there is no certificate for that (DESIGN §3 rules 3 and 5).
    """
    document: dict[str, Json] = {
        "kind": KIND,
        "v": VERSION,
        "id": id,
        "controller": controller,
        "sweep": sweep_id,
        "as_of": as_of.isoformat(),
        "issued_at": _utc(issued_at),
        "generation": generation,
        "ledger": {"size": ledger_size, "intent_leaf": intent_leaf},
        "objects": [
            {"id": i, "kind": kind, "ciphertext_sha256": digest, "due_day": due.isoformat()}
            for i, kind, digest, due in sorted(objects)
        ],
        "residual": dict(residual),
        "signed_by": signer.verifier,
    }
    flaw = _flaw(document)
    if flaw:
        raise DefectError(f"no certificate: {flaw}")
    signature = base64.b64encode(signer.sign(DOMAIN, canonical(document))).decode()
    return canonical({**document, "signature": signature}).decode()


def verify_certificate(text: str, verifier_key: str) -> dict[str, Any]:
    """Check form, sense and signature of a certificate and return the document.

    Raises IntegrityError unless it is exactly what ``build_certificate`` would
    have written and the key signed it.
    """
    document = _parse(text)
    if document.keys() != _FIELDS or (document["kind"], document["v"]) != (KIND, VERSION):
        raise IntegrityError("not a certificate of a known version")
    if document["signed_by"] != verifier_key:
        raise IntegrityError("a certificate is signed by another key")
    signed = {name: value for name, value in document.items() if name != "signature"}
    verify_signature(verifier_key, DOMAIN, canonical(signed), _decode(document["signature"]))
    flaw = _flaw(document)
    if flaw:
        raise IntegrityError(f"a signed certificate makes no sense: {flaw}")
    return document


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_CHARACTERS:
        raise IntegrityError(f"a certificate is longer than {MAX_CHARACTERS} characters")
    try:
        document: Any = json.loads(text)
        same = canonical(document).decode() == text
    except (ValueError, RecursionError, DefectError):
        raise IntegrityError("a certificate is not canonical JSON") from None
    if not same or not isinstance(document, dict):
        raise IntegrityError("a certificate is not canonical JSON")
    return document


def _decode(text: Any) -> bytes:
    try:
        signature = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise IntegrityError("a certificate's signature is not base64") from None
    if base64.b64encode(signature).decode() != text:
        raise IntegrityError("a certificate's signature is not base64")
    return signature


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise DefectError("a certificate needs a moment with an offset")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _flaw(document: Mapping[str, Any]) -> str:
    """Return why this may not be certified, or nothing."""
    if any(not isinstance(document.get(name, ""), str) for name in _TEXTS):
        return "a field is not text"
    return _ledger_flaw(document) or _residual_flaw(document["residual"]) or _object_flaw(document)


def _ledger_flaw(document: Mapping[str, Any]) -> str:
    ledger = document["ledger"]
    if not isinstance(ledger, dict) or ledger.keys() != {"size", "intent_leaf"}:
        return "it names no place in the ledger"
    numbers = (document["generation"], ledger["size"], ledger["intent_leaf"])
    if any(type(number) is not int or number < 0 for number in numbers):
        return "a number is not a natural one"
    return "" if ledger["intent_leaf"] < ledger["size"] else "its intent is not in the ledger"


def _residual_flaw(residual: Any) -> str:
    if not isinstance(residual, dict) or not residual:
        return "no store was searched for what might be left"
    if any(type(found) is not int or found for found in residual.values()):
        return "something is left"
    return ""


def _object_flaw(document: Mapping[str, Any]) -> str:
    objects = document["objects"]
    if not isinstance(objects, list) or not objects:
        return "nothing was destroyed"
    for entry in objects:
        if not isinstance(entry, dict) or entry.keys() != _OBJECT_FIELDS:
            return "an object is malformed"
        if not all(isinstance(value, str) for value in entry.values()):
            return "an object is malformed"
        if not _DIGEST.fullmatch(entry["ciphertext_sha256"]):
            return "an object's digest is malformed"
        if entry["due_day"] > document["as_of"]:
            return "an object was not yet due"
    ids = [entry["id"] for entry in objects]
    return "" if ids == sorted(set(ids)) else "an object is listed twice or out of order"
