"""Runs ingests in processes of their own, several at a time; a program, not a test.

``python -m tests.intake.worker`` reads one JSON order a line: ``start`` forks a worker
and answers its process id, ``end`` waits for one and answers how it ended. A worker
begins when ``<say>.go`` is there and, with ``hold_at``, waits before it records its
n-th batch: then ``<say>.at`` is there, and it goes on with ``<say>.on``.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg  # noqa: F401 - loaded here, once, rather than in every fork

from callward import night
from callward.clock import FixedClock
from callward.gates import GateResult
from callward.instance import open_instance
from tests.night.driver import stand_in
from tests.support import NOW, PassingGates

_PATIENCE = 60.0


class HoldingGates(PassingGates):
    """Lets everything through, the n-th batch only when told to."""

    def __init__(self, say: Path, hold_at: int | None) -> None:
        super().__init__()
        self._say, self._left = say, hold_at

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Hold at the gate behind sealing, before anything is recorded."""
        if suite == "ingest_exit" and self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._say.with_suffix(".at").touch()
                wait_for(self._say.with_suffix(".on"))
        return super().check(suite, frame)


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + _PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


def ingest(home: str, say: str, hold_at: int | None) -> dict[str, Any]:
    """One ingest; its counts and failures."""
    stand_in()
    instance = open_instance(Path(home), FixedClock(NOW))
    wait_for(Path(say).with_suffix(".go"))
    run = night.new_run(instance)
    work = night.work_for(instance, HoldingGates(Path(say), hold_at), run)
    report = night.ingest(instance, work, run)
    counts = {name: report.total(name) for name in ("files", "ingested", "duplicate")}
    return {**counts, "failures": report.failures}


def start(home: str, say: str, hold_at: int | None) -> int:
    """Fork a worker; its process id. What it answers goes into ``<say>.said``."""
    pid = os.fork()
    if pid:
        return pid
    try:
        said = ingest(home, say, hold_at)
    except BaseException as error:  # noqa: BLE001 - told to the test
        said = {"error": f"{type(error).__name__}: {error}"}
    Path(say).with_suffix(".said").write_text(json.dumps(said))
    os._exit(0)


def end(pid: int) -> int:
    """Wait for a worker; the signal that ended it, or 0."""
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def main() -> None:
    """Answer orders until there are no more."""
    gc.disable()
    for line in sys.stdin:
        order = json.loads(line)
        answer = (start if order.pop("do") == "start" else end)(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
