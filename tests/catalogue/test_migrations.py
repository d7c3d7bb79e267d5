"""Migrations make exactly the tables that the code knows, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from callward.catalogue import migrate
from callward.catalogue.engine import open_engine
from callward.catalogue.tables import metadata
from callward.ledger import log, nodes
from callward.ledger.signing import Signer
from tests.ledger.bulk import fill


@pytest.fixture
def engine(empty_database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database, on each in turn."""
    made = open_engine(empty_database_url or f"sqlite:///{tmp_path / 'c.sqlite'}")
    yield made
    made.dispose()


def _differences(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )


def test_migrations_make_the_tables(engine: sa.Engine) -> None:
    """Tables, columns, types, nullability, indexes and comments are those of the metadata."""
    migrate.upgrade(engine)
    assert _differences(engine) == []
    assert set(sa.inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize(
    "drift",
    [
        "DROP INDEX ix_drops_base",
        "ALTER TABLE marks ADD COLUMN extra INTEGER",
        "ALTER TABLE marks DROP COLUMN text",
        "DROP TABLE openings",
    ],
)
def test_drift_would_be_seen(engine: sa.Engine, drift: str) -> None:
    """The comparison above is not blind."""
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(drift)
    assert len(_differences(engine)) > 0


def test_upgrading_again_changes_nothing(engine: sa.Engine) -> None:
    """A second upgrade finds nothing to do and leaves the rows."""
    migrate.upgrade(engine)
    with engine.begin() as connection:
        table = metadata.tables["ledger_head"]
        connection.execute(table.insert().values(id=1, size=0, frontier=[]))
    migrate.upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.select(table)).one() == (1, 0, [])
    assert _differences(engine) == []


def test_an_upgrade_that_fails_leaves_nothing(engine: sa.Engine) -> None:
    """One transaction: no half of the tables, and trying again works."""

    def fail(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "CREATE TABLE sweeps" in statement:
            raise ZeroDivisionError

    sa.event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(ZeroDivisionError):
        migrate.upgrade(engine)
    assert sa.inspect(engine).get_table_names() == []
    sa.event.remove(engine, "before_cursor_execute", fail)
    migrate.upgrade(engine)
    assert _differences(engine) == []


def test_an_older_ledger_gets_its_nodes(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A ledger from before the nodes verifies after the upgrade, which reads it in pieces."""
    migrate.upgrade(engine, "0001")
    signer = Signer.create(tmp_path / "signing.pem", "callward/log")
    with engine.begin() as connection:
        log.init(connection)
        with monkeypatch.context() as before:
            before.setattr(nodes, "store", lambda *_: None)  # there is no table for them yet
            fill(connection, 1300, datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    monkeypatch.setattr(nodes, "PIECE", 256)
    migrate.upgrade(engine)
    with engine.begin() as connection:
        assert log.verify(connection, [signer.verifier]).nodes == 5
        assert log.frontier_at(connection, 1300).root == log.head(connection).root


def test_there_is_one_line_of_migrations(engine: sa.Engine) -> None:
    """Two branches could not both be applied."""
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(migrate.config_for(connection))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_any_folder_will_do(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A percent sign in the installation's path is no interpolation."""
    monkeypatch.setattr(migrate, "__file__", "/opt/100%/callward/migrate.py")
    with engine.connect() as connection:
        config = migrate.config_for(connection)
    assert config.get_main_option("script_location") == "/opt/100%/callward/migrations"
