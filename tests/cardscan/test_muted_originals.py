"""Originals of muted recordings go the same night, whatever the brake says of the rest."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pytest

from callward.cards.listen import Stretch
from callward.cards.mute import Samples
from callward.cardscan import work
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.instance import Instance
from callward.retention.due import RESTORED, set_mark
from callward.retention.holds import place_hold
from callward.retention.stage import prepare
from callward.run import Run
from tests.speech.studio import studio
from tests.support import NOW, Call, PassingGates, deliver, instruct, rows, run_stage, tone


def _everything(pieces: Iterable[Samples]) -> tuple[list[Stretch], float]:
    seconds = len(np.concatenate(list(pieces))) / 8000
    return [Stretch(0, seconds)], seconds


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """One muted recording of acorn's, and a birch whose every recording is due: a braked night."""
    monkeypatch.setattr(work, "listen_to", _everything)
    made, _ = studio(instance)
    instruct(made, "acorn", card_data="scan")
    instruct(made, "birch", card_data="pause_and_resume")
    deliver(made, [Call("one")], controller="acorn")
    deliver(
        made,
        [Call(f"b{n}", age=43.5, content=tone(0.2, pitch=300 + n)) for n in range(15)],
        controller="birch",
    )
    assert run_stage(made, "ingest").failures == []
    assert isinstance(made.clock, FixedClock)
    made.clock.moment = NOW + timedelta(days=1)
    assert run_stage(made, "cards").total("muted") == 1
    return made


def _states(instance: Instance, controller: str) -> list[str]:
    found = rows(instance, "objects", "controller", "kind", "state")
    return [state for who, kind, state in found if (who, kind) == (controller, "recording")]


def test_another_controllers_share_does_not_keep_them(room: Instance) -> None:
    """The original goes with a certificate; what the brake is about waits, without it."""
    report = run_stage(room, "retention")
    assert ["brake" in one for one in report.failures] == [True]
    assert _states(room, "acorn") == ["live", "shredded"]
    assert set(_states(room, "birch")) == {"live"}
    assert report.counts["acorn"]["shredded:recording"] == 1
    assert report.counts["acorn"]["certificates"] == 1
    assert rows(room, "sweeps", "kind", "state") == [("erasure", "complete")]
    ((plan,),) = rows(room, "approvals", "plan")
    assert {controller for controller, _, _ in plan} == {"birch"}
    again = run_stage(room, "retention")
    assert len(again.failures) == 1
    assert len(rows(room, "sweeps")) == 1


def test_neither_does_a_restored_backup(room: Instance) -> None:
    """Somebody is asked about everything else."""
    with room.unit() as connection:
        set_mark(connection, RESTORED, NOW)
    assert "restored" in run_stage(room, "retention").failures[0]
    assert _states(room, "acorn") == ["live", "shredded"]


def test_nor_a_night_for_an_earlier_day(room: Instance) -> None:
    """The erasure was instructed today; the sweep of yesterday takes nothing of birch's."""
    report = run_stage(room, "retention", as_of=NOW.date())
    assert (report.failures, report.outcome) == ([], "")
    assert _states(room, "acorn") == ["live", "shredded"]
    assert set(_states(room, "birch")) == {"live"}


def test_one_sweep_is_enough_where_a_person_has_approved(room: Instance) -> None:
    """The plan with the original in it goes as it was approved: one turn of the root."""
    run = Run(night="ahead", as_of=NOW.date() + timedelta(days=1))
    hash_ = prepare(room, run).plan.hash
    assert run_stage(room, "retention", approve=hash_).failures == []
    assert rows(room, "sweeps", "kind") == [("retention",)]
    assert set(_states(room, "birch")) == {"shredded"}


@pytest.mark.parametrize("why", ["held", "not-kept", "gate"])
def test_what_may_not_go_stays(room: Instance, why: str) -> None:
    """On hold, without a stand-in that is kept, or where the gate in front says no."""
    gates = PassingGates(stop="retention_entry" if why == "gate" else "")
    if why == "held":
        place_hold(room, "acorn", "controller", None, "a dispute", NOW.date())
    elif why == "not-kept":
        with room.unit() as connection:
            recordings = t.objects.c.kind == "recording"
            connection.execute(t.objects.update().where(recordings).values(early=True))
    run_stage(room, "retention", gates)
    assert set(_states(room, "acorn")) == {"live"}
    assert rows(room, "sweeps") == []
