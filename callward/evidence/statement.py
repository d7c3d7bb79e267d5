"""What the instance says of a pack: an in-toto Statement v1 over the bag's tag manifest.

In a DSSE envelope (``callward.evidence.dsse``). The tag manifest covers the manifest, which
covers every payload file, so the one subject stands for everything.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from callward.errors import IntegrityError
from callward.evidence import dsse
from callward.evidence.bagit import TAG_MANIFEST
from callward.evidence.certificate import STATEMENT_TYPE
from callward.evidence.clauses.model import Period
from callward.evidence.predicate import HEX, ID, LINE
from callward.evidence.shape import day, maybe, natural, one_of, record, text
from callward.ledger.canonical import Json, canonical, parse

FILE: Final = "statement.dsse.json"
PREDICATE_TYPE: Final = "urn:callward:evidence-pack:1"
KINDS: Final = ("nightly", "monthly", "draft", "annual")

_PERIOD = record(**{"from": day, "to": day})
PREDICATE = record(
    # The instance's id, and the name it signs under (the origin of its ledger).
    instance=ID,
    signed_as=LINE,
    software=LINE,
    kind=one_of(*KINDS),
    period=_PERIOD,
    made_at=text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    # SHA-256 of the notice's clause map; nothing if the pack holds none.
    notice=maybe(HEX),
    # What an approval of the draft was bound to.
    binding=HEX,
    ledger=record(size=natural, root=HEX),
    # The pack before it: SHA-256 of its file, its period, the size of its ledger.
    previous=maybe(record(id=HEX, period=_PERIOD, size=natural)),
)


@dataclass(frozen=True, slots=True)
class Said:
    """A statement as it was signed, and the verifier key it says it is signed with."""

    key: str
    predicate: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """One of ``KINDS``."""
        return str(self.predicate["kind"])

    @property
    def period(self) -> Period:
        """The London days that the pack covers."""
        return period_of(self.predicate["period"])


def period_of(told: Mapping[str, str]) -> Period:
    """A period out of its plain form."""
    return Period(date.fromisoformat(told["from"]), date.fromisoformat(told["to"]))


def period_json(period: Period) -> dict[str, Json]:
    """A period as plain values."""
    return {"from": period.from_day.isoformat(), "to": period.to_day.isoformat()}


def sign_statement(
    tag_manifest: bytes, predicate: Mapping[str, Json], signer: dsse.Signer
) -> bytes:
    """The envelope over a pack's tag manifest."""
    return dsse.seal(signer, _payload(tag_manifest, predicate)).encode()


def read_statement(content: bytes, tag_manifest: bytes) -> Said:
    """Check a statement and return it with the key it holds; IntegrityError if it is wrong.

    Whose key that is, is for the caller to know.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise IntegrityError(f"{FILE} is not UTF-8") from None
    payload, key = dsse.open_envelope(text, [dsse.claimed_key(text)])
    document = parse(payload.decode("utf-8", "replace"))
    predicate = document.get("predicate") if isinstance(document, dict) else None
    flaw = PREDICATE(predicate)
    if flaw or not isinstance(predicate, dict):
        raise IntegrityError(f"{FILE} says no pack's predicate: {flaw} is malformed")
    if payload != _payload(tag_manifest, predicate):
        raise IntegrityError(f"{FILE} is signed over another {TAG_MANIFEST}")
    return Said(key, predicate)


def _payload(tag_manifest: bytes, predicate: Mapping[str, Json]) -> bytes:
    digest = hashlib.sha512(tag_manifest).hexdigest()
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": TAG_MANIFEST, "digest": {"sha512": digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )
