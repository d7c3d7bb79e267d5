"""An instance's settings: ``callward.toml`` in its home, overridden by ``CALLWARD_*``."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from callward import enginesettings
from callward.enginesettings import EngineSettings, Name
from callward.errors import IntegrityError, SettingsError
from callward.ledger.cosigning import WitnessKey
from callward.vault import cellsettings
from callward.vault.cellsettings import CellSettings

FILE_NAME = "callward.toml"
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
_STORES = ("file:///", "s3://")


class Settings(BaseSettings):
    """What an operator may set; everything has a working default but ``home``."""

    model_config = SettingsConfigDict(env_prefix="CALLWARD_", extra="forbid", frozen=True)

    home: Path
    database_url: str = ""
    """SQLAlchemy URL of the catalogue; empty: SQLite under ``data/``."""
    store_url: str = ""
    """Object store, ``file:///…`` or ``s3://…``; empty: ``data/objects``."""
    landing_url: str = ""
    """A prefix of S3, ``s3://…``, where drops arrive beside ``landing/``; empty: nowhere else."""
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 120
    """A worker that does not say for so long that it lives loses the drops it has claimed."""
    backup_folder: str = ""
    """Where backups are written and the drill looks; empty: ``backups`` in the home."""
    backup_folders: tuple[Path, ...] = ()
    """More folders with backups for the residual scan to look at; in the home unless absolute."""
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    """Where telephone numbers without a country code are taken to be."""
    vcon_roots: str = ""
    """PEM file of certificates that signers of vCons must lead to, in the home unless absolute;
    empty: a signature proves that nothing was changed, not who signed."""
    processes: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 1
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Items per transaction, gate and ledger leaf."""
    records_per_batch: Annotated[int, Field(ge=1, le=100_000)] = 8000
    """Messages, call records and the like per transaction, gate and ledger leaf."""
    seconds_per_file: Annotated[int, Field(ge=1)] = 300
    """After so long a worker is given up on a file (transcription: per recording, times 20)."""
    megabytes_per_worker: Annotated[int, Field(ge=512)] = 4096
    """Memory (address space) a worker may have; a file that wants more is refused."""
    max_file_bytes: Annotated[int, Field(ge=1)] = 4 * 1024**3
    engine: dict[Name, EngineSettings] = Field(default_factory=dict)
    """Transcription engines by name, beside the embedded one."""
    shard_recordings: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Recordings transcribed per transaction, gate and ledger leaf, at most."""
    shard_seconds: Annotated[float, Field(gt=0)] = 3600
    """Seconds of audio (every channel counted) of the same, unless one recording is longer."""
    shares: dict[Name, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    """Controllers' shares of the transcribing; 1 unless set."""
    scale: Literal["here", "work-pool"] = "here"
    """Where shards are transcribed: in this run, or by workers of Prefect's pool ``speech``."""
    shard_lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 120
    """A worker that does not say for so long that it lives loses the shard it has taken."""
    shard_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How often a shard is taken, if workers die over it, before it waits for the next night."""
    shard_wait_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 360
    """How long a night waits for the pool in all; what is not done then waits for the next."""
    brake_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """A sweep of more than this share of a controller's holdings needs approval."""
    brake_floor: Annotated[int, Field(ge=0)] = 10
    """Sweeps of at most so many objects of a controller never need approval for their share."""
    clock_jump_days: Annotated[int, Field(ge=1)] = 3
    """A clock that moved on by more than this since the last sweep needs approval."""
    approval_hours: Annotated[int, Field(ge=1)] = 72
    """How long a sweep's approval can be given, and how long it then counts."""
    approval_wait_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 60
    """How long a run in Prefect waits for somebody to approve its sweep; 0: not at all."""
    review_wait_hours: Annotated[float, Field(ge=0, le=24)] = 8
    """How long a run of the annual review waits in Prefect for an answer; 0: not at all."""
    review_wait_days: Annotated[int, Field(ge=1, le=365)] = 30
    """A review open for longer fails the run that ends without an answer."""
    witness_url: str = ""
    """The witness that cosigns the night's checkpoint, ``http…``; empty: none."""
    witness_key: str = ""
    """Its verifier key, as ``callward witness key`` prints it there."""
    tsa_url: str = ""
    """The RFC 3161 authority that stamps the night's checkpoint, ``http…``; empty: none."""
    tsa_certificate: str = ""
    """PEM file with the authority's root certificate; in the home unless absolute."""

    cell: tuple[CellSettings, ...] = cellsettings.DEFAULT
    """The key cells, in the order in which they are asked; a root counts once all hold it."""

    @field_validator("cell")
    @classmethod
    def _sound_cells(
        cls, cells: tuple[CellSettings, ...], info: ValidationInfo
    ) -> tuple[CellSettings, ...]:
        if "home" in info.data:  # otherwise it is the home that is wrong
            cellsettings.check(cells, info.data["home"])
        return cells

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        try:
            known = not url or sa.make_url(url).drivername in _DATABASES
        except (sa.exc.ArgumentError, ValueError):  # a port that is no number
            known = False
        if not known:
            raise ValueError(f"not a database URL of {', '.join(_DATABASES)}")
        return url

    @field_validator("store_url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if url and not url.startswith(_STORES):
            raise ValueError(f"not an object store's URL, {' or '.join(_STORES)}")
        return url

    @field_validator("landing_url")
    @classmethod
    def _known_landing(cls, url: str) -> str:
        if url and not (url.startswith("s3://") and urlsplit(url).netloc):
            raise ValueError("not a prefix of S3, s3://BUCKET/PREFIX")
        return url

    @field_validator("witness_url", "tsa_url")
    @classmethod
    def _known_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("not an address that begins with http:// or https://")
        return url

    @field_validator("witness_key")
    @classmethod
    def _known_witness(cls, key: str) -> str:
        try:
            return str(WitnessKey.parse(key)) if key else ""
        except IntegrityError:
            raise ValueError("not a witness's verifier key") from None

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        for one, other in (("witness_url", "witness_key"), ("tsa_url", "tsa_certificate")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise ValueError(f"{one} and {other} are set together or not at all")
        landing, store = (f"{url.rstrip('/')}/" for url in (self.landing_url, self.store_url))
        if self.landing_url and (landing.startswith(store) or store.startswith(landing)):
            raise ValueError("landing_url and store_url are one inside the other")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The home given wins, then the environment, then the home's file."""
        del dotenv_settings, file_secret_settings
        home = Path(init_settings().get("home", "."))
        toml = TomlConfigSettingsSource(settings_cls, toml_file=home / FILE_NAME)
        return init_settings, env_settings, toml

    @property
    def engines(self) -> Mapping[str, EngineSettings]:
        """Every transcription engine by name, the embedded one too."""
        return {**enginesettings.DEFAULT, **self.engine}

    @property
    def data(self) -> Path:
        """Catalogue and ciphertexts: what a backup holds."""
        return self.home / "data"

    @property
    def keys(self) -> Path:
        """Key cell and signing key: beside the data, never inside it."""
        return self.home / "keys"

    @property
    def landing(self) -> Path:
        """Where controllers' drops arrive."""
        return self.home / "landing"

    @property
    def spool(self) -> Path:
        """Where drops that arrive elsewhere lie while they are taken in."""
        return self.home / "spool"

    @property
    def instructions(self) -> Path:
        """One YAML file per controller."""
        return self.home / "instructions"

    @property
    def sub_processors(self) -> Path:
        """The register: one YAML file per sub-processor."""
        return self.home / "sub-processors"

    @property
    def assurance(self) -> Path:
        """The register of assurance: one YAML file per item."""
        return self.home / "assurance"

    @property
    def assurance_documents(self) -> Path:
        """The certificates and reports that its items name."""
        return self.assurance / "documents"

    @property
    def evidence(self) -> Path:
        """Packs and certificates."""
        return self.home / "evidence"

    @property
    def journal(self) -> Path:
        """What an older backup needs to be led on: written at every turn of the root."""
        return self.data / "journal"

    @property
    def backups(self) -> Path:
        """Backups of the catalogue, unless told otherwise; better on another machine."""
        return self.home / (self.backup_folder or "backups")

    @property
    def data_docs(self) -> Path:
        """Rendered gate results."""
        return self.home / "data-docs"

    @property
    def prefect(self) -> Path:
        """The embedded Prefect server's own files."""
        return self.home / "prefect"

    @property
    def catalogue_url(self) -> str:
        """The catalogue's database."""
        if self.database_url:
            return self.database_url
        # Made, not pasted together: a question mark in a folder's name would end the path.
        url = sa.URL.create("sqlite", database=str(self.data / "catalogue.sqlite"))
        return url.render_as_string(hide_password=False)

    @property
    def objects_url(self) -> str:
        """The object store."""
        return self.store_url or (self.data / "objects").resolve().as_uri()

    @property
    def tsa_roots(self) -> Path:
        """The time-stamp authority's root certificate."""
        return self.home / self.tsa_certificate

    @property
    def vcon_certificates(self) -> Path | None:
        """The file of ``vcon_roots``."""
        return self.home / self.vcon_roots if self.vcon_roots else None

    @property
    def ours(self) -> tuple[Path, ...]:
        """Folders in which nobody but us writes, and few files are."""
        return self.keys, self.evidence, self.journal, self.backups

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder of an instance."""
        return (
            self.data,
            self.keys,
            self.landing,
            self.instructions,
            self.sub_processors,
            self.assurance,
            self.assurance_documents,
            self.evidence,
            self.data_docs,
            self.prefect,
        )


def load_settings(home: Path, **overrides: Any) -> Settings:
    """Read the settings of the instance at ``home``; SettingsError says what is wrong."""
    try:
        return Settings(home=home.resolve(), **overrides)
    except ValidationError as error:
        fields = ", ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"settings of this instance: {fields}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{FILE_NAME} is not TOML: {error}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{FILE_NAME} cannot be read ({type(error).__name__})") from None
