"""A Prefect server of its own for tests, in a process of its own, on files of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_PATIENCE_SECONDS = 180.0


def kill_all(pid: int) -> None:
    """End a process and all that it has started, by SIGKILL."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=20)


class PrefectServer:
    """A running server: where it answers and where it writes.

    ``database_url``: its database, with an asynchronous driver; empty: SQLite in ``folder``.
    """

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.home = folder
        self._database_url = database_url
        self.log = folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}/api"
        self._command = ["server", "start", "--no-ui", "--host", "127.0.0.1", "--port", port]
        self.start()

    def start(self) -> None:
        """Start it, the first time or after it was killed; see ``wait``."""
        environment, program = self.environment(), "prefect"
        if self._database_url:
            environment["PREFECT_API_DATABASE_CONNECTION_URL"] = self._database_url
            program = "tests.prefect_on_postgresql"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, *self._command],
                cwd=Path(__file__).parents[1],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def database(self) -> Path:
        """The server's SQLite file."""
        return self.home / "prefect.db"

    def environment(self) -> dict[str, str]:
        """The environment of a program that is to use this server."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
        }
        return {
            **inherited,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }

    def wait(self) -> None:
        """Return once the server answers."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Prefect's server did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it by SIGKILL, with whatever it has started."""
        kill_all(self._process.pid)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @contextmanager
    def used_here(self) -> Iterator[None]:
        """Let flows called in this process talk to the server; all is told when this ends."""
        from prefect.events.worker import EventsWorker  # noqa: PLC0415 - two seconds
        from prefect.logging.handlers import APILogWorker  # noqa: PLC0415
        from prefect.settings import (  # noqa: PLC0415
            PREFECT_API_URL,
            PREFECT_HOME,
            temporary_settings,
        )

        with temporary_settings({PREFECT_API_URL: self.url, PREFECT_HOME: self.home}):
            yield
            APILogWorker.drain_all()
            EventsWorker.drain_all()
