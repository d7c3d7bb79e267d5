"""At the end of an ingest: what came of each kind, against the same weekday of other weeks.

Shares warn only: ``records_exit`` has sorted out every row already. A day far from
the usual fails the night and undoes nothing (docs/decisions/0022).
"""

from typing import Final

import pandas as pd

from callward.gates import CRITICAL, WARNING
from callward.intake.categories import KINDS
from callward.intake.volumes import HIGHEST, LEAST, LOWEST
from data_checks.declare import CONTROLLER, Derived, Kind, Suite, between, matches, one_of

USUAL: Final = 1.0


def _known_ratio(frame: pd.DataFrame) -> "pd.Series[float]":
    """The ratio where enough usually comes to say anything, else as usual."""
    return frame["ratio"].where(frame["median"] >= LEAST, USUAL)


SUITE: Final = Suite(
    name="ingest_volumes",
    columns={
        "id": Kind.TEXT,
        "controller": Kind.TEXT,
        "kind": Kind.TEXT,
        "count": Kind.WHOLE,
        "median": Kind.NUMBER,
        "ratio": Kind.NUMBER,
        "share_quarantined": Kind.NUMBER,
        "share_masked": Kind.NUMBER,
    },
    nullable=frozenset({"median", "ratio", "share_quarantined", "share_masked"}),
    presence=CRITICAL,
    id_pattern=r"\A[a-z0-9_-][a-z0-9._-]{0,63}/[a-z0-9][a-z0-9-]{0,63}\Z",
    derived=(Derived("known_ratio", Kind.NUMBER, _known_ratio),),
    expects=(
        matches("controller-id", "controller", CONTROLLER, "R2", severity=CRITICAL),
        one_of("kind-handled", "kind", [*KINDS], "N1", severity=CRITICAL),
        between("count-counted", "count", "R12", low=0, severity=CRITICAL),
        between("median-counted", "median", "R12", low=0, severity=CRITICAL),
        between(
            "quarantined-is-a-share", "share_quarantined", "R12", low=0, high=1, severity=CRITICAL
        ),
        between("masked-is-a-share", "share_masked", "R12", low=0, high=1, severity=CRITICAL),
        between("volume-not-missing", "known_ratio", "N1", low=LOWEST, severity=CRITICAL),
        between("volume-not-flooded", "known_ratio", "N1", high=HIGHEST, severity=CRITICAL),
        between("quarantined-share", "share_quarantined", "R9", high=0.5, severity=WARNING),
        between("masked-share", "share_masked", "N2", high=0.2, severity=WARNING),
    ),
)
