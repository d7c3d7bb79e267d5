"""Opening the catalogue: pragmas, units of work, and old pages that must go."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.catalogue import tables as t
from callward.catalogue.engine import (
    UnsettledError,
    open_engine,
    reading,
    settle,
    unit_of_work,
)
from tests.conftest import PostgresqlServer

_SECRET = b"wrapped-key-that-has-to-go-" * 40
_AT = datetime(2026, 3, 29, 1, 30, 0, 250001, tzinfo=UTC)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """Where the SQLite catalogue lies."""
    return tmp_path / "c.sqlite"


@pytest.fixture
def sqlite_engine(sqlite_file: Path) -> sa.Engine:
    """An SQLite catalogue with its tables."""
    engine = open_engine(f"sqlite:///{sqlite_file}")
    t.metadata.create_all(engine)
    return engine


def _mark(connection: sa.Connection, name: str, moment: datetime = _AT) -> None:
    connection.execute(t.marks.insert().values(name=name, moment=moment))


def _marks(engine: sa.Engine) -> list[str]:
    with unit_of_work(engine) as connection:
        return sorted(connection.scalars(sa.select(t.marks.c.name)))


def test_a_unit_of_work_is_kept_at_its_end(catalogue_engine: sa.Engine) -> None:
    """What a unit wrote is there for the next one."""
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "one")
    assert _marks(catalogue_engine) == ["one"]


def test_a_connection_cut_in_the_pool_is_made_anew(postgresql_server: PostgresqlServer) -> None:
    """The server was restarted between two stages: the next unit does not notice."""
    url = postgresql_server.create("cut")
    ours, other = open_engine(url), open_engine(url)
    try:
        with unit_of_work(ours) as connection:
            cut = {"pid": connection.scalar(sa.text("SELECT pg_backend_pid()"))}
        with unit_of_work(other) as connection:
            assert connection.scalar(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), cut)
        with unit_of_work(ours) as connection:
            _mark(connection, "one")
        assert _marks(other) == ["one"]
    finally:
        ours.dispose()
        other.dispose()
        postgresql_server.drop("cut")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_unit_of_work_that_fails_leaves_nothing(
    catalogue_engine: sa.Engine, error: type[BaseException]
) -> None:
    """Any exception, an interrupt too, undoes the whole unit, deletions included."""
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "before")

    def fail() -> None:
        with unit_of_work(catalogue_engine) as connection:
            _mark(connection, "one")
            connection.execute(t.marks.delete())
            _mark(connection, "two")
            raise error

    with pytest.raises(error):
        fail()
    assert _marks(catalogue_engine) == ["before"]


def test_tables_roll_back_too(catalogue_engine: sa.Engine) -> None:
    """Making a table is part of the transaction on both databases."""

    def fail() -> None:
        with unit_of_work(catalogue_engine) as connection:
            connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert not sa.inspect(catalogue_engine).has_table("later")


def test_values_stay_out_of_error_texts(catalogue_engine: sa.Engine) -> None:
    """A statement that fails does not quote what was to be stored."""

    def fail() -> None:
        with unit_of_work(catalogue_engine) as connection:
            _mark(connection, "canary-name")
            _mark(connection, "canary-name")

    with pytest.raises(sa.exc.IntegrityError) as caught:
        fail()
    assert "SQL parameters hidden" in str(caught.value)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("secure_delete", 1),  # 2 is FAST, which leaves freed pages as they are
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 30000),
        ("temp_store", 2),
    ],
)
def test_sqlite_is_set_up_on_every_connection(
    sqlite_engine: sa.Engine, pragma: str, value: int | str
) -> None:
    """Each of several connections at once has the setting."""
    raw = [sqlite_engine.raw_connection() for _ in range(3)]
    try:
        found = [one.cursor().execute(f"PRAGMA {pragma}").fetchone()[0] for one in raw]
    finally:
        for one in raw:
            one.close()
    assert found == [value] * 3


def _on_disk(path: Path) -> bytes:
    files = (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm"))
    return b"".join(one.read_bytes() for one in files if one.exists())


def _store_and_delete(engine: sa.Engine) -> None:
    with unit_of_work(engine) as connection:
        connection.execute(t.payloads.insert().values(object_id="one", sealed=_SECRET))
    with unit_of_work(engine) as connection:
        connection.execute(t.payloads.delete())


def test_deleted_bytes_are_gone_after_settling(sqlite_engine: sa.Engine, sqlite_file: Path) -> None:
    """A deleted value is in no file any more, neither in a freed page nor in the log."""
    _store_and_delete(sqlite_engine)
    assert _SECRET[:20] in _on_disk(sqlite_file)  # what settling is for
    settle(sqlite_engine)
    assert _SECRET[:20] not in _on_disk(sqlite_file)
    sqlite_engine.dispose()


def test_freed_pages_are_overwritten(sqlite_engine: sa.Engine, sqlite_file: Path) -> None:
    """Once in the file itself, a value spread over many pages goes from there as well."""
    with unit_of_work(sqlite_engine) as connection:
        payload = {"object_id": "one", "sealed": _SECRET * 100}
        connection.execute(t.payloads.insert(), [payload])
    settle(sqlite_engine)
    assert _SECRET[:20] in sqlite_file.read_bytes()
    with unit_of_work(sqlite_engine) as connection:
        connection.execute(t.payloads.delete())
    settle(sqlite_engine)
    assert _SECRET[:20] not in _on_disk(sqlite_file)
    sqlite_engine.dispose()


def test_settling_empties_the_log(sqlite_engine: sa.Engine, sqlite_file: Path) -> None:
    """The write-ahead log is cut to nothing while the catalogue stays open, and can be again."""
    log = sqlite_file.with_name(sqlite_file.name + "-wal")
    for _ in range(2):
        _store_and_delete(sqlite_engine)
        assert log.stat().st_size > 0
        settle(sqlite_engine)
        assert log.stat().st_size == 0
    sqlite_engine.dispose()


def test_a_reader_in_the_way_is_told(sqlite_engine: sa.Engine, sqlite_file: Path) -> None:
    """If the log cannot be emptied, settling says so instead of pretending."""
    reader = sqlite3.connect(sqlite_file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM payloads").fetchone()
    _store_and_delete(sqlite_engine)
    with sqlite_engine.connect() as connection:  # the pool's only one, used again below
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with pytest.raises(UnsettledError, match="unsettled"):
        settle(sqlite_engine)
    assert _SECRET[:20] in _on_disk(sqlite_file)
    reader.close()
    settle(sqlite_engine)
    assert _SECRET[:20] not in _on_disk(sqlite_file)
    sqlite_engine.dispose()


def test_settling_postgresql_does_nothing(catalogue_engine: sa.Engine) -> None:
    """It can be called on either database; content stays."""
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "one")
    settle(catalogue_engine)
    assert _marks(catalogue_engine) == ["one"]


def test_a_transaction_takes_its_lock_at_once(sqlite_engine: sa.Engine, sqlite_file: Path) -> None:
    """A unit that reads first and writes later cannot fail on a stale snapshot."""
    other = sqlite3.connect(sqlite_file, timeout=0.05, isolation_level=None)
    with unit_of_work(sqlite_engine) as connection:
        connection.execute(sa.select(t.marks)).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        _mark(connection, "one")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    assert _marks(sqlite_engine) == ["one"]
    sqlite_engine.dispose()


_offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
_CENTURY = timedelta(days=36525)
_moments = st.datetimes(
    _AT.replace(tzinfo=None) - _CENTURY, _AT.replace(tzinfo=None) + _CENTURY, timezones=_offsets
)


@given(moments=st.lists(_moments, min_size=1, max_size=20))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moments_come_back_in_utc(catalogue_engine: sa.Engine, moments: list[datetime]) -> None:
    """Whatever offset went in, the same instant comes back, aware, in UTC, to the microsecond."""
    with unit_of_work(catalogue_engine) as connection:
        connection.execute(t.marks.delete())
        for number, moment in enumerate(moments):
            _mark(connection, f"{number:03}", moment)
        found = connection.scalars(sa.select(t.marks.c.moment).order_by(t.marks.c.name)).all()
        before = connection.scalars(
            sa.select(t.marks.c.moment).where(t.marks.c.moment <= moments[0])
        ).all()
    assert list(found) == moments
    assert all(one.tzinfo is UTC for one in found)
    assert sorted(before) == sorted(one for one in moments if one <= moments[0])


def test_naive_moments_are_refused(catalogue_engine: sa.Engine) -> None:
    """A moment without an offset is not guessed at, and nothing is stored."""

    def store() -> None:
        with unit_of_work(catalogue_engine) as connection:
            _mark(connection, "naive", _AT.replace(tzinfo=None))

    with pytest.raises(sa.exc.StatementError, match="without an offset"):
        store()
    assert _marks(catalogue_engine) == []


def test_no_moment_is_none(catalogue_engine: sa.Engine) -> None:
    """An empty moment stays empty."""
    values = {"id": "d", "controller": "a", "base": "b", "state": "open", "files": 0}
    with unit_of_work(catalogue_engine) as connection:
        connection.execute(t.drops.insert().values(seen_at=_AT, completed_at=None, **values))
        assert connection.execute(sa.select(t.drops.c.completed_at)).one() == (None,)


def test_a_reader_sees_one_moment_and_nobody_waits(catalogue_engine: sa.Engine) -> None:
    """While somebody reads, others write; the reader goes on seeing what was there at first."""
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "one")
    names = sa.select(t.marks.c.name)
    with reading(catalogue_engine) as looking:
        assert looking.scalars(names).all() == ["one"]
        with unit_of_work(catalogue_engine) as connection:
            _mark(connection, "two")
        with reading(catalogue_engine) as later:
            assert sorted(later.scalars(names)) == ["one", "two"]
        assert looking.scalars(names).all() == ["one"]


def test_a_reader_reads_while_somebody_writes(catalogue_engine: sa.Engine) -> None:
    """An unfinished write keeps no reader waiting."""
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "one")
        with reading(catalogue_engine) as looking:
            assert looking.scalars(sa.select(t.marks.c.name)).all() == []


def test_a_reader_cannot_write(catalogue_engine: sa.Engine) -> None:
    """What only reads is refused any change, and the connection can write again afterwards."""
    with pytest.raises(sa.exc.DBAPIError), reading(catalogue_engine) as connection:
        _mark(connection, "one")
    assert _marks(catalogue_engine) == []
    with unit_of_work(catalogue_engine) as connection:
        _mark(connection, "two")
    assert _marks(catalogue_engine) == ["two"]
