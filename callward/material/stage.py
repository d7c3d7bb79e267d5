"""Each night: hold today's facts against those last seen, and say what waits for a review."""

from callward.instance import Instance
from callward.ledger import log
from callward.material import book
from callward.material.comparing import compare, told
from callward.material.facts import facts_of
from callward.run import Run, StageReport


def note_changes(instance: Instance, run: Run) -> list[str]:
    """Note what has changed since it was last looked at; lines on all that waits for a review.

    The first time nothing is told: there is nothing to hold the facts against. NoticeError,
    with nothing noted, for a clause map that cannot be read.
    """
    facts = facts_of(instance)
    now = instance.clock.now()
    with instance.unit() as connection:
        log.lock(connection)
        before = book.known(connection)
        if before:
            book.enter(connection, compare(before, facts), run.night, now)
        else:
            book.enter_first(connection, facts, run.night, now)
        return told(book.changes(connection))


def noted_changes(instance: Instance, run: Run) -> StageReport:
    """The same as a part of the evidence stage."""
    return StageReport("evidence", notes=note_changes(instance, run))
