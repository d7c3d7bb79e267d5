"""In front of ingest: what a manifest says of each item, before it is opened.

A digest may be left out (then nothing is compared), so ``has_digest`` is held
to its kind only.
"""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import FEW, Kind, Suite, between, not_before, one_of, true

KINDS: Final = ["recording", "voicemail", "message", "note", "transaction"]
DIRECTIONS: Final = ["inbound", "outbound", "internal"]

# A recorder that lost its clock reports 1970, 1980 or 2000. Believing it would
# destroy the item the same night, so such an item waits for a person.
OLDEST_DAYS: Final = 20 * 365.25

SUITE: Final = Suite(
    name="ingest_entry",
    columns={
        "id": Kind.TEXT,
        "controller_known": Kind.TRUTH,
        "bytes": Kind.WHOLE,
        "started_at": Kind.MOMENT,
        "ended_at": Kind.MOMENT,
        "age_days": Kind.NUMBER,
        "has_digest": Kind.TRUTH,
        "kind": Kind.TEXT,
        "direction": Kind.TEXT,
    },
    expects=(
        true("controller-known", "controller_known", "N6"),
        between("bytes-not-empty", "bytes", "N1", low=1),
        not_before("ended-not-before-started", "ended_at", "started_at", "N10"),
        between("age-not-future", "age_days", "N10", low=0),
        between("age-plausible", "age_days", "R3", high=OLDEST_DAYS),
        one_of("kind-handled", "kind", KINDS, "N1"),
        one_of("direction-known", "direction", DIRECTIONS, "N1"),
        # One empty file is an accident; most of a drop empty is a broken export.
        between(
            "bytes-share",
            "bytes",
            "R9",
            low=1,
            severity=CRITICAL,
            mostly=0.5,
            from_rows=FEW,
        ),
    ),
)
