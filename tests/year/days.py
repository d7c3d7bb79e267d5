"""The simulated year: what comes on which day, and the days of the planted faults. Pure."""

import os
from datetime import date, datetime, time, timedelta
from typing import Final

from callward.clock import LONDON

FIRST: Final = date(2026, 1, 1)
LAST: Final = date(2026, 12, 31)
NIGHTS: Final = tuple(FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
REVIEWED_AT: Final = datetime(2027, 1, 1, 9, tzinfo=LONDON)
"""When the annual pack is made: no night has been run that day."""

CREATED: Final = datetime(2025, 12, 31, 12, tzinfo=LONDON)
"""When the instance is made: the first night is then one that must be run."""

# -- the faults -------------------------------------------------------------------------
GATE_STOPS: Final = date(2026, 2, 10)
"""Nothing is taken in that night; the next one takes in what lies there."""
LAPSED_FROM, LAPSED_TO = date(2026, 4, 1), date(2026, 4, 23)
"""Without Cyber Essentials Plus, both days included."""
LAPSED_DAYS: Final = 23
NO_RETENTION: Final = tuple(date(2026, 7, day) for day in (6, 7, 8, 9))
"""Nights on which retention is not run, although recordings are due."""
WITNESS_DOWN: Final = (date(2026, 8, 1), date(2026, 8, 31))
MISSING_NIGHT: Final = date(2026, 5, 19)
TESTED: Final = date(2025, 11, 10)
"""The penetration test: its anniversary is in November, and there is no other."""
HELD_FROM, HOLD_REVIEW, HOLD_LIFTED = date(2026, 2, 1), date(2026, 3, 1), date(2026, 3, 20)
STRAY_FOUND: Final = date(2026, 6, 14)
"""A Sunday: the weekly scan finds a ciphertext that belongs to nothing."""
WITHOUT_REPORT: Final = (9, 10)
"""Months in which nobody has looked for vulnerabilities."""
NEW_SUB_PROCESSOR: Final = date(2026, 9, 21)
"""More than 90 days before the year's end, and no review has dealt with it."""
UNDECIDED_FROM, UNDECIDED = date(2026, 11, 25), 2
"""Files refused, which still wait for somebody's word when the year ends."""
NEVER_DECIDED: Final = date(2026, 6, 23)
"""A file refused, which waited until its last day had come."""
REFUSED_CALLS: Final = "cedar"
"""The controller that wants its calls transcribed outside the UK and EEA, without a safeguard."""

# -- what is as it should be ------------------------------------------------------------
REJECTED, DECIDED = date(2026, 2, 24), date(2026, 2, 26)
"""A refused file, and the day on which somebody decided about it."""
ERASED: Final = date(2026, 3, 11)
OPENED: Final = date(2026, 5, 6)
RESTRICTED_FROM, RESTRICTED_TO, RESTRICTION_REVIEW = (
    date(2026, 9, 1),
    date(2026, 9, 20),
    date(2026, 10, 1),
)

SUNDAY, WEDNESDAY = 6, 2

# -- controllers ------------------------------------------------------------------------
RECORDINGS: Final = {"acorn": 45, "birch": 4, "cedar": 10}
"""Days for which each controller's recordings are kept."""
MESSAGES: Final = {"birch": 30}
"""Days for messages and interaction records; the others keep them for three years."""
WHOLE: Final = bool(os.environ.get("CALLWARD_WHOLE_YEAR"))
"""Whether data come often, so that there is a sweep on nearly every night; and whatever else
need not be done in every night or week is done in each."""
EVERY: Final = dict(zip(RECORDINGS, (3, 2, 5) if WHOLE else (6, 4, 10), strict=True))
"""A drop every so many nights."""


def packed(day: date) -> bool:
    """Whether that night ends with a pack: on Sundays, in the short year the month's last."""
    sunday = day.weekday() == SUNDAY
    return sunday and (WHOLE or (day + timedelta(weeks=1)).month != day.month)


def asks_witness(day: date) -> bool:
    """Whether the witness is asked that night, with a pack or without."""
    return WHOLE or day.weekday() == SUNDAY


THROUGH_PREFECT: Final = (
    date(2026, 1, 14),
    date(2026, 4, 26),
    date(2026, 9, 9),
    date(2026, 12, 30),
)
"""Nights that a real server runs, where there is one; the second is a Sunday."""


def night_of(day: date) -> datetime:
    """One o'clock in London on that day."""
    return datetime.combine(day, time(1), LONDON)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of that day in London."""
    return datetime.combine(day, time(hour, minute), LONDON)


def delivers(controller: str, day: date) -> bool:
    """Whether a drop of calls of the day before comes in that night.

    Never one of which something would be due on the night that is missing, or anything
    but recordings on the nights without retention: each fault is to show by itself.
    """
    if day >= date(2026, 12, 28) and controller == "birch":
        return True
    if (day - FIRST).days % EVERY[controller]:
        return False
    ended = day - timedelta(days=1)
    recordings = ended + timedelta(days=RECORDINGS[controller])
    messages = ended + timedelta(days=MESSAGES.get(controller, 1096))
    return MISSING_NIGHT not in (recordings, messages) and messages not in NO_RETENTION


def calls_on(controller: str, day: date) -> tuple[str, ...]:
    """Names of the calls in that night's drop."""
    if not delivers(controller, day):
        return ()
    return tuple(f"{controller}-{day:%m%d}-{n}" for n in range(2 if controller == "acorn" else 1))


def calls_of(controller: str) -> int:
    """How many calls it sends in the year."""
    return sum(len(calls_on(controller, day)) for day in NIGHTS)


def sends_messages(day: date) -> bool:
    """Whether birch's drop comes with messages as well."""
    return delivers("birch", day) and (day - FIRST).days % 4 == 0


def late_recordings() -> dict[int, int]:
    """How many recordings are destroyed how many days after they were due, by the plan."""
    swept = NO_RETENTION[-1] + timedelta(days=1)
    found: dict[int, int] = {}
    for controller, days in RECORDINGS.items():
        for day in NIGHTS:
            due = day - timedelta(days=1) + timedelta(days=days)
            if due in NO_RETENTION:
                late = (swept - due).days
                # With acorn's a transcript goes, too.
                each = 2 if controller == "acorn" else 1
                found[late] = found.get(late, 0) + each * len(calls_on(controller, day))
    return {late: count for late, count in found.items() if count}
