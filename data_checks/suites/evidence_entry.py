"""In front of evidence: a night whose counts do not add up proves nothing."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import CONTROLLER, WORD, Kind, Suite, between, matches, true

SUITE: Final = Suite(
    name="evidence_entry",
    columns={
        "id": Kind.TEXT,
        "stage": Kind.TEXT,
        "controller": Kind.TEXT,
        "counted_in": Kind.WHOLE,
        "counted_out": Kind.WHOLE,
        "balanced": Kind.TRUTH,
    },
    presence=CRITICAL,
    id_pattern=r"\A[a-z0-9][a-z0-9_.-]{0,63}/[a-z0-9_-][a-z0-9._-]{0,63}\Z",
    expects=(
        matches("stage-word", "stage", WORD, "R2", severity=CRITICAL),
        matches("controller-id", "controller", CONTROLLER, "R2", severity=CRITICAL),
        between("counted-in", "counted_in", "R12", low=0, severity=CRITICAL),
        between("counted-out", "counted_out", "R12", low=0, severity=CRITICAL),
        true("balanced", "balanced", "R12", severity=CRITICAL),
    ),
)
