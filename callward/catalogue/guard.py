"""Who may be at work on a catalogue: one run alone, or several that share it.

Every guard dies with the process that holds it, and so does the sign of life of
those who share: whoever finds a lease or an intent can tell whether its holder lives.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import sqlalchemy as sa

from callward.errors import OperatorError

_ADVISORY_KEY = 0x63616C6C  # "call"
_HOLDERS = ".holders"
# Two halves of 32 bits, as the server lists the one key of 64.
_LIVING = sa.text(
    "SELECT lpad(to_hex(classid::bigint), 8, '0') || lpad(to_hex(objid::bigint), 8, '0')"
    " FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND datname = current_database()"
)


class BusyError(OperatorError):
    """Another run is at work on this catalogue."""

    code = "busy"


@contextmanager
def exclusive(engine: sa.Engine) -> Iterator[None]:
    """Hold the catalogue for one run alone; BusyError if somebody else is at work.

    PostgreSQL: a session's advisory lock. SQLite: a lock on a file beside it.
    Both go with the process, so a killed run leaves nothing to clear.
    """
    with _session(engine, shared=False), _lock_file(engine, fcntl.LOCK_EX):
        yield


@contextmanager
def sharing(engine: sa.Engine) -> Iterator[str]:
    """Hold the catalogue beside others who share it; BusyError if one has it alone.

    Yields the holder's id, 16 hex digits never used again. ``gone`` knows it for as
    long as the process lives, on whatever machine.
    """
    holder = token_hex(8)
    with (
        _session(engine, shared=True, holder=holder),
        _lock_file(engine, fcntl.LOCK_SH),
        _sign_of_life(engine, holder),
    ):
        yield holder


def gone(connection: sa.Connection, holders: Collection[str]) -> set[str]:
    """Those of ``holders`` whose process has ended, or lost its session with the server."""
    if not holders:
        return set()
    if connection.dialect.name == "postgresql":
        return set(holders) - set(connection.scalars(_LIVING))
    folder = _beside(connection.engine, _HOLDERS)
    return set() if folder is None else {one for one in holders if _is_free(folder / one)}


def spooled_by_dead(connection: sa.Connection, spool: Path) -> list[Path]:
    """The folders below ``spool``, each named after its holder, that nobody works in any more."""
    left = {path.name: path for path in spool.glob("*")}
    return [left[holder] for holder in sorted(gone(connection, left.keys()))]


@contextmanager
def _session(engine: sa.Engine, *, shared: bool, holder: str | None = None) -> Iterator[None]:
    """Hold PostgreSQL's locks in one session, so that they go together."""
    if engine.dialect.name != "postgresql":
        yield
        return
    suffix = "_shared" if shared else ""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": _ADVISORY_KEY}
        if not connection.scalar(sa.text(f"SELECT pg_try_advisory_lock{suffix}(:key)"), key):
            raise BusyError("another run is at work on this catalogue")
        sign = {"key": _signed(holder)} if holder else None
        try:
            if sign:
                connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), sign)
            yield
        finally:
            if sign:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), sign)
            connection.execute(sa.text(f"SELECT pg_advisory_unlock{suffix}(:key)"), key)


def _signed(holder: str) -> int:
    """A holder's id as PostgreSQL's bigint."""
    return int.from_bytes(bytes.fromhex(holder), signed=True)


@contextmanager
def _lock_file(engine: sa.Engine, mode: int) -> Iterator[None]:
    """Hold SQLite's lock."""
    path = _beside(engine, ".lock")
    if path is None:
        yield
        return
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o640)
    try:
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another run is at work on this catalogue") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _sign_of_life(engine: sa.Engine, holder: str) -> Iterator[None]:
    """Hold a locked file of one's own beside SQLite; those of the dead are removed."""
    folder = _beside(engine, _HOLDERS)
    if folder is None:
        yield
        return
    folder.mkdir(exist_ok=True)
    for other in sorted(os.listdir(folder)):  # noqa: PTH208 - names, of our own making
        _is_free(folder / other)
    path = folder / holder
    handle = _locked(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(handle)


def _locked(path: Path) -> int:
    """A file that this process alone has locked, and that is still there under its name."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o640)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Whoever clears up after the dead may have found it not yet locked.
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return handle
        os.close(handle)


def _is_free(path: Path) -> bool:
    """Whether nobody alive holds a sign of life; then it is removed."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _beside(engine: sa.Engine, suffix: str) -> Path | None:
    """A path beside SQLite's file; None on PostgreSQL and for a catalogue in memory."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    return Path(database).with_suffix(suffix)
