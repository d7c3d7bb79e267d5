"""Makes small packs: a whole and true one, and its parts for making others."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callward.evidence.certificate import build_certificate
from callward.evidence.clauses.deciding import decide
from callward.evidence.clauses.model import Clause, Context, Need
from callward.evidence.clauses.model import Item as Evidence
from callward.evidence.judges import JUDGES
from callward.evidence.model import (
    CertificateRow,
    DisclosureRow,
    FlowRunRow,
    GateRow,
    InstructionRow,
    LeafItems,
    LedgerSlice,
    PackContents,
    Period,
    Previous,
    Proof,
    StageRow,
)
from callward.evidence.pack import build_pack
from callward.evidence.plain import encoded
from callward.flowruns.comparing import Compared
from callward.flowruns.model import RECORDED, Record, digest_of
from callward.ledger import merkle, proofs
from callward.ledger.leaves import Item, Leaf, body_hash, rfc3339
from callward.ledger.merkle import Frontier
from callward.ledger.signing import Signer

NIGHT = datetime(2026, 3, 2, 1, tzinfo=UTC)
UNTIL = "2026-03-09T01:00:00.000000Z"
RUN: Record = {
    "id": "0198f0c8-0000-7000-8000-000000000001",
    "deployment": None,
    "ended": None,
    "expected": "2026-03-02T01:00:00.000000Z",
    "flow": "nightly",
    "name": "nightly 2026-03-02",
    "parameters": {"as_of": None},
    "parent": None,
    "pool": "callward",
    "runs": 1,
    "started": "2026-03-02T01:00:00.000000Z",
    "state": "Completed",
    "state_type": "COMPLETED",
    "tags": ["callward"],
}
RUN_ITEM = Item(str(RUN["id"]), {"sha256": digest_of(RUN), "state": "COMPLETED"}).encoded()
INGEST = {"files": 12, "ingested": 9, "duplicate": 1, "quarantined": 2}


@dataclass(slots=True)
class TinyLog:
    """A log in memory, with the proofs that certificates hold."""

    signer: Signer
    leaves: list[str] = field(default_factory=list)

    def append(self, event: str, items: list[str], **ids: str) -> int:
        """Add a leaf over item bodies; its position."""
        self.leaves.append(make_leaf(event, items, ids))
        return len(self.leaves) - 1

    def sweep(self, sweep: str, objects: Iterable[str]) -> tuple[int, int]:
        """Add a sweep's intent and its keys' end; their positions."""
        items = [Item(one, {}).encoded() for one in sorted(objects)]
        intent = self.append("sweep-intent", items, sweep=sweep)
        return intent, self.append("keys-destroyed", items, sweep=sweep)

    def part(self, position: int) -> dict[str, Any]:
        """A leaf with its path to the present root."""
        hashes = [body_hash(body) for body in self.leaves]
        return proofs.included(self.leaves[position], position, hashes)

    def note(self) -> str:
        """The present head, signed."""
        frontier = Frontier().extend(map(body_hash, self.leaves))
        return self.signer.sign_checkpoint(frontier.size, frontier.root)


def make_leaf(event: str, items: list[str], ids: Mapping[str, str] | None = None) -> str:
    """Return the body of a leaf over item bodies."""
    root = merkle.root(map(body_hash, items))
    return Leaf(event, rfc3339(NIGHT), len(items), root, {"all": len(items)}, ids or {}).encoded()


def subjects(*numbers: int) -> list[tuple[str, str]]:
    """Return objects, as a certificate lists them."""
    return [(f"o{n:04}", hashlib.sha256(bytes([n % 256])).hexdigest()) for n in numbers]


def make_predicate(log: TinyLog, number: int, sweep: str, positions: tuple[int, int]) -> Any:
    """Return what the complete certificate of two objects says."""
    gone = json.loads(log.leaves[positions[1]])
    return {
        "id": f"c{number}",
        "state": "complete",
        "pending_until": None,
        "controller": "acorn",
        "instance": log.signer.name,
        "software": "callward 0.1.0",
        "issued_at": rfc3339(NIGHT),
        "sweep": {
            "id": sweep,
            "kind": "retention",
            "as_of": "2026-03-02",
            "started_at": rfc3339(NIGHT - timedelta(minutes=3)),
            "plan_sha256": "cd" * 32,
            "approved": False,
        },
        "instructions": [
            {
                "version": 1,
                "sha256": "ab" * 32,
                "effective_from": "2026-01-01",
                "retention": {"recordings": "45 days", "interactions": "3 years"},
            }
        ],
        "objects": {
            "total": 2,
            "kinds": {"recording": 1, "transcript": 1},
            "due_days": {"recordings": {"2026-03-01": 1, "2026-03-02": 1}},
        },
        "holds": {
            "selection": "asked in the statement that selected",
            "again": "asked again in the transaction that destroyed",
            "gate": {
                "suite": "retention_entry",
                "outcome": "passed",
                "rows": 6,
                "failed_rows": 0,
                "at": rfc3339(NIGHT),
            },
            "held": 4,
            "spared": 1,
        },
        "generations": {
            "before": 4,
            "after": 5,
            "unsettled": 0,
            "cells": [cell_answer("file"), cell_answer("hsm")],
        },
        "checks": {"survivors_opened": 3, "old_wraps_tried": 7, "old_wraps_opened": 0},
        "residual": {
            "scan": "ef" * 16,
            "at": rfc3339(NIGHT),
            "stores": {
                "catalogue": {"keys": 0, "payloads": 0},
                "objects": {"looked-at": 9, "left": 0},
            },
        },
        "backups": {
            "known": 2,
            "able": 0,
            "oldest": {"id": "aa" * 16, "generation": 3, "at": "2026-02-20T01:00:00.000000Z"},
        },
        "drill": {"id": "bb" * 16, "outcome": "passed", "at": "2026-02-21T01:00:00.000000Z"},
        "ledger": {
            "checkpoint": log.note(),
            "intent": log.part(positions[0]),
            "keys_destroyed": log.part(positions[1]),
            "exactly": gone["items"] == 2,
            "complete": len(log.leaves),
        },
        "limits": ["Copies made elsewhere are not covered."],
    }


def cell_answer(cell: str, answer: str = "destroyed", until: str | None = None) -> dict[str, Any]:
    """Return what a key cell said of generation 4."""
    return {
        "generation": 4,
        "cell": cell,
        "answer": answer,
        "until": until,
        "code": "key-cell" if answer == "refused" else None,
        "at": rfc3339(NIGHT),
    }


PENDING: Mapping[str, Any] = {
    "state": "pending",
    "pending_until": UNTIL,
    "generations.unsettled": 1,
    "generations.cells": [cell_answer("file"), cell_answer("kms", "pending", UNTIL)],
    "ledger.complete": None,
}
"""What makes a certificate a statement of what is pending."""


def edited(predicate: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of ``predicate`` with other values at some dotted paths."""
    copy = json.loads(json.dumps(predicate))
    for path, value in changes.items():
        *above, name = path.split(".")
        place = copy
        for step in above:
            place = place[step]
        place[name] = value
    return copy


