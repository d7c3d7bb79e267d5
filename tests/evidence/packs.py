"""Makes small packs: a whole and true one, and its parts for making others."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callward.evidence.certificate import build_certificate
from callward.evidence.model import (
    Anchor,
    CertificateRow,
    FlowRunRow,
    GateRow,
    InstructionRow,
    LedgerSlice,
    PackContents,
    Period,
    StageRow,
)
from callward.evidence.pack import build_pack
from callward.ledger import merkle, proofs
from callward.ledger.leaves import Item, Leaf, body_hash, rfc3339
from callward.ledger.merkle import Frontier
from callward.ledger.signing import Signer

NIGHT = datetime(2026, 3, 2, 1, tzinfo=UTC)
INGEST = {"files": 12, "ingested": 9, "duplicate": 1, "quarantined": 2}


def make_certificate(signer: Signer, number: int, **changes: Any) -> str:
    """Return a certificate for two objects, with ``changes`` to what it says."""
    said: dict[str, Any] = {
        "id": f"c{number}",
        "controller": "acorn",
        "sweep_id": "s1",
        "as_of": date(2026, 3, 2),
        "objects": [
            (f"o{n}", "recording", hashlib.sha256(bytes([n])).hexdigest(), date(2026, 3, 1))
            for n in (number * 2 + 1, number * 2)
        ],
        "ledger_size": 6,
        "intent_leaf": 5,
        "residual": {"objects": 0, "payloads": 0},
        "issued_at": NIGHT,
        "generation": 1,
    }
    return build_certificate(signer, **(said | changes))


def make_leaf(event: str, items: list[str], ids: Mapping[str, str] | None = None) -> str:
    """Return the body of a leaf over item bodies."""
    root = merkle.root(map(body_hash, items))
    return Leaf(event, rfc3339(NIGHT), len(items), root, {"all": len(items)}, ids or {}).encoded()


def make_ledger(signer: Signer, certificates: list[str]) -> LedgerSlice:
    """Return leaves 3 to 8 of a log; the last two enter the certificates, each in its way."""
    earlier = [make_leaf(f"event-{n}", []) for n in range(3)]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in certificates]
    items = [Item(f"c{n}", {"sha256": digest}).encoded() for n, digest in enumerate(digests)]
    leaves = [make_leaf(f"event-{n}", []) for n in range(3, 6)]
    leaves.append(make_leaf("certificates-issued", items[:-1]))
    leaves.append(make_leaf("certificate-issued", [], {"sha256": digests[-1]}))
    before = Frontier().extend(map(body_hash, earlier))
    after = before.extend(map(body_hash, leaves))
    anchors = []
    for position, body in enumerate(items[:-1]):
        part = proofs.included(body, position, [body_hash(each) for each in items[:-1]])
        anchors.append(Anchor(6, part["body"], part["position"], tuple(part["path"])))
    return LedgerSlice(
        first=3,
        leaves=tuple(leaves),
        size=after.size,
        checkpoint=signer.sign_checkpoint(after.size, after.root),
        before=tuple(each.hex() for each in before.hashes),
        anchors=tuple(anchors),
    )


def make_contents(signer: Signer) -> PackContents:
    """Return the contents of a true pack with something of everything."""
    bodies = [make_certificate(signer, n) for n in range(3)]
    checks = ({"name": "known-codec", "success": True, "evaluated": 12, "failed": 0},)
    return PackContents(
        instance="0123456789abcdef",
        callward_version="0.1.0",
        made_at=NIGHT + timedelta(minutes=9),
        period=Period(date(2026, 3, 1), date(2026, 3, 2)),
        stages=(
            StageRow("n1", "ingest", "acorn", INGEST, NIGHT),
            StageRow("n1", "ingest", "birch", {"files": 1, "quarantined": 1}, NIGHT),
            StageRow("n1", "transcribe", "acorn", {"transcribed": 7, "refused": 2}, NIGHT),
            StageRow("n1", "retention", "acorn", {"due": 6, "shredded": 6}, NIGHT),
        ),
        gates=(
            GateRow("n1", "ingest-in", "rows-failed", 12, 2, checks, NIGHT),
            GateRow("n1", "retention-in", "passed", 6, 0, checks, NIGHT),
        ),
        instructions=(
            InstructionRow(
                controller="acorn",
                version=1,
                digest="ab" * 32,
                effective_from=date(2026, 1, 1),
                approved_by="Head of Data Protection",
                reference="ACORN/DPA/2026-01",
                lawful_basis="contract",
                retention={"recordings": "45 days", "interactions": "3 years"},
                transcription="en-GB",
            ),
        ),
        certificates=tuple(
            CertificateRow(f"c{n}", "acorn", 2, body, NIGHT) for n, body in enumerate(bodies)
        ),
        flow_runs=(
            FlowRunRow(
                "r1", "nightly-2026-03-02", "nightly", "Completed", NIGHT, None, {"as_of": None}
            ),
        ),
        ledger=make_ledger(signer, bodies),
    )


@dataclass(frozen=True, slots=True)
class Maker:
    """Builds packs under one key."""

    signer: Signer
    contents: PackContents
    folder: Path

    def build(self, contents: PackContents | None = None, signer: Signer | None = None) -> Path:
        """Build a pack, the true one unless told otherwise."""
        return build_pack(contents or self.contents, signer or self.signer, self.folder)


def make_signer(seed: int = 1) -> Signer:
    """Return a signer with a fixed key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer("callward/0123456789abcdef", key)
