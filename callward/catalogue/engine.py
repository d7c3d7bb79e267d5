"""Opening the catalogue's database: SQLite embedded, PostgreSQL in production."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from callward.errors import OperatorError

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # ON, not FAST: freed pages must not keep wrapped keys or ciphertext.
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=30000",
    "PRAGMA temp_store=MEMORY",
    # KiB. By default 2 MB, less than a batch's rows dirty: they would be written twice.
    "PRAGMA cache_size=-16384",
)

_READING = "callward_reading"


class UnsettledError(OperatorError):
    """Somebody reads the catalogue, so its write-ahead log cannot be emptied; try again."""

    code = "unsettled"


def open_engine(url: str) -> sa.Engine:
    """Return an engine for ``url``; SQLite transactions start with BEGIN IMMEDIATE."""
    # A server that was restarted must not cost the next stage its first transaction.
    engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        _tame_sqlite(engine)
    return engine


def _tame_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        # A read that later writes would fail half-way on a stale snapshot.
        reads = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def unit_of_work(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction: committed at the end, rolled back on any error."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One read-only transaction, which sees everything as of one moment and locks nothing.

    Writing in it is an error (SQLAlchemy's DBAPIError).
    """
    options: dict[str, Any]
    if engine.dialect.name == "sqlite":
        options = {_READING: True}
    else:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with (
        engine.connect() as connection,
        _refusing_writes(connection),
        connection.execution_options(**options).begin(),
    ):
        yield connection


@contextmanager
def _refusing_writes(connection: sa.Connection) -> Iterator[None]:
    """Have SQLite refuse writes, until the connection goes back; around transactions."""
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    try:
        yield
    finally:
        cursor.execute("PRAGMA query_only=OFF")
        cursor.close()


def settle(engine: sa.Engine) -> None:
    """Move SQLite's write-ahead log into the file and empty it.

    Old page images in the log hold wrapped keys that have been destroyed.
    PostgreSQL needs the root turned instead (DESIGN §4). UnsettledError if a
    reader is in the way for longer than the busy time-out.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.close()
    if busy:
        raise UnsettledError("somebody reads the catalogue; old pages are still in its log")
