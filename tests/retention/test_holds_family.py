"""A hold on a recording or on a transcript made elsewhere reaches all of that family."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.catalogue.held import restricted
from callward.instance import Instance
from callward.retention.holds import RESTRICTION, lift_hold, place_hold
from callward.retention.plan import held_by_join, plan_sweep
from callward.run import Run
from tests.retention.shelf import Shelved, openable, shelve
from tests.support import instruct, run_stage

REVIEW = date(2027, 3, 1)
WRITER, CALLER = "07700 900124", "07700 900123"


def family(instance: Instance) -> tuple[Shelved, Shelved]:
    """A recording with the transcript we made, and an interaction that is another of it."""
    instruct(instance)
    ours = shelve(instance, "ours", age=50, caller=CALLER)
    theirs = shelve(instance, "theirs", age=50, caller=WRITER)
    with instance.unit() as connection:
        connection.execute(
            t.objects.update()
            .where(t.objects.c.id == theirs.transcript)
            .values(parent_id=ours.recording)
        )
        gone = t.objects.c.id.in_([theirs.recording, theirs.details])
        connection.execute(t.objects.delete().where(gone))
    return ours, theirs


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ("interaction", lambda ours, _: ours.interaction),
        ("interaction", lambda _, theirs: theirs.interaction),
        ("person", lambda *_: CALLER),
        ("person", lambda *_: WRITER),
    ],
    ids=["recording", "transcript", "caller", "writer"],
)
def test_whatever_is_held_the_family_stays(
    instance: Instance, scope: str, target: Callable[..., Any]
) -> None:
    """Recording, our transcript and theirs; another call goes, and all go when it is lifted."""
    ours, theirs = family(instance)
    free = shelve(instance, "free", age=50, caller="07700 900125")
    whole = {ours.recording, ours.transcript, theirs.transcript}
    hold = place_hold(instance, "acorn", scope, target(ours, theirs), "dispute", REVIEW)
    today = instance.clock.now().date()
    with instance.unit() as connection:
        plan = plan_sweep(connection, Run("night", today))
        assert {one.id for one in plan.due} == free.media
        everything = sorted(whole | free.media)
        assert held_by_join(connection, everything) == whole
        assert held_by_join(connection, everything, today) == whole
    report = run_stage(instance, "retention")
    assert report.failures == []
    assert report.counts["acorn"]["held"] == len(whole)
    assert openable(instance, whole | free.media) == whole
    lift_hold(instance, hold)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, whole) == set()


def test_a_restriction_reaches_it_too(instance: Instance) -> None:
    """A hold of the family is none: nobody is kept from opening what is only held."""
    ours, theirs = family(instance)
    query = t.objects.select().with_only_columns(t.objects.c.id).where(restricted())
    place_hold(instance, "acorn", "interaction", ours.interaction, "dispute", REVIEW)
    with instance.unit() as connection:
        assert connection.scalars(query).all() == []
    place_hold(
        instance, "acorn", "interaction", theirs.interaction, "Art 18", REVIEW, basis=RESTRICTION
    )
    with instance.unit() as connection:
        assert set(connection.scalars(query)) == {
            ours.recording,
            ours.transcript,
            theirs.transcript,
        }
