"""What a sweep spares of a refused record, and what a restore forgets of a versioned one."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from callward.backup.forget import Gone, forget, unmark
from callward.catalogue import tables as t
from callward.retention import sweep
from callward.retention.plan import plan_sweep
from callward.run import Run
from tests.intake.support import Desk, totals
from tests.intake.test_records import Suspicious, drop, record
from tests.support import NOW, run_stage

ATTACHED = [{"name": f"{n}.txt", "media_type": "", "data": "aGk="} for n in range(3)]


def spare(desk: Desk, sweep_id: str) -> None:
    """Have a sweep let go of what it has marked, for it is due later by now."""
    mine = t.objects.c.sweep_id == sweep_id
    with desk.instance.unit() as connection:
        tomorrow = NOW.date() + timedelta(days=1)
        connection.execute(t.objects.update().where(mine).values(due_day=tomorrow))
    report = run_stage(desk.instance, "retention", controller=desk.controller)
    assert report.failures == []


def restore(desk: Desk, sweep_id: str) -> None:
    """As a restore gives back what a sweep had marked at the time of the backup."""
    with desk.instance.unit() as connection:
        unmark(connection, [sweep_id])


@pytest.mark.parametrize("give_back", [spare, restore])
def test_spared_it_is_in_quarantine_again(
    desk: Desk, give_back: Callable[[Desk, str], None]
) -> None:
    """All of a refused record, also the attachments that the refusal does not name."""
    drop(desk, [record("kept")])
    desk.take_in()
    drop(desk, [record("odd", attachments=ATTACHED)], "odd")
    assert totals(desk.take_in(Suspicious())) == (1, 0, 0, 1)
    before = {one["id"]: one["state"] for one in desk.rows(t.objects)}
    assert sorted(before.values()) == ["live"] + ["quarantined"] * 4
    long_past = NOW.date().replace(year=2020)
    run = Run("night", long_past, controller=desk.controller)
    with desk.instance.unit() as connection:
        mine = t.objects.c.controller == desk.controller
        connection.execute(t.objects.update().where(mine).values(due_day=long_past))
        plan = plan_sweep(connection, run)
    sweep_id = sweep.mark(desk.instance, run, plan)
    assert {one["state"] for one in desk.rows(t.objects)} == {"marked"}
    give_back(desk, sweep_id)
    assert {one["id"]: one["state"] for one in desk.rows(t.objects)} == before
    with desk.instance.unit() as connection:
        connection.execute(t.sweeps.delete().where(t.sweeps.c.id == sweep_id))


def test_a_restore_forgets_the_versions_too(desk: Desk) -> None:
    """With the interaction: delivered again afterwards, each version is taken in again."""
    versions = [record("v", texts=[{"text": str(number)}]) for number in range(2)]
    drop(desk, versions)
    desk.take_in()
    (interaction,) = [one["id"] for one in desk.rows(t.interactions)]
    gone = {one["id"]: Gone(NOW, "s") for one in desk.rows(t.objects)}
    with desk.instance.unit() as connection:
        assert forget(connection, gone) == 2
        left = sa.select(t.versions).where(t.versions.c.interaction_id == interaction)
        assert connection.execute(left).all() == []
    assert desk.rows(t.interactions) == []
    for number, one in enumerate(reversed(versions)):
        drop(desk, [one], f"again-{number}")
        assert totals(desk.take_in()) == (1, 1, 0, 0)
