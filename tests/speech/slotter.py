"""Takes and leaves slots, beside others that do the same; a program, not a test.

``python -m tests.speech.slotter HOME LOG ROUNDS`` writes ``+N`` to LOG when it has N slots
and ``-N`` before it leaves them: lines of several programs, added up, tell how many were taken.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from callward.catalogue.guard import sharing
from callward.instance import Instance, open_instance
from callward.intake.claims import Claims
from callward.speech.slots import slots
from tests.speech.studio import Faults, InProcess


class Watched(InProcess):
    """Workers that are not started; only their number counts."""

    def __init__(self, processes: int) -> None:
        super().__init__(Faults())
        self.processes = processes


def watch(instance: Instance, extra: int = 0) -> Watched:
    """In the place of ``Instance.workers``."""
    return Watched(instance.settings.processes + extra)


def main(home: str, log: str, rounds: str) -> None:
    """Take and leave slots so many times."""
    setattr(Instance, "workers", watch)  # noqa: B010 - on purpose
    instance = open_instance(Path(home))
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with sharing(instance.engine) as holder, Claims(instance.engine, holder, 60) as claims:
        for _ in range(int(rounds)):
            with slots(instance, claims, "far", 60, lambda _: time.sleep(0.003)) as workers:
                got: Any = workers
                os.write(handle, f"+{got.processes}\n".encode())
                time.sleep(0.002)
                os.write(handle, f"-{got.processes}\n".encode())
    instance.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
