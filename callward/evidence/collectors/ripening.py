"""From which day on something was to go: pure, and the whole of what excuses a late end.

Due days are set by the anchor and the period in force; but nobody can destroy what was
delivered after its due day before it came, nor by an instruction before it was given,
nor what is on hold before the hold is lifted. All these then go with the night after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from callward.clock import london_day
from callward.instructions.periods import Period, due_day

_NIGHT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A hold or restriction that was lifted."""

    placed_at: datetime
    lifted_at: datetime


@dataclass(frozen=True, slots=True)
class Term:
    """From which day a period was in force: that of the instruction, or when it was loaded."""

    since: date
    effective_from: date
    version: int
    period: Period


def ripe_day(due: date, known_at: datetime, instructed: date | None, spans: Iterable[Span]) -> date:
    """The day whose night is the first that could take it (London).

    ``known_at``: when it came, or what its due day follows from; ``instructed``: the first
    day of the night that knew the period in force (None: it was known all along).
    """
    ripe = due
    came = london_day(known_at)
    if came >= due:
        ripe = came + _NIGHT
    if instructed is not None:
        ripe = max(ripe, instructed)
    for span in sorted(spans, key=lambda one: one.placed_at):
        if london_day(span.placed_at) <= ripe:
            ripe = max(ripe, london_day(span.lifted_at) + _NIGHT)
    return ripe


def instructed_on(terms: Sequence[Term], anchor: date, due: date, day: date) -> date | None:
    """Since when, seen from ``day``, what counts from ``anchor`` has been due on ``due``.

    None if that was so from the first instruction on, or if none of them says so.
    """
    found: date | None = None
    for number, term in enumerate(in_turn(terms)):
        if term.since > day:
            break
        if due_day(anchor, term.period) != due:
            found = None
        elif found is None:
            # Loaded in a night, it may have come too late for that one.
            later = _NIGHT if term.since > term.effective_from else timedelta(0)
            found = date.min if number == 0 else term.since + later
    return None if found == date.min else found


def in_turn(terms: Iterable[Term]) -> list[Term]:
    """The terms as one followed the other: the highest version of those that count."""
    found: list[Term] = []
    for term in sorted(terms, key=lambda one: (one.since, one.version)):
        if not found or term.version > found[-1].version:
            found.append(term)
    return found
