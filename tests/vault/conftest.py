"""Fixtures of the vault's tests: a vault with its first root, on both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.vault.cells import FileCell
from callward.vault.stores import ObjectStore
from callward.vault.vault import Vault
from tests.vault.desk import AT, Desk


@pytest.fixture
def desk(tmp_path: Path, catalogue_engine: sa.Engine) -> Desk:
    """A started vault with an object store below the test's folder."""
    cell = FileCell(tmp_path / "keys")
    vault = Vault([cell], ObjectStore((tmp_path / "objects").as_uri()))
    with catalogue_engine.begin() as connection:
        vault.start(connection, AT)
    return Desk(vault, cell, catalogue_engine)
