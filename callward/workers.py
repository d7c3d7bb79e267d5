"""A process pool that outlives what its workers decode.

Decoders meet files made to break them. Each item runs in a process of its own
pool; when that process crashes, is killed or hangs, only the item it was at
fails, and the items behind it are done again by a fresh process.

The standard library's pools do not fit: they fork a process full of threads,
or run the parent's main module again in every child (two seconds under
Prefect), and lose everything with one crash. Here a *nursery* (see
``callward.nursery``) makes the workers.
"""

import pickle
import select
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self, TypeVar

from callward.errors import CallwardError
from callward.nursery import Nursery, WorkerFailure, WorkersError

__all__ = ["PRELOAD", "WorkerFailure", "Workers", "WorkersError", "map_isolated"]

T = TypeVar("T")
R = TypeVar("R")

PRELOAD = ("numpy", "av", "soxr")
"""What workers have imported when they start."""

_AHEAD = 16
"""Small items a worker may hold unanswered, so that it need not wait for us."""

_AHEAD_SECONDS = 0.02
"""Work a worker may hold; more could leave it busy when the others have finished."""

_SMALL = 4096
# _AHEAD small messages must fit a socket's buffer: then neither side can wait for the
# other with both buffers full. Larger items go only to a worker that has nothing to do.


@dataclass(slots=True)
class _Worker:
    pid: int
    connection: Connection
    sent: deque[int] = field(default_factory=deque)
    since: float = 0.0
    big: bool = False
    poller: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self.poller.register(self.connection, select.POLLIN)

    def readable(self) -> bool:
        """Whether an answer lies ready, or the worker has died."""
        return bool(self.poller.poll(0))


