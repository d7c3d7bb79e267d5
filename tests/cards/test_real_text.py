"""Cards in texts that nobody on this project wrote: all found, hardly anything else."""

import pytest

from tests.benchmarks.pan import DATA, measure

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real texts are not beside this checkout"
)


def test_every_annotated_card_is_found() -> None:
    """To the character, wherever a number satisfies Luhn and is of an issuer's range."""
    found = measure()
    for source in ("pan_cases, card", "presidio sentences", "ccsrch"):
        assert found[source]["found"] == found[source]["cards"] == found[source]["exact"] > 0


def test_hardly_anything_else_is() -> None:
    """Telephone numbers, identifiers, code: two in 2,600 texts, and both could be cards."""
    found = measure()
    others = [one for source, one in found.items() if not one["cards"] or "sentences" in source]
    assert sum(one["texts"] for one in others) > 2000
    assert sum(one["alarms"] for one in others) <= 2
