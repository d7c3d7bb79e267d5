"""Fixtures of the ledger's tests."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.ledger import log
from callward.ledger.signing import Signer

ORIGIN = "callward.example/log"


@pytest.fixture
def at() -> datetime:
    """A moment, UTC."""
    return datetime(2026, 3, 29, 1, 30, 0, 250000, tzinfo=UTC)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """A fresh signing key."""
    return Signer.create(tmp_path / "signing.pem", ORIGIN)


@pytest.fixture
def ledger(catalogue_engine: sa.Engine) -> sa.Engine:
    """A catalogue with an empty log."""
    with catalogue_engine.begin() as connection:
        log.init(connection)
    return catalogue_engine
