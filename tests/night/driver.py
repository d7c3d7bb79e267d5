"""Runs nights that end by SIGKILL at a point of your choosing; a program, not a test.

``python -m tests.night.driver`` reads one JSON order a line and answers each
with a line. Every night runs in a fork of this process, which has imported
everything and started nothing. A point lies before whatever changes something
that outlasts the process (a commit, a file renamed or removed, a ciphertext
stored or deleted), so also after the change before it, and one at the end.
"""

import functools
import gc
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import psycopg  # noqa: F401 - loaded here, once, rather than in every fork

from callward import night
from callward.cards.listen import Stretch
from callward.cardscan import work as scanning
from callward.catalogue import engine as engines
from callward.catalogue.guard import BusyError
from callward.clock import FixedClock
from callward.instance import Instance, open_instance
from callward.retention import sweep
from callward.speech import engines as speaking
from callward.speech import listening
from callward.speech.engine import RATE, Hints, Pcm, Word
from callward.speech.segments import Span
from callward.vault.cells import FileCell
from callward.vault.stores import ObjectStore
from tests.night.looking import look
from tests.support import PassingGates

LONG = 0.8
"""Seconds from which on the fake engine hears so much that the transcript fits no row."""


CARDED = 0.45
"""Seconds of the recordings that say a card number from start to end."""


class Points:
    """Counts the points passed and ends the process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at, self.passed = kill_at, list[str]()

    def reach(self, name: str) -> None:
        """Pass a point, or do not."""
        if self.kill_at == len(self.passed):
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed.append(name)

    def before(self, owner: Any, name: str) -> None:
        """Put a point before every call of ``owner.name``."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def outer(*args: Any, **keywords: Any) -> Any:
            self.reach(name)
            return inner(*args, **keywords)

        setattr(owner, name, outer)


class HereWorkers:
    """Workers that do everything in this process, so that a night takes no time."""

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], *, seconds_each: float
    ) -> Iterator[tuple[int, Any]]:
        """As ``Workers.map``, in order."""
        for index, item in enumerate(items):
            yield index, function(item)


class FakeEngine:
    """Hears words that depend on the samples and nothing else."""

    name = "fake-1"
    window = 0.0

    def transcribe(self, pcm: Pcm, hints: Hints) -> list[Word]:
        """Four words, or four thousand."""
        digest = hashlib.sha256(np.ascontiguousarray(pcm).tobytes()).hexdigest()
        count, seconds = (4000 if len(pcm) >= LONG * RATE else 4), len(pcm) / RATE
        step = seconds / count
        return [Word(digest[n % 60 :][:4], n * step, (n + 1) * step, 0.5) for n in range(count)]


def _listen_to(pieces: Iterable[Pcm]) -> tuple[list[Stretch], float]:
    """Hears a card number in recordings of one length."""
    seconds = sum(map(len, pieces)) / 8000
    return [Stretch(0, seconds)] if abs(seconds - CARDED) < 0.01 else [], seconds


def lay_points(instance: Instance, points: Points) -> None:
    """Wrap whatever leaves something behind."""
    points.before(instance.engine.dialect, "do_commit")
    for name in ("put", "put_whole", "delete", "settle"):
        points.before(ObjectStore, name)
    for name in ("unlink", "rmdir", "replace", "rename"):
        points.before(os, name)
    points.before(sweep, "settle")
    for name in ("hold", "destroy"):
        points.before(FileCell, name)


def _here(_instance: Instance, extra: int = 0) -> HereWorkers:
    """Workers in this process, so that a kill hits them too."""
    del extra
    return HereWorkers()


def stand_in() -> None:
    """Put quick collaborators in the place of slow ones."""
    engine = FakeEngine()
    speaking.engine_of = lambda _settings, _home: engine  # type: ignore[assignment]  # on purpose
    setattr(listening, "speech_spans", lambda pcm: [Span(0, len(pcm))])  # noqa: B010 - imported there
    setattr(scanning, "listen_to", _listen_to)  # noqa: B010 - imported there
    Instance.workers = _here  # type: ignore[method-assign,assignment]  # on purpose
    # What SIGKILL leaves does not depend on the disk.
    quick = [pragma.replace("=FULL", "=OFF") for pragma in engines._SQLITE_PRAGMAS]
    setattr(engines, "_SQLITE_PRAGMAS", quick)  # noqa: B010 - no tuple of that length
    setattr(os, "fsync", lambda _handle: None)  # noqa: B010 - another name for its argument


def run_night(home: str, at: str, kill_at: int | None) -> list[str]:
    """One plain night at ``at``; the points it passed."""
    points = Points(kill_at)
    stand_in()
    instance = open_instance(Path(home), FixedClock(datetime.fromisoformat(at)))
    lay_points(instance, points)
    run = night.new_run(instance)
    failures: list[str] = []
    for name in night.STAGES:
        work_ = night.work_for(instance, PassingGates(), run)
        if name == "evidence":
            failures += night.evidence(instance, work_, run, None)[0].failures
        else:
            failures += getattr(night, name)(instance, work_, run).failures
    if failures:
        raise AssertionError("; ".join(failures))
    points.reach("end")
    return points.passed


def recover(home: str, at: str) -> dict[str, Any]:
    """Run the night again an hour later and look at what there is."""
    later = datetime.fromisoformat(at) + timedelta(hours=1)
    deadline = time.monotonic() + 10
    while True:
        try:
            run_night(home, later.isoformat(), None)
            break
        except BusyError:
            # PostgreSQL needs a moment to find that the session has died.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    return look(open_instance(Path(home), FixedClock(later)))


ORDERS: dict[str, Callable[..., Any]] = {"night": run_night, "recover": recover}


def in_a_fork(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out an order in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            answer = {"answer": ORDERS[order.pop("do")](**order)}
        except BaseException as error:  # noqa: BLE001 - told to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe, default=str)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return {"killed": os.WTERMSIG(status)}
    found: dict[str, Any] = json.loads(told)
    return found


def main() -> None:
    """Answer orders until there are no more."""
    gc.disable()  # forks live too briefly to need it, and it would touch every page they share
    for line in sys.stdin:
        sys.stdout.write(json.dumps(in_a_fork(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
