"""The brake: what a person must approve, and that approval is of one plan only."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callward import night
from callward.clock import FixedClock
from callward.instance import Instance
from callward.retention.brake import BrakeRules, brake_reasons
from callward.retention.stage import prepare
from callward.vault.filing import FILED
from tests.retention.shelf import Shelved, openable, shelve
from tests.support import NOW, instruct, rows, run_stage, snapshot

RULES = BrakeRules(share=0.25, floor=2, clock_jump_days=3)
MOMENT = datetime(2026, 11, 20, 1, tzinfo=UTC)


def _reasons(**changes: Any) -> tuple[str, ...]:
    told: Mapping[str, Any] = {
        "due": {"acorn": 1},
        "replaced": {},
        "holdings": {"acorn": 100},
        "shortened": (),
        "last_sweep": MOMENT - timedelta(days=1),
        "now": MOMENT,
    }
    return brake_reasons(RULES, **{**told, **changes})


@pytest.mark.parametrize(
    ("due", "holdings", "stops"),
    [
        (25, 100, False),  # the share itself may go
        (26, 100, True),
        (2, 2, False),  # up to the floor all may go
        (3, 3, True),
        (3, 0, True),
    ],
)
def test_share_and_floor(due: int, holdings: int, stops: bool) -> None:  # noqa: FBT001 - a parameter
    """More than the share stops a sweep, unless it is no more than the floor."""
    found = _reasons(due={"acorn": due}, holdings={"acorn": holdings})
    assert found == (("share:acorn",) if stops else ())


def test_shares_are_counted_per_controller() -> None:
    """A small customer's all is not hidden by a large one's holdings."""
    found = _reasons(due={"acorn": 3, "birch": 3}, holdings={"acorn": 5, "birch": 1000})
    assert found == ("share:acorn",)


@pytest.mark.parametrize(
    ("moved", "stops"),
    [
        (timedelta(days=3), False),
        (timedelta(days=3, seconds=1), True),
        (timedelta(0), False),
        (timedelta(seconds=-1), True),
        (timedelta(days=4000), True),
    ],
)
def test_clock_jumps(moved: timedelta, stops: bool) -> None:  # noqa: FBT001 - a parameter
    """Forwards by more than was agreed, or backwards at all."""
    found = _reasons(last_sweep=MOMENT - moved)
    assert found == (("clock-jump",) if stops else ())


@pytest.mark.parametrize(
    ("behind", "stops"),
    [
        (timedelta(0), False),
        (timedelta(minutes=5), False),  # another machine's clock
        (timedelta(minutes=5, seconds=1), True),
        (timedelta(days=-2), False),
    ],
)
@pytest.mark.parametrize("last_sweep", [None, MOMENT - timedelta(days=1)])
def test_a_clock_behind_our_own_records_was_set_back(
    behind: timedelta,
    stops: bool,  # noqa: FBT001 - a parameter
    last_sweep: datetime | None,
) -> None:
    """Even if it is still ahead of the last sweep, or there has been none."""
    found = _reasons(last_sweep=last_sweep, last_record=MOMENT + behind)
    assert found == (("clock-jump",) if stops else ())


def test_a_clock_set_back_since_the_last_record_is_seen(instance: Instance) -> None:
    """By what the ledger says was done meanwhile; once approved, that counts no more."""
    assert isinstance(instance.clock, FixedClock)
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=50)
    instance.clock.moment = NOW + timedelta(hours=30)
    instruct(instance, recordings="44 days")
    run_stage(instance, "ingest")  # loads the instruction, and says so in the ledger
    instruct(instance)
    run_stage(instance, "ingest")
    instance.clock.moment = NOW + timedelta(hours=24)
    (failure,) = run_stage(instance, "retention").failures
    assert "clock-jump" in failure
    assert openable(instance, one.all) == one.all
    assert run_stage(instance, "retention", approve=_hash(instance)).failures == []
    two = shelve(instance, "two", age=60)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, {*one.all, *two.all}) == {one.details, two.details}


def test_the_first_sweep_has_no_clock_to_compare() -> None:
    """Without an earlier sweep the clock cannot have jumped."""
    assert _reasons(last_sweep=None) == ()


def test_nothing_due_needs_nobody() -> None:
    """Neither a jump nor a shortening matters when nothing goes."""
    assert _reasons(due={}, shortened=("acorn",), last_sweep=MOMENT + timedelta(days=9)) == ()


def test_shortened_counts_for_whoever_has_something_due() -> None:
    """Another controller's shortening does not stop this sweep."""
    assert _reasons(shortened=("birch",)) == ()
    assert _reasons(shortened=("birch", "acorn")) == ("shortened:acorn",)


def _strict(instance: Instance) -> Instance:
    settings = instance.settings.model_copy(update={"brake_floor": 2, "brake_share": 0.25})
    return replace(instance, settings=settings)


