"""A worker killed before any of its commits: another does the shard, and it counts once."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from callward import night
from callward.catalogue.guard import sharing
from callward.instance import Instance
from callward.intake.claims import Claims
from callward.ledger import log
from callward.speech.oneshard import NOT_NEEDED, do_shard
from callward.speech.plan import plan_speech
from callward.speech.shards import write_shards
from tests.speech.studio import Parrot, Studio, listen_with, studio, with_settings
from tests.support import Call, PassingGates, deliver, instruct, rows, run_stage, tone

_TOP = Path(__file__).parents[2]
_RECORDINGS = 30


@pytest.fixture
def stocked(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Enough recordings for a shard for every point at which a worker may die."""
    listen_with(monkeypatch, Parrot())
    made, faults = studio(instance)
    made = with_settings(made, faults, shard_recordings=1)
    instruct(made, transcription=True)
    deliver(made, [Call(f"c{n}", content=tone(pitch=300 + n)) for n in range(_RECORDINGS)])
    assert run_stage(made, "ingest").failures == []
    return made


@pytest.fixture(scope="module")
def worker() -> Iterator[subprocess.Popen[str]]:
    """The program that does shards."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.speech.shard_worker"],
        cwd=_TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield started
    started.communicate(timeout=10)


def killed_at(
    worker: subprocess.Popen[str], instance: Instance, shard_id: str, commit: int
) -> bool:
    """Have a process do a shard, and die before so many commits; False if it came to its end."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    order = {"home": str(instance.settings.home), "shard": shard_id, "commit": commit}
    worker.stdin.write(json.dumps(order) + "\n")
    worker.stdin.flush()
    ended = int(worker.stdout.readline())
    assert ended in (0, signal.SIGKILL)
    return ended == signal.SIGKILL


def done_by_another(instance: Instance, shard_id: str) -> None:
    """Do a shard; PostgreSQL needs a moment to find that a session has died."""
    deadline = time.monotonic() + 20
    while do_shard(instance, PassingGates(), shard_id).outcome == NOT_NEEDED:
        if ("done",) in _state(instance, shard_id):
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _state(instance: Instance, shard_id: str) -> list[tuple[str]]:
    return [(state,) for one, state in rows(instance, "shards", "id", "state") if one == shard_id]


def test_a_worker_may_die_anywhere(stocked: Studio, worker: subprocess.Popen[str]) -> None:
    """Each recording that was in a shard has one transcript, one count and one ledger item."""
    run = night.new_run(stocked)
    died = 0
    with (
        sharing(stocked.engine) as holder,
        Claims(stocked.engine, holder, 60),
    ):
        planned = plan_speech(stocked, run).shards
        for commit, shard in enumerate(planned):
            (shard_id,) = write_shards(stocked, run, [shard], holder)
            if not killed_at(worker, stocked, shard_id, commit):
                break
            died += 1
            done_by_another(stocked, shard_id)
    assert 8 <= died < _RECORDINGS - 1
    _count_once(stocked, died + 1)
    assert run_stage(stocked, "transcribe").failures == []
    _count_once(stocked, _RECORDINGS)
    assert rows(stocked, "intents") == []


def _count_once(instance: Instance, wanted: int) -> None:
    kinds = rows(instance, "objects", "kind", "parent_id")
    made = Counter(parent for kind, parent in kinds if kind == "transcript")
    assert sorted(made.values()) == [1] * wanted
    counts = [counts for stage, counts in rows(instance, "stage_counts", "stage", "counts")]
    assert sum(one.get("transcribed", 0) for one in counts) == wanted
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
    leaves = dict(rows(instance, "ledger_leaves", "position", "event"))
    items = rows(instance, "ledger_items", "leaf", "subject")
    assert sum(leaves[leaf] == "transcribed" for leaf, _ in items) == wanted
