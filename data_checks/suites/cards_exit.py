"""Behind listening, before any original is given up: a replacement that is one.

One row per recording listened to; ``ciphertext_digest`` and the days are missing
where nothing was heard, and so nothing is replaced.
"""

from typing import Final

import pandas as pd

from callward.gates import CRITICAL, WARNING
from data_checks.declare import (
    FEW,
    Derived,
    Kind,
    Suite,
    between,
    matches,
    true,
    unique,
)

OF_A_REPLACEMENT: Final = ["ciphertext_digest", "due_day", "original_due_day"]
# Several numbers, each with expiry and code, read out twice and slowly.
LONGEST_MUTED: Final = 300.0
# Sums of rounded spans, and the last block of samples.
SLACK_SECONDS: Final = 0.5
# Less than one number read out proves nothing of a short recording.
LITTLE_SECONDS: Final = 60.0
MUCH: Final = 0.25


def _replaced(frame: pd.DataFrame) -> "pd.Series[bool]":
    return (frame["spans"] <= 0) | frame[OF_A_REPLACEMENT].notna().all(axis=1)


def _same_due(frame: pd.DataFrame) -> "pd.Series[bool]":
    due, original = frame["due_day"], frame["original_due_day"]
    return (due == original) | (due.isna() & original.isna())


def _counted(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Spans and seconds agree on whether anything was muted."""
    return (frame["spans"] > 0) == (frame["muted_seconds"] > 0)


def _much(frame: pd.DataFrame) -> "pd.Series[bool]":
    muted = frame["muted_seconds"]
    return (muted > LITTLE_SECONDS) & (muted > MUCH * frame["seconds"])


SUITE: Final = Suite(
    name="cards_exit",
    columns={
        "id": Kind.TEXT,
        "seconds": Kind.NUMBER,
        "spans": Kind.WHOLE,
        "muted_seconds": Kind.NUMBER,
        "longest_muted": Kind.NUMBER,
        "same_length": Kind.TRUTH,
        "ciphertext_digest": Kind.TEXT,
        "due_day": Kind.DAY,
        "original_due_day": Kind.DAY,
    },
    nullable=frozenset(OF_A_REPLACEMENT),
    derived=(
        Derived("replaced", Kind.TRUTH, _replaced),
        Derived("same_due", Kind.TRUTH, _same_due),
        Derived("counted", Kind.TRUTH, _counted),
        Derived("past_end", Kind.NUMBER, lambda f: f["muted_seconds"] - f["seconds"]),
        Derived("past_sum", Kind.NUMBER, lambda f: f["longest_muted"] - f["muted_seconds"]),
        Derived("much", Kind.TRUTH, _much),
    ),
    expects=(
        unique("ciphertext-unique", "ciphertext_digest", "N12"),
        matches(
            "ciphertext-digest",
            "ciphertext_digest",
            r"\A[0-9a-f]{64}\Z",
            "R1",
            severity=CRITICAL,
        ),
        # Our own code copies the day; one that differs would outlive the original's.
        true("due-with-original", "same_due", "N10", severity=CRITICAL),
        true("replacement-sealed", "replaced", "R1", severity=CRITICAL),
        true("same-length", "same_length", "N1"),
        between("seconds-possible", "seconds", "N1", above=0, high=30 * 86_400),
        between("spans-counted", "spans", "N2", low=0, high=1000),
        true("spans-and-seconds-agree", "counted", "N2"),
        between("muted-counted", "muted_seconds", "N2", low=0),
        between("muted-in-recording", "past_end", "N2", high=SLACK_SECONDS),
        between("longest-counted", "longest_muted", "N2", low=0, high=LONGEST_MUTED),
        between("longest-in-sum", "past_sum", "N2", high=SLACK_SECONDS),
        # A payment line; or a detector that hears digits everywhere.
        between("muted-share", "spans", "N2", high=0, severity=WARNING, mostly=0.5, from_rows=FEW),
        # No line reads out numbers that long in half of its calls: nothing is replaced.
        true(
            "much-muted-share",
            "much",
            "R3",
            wanted=False,
            severity=CRITICAL,
            mostly=0.5,
            from_rows=FEW,
        ),
    ),
)