def _hash(instance: Instance) -> str:
    return prepare(instance, night.new_run(instance, dry_run=True)).plan.hash


def _two_old_two_young(instance: Instance) -> list[Shelved]:
    instruct(instance)
    run_stage(instance, "retention")
    return [shelve(instance, f"age {age}", age=age) for age in (50, 51, 1, 2)]


def _but_questions(instance: Instance) -> Mapping[str, Any]:
    """Everything but who was asked what, and what was looked at, which the brake leaves free."""
    questions = ("approvals", "ledger_head", "ledger_leaves", "ledger_items", "ledger_nodes")
    found = {name: held for name, held in snapshot(instance).items() if name not in questions}
    return found | {"marks": [row for row in found["marks"] if not row[0].startswith(FILED)]}


def test_a_braked_sweep_leaves_everything_as_it_was(instance: Instance) -> None:
    """The failure names reason and hash; no row, file or key has changed."""
    instance = _strict(instance)
    shelved = _two_old_two_young(instance)
    before = _but_questions(instance)
    (failure,) = run_stage(instance, "retention").failures
    assert failure.startswith("[brake]")
    assert "share:acorn" in failure
    assert _hash(instance) in failure
    assert _but_questions(instance) == before
    everything = set[str]().union(*(one.all for one in shelved))
    assert openable(instance, everything) == everything


def test_approval_is_of_one_plan(instance: Instance) -> None:
    """One more object due and the approval is void; the new plan's own hash lets it go."""
    instance = _strict(instance)
    old, older, *young = _two_old_two_young(instance)
    approved = _hash(instance)
    another = shelve(instance, "another", age=60)
    before = _but_questions(instance)
    assert run_stage(instance, "retention", approve=approved).failures
    assert run_stage(instance, "retention", approve="f" * 64).failures
    assert _but_questions(instance) == before
    assert run_stage(instance, "retention", approve=_hash(instance)).failures == []
    gone = old.media | older.media | another.media
    assert openable(instance, gone) == set()
    kept = set[str]().union(*(one.all for one in young), {old.details})
    assert openable(instance, kept) == kept
    assert [row[0] for row in rows(instance, "sweeps", "approved")] == [True]


@pytest.mark.parametrize("jump", [timedelta(days=30), timedelta(hours=-2)])
def test_after_a_clock_jump_a_person_is_asked_once(instance: Instance, jump: timedelta) -> None:
    """Whichever way the clock went; once approved the new time is believed."""
    assert isinstance(instance.clock, FixedClock)
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=50)
    instance.clock.moment = NOW + jump
    (failure,) = run_stage(instance, "retention").failures
    assert "clock-jump" in failure
    (failure,) = run_stage(instance, "retention", controller="acorn").failures
    assert "clock-jump" in failure
    assert openable(instance, one.all) == one.all
    assert run_stage(instance, "retention", approve=_hash(instance)).failures == []
    assert openable(instance, one.all) == {one.details}
    two = shelve(instance, "two", age=60)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, two.all) == {two.details}


def test_a_night_with_nothing_due_believes_no_clock_that_has_jumped(instance: Instance) -> None:
    """What a wrong clock makes due two days later still waits for a person."""
    assert isinstance(instance.clock, FixedClock)
    instruct(instance)
    run_stage(instance, "retention")
    one = shelve(instance, "one", age=20)
    instance.clock.moment = NOW + timedelta(days=24)
    assert run_stage(instance, "retention").outcome == "NothingDue"
    instance.clock.moment = NOW + timedelta(days=26)
    (failure,) = run_stage(instance, "retention").failures
    assert "clock-jump" in failure
    assert openable(instance, one.all) == one.all
    assert run_stage(instance, "retention", approve=_hash(instance)).failures == []
    two = shelve(instance, "two", age=60)
    instance.clock.moment += timedelta(days=2)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, {*one.all, *two.all}) == {one.details, two.details}


def test_quiet_nights_are_believed_one_after_the_other(instance: Instance) -> None:
    """A month without anything due is no jump, if there was a run in it every few days."""
    assert isinstance(instance.clock, FixedClock)
    instruct(instance)
    one = shelve(instance, "one", age=15)
    for _ in range(10):
        assert run_stage(instance, "retention").outcome == "NothingDue"
        instance.clock.moment += timedelta(days=3)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, one.all) == {one.details}


def test_what_was_replaced_is_not_lost() -> None:
    """Versions without card numbers make up for originals, and for no more than those."""
    assert _reasons(due={"acorn": 90}, replaced={"acorn": 65}) == ()
    assert _reasons(due={"acorn": 90}, replaced={"acorn": 64}) == ("share:acorn",)
    assert _reasons(due={"acorn": 90}, replaced={"birch": 90}) == ("share:acorn",)
