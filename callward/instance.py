"""One instance of Callward: its settings, clock, catalogue, vault and signer, put together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import open_engine, reading, unit_of_work
from callward.catalogue.migrate import require_current, upgrade
from callward.catalogue.pending import require_restored
from callward.clock import Clock, SystemClock
from callward.errors import SettingsError
from callward.ledger import log
from callward.ledger.rotation import publish, settle
from callward.ledger.signing import Signer
from callward.settings import Settings, load_settings
from callward.vault.cellbook import open_cells, require_unused
from callward.vault.stores import ObjectStore
from callward.vault.vault import Vault
from callward.workers import Workers

SIGNING_KEY = "signing.key"
VERIFIER_FILE = "verifier.txt"
_PRELOAD = (
    "numpy",
    "av",
    "soxr",
    "callward.intake.seal",
    "callward.intake.take",
    "callward.cardscan.work",
    "callward.speech.work",
)


@dataclass(frozen=True, slots=True)
class Instance:
    """Everything a stage works with."""

    settings: Settings
    clock: Clock
    engine: sa.Engine
    vault: Vault
    signer: Signer

    @contextmanager
    def unit(self) -> Iterator[sa.Connection]:
        """One transaction on the catalogue."""
        with unit_of_work(self.engine) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One read-only look at the catalogue as it is now; writers do not wait for it."""
        with reading(self.engine) as connection:
            yield connection

    def workers(self, extra: int = 0) -> Workers:
        """A pool of worker processes, ``extra`` more than set; a context manager."""
        return Workers(
            self.settings.processes + extra,
            preload=_PRELOAD,
            memory_bytes=self.settings.megabytes_per_worker * 1024**2,
        )

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()


def create_instance(home: Path, clock: Clock | None = None) -> Instance:
    """Make a new instance at ``home``; SettingsError if there is one already."""
    clock = clock or SystemClock()
    settings = load_settings(home)
    if (settings.keys / SIGNING_KEY).exists():
        raise SettingsError("there is an instance at this home already")
    for folder in settings.folders:
        folder.mkdir(parents=True, exist_ok=True)
    settings.keys.chmod(0o700)
    engine = open_engine(settings.catalogue_url)
    upgrade(engine)
    vault = vault_of(settings)
    with unit_of_work(engine) as connection:
        instance_id = _found(connection, settings, vault, clock)
    # The key comes last: an instance without it is not one, and is made again.
    signer = Signer.create(settings.keys / SIGNING_KEY, f"callward/{instance_id}")
    publish(settings.data / VERIFIER_FILE, signer.verifier, engine)
    return Instance(settings, clock, engine, vault, signer)


def open_instance(home: Path, clock: Clock | None = None) -> Instance:
    """Open the instance at ``home``; SettingsError if there is none.

    SchemaError if its tables are another version's, RestorePendingError while a
    restore into it has not ended.
    """
    settings = load_settings(home)
    path = settings.keys / SIGNING_KEY
    if not path.exists():
        raise SettingsError("there is no instance at this home; `callward init` makes one")
    engine = open_engine(settings.catalogue_url)
    with reading(engine) as connection:
        require_current(connection)
        require_restored(connection)
    settle(engine, path)
    signer = Signer.from_file(path)
    publish(settings.data / VERIFIER_FILE, signer.verifier, engine)
    return Instance(settings, clock or SystemClock(), engine, vault_of(settings), signer)


def _found(connection: sa.Connection, settings: Settings, vault: Vault, clock: Clock) -> str:
    """Write the instance's first rows, or find those of a creation cut short; its id."""
    known = connection.scalar(sa.select(t.instance.c.id))
    if known is not None:
        return str(known)
    require_unused(settings.cell, vault.cells, settings.home)
    instance_id = token_hex(8)
    connection.execute(t.instance.insert().values(id=instance_id, created_at=clock.now()))
    log.init(connection)
    vault.start(connection, clock.now())
    log.append(connection, "instance-created", [], at=clock.now(), ids={"id": instance_id})
    return instance_id


def vault_of(settings: Settings) -> Vault:
    """The vault that the settings describe."""
    cells = open_cells(settings.cell, settings.home)
    return Vault(cells, ObjectStore(settings.objects_url))