def make_certificate(
    signer: Signer,
    number: int,
    changes: Mapping[str, Any] | None = None,
    objects: list[tuple[str, str]] | None = None,
) -> str:
    """Return a certificate for two objects, alone in its sweep, with ``changes`` to it."""
    predicate = standard_predicate(signer, number)
    mine = subjects(2 * number, 2 * number + 1) if objects is None else objects
    return build_certificate(signer, edited(predicate, changes or {}), mine)


def standard_predicate(signer: Signer, number: int) -> Any:
    """Return what ``make_certificate`` certifies."""
    log = TinyLog(signer)
    for n in range(3):
        log.append(f"event-{n}", [])
    positions = log.sweep("s1", [name for name, _ in subjects(2 * number, 2 * number + 1)])
    return make_predicate(log, number, "s1", positions)


def make_ledger(signer: Signer) -> tuple[LedgerSlice, list[str]]:
    """Return leaves 3 to 9 of a log, and the three certificates of its two sweeps."""
    log = TinyLog(signer)
    for n in range(3):
        log.append(f"event-{n}", [])
    positions = log.sweep("s1", [name for name, _ in subjects(0, 1, 2, 3)])
    bodies = [
        build_certificate(
            signer, make_predicate(log, n, "s1", positions), subjects(2 * n, 2 * n + 1)
        )
        for n in range(2)
    ]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in bodies]
    items = [Item(f"c{n}", {"sha256": digest}).encoded() for n, digest in enumerate(digests)]
    entered = log.append("sweep-complete", items, sweep="s1")
    positions = log.sweep("s2", [name for name, _ in subjects(4, 5)])
    bodies.append(
        build_certificate(signer, make_predicate(log, 2, "s2", positions), subjects(4, 5))
    )
    digest = hashlib.sha256(bodies[-1].encode()).hexdigest()
    others = [Item("c2", {"sha256": digest, "objects": 2}).encoded()]
    last = log.append("sweep-complete", others, sweep="s2")
    recorded = log.append(RECORDED, [RUN_ITEM])
    found = LedgerSlice(
        first=3,
        leaves=tuple(log.leaves[3:]),
        size=len(log.leaves),
        checkpoint=log.note(),
        before=tuple(
            each.hex() for each in Frontier().extend(map(body_hash, log.leaves[:3])).hashes
        ),
        certified=(LeafItems(entered, tuple(items)), LeafItems(last, tuple(others))),
        runs=(LeafItems(recorded, (RUN_ITEM,)),),
    )
    return found, bodies


