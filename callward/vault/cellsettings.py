"""What an operator says of each key cell, in ``[[cell]]`` tables of ``callward.toml``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Cell(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileCellSettings(_Cell):
    """Roots in files: the default."""

    kind: Literal["file"]
    name: Name = "file"
    folder: Annotated[Path | None, Field(strict=False)] = None
    """Not below ``data/``; relative to the home. None: ``keys/``."""


class Pkcs11CellSettings(_Cell):
    """Roots on a token. Its PIN is in a file or in the environment, never here."""

    kind: Literal["pkcs11"]
    name: Name = "pkcs11"
    module: Annotated[Path, Field(strict=False)]
    """The library that the token's maker supplies."""
    token: Annotated[str, Field(min_length=1, max_length=32)]
    label: Label
    """Tells this instance's roots from others on the token: two instances, two labels."""
    pin_file: Annotated[Path | None, Field(strict=False)] = None
    """Readable by its owner only; the PIN is its first line. Relative to the home."""
    pin_env: Annotated[str | None, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = None
    """Name of an environment variable that holds the PIN."""

    @field_validator("module")
    @classmethod
    def _absolute(cls, module: Path) -> Path:
        if not module.is_absolute():
            raise ValueError("not an absolute path")
        return module

    @model_validator(mode="after")
    def _one_pin(self) -> "Pkcs11CellSettings":
        if (self.pin_file is None) == (self.pin_env is None):
            raise ValueError("either pin_file or pin_env must be given")
        return self


class KmsCellSettings(_Cell):
    """Roots under AWS KMS keys. Credentials come from where boto3 finds them."""

    kind: Literal["aws-kms"]
    name: Name = "aws-kms"
    label: Label
    region: Annotated[str | None, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] = None
    endpoint_url: str | None = None
    window_days: Annotated[int, Field(ge=7, le=30)] = 7
    """How long AWS waits before it destroys a key: its limits."""
    folder: Annotated[Path | None, Field(strict=False)] = None
    """Not below ``data/``; relative to the home. None: a folder in ``keys/`` of the cell's name."""

    @field_validator("endpoint_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://none")
        if parts.username or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an https:// URL without credentials")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("http:// is for this machine only")
        return url


CellSettings = Annotated[
    FileCellSettings | Pkcs11CellSettings | KmsCellSettings, Field(discriminator="kind")
]
DEFAULT: tuple[CellSettings, ...] = (FileCellSettings(kind="file"),)


def folder(cell: FileCellSettings | KmsCellSettings, home: Path) -> Path:
    """Where a cell keeps its files."""
    default = Path("keys") if cell.kind == "file" else Path("keys") / cell.name
    return home / (cell.folder or default)


def check(cells: Sequence[CellSettings], home: Path) -> None:
    """ValueError unless names differ, folders differ and none is where backups come from."""
    names = [cell.name for cell in cells]
    if not cells or len(set(names)) < len(names):
        raise ValueError("at least one cell, each with a name of its own")
    folders = [folder(cell, home).resolve() for cell in cells if cell.kind != "pkcs11"]
    if len(set(folders)) < len(folders):
        raise ValueError("two cells in one folder")
    if any(one.is_relative_to((home / "data").resolve()) for one in folders):
        raise ValueError("a cell below data/, which backups hold")
    tokens = [(cell.module, cell.token, cell.label) for cell in cells if cell.kind == "pkcs11"]
    if len(set(tokens)) < len(tokens):
        raise ValueError("two cells on one token under one label")
