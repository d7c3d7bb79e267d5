"""Which shards go to the pool, and which are given up: pure decisions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callward.speech.sharing import (
    WAITING,
    Limits,
    Moves,
    Standing,
    State,
    finished,
    moves,
    seconds_done,
)

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
LIMITS = Limits(attempts=3, patience=timedelta(seconds=100))


def ago(seconds: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(seconds=seconds)


def shard(name: str, state: State = State.PLANNED, **told: Any) -> Standing:
    """A shard of acorn's, that nobody has taken yet unless told otherwise."""
    values = {"controller": "acorn", "attempts": 0, "handed_out": 0, "seconds": 10.0, **told}
    return Standing(id=name, state=state, **values)


def waiting(name: str, seconds: float, times: int = 1, **told: Any) -> Standing:
    """One that was handed out some seconds ago and that nobody has taken."""
    return shard(name, handed_out=times, handed_out_at=ago(seconds), **told)


def taken(name: str, attempts: int = 1, *, alive: bool = True, **told: Any) -> Standing:
    """One that a worker is at, or died over."""
    values = {"handed_out": 1, "handed_out_at": ago(500), "taken_at": ago(50), **told}
    return shard(name, State.TAKEN, attempts=attempts, alive=alive, **values)


def test_new_shards_are_handed_out_in_order_and_once() -> None:
    """All at once: the pool keeps them in order."""
    assert moves([shard("b"), shard("a")], NOW, LIMITS) == Moves(hand_out=("b", "a"))
    assert moves([waiting("b", 1), waiting("a", 1)], NOW, LIMITS) == Moves()


def test_what_the_dead_had_goes_out_again_and_not_for_ever() -> None:
    """Freed and handed out at once, but given up after so many attempts."""
    shards = [taken("a", 2, alive=False), taken("b", 3, alive=False), taken("c", 3)]
    assert moves(shards, NOW, LIMITS) == Moves(freed=("a",), lost=("b",), hand_out=("a",))


def test_another_parents_shards_are_waited_for_and_nothing_else() -> None:
    """If their worker dies the recordings wait for the next plan."""
    shards = [taken("a", ours=False), taken("b", ours=False, alive=False), shard("c", ours=False)]
    assert moves(shards, NOW, LIMITS) == Moves(lost=("b", "c"))


def test_a_failed_shard_stops_its_controllers_others() -> None:
    """Those that nobody is at; other controllers go on."""
    shards = [
        shard("a", State.FAILED),
        shard("b"),
        taken("c"),
        taken("d", alive=False),
        shard("e", controller="birch"),
    ]
    assert moves(shards, NOW, LIMITS) == Moves(stopped=("b", "d"), hand_out=("e",))
    given_up = [shard("a", State.ABANDONED), shard("b")]
    assert moves(given_up, NOW, LIMITS) == Moves(hand_out=("b",))


def test_a_run_that_was_overtaken_for_long_is_made_again() -> None:
    """Not before the patience has ended, and each time twice as late."""
    later = taken("z", handed_out_at=ago(90), taken_at=ago(80))
    assert moves([waiting("a", 99), later], NOW, LIMITS) == Moves()
    assert moves([waiting("a", 101), later], NOW, LIMITS) == Moves(hand_out=("a",))
    assert moves([waiting("a", 101, times=2), later], NOW, LIMITS) == Moves()
    assert moves([waiting("a", 201, times=2), later], NOW, LIMITS) == Moves(hand_out=("a",))


def test_waiting_behind_others_is_no_reason() -> None:
    """As long as somebody is at work, those behind wait their turn."""
    earlier = taken("z", handed_out_at=ago(900), taken_at=ago(800))
    assert moves([earlier, waiting("a", 700)], NOW, LIMITS) == Moves()


def test_where_nobody_works_runs_are_made_again() -> None:
    """A pool that lost its runs and one without workers look the same."""
    assert moves([waiting("a", 101)], NOW, LIMITS) == Moves(hand_out=("a",))
    just = shard("z", State.DONE, handed_out_at=ago(900), taken_at=ago(800), ended_at=ago(5))
    assert moves([just, waiting("a", 700)], NOW, LIMITS) == Moves()


_MOMENTS = st.none() | st.integers(0, 2000).map(ago)
_STANDINGS = st.lists(
    st.builds(
        Standing,
        id=st.uuids().map(str),
        controller=st.sampled_from(["acorn", "birch"]),
        state=st.sampled_from(State),
        attempts=st.integers(0, 4),
        handed_out=st.integers(0, 40),
        seconds=st.floats(0, 1000),
        handed_out_at=_MOMENTS,
        taken_at=_MOMENTS,
        ended_at=_MOMENTS,
        ours=st.booleans(),
        alive=st.booleans(),
    ),
    max_size=8,
)


@given(_STANDINGS)
def test_moves_touch_only_what_waits(shards: list[Standing]) -> None:
    """Nothing ended or in living hands is touched, nothing goes two ways, nor out if foreign."""
    made, by_id = moves(shards, NOW, LIMITS), {one.id: one for one in shards}
    given_up, out = {*made.lost, *made.stopped}, set(made.hand_out)
    for name in given_up | out | set(made.freed):
        one = by_id[name]
        assert one.state in WAITING
        assert not (one.state is State.TAKEN and one.alive)
    assert not given_up & out
    assert not set(made.lost) & set(made.stopped)
    assert set(made.freed) <= out
    assert all(by_id[name].ours for name in out)
    assert all(by_id[name].attempts < LIMITS.attempts for name in made.freed)


@given(_STANDINGS)
def test_somebody_always_has_something_to_do(shards: list[Standing]) -> None:
    """Whatever waits is in living hands, moved now, or was handed out and can be taken."""
    made = moves(shards, NOW, LIMITS)
    moved = {*made.lost, *made.stopped, *made.hand_out}
    for one in shards:
        if one.state in WAITING and one.id not in moved:
            assert (one.state is State.TAKEN and one.alive) or one.handed_out_at is not None


@given(_STANDINGS)
def test_the_end_is_when_nothing_waits(shards: list[Standing]) -> None:
    """And only then is all audio accounted for."""
    waits = [one for one in shards if one.state in WAITING]
    assert finished(shards) is not bool(waits)
    whole = sum(one.seconds for one in shards)
    assert abs(whole - seconds_done(shards) - sum(one.seconds for one in waits)) < 1e-6
