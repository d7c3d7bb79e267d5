"""In front of listening for card numbers: only what its controller has us listen to, once."""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import CONTROLLER, Kind, Suite, between, matches, one_of, true

SUITE: Final = Suite(
    name="cards_entry",
    columns={
        "id": Kind.TEXT,
        "controller": Kind.TEXT,
        "mode": Kind.TEXT,
        "seconds": Kind.NUMBER,
        "channels": Kind.WHOLE,
        "rate": Kind.WHOLE,
        "already": Kind.TRUTH,
    },
    expects=(
        matches("controller-id", "controller", CONTROLLER, "R2", severity=CRITICAL),
        one_of("mode-scan", "mode", ["scan"], "N2"),
        true("not-scanned-already", "already", "R10", wanted=False),
        between("seconds-possible", "seconds", "N1", above=0, high=30 * 86_400),
        between("channels-possible", "channels", "N1", low=1, high=255),
        between("rate-possible", "rate", "N1", low=100, high=1_536_000),
    ),
)
