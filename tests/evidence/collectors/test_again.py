"""Evidence of a period that is over is the same whenever it is collected."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.erasing import sweep_only
from callward.evidence.clauses.model import Period
from callward.instance import Instance
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from tests.evidence.collectors.kept import evidence, files, later
from tests.retention.shelf import Shelved, object_id, refuse, reject, shelve
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    rows,
    run_night,
    run_stage,
)

PERIOD = Period(date(2026, 11, 1), date(2026, 11, 22))


def _period_over(instance: Instance) -> dict[str, Shelved]:
    """Two nights; something on hold, of a person too, to be erased, overdue, and refused."""
    instruct(instance, transcription=False)
    things = {
        name: shelve(instance, name, age=age, caller=caller)
        for name, age, caller in (
            ("gone", 45, "07700 900123"),
            ("held", 46, "07700 900124"),
            ("known", 46, "07700 900125"),
            ("erased", 3, "07700 900126"),
            ("later", 20, "07700 900127"),
        )
    }
    interaction = things["held"].interaction
    place_hold(instance, "acorn", "interaction", interaction, "why", date(2026, 11, 19))
    place_hold(instance, "acorn", "person", "07700 900125", "why", date(2027, 1, 1))
    deliver(instance, [Call("broken", content=b"no sound"), Call("sound")])
    run_night(instance)
    later(instance, timedelta(days=1))
    run_stage(instance, "retention")
    refuse(instance, "refused", age=2)
    instruct_erasure(instance, [things["erased"].recording], "asked for")
    later(instance, timedelta(days=2, hours=5))
    return things


def _lift(instance: Instance) -> None:
    with instance.reading() as connection:
        holds = connection.scalars(sa.select(t.holds.c.id)).all()
    for one in holds:
        lift_hold(instance, one)


def _forget(instance: Instance) -> None:
    """Everything of a person's goes, so that nobody knows any more whom it was about."""
    _lift(instance)
    known = object_id("known", "interaction")
    going = instruct_erasure(instance, [known], "all of it")
    assert sweep_only(instance, PassingGates(), going).failures == []
    assert (known,) not in rows(instance, "people", "interaction_id")


def _decide(instance: Instance) -> None:
    with instance.reading() as connection:
        ids = dict(
            tuple(row)
            for row in connection.execute(sa.select(t.quarantine.c.reason, t.quarantine.c.id))
        )
    reject(instance, ids.pop("not-media"))


def _shorten(instance: Instance) -> None:
    instruct(instance, recordings="10 days", transcription=True)
    later(instance, timedelta(hours=2))
    run_stage(instance, "retention")


def _lengthen(instance: Instance) -> None:
    _lift(instance)
    instruct(instance, recordings="90 days")
    later(instance, timedelta(hours=2))
    run_stage(instance, "retention")


def _night(instance: Instance) -> None:
    deliver(instance, [Call("another")], drop="drop-2", now=instance.clock.now())
    later(instance, timedelta(hours=2))
    run_night(instance)
    later(instance, timedelta(days=400))


_CHANGES: dict[str, Callable[[Instance], None]] = {
    "lifted": _lift,
    "forgotten": _forget,
    "decided": _decide,
    "shortened": _shorten,
    "lengthened": _lengthen,
    "another-night": _night,
}


@pytest.mark.parametrize("what", _CHANGES)
def test_later_changes_change_nothing(instance: Instance, what: str) -> None:
    """Byte by byte: approvals are bound to it."""
    _period_over(instance)
    before = files(instance, PERIOD)
    _CHANGES[what](instance)
    later(instance, timedelta(days=1))
    after = files(instance, PERIOD)
    assert [name for name in before if before[name] != after[name]] == []
    assert before.keys() == after.keys()


def test_there_was_something_to_be_changed(instance: Instance) -> None:
    """The period that the changes come after holds all that they change."""
    _period_over(instance)
    deletions, holds = (evidence(instance, kind, PERIOD) for kind in ("deletions", "holds"))
    assert (deletions["destroyed"], deletions["held"]) == (2, {"recordings": 4})
    assert deletions["overdue"] == {}
    assert len(holds["overdue"]) == 1
    assert evidence(instance, "erasures", PERIOD)["asked"] == 2
    assert evidence(instance, "intake", PERIOD)["quarantine"]["held"] == 2
    assert NOW.date() < PERIOD.to_day
