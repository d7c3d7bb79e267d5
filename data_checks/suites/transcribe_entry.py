"""In front of transcription: only what its controller asked for, and may still be processed."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import (
    CONTROLLER,
    Kind,
    Suite,
    between,
    matches,
    not_before,
    one_value,
    true,
)

SUITE: Final = Suite(
    name="transcribe_entry",
    columns={
        "id": Kind.TEXT,
        "controller": Kind.TEXT,
        "enabled": Kind.TRUTH,
        "language": Kind.TEXT,
        "seconds": Kind.NUMBER,
        "channels": Kind.WHOLE,
        "due_day": Kind.DAY,
        "as_of": Kind.DAY,
        "held": Kind.TRUTH,
    },
    expects=(
        one_value("one-as-of", "as_of", "R3"),
        matches("controller-id", "controller", CONTROLLER, "R2", severity=CRITICAL),
        true("transcription-enabled", "enabled", "N3"),
        true("not-held", "held", "N14", wanted=False),
        not_before("not-due", "due_day", "as_of", "N4", strictly=True),
        matches("language-tag", "language", r"\A[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z", "N3"),
        between("seconds-possible", "seconds", "N1", above=0, high=30 * 86_400),
        between("channels-possible", "channels", "N1", low=1, high=255),
    ),
)
