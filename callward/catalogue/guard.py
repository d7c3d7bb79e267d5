"""One run at a time on a catalogue: a guard that dies with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from callward.errors import OperatorError

_ADVISORY_KEY = 0x63616C6C  # "call"


class BusyError(OperatorError):
    """Another run is at work on this catalogue."""

    code = "busy"


@contextmanager
def exclusive(engine: sa.Engine) -> Iterator[None]:
    """Hold the catalogue for one run; BusyError if somebody else does.

    PostgreSQL: a session's advisory lock. SQLite: a lock on a file beside it.
    Both go with the process, so a killed run leaves nothing to clear.
    """
    holder = _hold_postgresql if engine.dialect.name == "postgresql" else _hold_file
    with holder(engine):
        yield


@contextmanager
def _hold_postgresql(engine: sa.Engine) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": _ADVISORY_KEY}
        if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), key):
            raise BusyError("another run is at work on this catalogue")
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), key)


@contextmanager
def _hold_file(engine: sa.Engine) -> Iterator[None]:
    database = engine.url.database
    if not database or database == ":memory:":
        yield
        return
    handle = os.open(Path(database).with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o640)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another run is at work on this catalogue") from None
        yield
    finally:
        os.close(handle)
