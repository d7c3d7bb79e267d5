"""Whatever happens in whatever order, a sweep takes exactly what a ten-line model says."""

import tempfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from callward import night
from callward.clock import FixedClock, today
from callward.evidence.certificate import verify_certificate
from callward.instance import Instance
from callward.instructions.periods import Period
from callward.ledger import log
from callward.retention.holds import lift_hold, place_hold
from callward.retention.stage import prepare
from tests.retention.shelf import Shelved, StrictGates, openable, shelve, stored
from tests.support import instruct, new_instance, rows, run_stage

WHO = ("acorn", "birch")
CALLERS = ("07700 900001", "07700 900002")

_hold_target = st.one_of(
    st.just(("controller", "")),
    st.tuples(st.just("person"), st.sampled_from(CALLERS)),
    st.tuples(st.just("interaction"), st.integers(0, 5).map(str)),
)
# Recordings' periods are never longer than interactions': people go with the details.
_steps = st.one_of(
    st.tuples(
        st.just("arrive"), st.sampled_from(WHO), st.integers(0, 70), st.sampled_from(CALLERS)
    ),
    st.tuples(st.just("hold"), st.sampled_from(WHO), _hold_target),
    st.tuples(st.just("lift"), st.integers(0, 5)),
    st.tuples(st.just("instruct"), st.sampled_from(WHO), st.integers(1, 40), st.integers(40, 90)),
    st.tuples(st.just("pass"), st.integers(1, 30)),
    st.tuples(st.just("sweep"), st.sampled_from((None, *WHO))),
)


@dataclass(frozen=True)
class Call:
    """What the model knows of an interaction."""

    who: str
    caller: str
    day: date
    shelved: Shelved


@dataclass
class Model:
    """What there must be."""

    periods: dict[str, tuple[int, int]] = field(
        default_factory=lambda: dict.fromkeys(WHO, (30, 60))
    )
    calls: list[Call] = field(default_factory=list)
    holds: list[tuple[str, str, str, str]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def held(self, call: Call) -> bool:
        """Whether any hold covers the call."""
        keys = {
            (call.who, "controller", ""),
            (call.who, "person", call.caller),
            (call.who, "interaction", call.shelved.interaction),
        }
        return any(hold[1:] in keys for hold in self.holds)

    def sweep(self, day: date, only: str | None) -> set[str]:
        """Let everything go that is due and free; what went."""
        taken = set()
        for call in self.calls:
            if only in (None, call.who) and not self.held(call):
                age, (recordings, interactions) = (day - call.day).days, self.periods[call.who]
                taken |= call.shelved.media if age >= recordings else set()
                taken |= {call.shelved.details} if age >= interactions else set()
        taken -= self.gone
        self.gone |= taken
        return taken


def _live(instance: Instance, model: Model, step: tuple[object, ...]) -> None:
    """Do one step in the instance and in the model."""
    clock = instance.clock
    assert isinstance(clock, FixedClock)
    match step:
        case ("arrive", str(who), int(age), str(caller)):
            recordings, interactions = (Period(days=days) for days in model.periods[who])
            shelved = shelve(
                instance,
                str(len(model.calls)),
                age=age,
                controller=who,
                caller=caller,
                recordings=recordings,
                interactions=interactions,
            )
            day = today(clock) - timedelta(days=age)
            model.calls.append(Call(who, caller, day, shelved))
        case ("hold", str(who), (str(scope), str(target))):
            if scope == "interaction":
                mine = [c.shelved for c in model.calls if c.who == who]
                mine = [one for one in mine if one.details not in model.gone]
                if not mine:
                    return
                target = mine[int(target) % len(mine)].interaction
            hold = place_hold(instance, who, scope, target, "because", today(clock))
            model.holds.append((hold, who, scope, target))
        case ("lift", int(number)) if model.holds:
            lift_hold(instance, model.holds.pop(number % len(model.holds))[0])
        case ("instruct", str(who), int(recordings), int(interactions)):
            model.periods[who] = (recordings, interactions)
            _instruct(instance, model, who)
        case ("pass", int(days)):
            clock.moment += timedelta(days=days)
        case ("sweep", only):
            assert only is None or isinstance(only, str)
            _sweep(instance, model, only)


def _instruct(instance: Instance, model: Model, who: str) -> None:
    recordings, interactions = model.periods[who]
    instruct(instance, who, recordings=f"{recordings} days", interactions=f"{interactions} days")


def _sweep(instance: Instance, model: Model, only: str | None) -> None:
    run = night.new_run(instance, controller=only, dry_run=True)
    approve = prepare(instance, run).plan.hash
    report = run_stage(instance, "retention", StrictGates(), controller=only, approve=approve)
    assert report.failures == []
    taken = model.sweep(today(instance.clock), only)
    assert report.total("shredded") == len(taken)
    everything = set[str]().union(*(call.shelved.all for call in model.calls))
    assert openable(instance, everything) == everything - model.gone


def _whole(instance: Instance, model: Model) -> None:
    """What holds whenever a history ends."""
    bodies = [body for (body,) in rows(instance, "certificates", "body")]
    documents = [verify_certificate(body, instance.signer.verifier) for body in bodies]
    listed = [one for document in documents for one in document.objects]
    assert sorted(listed) == sorted(model.gone)
    assert len(stored(instance)) == sum(c.shelved.recording not in model.gone for c in model.calls)
    kept = {c.shelved.interaction for c in model.calls if c.shelved.details not in model.gone}
    assert {row[0] for row in rows(instance, "interactions", "id")} == kept
    assert {row[0] for row in rows(instance, "people", "interaction_id")} == kept
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])


@settings(max_examples=12)
@given(st.lists(_steps, min_size=3, max_size=14))
def test_any_history(steps: list[tuple[object, ...]]) -> None:
    """Arrivals, holds, instructions, time and sweeps in any order, then a sweep of all."""
    with tempfile.TemporaryDirectory() as folder:
        instance = new_instance(Path(folder) / "home")
        model = Model()
        for who in WHO:
            _instruct(instance, model, who)
        for step in (*steps, ("sweep", None)):
            _live(instance, model, step)
        _whole(instance, model)
        instance.close()
