"""In front of a file of records: what is known of each slice of it before it is read.

``age_days`` is the file's own; how old its records are is known once they are read.
"""

from typing import Final

from callward.gates import CRITICAL, WARNING
from callward.intake.readers.base import WHOLE_BYTES
from data_checks.declare import WORD, Kind, Suite, between, matches, true

# A reader's own guess where a file is not cut: bytes over the smallest record there is.
MOST_RECORDS: Final = 1_000_000

SUITE: Final = Suite(
    name="records_entry",
    columns={
        "id": Kind.TEXT,
        "controller_known": Kind.TRUTH,
        "source": Kind.TEXT,
        "bytes": Kind.WHOLE,
        "records": Kind.WHOLE,
        "age_days": Kind.NUMBER,
    },
    expects=(
        matches("source-word", "source", WORD, "R2", severity=CRITICAL),
        # The plan cuts no slice otherwise and plans none of a stranger: ours to mend.
        true("controller-known", "controller_known", "N6", severity=CRITICAL),
        between("bytes-possible", "bytes", "N1", low=1, high=WHOLE_BYTES, severity=CRITICAL),
        between("records-possible", "records", "N1", low=1, high=MOST_RECORDS, severity=CRITICAL),
        # Nobody writes files tomorrow; but a wrong clock there is no reason to keep them out.
        between("age-not-future", "age_days", "R9", low=-1, severity=WARNING),
    ),
)
