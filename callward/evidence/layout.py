"""Where what lies in a pack: for whoever makes one and whoever checks it."""

from typing import Final

from callward.evidence.bagit import DECLARED, INFO, MANIFEST

README: Final = "README.txt"
VERIFIER: Final = "verify.py"
KEYS_README: Final = "keys/README.txt"
KEY: Final = "keys/verifier.txt"
WITNESSES: Final = "keys/witnesses.txt"

TAGS: Final = frozenset({DECLARED, INFO, MANIFEST, README, VERIFIER, KEYS_README, KEY})
"""Files beside the payload that every pack has, all in the tag manifest."""
MAYBE_TAGS: Final = frozenset({WITNESSES})
"""Those that only some have."""

CERTIFICATES: Final = "data/certificates/"
"""Folder of files ``0001.jsonl`` and so on: one envelope a line, sorted by id."""
PER_FILE: Final = 5000
"""Certificates in each of them but the last."""
INDEX: Final = "data/certificates/index.csv"
INDEX_COLUMNS: Final = ("id", "controller", "objects", "issued_at", "file", "line")
EVIDENCE: Final = "data/evidence/"
"""Folder of one file for each evidence item."""

LEDGER: Final = "data/ledger/"
CHECKPOINT: Final = "data/ledger/checkpoint"
STAMP: Final = "data/ledger/checkpoint.tsr"
SLICE: Final = "data/ledger/slice.json"
LEAVES: Final = "data/ledger/leaves.jsonl"
CERTIFIED: Final = "data/ledger/certified.jsonl"
"""Leaves that enter certificates, one a line, with all their items."""
RUN_LEAVES: Final = "data/ledger/flow-runs.jsonl"
"""Leaves that enter flow runs, likewise."""

REQUIRED: Final = frozenset(
    {
        "data/clauses.json",
        "data/counts.csv",
        "data/disclosures.json",
        "data/flow-runs.json",
        "data/gates.json",
        "data/instructions.json",
        "data/items.json",
        "data/report.html",
        CHECKPOINT,
        SLICE,
        LEAVES,
        CERTIFIED,
        RUN_LEAVES,
    }
)
"""Payload that every pack has."""
