"""Behind evidence: every member of the pack is what its manifest says, and is in it."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import Kind, Suite, between, true

SUITE: Final = Suite(
    name="evidence_exit",
    columns={
        "id": Kind.TEXT,
        "bytes": Kind.WHOLE,
        "digest_matches": Kind.TRUTH,
        "in_manifest": Kind.TRUTH,
    },
    presence=CRITICAL,
    # A relative path without "..": an id here names a member of the pack.
    id_pattern=r"\A(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}\Z",
    expects=(
        between("bytes-counted", "bytes", "N13", low=0, severity=CRITICAL),
        true("digest-matches", "digest_matches", "N13", severity=CRITICAL),
        true("in-manifest", "in_manifest", "N13", severity=CRITICAL),
    ),
)
