"""Peak memory of a process and its children: proportional set size, so shared pages count once."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_EVERY_SECONDS = 0.05
_MEGABYTE = 1024


class PeakMemory:
    """Samples while it is open; ``megabytes`` is the highest sum seen."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.megabytes = 0

    def __enter__(self) -> Self:
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(_EVERY_SECONDS):
            processes = [me, *me.children(recursive=True)]
            total = sum(_proportional(process.pid) for process in processes)
            self.megabytes = max(self.megabytes, round(total / _MEGABYTE))


def _proportional(pid: int) -> int:
    """Kilobytes; 0 for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
