"""Bringing a catalogue's tables up to date (Alembic)."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from callward.errors import OperatorError

HEAD = "0009"
"""The revision that the code works with; a constant, as opening an instance must be quick."""

_VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String(32)))


class SchemaError(OperatorError):
    """The catalogue's tables are not those of this version of Callward."""

    code = "schema"


def config_for(connection: sa.Connection) -> Config:
    """Alembic's configuration for an open connection; no ini file is needed."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def upgrade(engine: sa.Engine, to: str = "head") -> None:
    """Apply every migration not yet applied, up to revision ``to``, in one transaction."""
    with engine.begin() as connection:
        upgrade_on(connection, to)


def upgrade_on(connection: sa.Connection, to: str = "head") -> None:
    """Apply migrations in the caller's transaction."""
    command.upgrade(config_for(connection), to)


def revision(connection: sa.Connection) -> str | None:
    """The revision of the tables that are there; None if there are none."""
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.scalar(sa.select(_VERSIONS.c.version_num))


def known(revision_wanted: str) -> bool:
    """Whether this version of Callward has a migration of that name."""
    script = ScriptDirectory.from_config(_config())
    return revision_wanted in {one.revision for one in script.walk_revisions()}


def require_current(connection: sa.Connection) -> None:
    """SchemaError unless the tables are those that the code knows; one statement."""
    try:
        found = connection.scalar(sa.select(_VERSIONS.c.version_num))
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        raise SchemaError("the catalogue's tables cannot be read, or are not there") from None
    if found == HEAD:
        return
    if found is not None and known(found):
        raise SchemaError(
            f"the catalogue is of revision {found}, this version works with {HEAD}: "
            "make a backup with the version before, then run `callward upgrade`"
        )
    raise SchemaError(
        f"the catalogue is of a revision that this version does not know (it knows {HEAD}): "
        "use the newer version of Callward"
    )
