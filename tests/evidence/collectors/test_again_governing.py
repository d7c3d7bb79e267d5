"""A closed period, collected again after much has changed, gives the same bytes."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from callward.assurance.load import load_assurance
from callward.evidence.clauses.model import Period
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.asof import whole_months
from callward.evidence.gathering import gather
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.opening import open_in_memory
from callward.retention.roots import turn_alone
from callward.sbom.importing import import_report
from callward.subprocessors.load import load_register
from tests.assurance import items
from tests.evidence.governing import at
from tests.sbom.reports import PIP_AUDIT, encoded
from tests.subprocessors import entries
from tests.support import NOW, Call, deliver, instruct, rows, run_night

_PERIOD = Period(date(2026, 11, 1), date(2026, 11, 25))
_OURS = (
    "assurance",
    "disclosures",
    "instructions",
    "keys",
    "ledger",
    "openings",
    "processing-record",
    "software",
    "sub-processors",
    "vulnerabilities",
)


def _files(instance: Instance) -> dict[str, bytes]:
    ours = {kind: COLLECTORS[kind] for kind in _OURS}
    with instance.reading() as connection:
        found = gather(instance, connection, _PERIOD, ours)
    assert found.failures == {}
    return dict(found.files)


def _year(instance: Instance, folder: Path, drop: str) -> None:
    """A night with everything in it, as things stand then."""
    deliver(instance, [Call(f"{drop}-a"), Call(f"{drop}-b", age=50)], drop=drop)
    run_night(instance)
    recording = next(
        row[0]
        for row in rows(instance, "objects", "id", "state", "kind")
        if row[1:] == ("live", "recording")
    )
    open_in_memory(instance, recording, "why")
    turn_alone(instance)
    path = folder / f"{drop}.json"
    path.write_bytes(encoded({**PIP_AUDIT, "fixes": [drop]}))
    import_report(instance, path, instance.clock.now())


def test_collected_again_it_is_the_same(instance: Instance, tmp_path: Path) -> None:
    """Later nights, instructions, entries, items, reports and roots leave it as it was."""
    instruct(instance)
    entries.register(instance)
    load_register(instance)
    items.enter_all(instance)
    load_assurance(instance)
    _year(instance, tmp_path, "first")
    at(instance, datetime(2026, 11, 26, tzinfo=UTC))
    before = _files(instance)
    assert len(before) == len(_OURS)
    at(instance, NOW + timedelta(days=40))
    instruct(instance, recordings="30 days")
    instruct(instance, "birch")
    load_folder(instance)
    entries.register(instance, entries.changed({"no_training: true": "no_training: false"}))
    load_register(instance)
    items.enter(instance, items.FULL["iso-9001"].replace("2027-06-30", "2027-01-01"), "iso-9001")
    load_assurance(instance)
    _year(instance, tmp_path, "second")
    assert _files(instance) == before


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2026, 1, 1), date(2026, 1, 31), ["2026-01"]),
        (date(2026, 1, 2), date(2026, 2, 28), ["2026-02"]),
        (date(2026, 1, 1), date(2026, 1, 30), []),
        (date(2025, 12, 1), date(2026, 1, 31), ["2025-12", "2026-01"]),
        (date(2024, 1, 31), date(2024, 2, 28), []),
        (date(2024, 1, 31), date(2024, 2, 29), ["2024-02"]),
    ],
)
def test_whole_months(first: date, last: date, months: list[str]) -> None:
    """Only those of which every day lies within."""
    assert whole_months(first, last) == months
