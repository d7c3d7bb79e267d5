"""Prefect's work pools for tests: the deployments, workers in processes of their own, a night."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.prefect_server import PrefectServer, kill_all

ROOT = Path(__file__).parents[1]
POOL = "speech"


def environment(server: PrefectServer, home: Path | None = None) -> dict[str, str]:
    """What a program of ours finds around it, on the instance at ``home``."""
    told = server.environment() | {
        "CALLWARD_CODE": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        # By default a run is looked for 10 s before it is due, and its log sent every 2 s.
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    return told if home is None else told | {"CALLWARD_HOME": str(home)}


def deploy(server: PrefectServer, entrypoint: str = "") -> None:
    """``prefect deploy`` for the shards, and their pool; or for another flow of that name."""
    other = (entrypoint, "--pool", POOL) if entrypoint else ()
    for command in (
        ("work-pool", "create", POOL, "--type", "process"),
        ("--no-prompt", "deploy", *other, "--name", "transcribe-shard"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *command],
            cwd=ROOT,
            env=environment(server),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Program:
    """A process with all that it starts; what it says goes into a file."""

    def __init__(self, log: Path, arguments: list[str], around: dict[str, str]) -> None:
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=around,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever it is at."""
        self.kill()

    @property
    def said(self) -> str:
        """What it has written."""
        return self.log.read_text()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to it and all that it has started."""
        kill_all(self._process.pid)
        self._process.wait()

    def end(self, patience: float) -> int:
        """Wait for it; its exit status."""
        return self._process.wait(timeout=patience)


def start_worker(server: PrefectServer, home: Path, log: Path) -> Program:
    """A worker of the pool, that does one shard at a time."""
    command = ["-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    return Program(log, [*command, "--limit", "1", "--name", log.stem], environment(server, home))


def start_night(server: PrefectServer, home: Path, log: Path, stage: str = "transcribe") -> Program:
    """``callward run``, whose shards go to the pool."""
    arguments = ["-m", "callward", "--home", str(home), "run", stage]
    return Program(log, arguments, environment(server, home))


@contextmanager
def workers(server: PrefectServer, home: Path, folder: Path, count: int) -> Iterator[list[Program]]:
    """So many workers, killed at the end."""
    started: list[Program] = []
    try:
        logs = (folder / f"worker-{number}.log" for number in range(count))
        started.extend(start_worker(server, home, log) for log in logs)
        yield started
    finally:
        for one in started:
            one.kill()
