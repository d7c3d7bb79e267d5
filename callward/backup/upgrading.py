"""Bringing an instance's tables up to the version of the code."""

from pathlib import Path

from callward.catalogue import migrate
from callward.catalogue.engine import open_engine, reading
from callward.catalogue.guard import exclusive
from callward.errors import SettingsError
from callward.instance import SIGNING_KEY
from callward.settings import load_settings


def upgrade_catalogue(home: Path) -> tuple[str, str]:
    """Apply the migrations that are missing, all or none; the revision before and after.

    SettingsError if there is no instance, SchemaError if it is a newer version's,
    BusyError while a run is at work.
    """
    settings = load_settings(home)
    if not (settings.keys / SIGNING_KEY).exists():
        raise SettingsError("there is no instance at this home; `callward init` makes one")
    engine = open_engine(settings.catalogue_url)
    try:
        with exclusive(engine):
            with reading(engine) as connection:
                before = migrate.revision(connection)
            if before is None or not migrate.known(before):
                raise migrate.SchemaError(
                    f"the catalogue is of revision {before or 'none'}, which this version "
                    "cannot bring up to date"
                )
            migrate.upgrade(engine)
            with reading(engine) as connection:
                migrate.require_current(connection)
    finally:
        engine.dispose()
    return before, migrate.HEAD
