"""Does shards in forks of itself that die before a commit of your choosing; a program, not a test.

``python -m tests.speech.shard_worker`` reads one JSON order a line, ``home``, ``shard`` and
``commit``, and answers the signal that ended the fork, or 0. It has imported everything and
started nothing: what the object store runs on does not outlast a fork.
"""

import json
import os
import signal
import sys
from pathlib import Path

import psycopg  # noqa: F401 - loaded here, once, rather than in every fork
import sqlalchemy as sa

from callward.clock import FixedClock
from callward.instance import open_instance
from callward.speech import engines, listening
from callward.speech.oneshard import do_shard
from tests.speech.studio import Parrot, studio, whole
from tests.support import NOW, PassingGates


def do(home: str, shard: str, commit: int) -> None:
    """Do a shard; the process ends by SIGKILL before so many commits."""
    parrot, left = Parrot(), [commit]

    def count(_connection: sa.Connection) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    setattr(engines, "engine_of", lambda _settings, _home: parrot)  # noqa: B010 - on purpose
    setattr(listening, "speech_spans", whole)  # noqa: B010 - on purpose
    made, _ = studio(open_instance(Path(home), FixedClock(NOW)))
    sa.event.listen(made.engine, "commit", count)
    do_shard(made, PassingGates(), shard)


def in_a_fork(home: str, shard: str, commit: int) -> int:
    """The signal that ended it, or 0."""
    pid = os.fork()
    if not pid:
        try:
            do(home, shard, commit)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - told by the status
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{in_a_fork(**json.loads(line))}\n")
        sys.stdout.flush()