def make_contents(signer: Signer) -> PackContents:
    """Return the contents of a true pack with something of everything."""
    ledger, bodies = make_ledger(signer)
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
        certificates=tuple(CertificateRow(f"c{n}", "acorn", 2, NIGHT) for n in range(len(bodies))),
        bodies=tuple(bodies),
        flow_runs=(FlowRunRow(RUN, digest_of(RUN), 9, 0),),
        ledger=ledger,
        disclosures=(
            DisclosureRow(
                id="d1",
                night="n1",
                controller="acorn",
                sub_processor="northwind",
                country="IE",
                engine="northwind-speech",
                instruction="ab" * 32,
                state="announced",
                recordings=7,
                seconds=812.5,
                begun_at=NIGHT,
                ended_at=None,
            ),
        ),
        compared=Compared(asked=True, runs=1, plain=("n0",)),
        proof=make_proof(),
        previous=Previous("12" * 32, "before", Period(date(2026, 2, 27), date(2026, 2, 28)), 2, {}),
    )


DAYS = Period(date(2026, 3, 1), date(2026, 3, 2))


def make_item(kind: str, facts: Mapping[str, Any], period: Period = DAYS) -> tuple[Evidence, bytes]:
    """Return an evidence item and its file."""
    content = encoded(
        {
            "kind": kind,
            "period": [period.from_day, period.to_day],
            "source": "made up",
            "newest": NIGHT,
            "facts": facts,
            "details": {},
        }
    )
    digest = hashlib.sha256(content).hexdigest()
    path = f"data/evidence/{kind}.json"
    name = hashlib.sha256(kind.encode()).hexdigest()[:32]
    item = Evidence(name, kind, period, NIGHT, "made up", NIGHT, path, digest, facts)
    return item, content


def make_proof() -> Proof:
    """Return two evidence items, and what became of three clauses: no judge is known for them."""
    made = [make_item(kind, {"n": n}) for n, kind in enumerate(("alpha", "beta"))]
    items = {item.kind: item for item, _ in made}
    clauses = tuple(make_clause(n, kind) for n, kind in enumerate(("alpha", "beta", None), 1))
    day = date(2026, 3, 2)
    return Proof(
        notice={"clauses": [_clause_json(one) for one in clauses]},
        notice_digest="34" * 32,
        clauses=clauses,
        items=items,
        files={item.file: content for item, content in made},
        verdicts=tuple(decide(clauses, items, Context(Period(date(2026, 3, 1), day), day), JUDGES)),
        day=day,
    )


def make_clause(number: int, kind: str | None) -> Clause:
    """Return a clause that rests on one kind of evidence, or none."""
    needs = () if kind is None else (Need(kind, 2, "made-up"),)
    texts = ("Made up", "We do as we say.")
    return Clause(f"N1.{number}", "N1", *texts, ("Art 5",), ("A.5.9",), (), "Board", needs)


def _clause_json(clause: Clause) -> dict[str, Any]:
    names = ("id", "promise", "title", "duty", "legal_basis", "iso27001", "ico", "owner")
    evidence: list[dict[str, Any]] = [
        {"item": n.kind, "fresh_days": n.fresh_days, "judge": n.judge, "options": {}}
        for n in clause.needs
    ]
    return {**{name: getattr(clause, name) for name in names}, "evidence": evidence}


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
