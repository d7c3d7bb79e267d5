"""Packs as an instance makes them, with many leaves and certificates; here a few hundred."""

import pytest

from callward.evidence.checks import helper
from tests.benchmarks.pack import measure


@pytest.mark.parametrize("many", [1, 4])
def test_a_pack_of_many_is_made_the_same_again(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It verifies, with both verifiers, also with a process beside; the benchmark in small."""
    monkeypatch.setattr(helper, "MANY", many)
    found = measure(leaves=3000, sweeps=4, controllers=12)
    assert found["identical"] is True
    assert (found["leaves"], found["certificates"]) == (3000, 48)
    assert found["verify_standalone_seconds"] > 0
