"""Workers in processes of their own, started, signalled and waited for by a test."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.intake.worker import wait_for

_TOP = Path(__file__).parents[2]
Program = subprocess.Popen[str]


class Crew:
    """Workers on one instance."""

    def __init__(self, program: Program, home: Path, folder: Path) -> None:
        self._program, self._home, self._folder = program, home, folder
        self._pids: dict[str, int] = {}

    def start(self, name: str, hold_at: int | None = None) -> None:
        """Start a worker, which waits for ``go``."""
        say = str(self._folder / name)
        self._pids[name] = self._ask(do="start", home=str(self._home), say=say, hold_at=hold_at)

    def go(self, *names: str) -> None:
        """Let workers begin."""
        for name in names:
            (self._folder / name).with_suffix(".go").touch()

    def held(self, name: str) -> None:
        """Wait until a worker is about to record the batch it is to hold at."""
        wait_for((self._folder / name).with_suffix(".at"))

    def on(self, *names: str) -> None:
        """Let those that were held go on."""
        for name in names:
            (self._folder / name).with_suffix(".on").touch()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a worker a signal."""
        os.kill(self._pids[name], number)

    def end(self, name: str) -> dict[str, Any]:
        """Wait for a worker; what it says, or the signal that ended it."""
        ended = self._ask(do="end", pid=self._pids.pop(name))
        if ended:
            return {"signal": ended}
        said: dict[str, Any] = json.loads((self._folder / name).with_suffix(".said").read_text())
        assert "error" not in said, said
        return said

    def stop(self) -> None:
        """End whoever is left."""
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _ask(self, **order: Any) -> int:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(order) + "\n")
        self._program.stdin.flush()
        return int(self._program.stdout.readline())


@contextmanager
def forking() -> Iterator[Program]:
    """The program that forks workers; it sees the environment of this moment."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.intake.worker"],
        cwd=_TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.communicate(timeout=10)
