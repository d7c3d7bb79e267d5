"""Behind the readers: every record they made or refused, before it is catalogued.

What a supplier sends can fail rows, and be warned of, but stops no batch: a hostile
or broken file must not keep its controller's other files out (docs/decisions/0022).
Only what would be our own fault does.
"""

from typing import Final

import pandas as pd

from callward.clock import LONDON
from callward.gates import CRITICAL, WARNING
from callward.intake.categories import KINDS
from callward.intake.manifest import EARLIEST
from data_checks.declare import (
    FEW,
    WORD,
    Derived,
    Kind,
    Suite,
    between,
    matches,
    not_before,
    one_of,
    true,
    unique,
)
from data_checks.suites.ingest_exit import LONGEST_DAYS

UNTOLD: Final = "record"
"""Kind of a refused record of which nobody could tell what it was."""
NOBODYS: Final = ""
"""Source of a refused file that no reader knows."""
DIRECTIONS: Final = ["inbound", "outbound", "internal", "none"]
NEEDED: Final = ["kind", "direction", "started_at", "ended_at", "anchor_day"]
"""What every record has that was taken in."""
IN_ORDER: Final = frozenset({"asterisk-cdr", "freeswitch-csv", "3cx-cdr"})
"""Sources that write a record when its call ends, one behind the other."""

MOST_PEOPLE: Final = 100_000
MOST_PARTS: Final = 10_000
MOST_BYTES: Final = 256 * 1024 * 1024
# More card numbers than this in one record are a stolen list, and somebody should know.
MOST_MASKED: Final = 10_000


def _described(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Taken in, it has all that the catalogue needs of it, or it is there already."""
    sealed = frame["ciphertext_digest"].notna() | frame["duplicate"]
    named = (frame["kind"] != UNTOLD) & (frame["source"] != NOBODYS)
    whole = frame[NEEDED].notna().all(axis=1) & named & sealed
    return frame["refused"] | whole


def _due_told(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a day is named on which it must go, or there is a good reason for none."""
    told: pd.Series[bool] = frame["due_day"].notna()
    return told | frame["refused"] | frame["duplicate"] | _in_use(frame)


def _in_use(frame: pd.DataFrame) -> "pd.Series[bool]":
    account: pd.Series[bool] = frame["kind"] == "agent-account"
    return account & frame["active"]


def _anchored(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Retention counts from the London day on which it ended."""
    ended = frame["ended_at"].dt.tz_convert(LONDON).dt.tz_localize(None).dt.normalize()
    anchored: pd.Series[bool] = (ended == frame["anchor_day"]) | ended.isna() | frame["refused"]
    return anchored


def _in_order(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Ended no earlier than the one in front of it, where its source promises that."""
    promised: pd.Series[bool] = frame["source"].isin(IN_ORDER)
    before = frame["ended_at"].where(promised).groupby(frame["source"]).shift()
    return ~(promised & (frame["ended_at"] < before))


SUITE: Final = Suite(
    name="records_exit",
    columns={
        "id": Kind.TEXT,
        "kind": Kind.TEXT,
        "source": Kind.TEXT,
        "refused": Kind.TRUTH,
        "reason": Kind.TEXT,
        "started_at": Kind.MOMENT,
        "ended_at": Kind.MOMENT,
        "direction": Kind.TEXT,
        "people": Kind.WHOLE,
        "bytes": Kind.WHOLE,
        "parts": Kind.WHOLE,
        "masked": Kind.WHOLE,
        "duplicate": Kind.TRUTH,
        "new_version": Kind.TRUTH,
        "ciphertext_digest": Kind.TEXT,
        "due_day": Kind.DAY,
        "anchor_day": Kind.DAY,
        "active": Kind.TRUTH,
    },
    nullable=frozenset({*NEEDED, "reason", "ciphertext_digest", "due_day"}),
    derived=(
        Derived("reasoned", Kind.TRUTH, lambda f: f["refused"] == f["reason"].notna()),
        Derived("described", Kind.TRUTH, _described),
        Derived("due_told", Kind.TRUTH, _due_told),
        Derived("in_use", Kind.TRUTH, lambda f: ~f["active"] | _in_use(f)),
        Derived("one_fate", Kind.TRUTH, lambda f: ~(f["duplicate"] & f["new_version"])),
        Derived("days_kept", Kind.NUMBER, lambda f: (f["due_day"] - f["anchor_day"]).dt.days),
        Derived("anchored", Kind.TRUTH, _anchored),
        Derived("days_since_2000", Kind.NUMBER, lambda f: (f["ended_at"] - EARLIEST).dt.days),
        Derived("in_order", Kind.TRUTH, _in_order),
    ),
    expects=(
        # The same ciphertext twice would mean the same object key twice.
        unique("ciphertext-unique", "ciphertext_digest", "N12"),
        matches(
            "ciphertext-digest",
            "ciphertext_digest",
            r"\A[0-9a-f]{64}\Z",
            "R1",
            severity=CRITICAL,
        ),
        # Both are words of ours; anything else in their place is content.
        matches("source-word", "source", rf"(?:\A\Z)|(?:{WORD})", "R2", severity=CRITICAL),
        matches("reason-word", "reason", WORD, "R2", severity=CRITICAL),
        true("reason-given", "reasoned", "R12", severity=CRITICAL),
        one_of("kind-handled", "kind", [*KINDS, UNTOLD], "N1"),
        true("described", "described", "N1"),
        one_of("direction-known", "direction", DIRECTIONS, "N1"),
        not_before("ended-not-before-started", "ended_at", "started_at", "N10"),
        # One that has not ended yet is anchored today: its day would come too early.
        true("anchored-where-it-ended", "anchored", "N10"),
        between("age-plausible", "days_since_2000", "R3", low=0),
        true("due-told", "due_told", "N10"),
        true("active-is-an-account", "in_use", "N10"),
        not_before("due-not-before-anchor", "due_day", "anchor_day", "N10"),
        between("kept-within-ceiling", "days_kept", "N10", high=LONGEST_DAYS),
        true("known-or-newer", "one_fate", "R10"),
        between("people-counted", "people", "N14", low=0, high=MOST_PEOPLE),
        between("bytes-possible", "bytes", "N1", low=0, high=MOST_BYTES),
        between("parts-possible", "parts", "N1", low=0, high=MOST_PARTS),
        between("masked-possible", "masked", "N2", low=0, high=MOST_MASKED),
        true(
            "refused-share",
            "refused",
            "R9",
            wanted=False,
            severity=WARNING,
            mostly=0.5,
            from_rows=FEW,
        ),
        between(
            "masked-share", "masked", "N2", high=0, severity=WARNING, mostly=0.8, from_rows=FEW
        ),
        true(
            "duplicate-share",
            "duplicate",
            "R10",
            wanted=False,
            severity=WARNING,
            mostly=0.5,
            from_rows=FEW,
        ),
        # Several files in a batch make a step back each; a shuffled file makes many.
        true("order-share", "in_order", "N1", severity=WARNING, mostly=0.9, from_rows=FEW),
    ),
)
