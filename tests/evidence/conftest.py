"""A true pack and the key that signs it."""

from pathlib import Path

import pytest

from callward.ledger.signing import Signer
from tests.evidence.packs import Maker, make_contents, make_signer


@pytest.fixture
def signer() -> Signer:
    """The instance's key."""
    return make_signer()


@pytest.fixture
def maker(signer: Signer, tmp_path: Path) -> Maker:
    """A maker of packs."""
    return Maker(signer, make_contents(signer), tmp_path / "packs")
