"""What sharing transcription out costs: recordings a second here and on workers of the pool.

Each recording is a second long, and the engine answers at once.
``CALLWARD_BENCH_RECORDINGS`` says how many, 300 by default; figures worth keeping are
of 10,000.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callward import instance as instances
from callward import night
from callward.clock import SystemClock
from callward.instance import Instance, open_instance
from data_checks.gate import GreatExpectationsGates
from tests.conftest import PostgresqlServer
from tests.pools import deploy, start_night, workers
from tests.prefect_server import PrefectServer
from tests.support import Call, deliver, instruct, new_instance, rows, tone

RECORDINGS = int(os.environ.get("CALLWARD_BENCH_RECORDINGS", "300"))
_QUICK = "tests.benchmarks.quick.quick_engine"
_PER_DROP = 1000
_PER_SHARD = 2000
_PATIENCE = 1800.0


def measure(recordings: int = RECORDINGS) -> dict[str, Any]:
    """Here with one and two processes, on one, two and four workers with a process each."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        template = Path(folder) / "template"
        _take_in(template, recordings)
        here = {n: _here(template, Path(folder) / f"here-{n}", n, recordings) for n in (1, 2)}
        with _pool(Path(folder)) as (server, postgresql):
            pooled = {
                n: _pooled(Path(folder) / f"pool-{n}", server, postgresql, n, recordings)
                for n in (1, 2, 4)
            }
    return {
        "recordings": recordings,
        "here_a_second_by_processes": {n: round(recordings / took, 1) for n, took in here.items()},
        "pool_a_second_by_workers": {
            n: round(recordings / one["seconds"], 1) for n, one in pooled.items()
        },
        "pool_begins_after_seconds": {n: one["begins"] for n, one in pooled.items()},
        "overhead_seconds_a_shard": {n: one["between"] for n, one in pooled.items()},
        "ratio_two_processes_to_one": round(here[1] / here[2], 2),
        "ratio_two_workers_to_one": round(pooled[1]["seconds"] / pooled[2]["seconds"], 2),
        "ratio_two_workers_to_two_processes": round(here[2] / pooled[2]["seconds"], 2),
    }


def _take_in(home: Path, recordings: int, database_url: str = "", **settings: Any) -> None:
    """An instance in which so many recordings wait to be transcribed."""
    instance = new_instance(
        home, clock=SystemClock(), database_url=database_url, processes=2, **settings
    )
    instruct(instance, transcription=True)
    for start in range(0, recordings, _PER_DROP):
        numbers = range(start, min(start + _PER_DROP, recordings))
        # Another trailer makes another content of the same second.
        calls = [Call(f"c{n}", content=tone(seconds=1.0) + str(n).encode()) for n in numbers]
        deliver(instance, calls, drop=f"drop-{start}", now=instance.clock.now())
    run = night.new_run(instance)
    report = night.ingest(instance, night.work_for(instance, GreatExpectationsGates(), run), run)
    if report.total("ingested") != recordings:
        raise SystemExit(f"the benchmark's ingest failed: {report.failures} {report.counts}")
    instance.close()


def _here(template: Path, home: Path, processes: int, recordings: int) -> float:
    shutil.copytree(template, home)
    _set(home, processes=processes, shard_recordings=_PER_SHARD, shard_seconds=1e6)
    instance = open_instance(home)
    run = night.new_run(instance)
    work = night.work_for(instance, GreatExpectationsGates(), run)
    preload = instances._PRELOAD
    setattr(instances, "_PRELOAD", (*preload, _QUICK))  # noqa: B010 - of a module
    start = time.perf_counter()
    night.transcribe(instance, work, run)
    took = time.perf_counter() - start
    setattr(instances, "_PRELOAD", preload)  # noqa: B010 - of a module
    _require(instance, recordings)
    return took


def _pooled(
    home: Path, server: PrefectServer, postgresql: PostgresqlServer, count: int, recordings: int
) -> dict[str, float]:
    """From the night's start to its end, and what goes by between two shards of a worker."""
    url = postgresql.create(f"bench_{count}", empty=True)
    _take_in(home, recordings, url, scale="work-pool")
    shard = min(_PER_SHARD, max(1, recordings // 8))
    _set(home, processes=1, shard_recordings=shard, shard_seconds=1e6)
    with workers(server, home, home, count):
        start = SystemClock().now()
        with start_night(server, home, home / "night.log") as parent:
            status = parent.end(_PATIENCE)
            took = (SystemClock().now() - start).total_seconds()
            if status:
                raise SystemExit(f"the benchmark's night failed: {parent.said}")
    instance = open_instance(home)
    spans = sorted(rows(instance, "shards", "taken_at", "ended_at"))
    _require(instance, recordings)
    busy = sum((end - begin).total_seconds() for begin, end in spans)
    whole = (max(end for _, end in spans) - spans[0][0]).total_seconds()
    return {
        "seconds": took,
        "begins": round((spans[0][0] - start).total_seconds(), 2),
        "between": round(max(0.0, whole * count - busy) / len(spans), 2),
    }


def _require(instance: Instance, recordings: int) -> None:
    done = [state for (state,) in rows(instance, "transcriptions", "state")]
    instance.close()
    if done != ["done"] * recordings:
        raise SystemExit(f"the benchmark transcribed {done.count('done')} of {recordings}")


def _set(home: Path, **settings: Any) -> None:
    path = home / "callward.toml"
    kept = [line for line in path.read_text().splitlines() if line.split(" ")[0] not in settings]
    path.write_text("\n".join([*kept, *(f"{name} = {value}" for name, value in settings.items())]))


@contextmanager
def _pool(folder: Path) -> Iterator[tuple[PrefectServer, PostgresqlServer]]:
    """Prefect's server and PostgreSQL for both."""
    # Not in the folder: its path is too long for a socket, and closed to PostgreSQL's user.
    data = Path(tempfile.mkdtemp(prefix="callward-pg-"))
    postgresql = PostgresqlServer(data)
    try:
        url = postgresql.create("bench_prefect", empty=True).replace("+psycopg:", "+asyncpg:")
        (folder / "prefect").mkdir()
        server = PrefectServer(folder / "prefect", url)
        try:
            server.wait()
            deploy(server, "tests/benchmarks/quick/quick_shard.py:transcribe_shard")
            yield server, postgresql
        finally:
            server.kill()
    finally:
        postgresql.stop()
        shutil.rmtree(data, ignore_errors=True)
