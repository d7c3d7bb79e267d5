"""Reading 100,000 runs of flows out of a real Prefect server, page by page, into the ledger."""

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.states import Completed, Running

from callward.clock import SystemClock
from callward.flowruns.reading import read_new
from flows.assurance import assurance
from tasks.history import PrefectRuns
from tests.benchmarks.memory import PeakMemory
from tests.prefect_server import PrefectServer
from tests.support import new_instance

RUNS = 100_000
_EACH_MINUTE = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {more})
    INSERT INTO flow_run ({columns}) SELECT {values} FROM flow_run, number WHERE flow_run.id = ?
"""


def measure(runs: int = RUNS) -> dict[str, Any]:
    """How long the first night takes that finds so many runs in Prefect; SQLite on both sides."""
    folder = Path(tempfile.mkdtemp(prefix="callward-bench-"))
    (folder / "prefect").mkdir()
    server = PrefectServer(folder / "prefect")
    try:
        server.wait()
        with server.used_here():
            with get_client(sync_client=True) as client:
                _copy(server.database, _one_run(client), runs - 1)
            return _measure(folder / "home", runs)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(home: Path, runs: int) -> dict[str, Any]:
    instance = new_instance(home, clock=SystemClock())
    with get_client(sync_client=True) as client, PeakMemory() as memory:
        start = time.perf_counter()
        reading = read_new(instance, PrefectRuns(client, keeps=timedelta(days=90)))
        seconds = time.perf_counter() - start
    instance.close()
    if reading.kept.new != runs:
        raise SystemExit(f"the benchmark read {reading.kept.new} runs")
    return {
        "runs": runs,
        "seconds": round(seconds, 1),
        "runs_per_second": round(runs / seconds),
        "peak_megabytes_with_the_server": memory.megabytes,
    }


def _one_run(client: SyncPrefectClient) -> str:
    """Have the server make a run that has ended, as a pattern."""
    run = client.create_flow_run(assurance, name="assurance 2026-01-01")
    client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(run.id, Completed(), force=True)
    return str(run.id)


def _copy(database: Path, run: str, more: int) -> None:
    """Put copies of a run beside it, a minute between each; the server lets nobody name times."""
    begun = datetime.now(UTC) - timedelta(minutes=more + 60)
    moment = f"strftime('%Y-%m-%d %H:%M:%f000', '{begun:%Y-%m-%d %H:%M:%S}', n || ' minutes')"
    own = {
        "id": "lower(printf('%08x-0000-4000-8000-%012x', n, n))",
        "name": "'assurance ' || n",
        "start_time": moment,
        "end_time": moment,
        "expected_start_time": moment,
    }
    with closing(sqlite3.connect(database)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_xinfo(flow_run)") if not row[6]]
        values = [own.get(name, name) for name in names]
        text = _EACH_MINUTE.format(more=more, columns=", ".join(names), values=", ".join(values))
        connection.execute(text, (run,))
