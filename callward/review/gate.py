"""In front of a review: every kind of evidence that the map asks for is there, whole and fresh."""

import hashlib
from typing import Final

import pandas as pd

from callward.evidence.clauses.deciding import NO_EVIDENCE, STALE
from callward.evidence.model import Proof

SUITE: Final = "review_entry"
_OLD: Final = frozenset({NO_EVIDENCE, STALE})
_COLUMNS: Final = {
    "id": "str",
    "collected": "bool",
    "digest_matches": "bool",
    "fresh": "bool",
    "clauses": "int64",
}


def entry_frame(proof: Proof) -> pd.DataFrame:
    """One row per kind of evidence, under its name."""
    asked = [need.kind for clause in proof.clauses for need in clause.needs]
    old = {
        finding.kind
        for verdict in proof.verdicts
        for finding in verdict.findings
        if finding.code in _OLD
    }
    rows = [
        {
            "id": kind,
            "collected": kind in proof.items,
            "digest_matches": _whole(proof, kind),
            "fresh": kind not in old,
            "clauses": asked.count(kind),
        }
        for kind in sorted(set(asked))
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _whole(proof: Proof, kind: str) -> bool:
    item = proof.items.get(kind)
    if item is None or item.file not in proof.files:
        return False
    return hashlib.sha256(proof.files[item.file]).hexdigest() == item.digest
