"""The pool outlives its workers, and whatever they are given."""

import itertools
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callward.errors import InstructionError
from callward.workers import WorkerFailure, Workers, WorkersError, map_isolated

ROOT = Path(__file__).resolve().parents[1]


class OddError(InstructionError):
    """An error that cannot be unpacked from its arguments."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def double(number: int) -> int:
    """Twice the number."""
    return number * 2


def crash_below_zero(number: int) -> int:
    """Die of a signal for a negative number."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


def killed_below_zero(number: int) -> int:
    """Be killed, as by the OOM killer, for a negative number."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def hang_below_zero(number: int) -> int:
    """Never answer for a negative number."""
    while number < 0:
        time.sleep(1)
    return number


def fail(text: str) -> str:
    """Raise an error that quotes its item."""
    raise ValueError(text)


def refuse(number: int) -> int:
    """Raise an error of ours for all but zero."""
    if number:
        raise InstructionError("number three")
    return number


def refuse_oddly(_: int) -> int:
    """Raise an error that cannot be unpacked."""
    raise OddError("a", "b")


def leave(number: int) -> int:
    """Ask to exit."""
    sys.exit(number)


def echo(data: bytes) -> bytes:
    """Give back the item."""
    return data


def fill_memory(size: int) -> int:
    """Allocate as many bytes."""
    return len(bytearray(size))


def identity(_: int) -> int:
    """The worker's process id."""
    return os.getpid()


def environment(_: int) -> dict[str, str]:
    """What the worker sees in its environment."""
    return dict(os.environ)


def slow(seconds: float) -> int:
    """Sleep; the worker's process id."""
    time.sleep(seconds)
    return os.getpid()


def unpicklable(_: int) -> object:
    """Give what cannot travel."""
    return lambda: None


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    """Two workers, used again by every test."""
    with Workers(2, preload=()) as workers:
        yield workers


def test_every_item_comes_back_once(pool: Workers) -> None:
    """Every result is there once, under the index of its item, in any order."""
    outcomes = list(pool.map(double, range(5000), seconds_each=10))
    assert sorted(outcomes) == [(number, number * 2) for number in range(5000)]


def test_workers_do_not_learn_how_to_reach_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address holds a password, and Prefect's a key; the object store's they need."""
    monkeypatch.setenv("CALLWARD_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("AWS_PROFILE", "callward")
    with Workers(1, preload=()) as workers:
        ((_, seen),) = workers.map(environment, [0], seconds_each=30)
    assert isinstance(seen, dict)
    assert [name for name in seen if name.startswith(("CALLWARD_", "PREFECT_"))] == []
    assert "secret" not in "".join(seen.values())
    assert seen["AWS_PROFILE"] == "callward"


def test_no_items_no_outcomes(pool: Workers) -> None:
    """An empty iterable gives an empty map."""
    assert list(pool.map(double, [], seconds_each=10)) == []


@pytest.mark.parametrize("function", [crash_below_zero, killed_below_zero])
def test_a_crash_costs_only_its_item(pool: Workers, function: object) -> None:
    """A worker that dies loses the item it was at and none of its neighbours."""
    items = [-1 if number % 40 == 7 else number for number in range(200)]
    outcomes = dict(pool.map(function, items, seconds_each=10))  # type: ignore[arg-type] # either
    assert outcomes == {
        index: item if item >= 0 else WorkerFailure("crashed") for index, item in enumerate(items)
    }


def test_nothing_but_crashes(pool: Workers) -> None:
    """A drop of hostile files alone is told item by item too."""
    outcomes = dict(pool.map(crash_below_zero, [-1] * 9, seconds_each=10))
    assert outcomes == dict.fromkeys(range(9), WorkerFailure("crashed"))


def test_a_hang_is_ended_after_its_time(pool: Workers) -> None:
    """An item that hangs fails after its seconds, and its neighbours are done."""
    started = time.monotonic()
    outcomes = dict(pool.map(hang_below_zero, [1, -1, 2, 3, 4], seconds_each=0.5))
    assert outcomes == {0: 1, 1: WorkerFailure("timeout"), 2: 2, 3: 3, 4: 4}
    assert 0.4 < time.monotonic() - started < 5


def test_a_slow_consumer_is_no_timeout(pool: Workers) -> None:
    """Answers that waited for us, however long, are answers."""
    outcomes = []
    for outcome in pool.map(double, range(6), seconds_each=0.2):
        outcomes.append(outcome)
        time.sleep(0.3 if len(outcomes) < 3 else 0)
    assert sorted(outcomes) == [(number, number * 2) for number in range(6)]


def test_an_exception_leaves_only_its_name(pool: Workers) -> None:
    """Of an exception the type's name comes back, never its text, which may be content."""
    ((_, outcome),) = pool.map(fail, ["+447700900123"], seconds_each=10)
    assert outcome == WorkerFailure("error", "ValueError")
    assert "900123" not in repr(outcome)