class Workers:
    """``processes`` worker processes; a context manager, reusable for many maps.

    ``preload`` names modules to import before workers are made;
    ``memory_bytes`` limits each worker's address space. Used by one thread at
    a time. Functions must be importable by name from a module other than
    ``__main__``.
    """

    def __init__(
        self,
        processes: int,
        *,
        preload: Sequence[str] = PRELOAD,
        memory_bytes: int | None = None,
    ) -> None:
        if processes < 1:
            raise ValueError("a pool needs at least one process")
        self._processes = processes
        self._preload = tuple(preload)
        self._memory = memory_bytes
        self._nursery: Nursery | None = None
        self._workers: list[_Worker] = []
        self._busy = False

    def __enter__(self) -> Self:
        """Start the nursery; it loads its modules while we go on."""
        self._nursery = Nursery(self._preload, self._memory)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process, whatever it is doing."""
        for worker in self._workers:
            worker.connection.close()
        self._workers.clear()
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, seconds_each: float
    ) -> Iterator[tuple[int, R | WorkerFailure]]:
        """Apply ``function`` to every item; yield ``(index, outcome)`` as they complete.

        Items are taken as they are needed, so there may be any number of them.
        A CallwardError that the function raises is raised here, and ends the
        map; any other exception is the item's failure.
        """
        if self._busy:
            raise WorkersError("the pool has a map under way")
        if getattr(function, "__module__", None) == "__main__":
            raise WorkersError("a worker cannot import a function of the main module")
        self._living().load(getattr(function, "__module__", None) or "builtins")
        self._busy = True
        run = _Map(self, pickle.dumps(function), iter(items), seconds_each)
        try:
            yield from run.outcomes()
        finally:
            self._busy = False
            for worker in [worker for worker in self._workers if worker.sent]:
                self._discard(worker)

    def _ready(self, ahead: int) -> _Worker | None:
        """The worker that holds least, if it has room: nothing, or under ``ahead`` small items."""
        self._fill()
        worker = min(self._workers, key=lambda each: len(each.sent))
        room = not worker.sent or (not worker.big and len(worker.sent) < ahead)
        return worker if room else None

    def _fill(self) -> None:
        """Replace the workers that are missing, or have died with nothing to do."""
        for worker in [each for each in self._workers if not each.sent and each.readable()]:
            self._discard(worker)
        while len(self._workers) < self._processes:
            self._workers.append(_Worker(*self._living().fork()))

    def _living(self) -> Nursery:
        if self._nursery is None:
            raise WorkersError("the pool is not open")
        if not self._nursery.alive():
            self._nursery.close()
            self._nursery = Nursery(self._preload, self._memory)
        return self._nursery

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        if self._nursery is not None:
            self._nursery.kill(worker.pid)


class _Map:
    """One pass of items through the workers."""

    def __init__(
        self, pool: Workers, function: bytes, items: Iterator[Any], seconds_each: float
    ) -> None:
        self._pool = pool
        self._function = function
        self._items = enumerate(items)
        self._seconds = seconds_each
        self._again: deque[int] = deque()
        self._waiting: dict[int, bytes] = {}  # sent, not answered
        self._next: tuple[int, bytes] | None = None
        self._pace = 1.0  # seconds per item, smoothed

    def outcomes(self) -> Iterator[tuple[int, Any]]:
        """Yield what comes back until nothing is left."""
        self._send()
        while self._waiting:
            for worker in self._answering():
                yield from self._take(worker)
            for worker in self._late():
                yield self._lose(worker, WorkerFailure("timeout"))
            self._send()

    def _send(self) -> None:
        """Give out items while a worker has room."""
        while self._fetch() and self._next is not None:
            index, message = self._next
            small = len(message) <= _SMALL
            ahead = min(_AHEAD, int(_AHEAD_SECONDS / self._pace)) if small else 0
            worker = self._pool._ready(ahead)  # noqa: SLF001 - one unit
            if worker is None:
                return
            if not worker.sent:
                worker.since = time.monotonic()
            worker.sent.append(index)
            worker.big = not small
            self._waiting[index] = message
            self._next = None
            with suppress(OSError):  # a worker that has died is found when it is read
                worker.connection.send_bytes(message)

    def _fetch(self) -> bool:
        if self._next is None and self._again:
            index = self._again.popleft()
            self._next = (index, self._waiting.pop(index))
        if self._next is None:
            entry = next(self._items, None)
            if entry is not None:
                self._next = (entry[0], pickle.dumps((self._function, entry[1])))
        return self._next is not None

    def _answering(self) -> list[_Worker]:
        """Wait until a worker answers or one is late; which have answered."""
        busy = [worker for worker in self._pool._workers if worker.sent]  # noqa: SLF001 - one unit
        patience = min(worker.since for worker in busy) + self._seconds - time.monotonic()
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                selector.register(worker.connection, selectors.EVENT_READ, worker)
            return [key.data for key, _ in selector.select(max(0.0, patience))]

    def _late(self) -> list[_Worker]:
        overdue = time.monotonic() - self._seconds
        # An answer that lies ready was in time: it is we who come late.
        return [
            worker
            for worker in self._pool._workers  # noqa: SLF001 - one unit
            if worker.sent and worker.since <= overdue and not worker.readable()
        ]

    def _take(self, worker: _Worker) -> Iterator[tuple[int, Any]]:
        """Yield every answer that lies ready."""
        while worker.sent and worker.readable():
            try:
                outcome = pickle.loads(worker.connection.recv_bytes())  # noqa: S301 - our own process
            except (EOFError, OSError, pickle.UnpicklingError):
                yield self._lose(worker, WorkerFailure("crashed"))
                return
            index = worker.sent.popleft()
            del self._waiting[index]
            now = time.monotonic()
            self._pace += (max(now - worker.since, 1e-6) - self._pace) / 4
            worker.since = now
            if isinstance(outcome, CallwardError):
                raise outcome
            yield index, outcome

    def _lose(self, worker: _Worker, failure: WorkerFailure) -> tuple[int, WorkerFailure]:
        """Give up on a worker: the item it was at has failed, those behind it go again."""
        culprit, *neighbours = worker.sent
        self._again.extend(neighbours)
        del self._waiting[culprit]
        self._pool._discard(worker)  # noqa: SLF001 - one unit
        return culprit, failure


def map_isolated(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    processes: int,
    seconds_each: float,
    preload: Sequence[str] = PRELOAD,
) -> Iterator[tuple[int, R | WorkerFailure]]:
    """``Workers.map`` with a pool of its own, which ends with the iteration."""
    with Workers(processes, preload=preload) as workers:
        yield from workers.map(function, items, seconds_each=seconds_each)
