"""Behind destruction: no certificate stands for a partial deletion (DESIGN §3 rule 5)."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import Kind, Suite, true

SUITE: Final = Suite(
    name="retention_exit",
    columns={
        "id": Kind.TEXT,
        "key_gone": Kind.TRUTH,
        "payload_gone": Kind.TRUTH,
        "ciphertext_gone": Kind.TRUTH,
        "transcript_gone": Kind.TRUTH,
        "certified": Kind.TRUTH,
    },
    presence=CRITICAL,
    expects=(
        true("key-gone", "key_gone", "N11", severity=CRITICAL),
        true("payload-gone", "payload_gone", "R5", severity=CRITICAL),
        true("ciphertext-gone", "ciphertext_gone", "R5", severity=CRITICAL),
        true("transcript-gone", "transcript_gone", "N4", severity=CRITICAL),
        true("certified", "certified", "N11", severity=CRITICAL),
    ),
)