def test_our_own_errors_are_raised(pool: Workers) -> None:
    """A CallwardError ends the map as itself, and the pool goes on."""
    with pytest.raises(InstructionError, match="number three"):
        list(pool.map(refuse, [0, 1, 0], seconds_each=10))
    assert dict(pool.map(double, [4], seconds_each=10)) == {0: 8}


@pytest.mark.parametrize(
    ("function", "name"),
    [(refuse_oddly, "OddError"), (leave, "SystemExit"), (unpicklable, None)],
)
def test_odd_endings_are_failures(pool: Workers, function: object, name: str | None) -> None:
    """An error or result that cannot travel, or an exit, is the item's failure."""
    ((_, outcome),) = pool.map(function, [3], seconds_each=10)  # type: ignore[arg-type] # any
    assert isinstance(outcome, WorkerFailure)
    assert outcome.kind == "error"
    assert name is None or outcome.detail == name


def test_items_are_taken_as_needed(pool: Workers) -> None:
    """An endless iterator is read no further than the workers' room."""
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield number

    outcomes = pool.map(double, endless(), seconds_each=10)
    for _ in range(500):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined] # a generator
    assert taken < 600
    assert dict(pool.map(double, [1], seconds_each=10)) == {0: 2}


def test_large_items_and_results_do_not_block(pool: Workers) -> None:
    """Megabytes both ways, mixed with small items, arrive whole."""
    items = [bytes([number]) * (3_000_000 if number % 3 == 0 else 30) for number in range(20)]
    assert dict(pool.map(echo, items, seconds_each=20)) == dict(enumerate(items))


def test_slow_items_are_shared_out(pool: Workers) -> None:
    """No worker sits on slow items while the other has nothing to do."""
    started = time.monotonic()
    list(pool.map(slow, [0.4, 0.05, 0.05, 0.05, 0.05, 0.05], seconds_each=10))
    assert time.monotonic() - started < 0.6


def test_workers_are_kept_for_the_next_map(pool: Workers) -> None:
    """Two maps in a row run in the same processes."""
    first = {pid for _, pid in pool.map(slow, [0.05] * 4, seconds_each=10)}
    assert {pid for _, pid in pool.map(slow, [0.05] * 4, seconds_each=10)} == first


def test_a_worker_killed_at_rest_is_replaced(pool: Workers) -> None:
    """A worker that dies between two maps costs nothing."""
    for _, pid in pool.map(slow, [0.05] * 2, seconds_each=10):
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.05)
    assert dict(pool.map(double, range(4), seconds_each=10)) == {0: 0, 1: 2, 2: 4, 3: 6}


def test_memory_can_be_limited() -> None:
    """Above its limit a worker's item fails, and the worker goes on."""
    with Workers(1, preload=(), memory_bytes=1 << 30) as workers:
        outcomes = dict(workers.map(fill_memory, [2 << 30, 10], seconds_each=20))
    assert outcomes == {0: WorkerFailure("error", "MemoryError"), 1: 10}


