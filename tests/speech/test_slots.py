"""A sub-processor's cap holds over all workers, whoever dies."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from callward.catalogue.guard import sharing
from callward.instance import Instance
from callward.intake.claims import Claims
from callward.speech.slots import SlotsTakenError, listeners, slots
from callward.workers import Workers
from tests.speech.slotter import Watched, watch
from tests.support import new_instance, rows

_TOP = Path(__file__).parents[2]
_ENGINES = """
[engine.far]
kind = "http"
url = "https://speech.example/v1/audio/transcriptions"
model = "m"
sub_processor = "northwind"
at_once = {cap}

[engine.near]
kind = "http"
url = "https://speech.example/v1/audio/transcriptions"
model = "m"
at_once = 1
"""


@pytest.fixture
def desk(
    tmp_path: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instance]:
    """Three processes, a sub-processor that may have four recordings, on each database."""
    monkeypatch.setattr(Instance, "workers", watch)
    made = new_instance(tmp_path / "home", database_url=empty_database_url, processes=3)
    made = set_cap(made, 4)
    yield made
    made.close()


def set_cap(instance: Instance, cap: int) -> Instance:
    """The instance with its engines, opened again."""
    from callward.instance import open_instance  # noqa: PLC0415 - the name is a setting's

    path = instance.settings.home / "callward.toml"
    path.write_text(path.read_text().partition("[engine")[0] + _ENGINES.format(cap=cap))
    instance.close()
    return open_instance(instance.settings.home)


@contextmanager
def worker(instance: Instance) -> Iterator[Claims]:
    """Somebody who may claim slots."""
    with sharing(instance.engine) as holder, Claims(instance.engine, holder, 60) as claims:
        yield claims


def processes(workers: Workers) -> int:
    """How many may listen at the same time."""
    assert isinstance(workers, Watched)
    return workers.processes


def taken(instance: Instance) -> list[str]:
    """The names of leases."""
    return [name for (name,) in rows(instance, "leases", "name")]


def test_the_second_gets_what_the_first_has_left(desk: Instance) -> None:
    """As many processes as slots; none is left when both have ended."""
    with worker(desk) as one, worker(desk) as other:
        with slots(desk, one, "far", 0) as first, slots(desk, other, "far", 0) as second:
            assert (processes(first), processes(second)) == (3, 1)
            assert taken(desk) == [f"slot:far:{number}" for number in range(4)]
        assert taken(desk) == []


def test_where_none_is_left_one_waits_and_then_says_so(desk: Instance) -> None:
    """For as long as it was told, asking now and then."""
    slept: list[float] = []
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(worker(desk)) for _ in range(3))
        stack.enter_context(slots(desk, first, "far", 0))
        stack.enter_context(slots(desk, second, "far", 0))
        with pytest.raises(SlotsTakenError, match="all 4 slots of engine far"):
            stack.enter_context(slots(desk, third, "far", 5, slept.append))
    assert sum(slept) == 5


def test_what_is_left_meanwhile_is_taken(desk: Instance) -> None:
    """Waiting has an end as soon as a slot is free."""
    with worker(desk) as one, worker(desk) as other:
        holding = ExitStack()
        holding.enter_context(slots(desk, one, "far", 0))
        more = ExitStack()
        more.enter_context(slots(desk, one, "far", 0))
        with slots(desk, other, "far", 5, lambda _: holding.close()) as workers:
            assert processes(workers) == 3
        more.close()


def test_the_slots_of_the_dead_are_free(desk: Instance) -> None:
    """At once, not when the lease has run out."""
    with sharing(desk.engine) as holder:
        claims = Claims(desk.engine, holder, 3600)
        dead = slots(desk, claims, "far", 0)
        dead.__enter__()
        assert len(taken(desk)) == 3
    with worker(desk) as one, slots(desk, one, "far", 0) as workers:
        assert processes(workers) == 3
        assert len(taken(desk)) == 3


def test_engines_of_our_own_need_none(desk: Instance) -> None:
    """They may be asked by every process there is."""
    with worker(desk) as one, slots(desk, one, "near", 0) as workers:
        assert processes(workers) == 3
        assert taken(desk) == []


@pytest.mark.parametrize(
    ("engine", "cap", "allowed"), [("far", 2, 2), ("far", 4, 3), ("near", 1, 3)]
)
def test_a_run_that_is_alone_keeps_to_the_cap_too(
    desk: Instance, engine: str, cap: int, allowed: int
) -> None:
    """It has no need of leases, and uses its own pool as far as that fits."""
    desk = set_cap(desk, cap)
    own: Any = desk.workers()
    with listeners(desk, own, engine) as workers:
        assert processes(workers) == allowed
        assert (workers is own) is (allowed == 3)
    assert taken(desk) == []
    desk.close()


def test_programs_side_by_side_never_have_more_than_the_cap(desk: Instance, tmp_path: Path) -> None:
    """Three of them, each able to use all of it, take turns."""
    desk = set_cap(desk, 3)
    log, home = tmp_path / "log", desk.settings.home
    command = [sys.executable, "-m", "tests.speech.slotter", str(home), str(log), "25"]
    started = [subprocess.Popen(command, cwd=_TOP) for _ in range(3)]
    assert [one.wait(timeout=120) for one in started] == [0, 0, 0]
    changes = [int(line) for line in log.read_text().split()]
    assert len(changes) == 150
    at_once = list(itertools.accumulate(changes))
    assert max(at_once) <= 3
    assert at_once[-1] == 0
    # They were side by side: there were moments with slots of two.
    assert any(one > 0 and two > 0 for one, two in itertools.pairwise(changes))
    desk.close()
