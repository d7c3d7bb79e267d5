"""Bringing a catalogue's tables up to date (Alembic)."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def config_for(connection: sa.Connection) -> Config:
    """Alembic's configuration for an open connection; no ini file is needed."""
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Apply every migration not yet applied, in one transaction."""
    with engine.begin() as connection:
        command.upgrade(config_for(connection), "head")
