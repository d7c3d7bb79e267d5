"""Cutting what is wanted into shards, and in what order controllers have their turn."""

from collections import Counter
from datetime import date
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from callward.speech.decision import Candidate
from callward.speech.plan import Shard, cut, fair

DAY = date(2026, 11, 20)


def recording(number: int, seconds: float = 60.0, controller: str = "acorn") -> Candidate:
    """A recording of one channel."""
    return Candidate(
        id=f"{number:032x}",
        controller=controller,
        interaction_id=None,
        kind="recording",
        anchor_day=DAY,
        due_day=None,
        held=False,
        seconds=seconds,
        channels=1,
        store_key="0/0",
    )


@given(st.lists(st.floats(0.1, 5000), max_size=60), st.integers(1, 10), st.floats(1, 4000))
def test_every_recording_is_in_one_part(lengths: list[float], most: int, seconds: float) -> None:
    """None is lost or doubled; no part is larger than told, unless it is one recording."""
    wanted = [recording(number, length) for number, length in enumerate(lengths)]
    parts = list(cut(wanted, most, seconds))
    assert sorted(one.id for part in parts for one in part) == [one.id for one in wanted]
    for part in parts:
        assert len(part) <= most
        assert len(part) == 1 or sum(one.work for one in part) <= seconds
        assert [one.work for one in part] == sorted((one.work for one in part), reverse=True)


def shard(controller: str, seconds: float) -> Shard:
    """A shard of one recording."""
    return Shard(controller, "pocketsphinx", (recording(1, seconds, controller),))


def test_a_controller_with_much_does_not_keep_others_waiting() -> None:
    """A hundred hours of one, two of another: the second is done at once, in turn."""
    waiting = [*[shard("acorn", 3600)] * 100, *[shard("birch", 3600)] * 2]
    order = [one.controller for one in fair(waiting, {})]
    assert order[:5] == ["acorn", "birch", "acorn", "birch", "acorn"]
    assert Counter(order) == {"acorn": 100, "birch": 2}


def test_shares_are_kept() -> None:
    """One with twice the share has twice the work done at any time."""
    waiting = [*[shard("acorn", 600)] * 60, *[shard("birch", 600)] * 60]
    order = [one.controller for one in fair(waiting, {"birch": 2})]
    birch = list(accumulate(one == "birch" for one in order))
    for done in range(3, 90, 3):
        assert abs(birch[done - 1] - done * 2 / 3) <= 1


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(1, 3600)), max_size=30),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)),
)
def test_nothing_is_lost_in_the_order(
    made: list[tuple[str, float]], shares: dict[str, int]
) -> None:
    """Every shard has its turn once, those of one controller in their own order."""
    waiting = [shard(controller, seconds) for controller, seconds in made]
    order = list(fair(waiting, shares))
    for controller in "abc":
        mine = [one for one in waiting if one.controller == controller]
        assert [one for one in order if one.controller == controller] == mine
    assert len(order) == len(waiting)
