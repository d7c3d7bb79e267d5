"""In front of the annual review: what is missing, altered or stale cannot be approved."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import Kind, Suite, between, true

SUITE: Final = Suite(
    name="review_entry",
    columns={
        "id": Kind.TEXT,
        "collected": Kind.TRUTH,
        "digest_matches": Kind.TRUTH,
        "fresh": Kind.TRUTH,
        "clauses": Kind.WHOLE,
    },
    presence=CRITICAL,
    # An id here names a kind of evidence.
    id_pattern=r"\A[a-z0-9][a-z0-9-]{0,39}\Z",
    expects=(
        true("collected", "collected", "N16", severity=CRITICAL),
        true("digest-matches", "digest_matches", "N16", severity=CRITICAL),
        true("fresh", "fresh", "R9", severity=CRITICAL),
        between("asked-for", "clauses", "N16", low=1, severity=CRITICAL),
    ),
)
