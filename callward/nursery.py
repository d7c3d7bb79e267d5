"""The process that makes workers: both of its ends, and what a worker does.

One thread and the heavy modules loaded, so that a worker is a fork away and
forking is safe. It ends when its parent's end of a socket closes, which even
SIGKILL does, and the kernel then ends the workers. What passes between these
processes is pickled: they are all ours.
"""

import ctypes
import gc
import importlib
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NoReturn

from callward.errors import CallwardError, DefectError

_PR_SET_PDEATHSIG = 1
_STARTUP_SECONDS = 60.0
# The child sees our import path and none of our main module.
_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from callward.nursery import nursery; nursery(int(sys.argv[1]))"
)


class WorkersError(DefectError):
    """The pool itself failed: it cannot start, or cannot run what it was given."""

    code = "workers"


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """Why there is no result.

    ``crashed``: the process died; ``timeout``: it was ended after its time;
    ``error``: an exception, of which ``detail`` holds the type's name alone,
    because its text may quote content.
    """

    kind: Literal["crashed", "timeout", "error"]
    detail: str = ""


class Nursery:
    """The parent's end of the process that makes workers."""

    def __init__(self, preload: Sequence[str], memory: int | None) -> None:
        ours, theirs = socket.socketpair()
        paths = [path or str(Path.cwd()) for path in sys.path]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", _BOOT, str(theirs.fileno()), *paths],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # what a library prints may be content
                # One thread per process: the pool is the parallelism, and forking needs it.
                env={**_harmless(os.environ), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for us to answer
            )
        self._socket = ours
        self._connection = Connection(os.dup(ours.fileno()))
        self._connection.send((tuple(preload), memory))

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def load(self, module: str) -> None:
        """Import a module, so that workers made later have it; what is wrong shows in them."""
        self._ask(("load", module))

    def fork(self) -> tuple[int, Connection]:
        """Have a worker made; its process id and the connection to it."""
        ours, theirs = socket.socketpair()
        with theirs, ours:
            pid = self._ask(("fork", 0), theirs)
            return pid, Connection(os.dup(ours.fileno()))

    def kill(self, pid: int) -> None:
        """End a worker; only its own parent can be sure that the id is still the worker's."""
        with suppress(WorkersError):
            self._ask(("kill", pid))

    def close(self) -> None:
        """End the process, and with it every worker it has made."""
        self._connection.close()
        self._socket.close()
        # At once: it holds nothing, and an orderly end of the modules it has loaded takes long.
        self._process.kill()
        self._process.wait()

    def _ask(self, what: tuple[str, int | str], pass_on: socket.socket | None = None) -> int:
        try:
            self._connection.send(what)
            if pass_on is not None:
                socket.send_fds(self._socket, [b"."], [pass_on.fileno()])
            answer = self._connection.recv() if self._connection.poll(_STARTUP_SECONDS) else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            self._process.kill()
            raise WorkersError("the nursery has ended or does not answer")
        if not isinstance(answer, int):
            raise WorkersError(f"the nursery cannot load its modules: {answer}")
        return answer


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker may see: not how to reach the catalogue or Prefect, with their passwords.

    A file that takes over a decoder could read it. The object store's stay: it is read from.
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("CALLWARD_", "PREFECT_"))
    }


def nursery(fd: int) -> None:
    """Run the nursery on a socket until its other end closes. For ``_BOOT`` alone."""
    control = socket.socket(fileno=fd)
    connection = Connection(os.dup(fd))
    children: set[int] = set()
    try:
        preload, memory = connection.recv()
        problem = _load(preload)
        gc.freeze()  # or every worker's first collection would copy what all share
        while True:
            what, about = connection.recv()
            _reap(children)
            if what == "fork":
                _, fds, _, _ = socket.recv_fds(control, 1, 1)
                connection.send(problem or _fork(fds[0], memory, children, (control, connection)))
                continue
            if what == "load":
                _load([about])
            elif about in children:
                os.kill(about, signal.SIGKILL)
                os.waitpid(about, 0)
                children.discard(about)
            connection.send(0)
    except (EOFError, OSError):
        for pid in children:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(OSError):
                os.waitpid(pid, 0)


def _load(modules: Sequence[str]) -> str:
    try:
        for name in modules:
            importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - reported to the parent
        return type(error).__name__
    return ""


def _reap(children: set[int]) -> None:
    while children:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)


def _fork(
    fd: int, memory: int | None, children: set[int], inherited: Sequence[socket.socket | Connection]
) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(fd)
        children.add(pid)
        return pid
    try:
        for each in inherited:
            each.close()
        _confine(parent, memory)
        _work(Connection(fd))
    finally:
        os._exit(0)


def _confine(parent: int, memory: int | None) -> None:
    """Die with the nursery, leave no core file (it would hold content), stay within memory."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _work(connection: Connection) -> NoReturn:
    """Answer one item after another; ends by EOFError when the parent lets go."""
    known: tuple[bytes, Callable[[Any], Any]] | None = None
    while True:
        try:
            packed, item = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own process
            if known is None or known[0] != packed:
                known = (packed, pickle.loads(packed))  # noqa: S301 - our own process
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - told to the parent, which stops the map
            connection.send_bytes(
                pickle.dumps(WorkersError(f"cannot be loaded in a worker: {type(error).__name__}"))
            )
            continue
        connection.send_bytes(_answer(known[1], item))


def _answer(function: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps(function(item))
    except CallwardError as error:
        packed = pickle.dumps(error)
        with suppress(Exception):
            pickle.loads(packed)  # noqa: S301 - an error may pack and yet not unpack
            return packed
        return pickle.dumps(WorkerFailure("error", type(error).__name__))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the next item is not to blame
        return pickle.dumps(WorkerFailure("error", type(error).__name__))
