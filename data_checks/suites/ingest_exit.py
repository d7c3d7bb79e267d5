"""Behind ingest: what was found in each recording, and how it was sealed.

Bounds keep out the impossible, not the unusual: test tones at 1 kHz, studio
files at 192 kHz, eight channels, four samples of audio, floating-point files
beyond full scale and pure silence all exist and are valid audio.
"""

from typing import Final

from callward.gates import CRITICAL
from data_checks.declare import (
    FEW,
    Derived,
    Kind,
    Suite,
    between,
    matches,
    not_before,
    true,
    unique,
)

# A recording longer than the call it belongs to holds somebody else's call too.
# Shorter is normal (paused for card data, announcements, hold). Clocks of switch
# and recorder differ, and wrap-up is recorded: five minutes are no evidence.
OVERRUN_SECONDS: Final = 300.0
LONGEST_DAYS: Final = 1096  # three years with a leap day: the ceiling of N10
SILENT: Final = 0.999

SUITE: Final = Suite(
    name="ingest_exit",
    columns={
        "id": Kind.TEXT,
        "codec": Kind.TEXT,
        "rate": Kind.WHOLE,
        "channels": Kind.WHOLE,
        "seconds": Kind.NUMBER,
        "peak": Kind.NUMBER,
        "silent_share": Kind.NUMBER,
        "digest_matches": Kind.TRUTH,
        "seconds_promised": Kind.NUMBER,
        "ciphertext_digest": Kind.TEXT,
        "due_day": Kind.DAY,
        "anchor_day": Kind.DAY,
    },
    derived=(
        Derived("overrun", Kind.NUMBER, lambda f: f["seconds"] - f["seconds_promised"]),
        Derived("days_kept", Kind.NUMBER, lambda f: (f["due_day"] - f["anchor_day"]).dt.days),
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
        true("digest-matches", "digest_matches", "R1"),
        matches("codec-named", "codec", r"\A[a-z0-9_.-]{1,32}\Z", "R2"),
        between("rate-possible", "rate", "N1", low=100, high=1_536_000),
        between("channels-possible", "channels", "N1", low=1, high=255),
        between("seconds-possible", "seconds", "N1", above=0, high=30 * 86_400),
        between("peak-finite", "peak", "N1", low=0, high=1e12),
        between("silence-is-a-share", "silent_share", "N1", low=0, high=1),
        between("promised-possible", "seconds_promised", "N1", low=0, high=30 * 86_400),
        between("no-longer-than-call", "overrun", "N1", high=OVERRUN_SECONDS),
        not_before("due-not-before-anchor", "due_day", "anchor_day", "N10"),
        between("kept-within-ceiling", "days_kept", "N10", high=LONGEST_DAYS),
        # Most items are not what their manifest says: the delivery is at fault, not the item.
        true(
            "digest-share",
            "digest_matches",
            "R1",
            severity=CRITICAL,
            mostly=0.5,
            from_rows=FEW,
        ),
        # Nearly nothing but silence: the recorder is deaf.
        between(
            "silence-share",
            "silent_share",
            "N1",
            high=SILENT,
            severity=CRITICAL,
            mostly=0.1,
            from_rows=FEW,
        ),
    ),
)
