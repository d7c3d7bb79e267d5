"""In front of destruction: one row early, held or in the wrong state, and nothing goes."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import (
    CONTROLLER,
    WORD,
    Kind,
    Suite,
    matches,
    not_before,
    one_of,
    one_value,
    true,
)

STATES: Final = ["live", "quarantined"]

SUITE: Final = Suite(
    name="retention_entry",
    columns={
        "id": Kind.TEXT,
        "controller": Kind.TEXT,
        "kind": Kind.TEXT,
        "due_day": Kind.DAY,
        "as_of": Kind.DAY,
        "held": Kind.TRUTH,
        "state": Kind.TEXT,
    },
    presence=CRITICAL,
    expects=(
        one_value("one-as-of", "as_of", "R3"),
        not_before("due", "as_of", "due_day", "N10", severity=CRITICAL),
        true("not-held", "held", "R3", wanted=False, severity=CRITICAL),
        one_of("state-destroyable", "state", STATES, "R3", severity=CRITICAL),
        matches("controller-id", "controller", CONTROLLER, "R2", severity=CRITICAL),
        matches("kind-word", "kind", WORD, "R2", severity=CRITICAL),
    ),
)
