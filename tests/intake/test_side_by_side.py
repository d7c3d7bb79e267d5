"""Several workers at once, in processes of their own: every drop once, whoever dies or sleeps."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.settings import FILE_NAME
from tests.intake.crew import Crew, Program, forking
from tests.support import Call, deliver, instruct, new_instance, rows, run_stage

_DROPS = 40
_LONG, _SHORT = 3000, 1.5


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """The program that forks workers."""
    with forking() as started:
        yield started


@pytest.fixture
def instance(tmp_path: Path, empty_database_url: str) -> Iterator[Instance]:
    """An instance with forty drops of two calls, of which one is the same everywhere."""
    made = new_instance(
        tmp_path / "home", database_url=empty_database_url, batch_size=2, lease_seconds=_LONG
    )
    instruct(made)
    for number in range(_DROPS):
        calls = [Call(f"own-{number}", file="own.wav"), Call("same", file="same.wav")]
        deliver(made, calls, drop=f"drop-{number}")
    yield made
    made.close()


@pytest.fixture
def crew(instance: Instance, tmp_path: Path, program: Program) -> Iterator[Crew]:
    """Workers on it."""
    made = Crew(program, instance.settings.home, tmp_path)
    yield made
    made.stop()


def _everything_once(instance: Instance) -> None:
    """Every drop is in, exactly once, and nothing is left of the work."""
    counts: Counter[str] = sum(
        (Counter(row[0]) for row in rows(instance, "stage_counts", "counts")), Counter()
    )
    once = {"files": 2 * _DROPS, "ingested": _DROPS + 1, "duplicate": _DROPS - 1}
    assert {name: counts[name] for name in once} == once
    assert len(rows(instance, "interactions")) == _DROPS + 1
    assert rows(instance, "drops", "state") == [("complete",)] * _DROPS
    with instance.unit() as connection:
        done = t.ledger_leaves.c.event == "drops-completed"
        items = t.ledger_items.join(
            t.ledger_leaves, t.ledger_leaves.c.position == t.ledger_items.c.leaf
        )
        subjects = connection.scalars(
            items.select().where(done).with_only_columns(t.ledger_items.c.subject)
        ).all()
    assert len(subjects) == len(set(subjects)) == _DROPS
    stored = sorted(instance.vault.store.list())
    assert stored == sorted(row[0] for row in rows(instance, "objects", "store_key") if row[0])
    assert rows(instance, "leases") == rows(instance, "intents") == []
    assert not list((instance.settings.landing / "acorn").iterdir())


def test_two_workers_take_every_drop_once(instance: Instance, crew: Crew) -> None:
    """Both get some, none twice; a call that is in every drop is taken in once.

    The second begins, and clears up, while the first is at its first batch; the first
    batches of both, each with that call, are recorded at the same moment.
    """
    for name in ("one", "two"):
        crew.start(name, hold_at=1)
    for name in ("one", "two"):
        crew.go(name)
        crew.held(name)
    crew.on("one", "two")
    said = [crew.end(name) for name in ("one", "two")]
    assert [one["failures"] for one in said] == [[], []]
    assert all(one["files"] for one in said)
    assert sum(one["files"] for one in said) == 2 * _DROPS
    _everything_once(instance)


def test_what_a_killed_worker_had_the_other_takes_at_once(instance: Instance, crew: Crew) -> None:
    """Killed while it was at a drop, with a lease that has long to run: the rest goes on."""
    crew.start("one", hold_at=3)
    crew.start("two", hold_at=2)
    crew.go("one")
    crew.held("one")
    crew.go("two")
    crew.held("two")
    crew.signal("one", signal.SIGKILL)
    assert crew.end("one") == {"signal": signal.SIGKILL}
    crew.on("two")
    assert crew.end("two")["failures"] == []
    # What the dead one had sealed and not recorded goes with the next run.
    assert run_stage(instance, "ingest").outcome == "NothingNew"
    _everything_once(instance)


def test_who_sleeps_through_its_lease_records_nothing(instance: Instance, crew: Crew) -> None:
    """Paused, overtaken, and awake again: what it had sealed comes to nothing."""
    settings = instance.settings.home / FILE_NAME
    settings.write_text(settings.read_text().replace(f"= {_LONG}", f"= {_SHORT}"))
    crew.start("sleeper", hold_at=3)
    crew.start("other")
    crew.go("sleeper")
    crew.held("sleeper")
    crew.signal("sleeper", signal.SIGSTOP)
    time.sleep(_SHORT * 1.2)
    crew.go("other")
    assert crew.end("other")["files"] == 2 * (_DROPS - 2)
    before = rows(instance, "stage_counts"), rows(instance, "objects")
    crew.on("sleeper")
    crew.signal("sleeper", signal.SIGCONT)
    said = crew.end("sleeper")
    assert [failure.partition("]")[0] for failure in said["failures"]] == ["[lease-lost"]
    assert said["files"] == 4
    assert before == (rows(instance, "stage_counts"), rows(instance, "objects"))
    assert run_stage(instance, "ingest").outcome == "NothingNew"
    _everything_once(instance)