def test_the_main_modules_functions_are_refused(pool: Workers) -> None:
    """A function that no other process could import is refused before anything starts."""

    def local() -> None: ...

    local.__module__ = "__main__"
    with pytest.raises(WorkersError, match="main module"):
        list(pool.map(local, [1], seconds_each=1))  # type: ignore[arg-type] # never called


def test_a_closed_pool_says_so() -> None:
    """After its block a pool takes nothing, and a map left open starts nothing."""
    with Workers(1, preload=()) as workers:
        left = workers.map(double, range(1000), seconds_each=10)
        next(left)
    with pytest.raises(WorkersError):
        list(left)
    with pytest.raises(WorkersError):
        list(workers.map(double, [1], seconds_each=10))


def test_no_process_is_left_after_the_block() -> None:
    """Hanging workers are gone as soon as the block is left."""
    pids: list[int] = []
    with Workers(2, preload=()) as workers:
        pids += [int(str(pid)) for _, pid in workers.map(slow, [0.05] * 2, seconds_each=10)]
        outcomes = workers.map(hang_below_zero, [1, 1, 1, -1, -1, -1], seconds_each=60)
        next(outcomes)
    assert _gone(pids)


def test_a_module_that_cannot_be_loaded_is_named_as_such() -> None:
    """A pool whose modules are missing says so instead of failing item by item."""
    with (
        Workers(1, preload=("no_such_module",)) as workers,
        pytest.raises(WorkersError, match="ModuleNotFoundError"),
    ):
        list(workers.map(double, [1], seconds_each=10))


def _gone(pids: list[int]) -> bool:
    """Whether all processes end within two seconds."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        if not any(_running(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


CHILD = """
    from callward.workers import map_isolated
    import os
    sizes = map_isolated(os.path.getsize, ["/"] * 3, processes=2, seconds_each=9, preload=())
    for index, _ in sizes:
        print(index, flush=True)
"""


def test_a_script_read_from_standard_input_can_use_it() -> None:
    """The main module need be no file; nothing of it runs twice."""
    done = subprocess.run(
        [sys.executable, "-"],
        input=textwrap.dedent(CHILD),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert sorted(done.stdout.split()) == ["0", "1", "2"], done.stderr


def test_a_script_without_a_main_guard_can_use_it(tmp_path: Path) -> None:
    """A console script is not run again in the workers, guard or no guard."""
    script = tmp_path / "callward-script"
    script.write_text(textwrap.dedent(CHILD))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=30,
        check=False,
    )
    assert sorted(done.stdout.split()) == ["0", "1", "2"], done.stderr


PARENT = """
    import time
    from callward.workers import Workers
    with Workers(2, preload=()) as workers:
        running = workers.map(time.sleep, [0, 0, 600, 600, 600], seconds_each=900)
        next(running); next(running)
        pids = [worker.pid for worker in workers._workers]
        print(workers._nursery._process.pid, *pids, flush=True)
        next(running)
"""


def test_workers_die_with_a_killed_parent() -> None:
    """SIGKILL of the parent leaves neither nursery nor busy workers behind."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 3
    assert _gone(pids)


def test_map_isolated_ends_with_its_iteration() -> None:
    """The pool of a map on its own does its work and is gone."""
    pids = [pid for _, pid in map_isolated(identity, [1, 2], processes=1, seconds_each=9)]
    assert all(isinstance(pid, int) for pid in pids)
    assert _gone([pid for pid in pids if isinstance(pid, int)])


def test_workers_leave_no_core_file(pool: Workers) -> None:
    """A crash must not write the content it was at to disk."""
    ((_, limits),) = pool.map(resource.getrlimit, [resource.RLIMIT_CORE], seconds_each=9)
    assert limits == (0, 0)
