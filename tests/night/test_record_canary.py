"""The same search after a night of plain functions: records of every category and format."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from callward.clock import FixedClock
from callward.intake.readers.registry import MANIFEST, READERS
from data_checks.gate import GreatExpectationsGates
from tests.night.canaries import PLANTED
from tests.night.deliveries import (
    CARDS,
    CODES,
    PANS,
    SECRET,
    masked_form,
    pan,
    plant_records,
    refusals,
    samples,
    with_mappings,
)
from tests.night.finding import everything_below, find, vault_contents
from tests.support import NOW, instruct, new_instance, rows, run_night

REFUSED = {"credentials", "not-recognised", "drop-unreadable", "file-malformed"}


@dataclass
class Night:
    """What there is after it, in the vault and outside."""

    sources: set[tuple[str, str]]
    reasons: set[str]
    failures: list[str]
    gates: list[tuple[str, str]]
    left: list[Path]
    sealed: list[tuple[str, bytes]]
    outside: list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A night over a drop of every format, and over some that are refused."""
    home = tmp_path_factory.mktemp("records") / "home"
    instance = new_instance(home, clock=FixedClock(NOW))
    instruct(instance, "acorn")
    with_mappings(instance.settings.instructions / "acorn.yaml")
    landing = instance.settings.landing
    plant_records(landing / "acorn", NOW)
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]  # no class for one line
    logging.getLogger().addHandler(handler)
    reports = run_night(instance, GreatExpectationsGates())
    logging.getLogger().removeHandler(handler)
    said = "\n".join([*logged, *(repr(report) for report in reports)]).encode()
    skip = (landing, instance.settings.instructions, home / "data" / "objects")
    yield Night(
        sources=set(rows(instance, "interactions", "source", "kind")),
        reasons={reason for (reason,) in rows(instance, "quarantine", "reason")},
        failures=[failure for report in reports for failure in report.failures],
        gates=rows(instance, "gate_results", "suite", "outcome"),
        left=[path for path in landing.rglob("*") if path.is_file()],
        sealed=list(vault_contents(instance)),
        outside=[("said and logged", said), *everything_below(home, skip=skip)],
    )
    instance.close()


def test_everything_was_taken_in_or_refused_for_its_reason(lived: Night) -> None:
    """Each format brought what its sample holds; nothing is left and no gate failed."""
    expected = {
        (name, kind)
        for name, several in samples(NOW).items()
        for sample in several
        for kind in sample.kinds
    }
    assert lived.sources == expected
    assert {name for name, _ in lived.sources} == set(READERS) - {MANIFEST}
    assert lived.reasons >= REFUSED
    assert refusals(NOW)
    assert [gate for gate in lived.gates if gate[1] == "failed"] == []
    assert {suite for suite, _ in lived.gates} >= {"records_entry", "records_exit"}
    assert lived.left == []


def test_nothing_planted_is_outside_the_vault(lived: Night) -> None:
    """Neither in the catalogue, gate results, ledger, evidence, nor in what was said."""
    assert find((*PLANTED, *PANS, *CODES, SECRET), lived.outside) == []


def test_neither_cards_nor_credentials_are_in_the_vault(lived: Night) -> None:
    """Opened, no object holds one, nor an expiry date or code beside it."""
    assert find((*PANS, *CODES, SECRET), lived.sealed) == []
    for number in range(len(CARDS)):
        form = masked_form(pan(number))
        assert [place for place, content in lived.sealed if form.search(content)]
