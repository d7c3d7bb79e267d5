"""Flow runs in the evidence stage: read, compared, packed, and checked by a stranger."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.clock import FixedClock, today
from callward.evidence.model import Period
from callward.evidence.verify import verify_pack
from callward.flowruns.model import Source, digest_of
from callward.flowruns.stage import History
from callward.instance import Instance
from callward.run import EVERYBODY, StageReport
from tasks.watching import as_markdown
from tests.flowruns.orchestrator import FakePrefect
from tests.flowruns.test_reading import alter
from tests.support import NOW, PassingGates, rows

NIGHT = "0123456789abcdef"


@pytest.fixture
def prefect() -> FakePrefect:
    """A server with one night, of which the evidence stage is at work."""
    fake = FakePrefect()
    begun = NOW - timedelta(minutes=9)
    whole = fake.run("nightly", begun=begun, state="RUNNING", seconds=None)
    for stage in ("ingest", "retention"):
        fake.run(stage, begun=begun, part_of=whole, parameters={"night": NIGHT})
    return fake


def evidence(
    instance: Instance, history: History | None, night_id: str = NIGHT, days: int = 0
) -> tuple[StageReport, Path | None]:
    """The stage, for a period that ends today."""
    run = night.new_run(instance, night=night_id)
    work = night.work_for(instance, PassingGates(), run)
    day = today(instance.clock)
    period = Period(day - timedelta(days=days), day)
    return night.evidence(instance, work, run, history, period=period)


def packed(path: Path | None, name: str = "data/flow-runs.json") -> Any:
    """A JSON file of a pack."""
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        member = next(one for one in archive.namelist() if one.endswith(f"/{name}"))
        content = archive.read(member)
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in content.splitlines()]
    return json.loads(content)


def later(instance: Instance, days: float = 1) -> None:
    """Let time pass."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(days=days)


def test_a_pack_holds_the_runs_and_where_the_ledger_says_so(
    instance: Instance, prefect: FakePrefect
) -> None:
    """A stranger finds digest and leaf of each; nothing else is to say of a good night."""
    report, path = evidence(instance, prefect.open)
    assert (report.failures, report.notes) == ([], [])
    assert report.counts[EVERYBODY]["flow_runs:new"] == 3
    runs = packed(path)
    assert {run["flow"] for run in runs} == {"nightly", "ingest", "retention"}
    position = {
        event: place for place, event in rows(instance, "ledger_leaves", "position", "event")
    }
    for run in runs:
        beside = {name: run.pop(name) for name in ("digest", "leaf", "item", "missing_since")}
        assert beside["digest"] == digest_of(run)
        assert beside["leaf"] == position["flow-runs-recorded"]
        item = packed(path, "data/ledger/flow-runs.jsonl")[0]["items"][beside["item"]]
        assert json.loads(item) == {
            "sha256": beside["digest"],
            "state": run["state_type"],
            "subject": run["id"],
        }
    assert path is not None
    found = verify_pack(path, expected_key=instance.signer.verifier)
    (line,) = [line for line in found.checks if line.what == "flow runs"]
    assert line.ok is True
    assert line.detail.startswith("3 of 3 runs")


def test_runs_outlive_prefects_own_pruning(instance: Instance, prefect: FakePrefect) -> None:
    """A year's pack has those that Prefect has forgotten; which were deleted cannot be told."""
    evidence(instance, prefect.open)
    for run in prefect.runs:
        prefect.change(run, state_type="COMPLETED", state_name="Completed", end_time=NOW)
    later(instance)
    evidence(instance, prefect.open, "1123456789abcdef")
    old = sorted(map(str, prefect.runs))
    prefect.runs.clear()
    later(instance, 100)
    report, path = evidence(instance, prefect.open, "2123456789abcdef", days=200)
    assert report.failures == []
    runs = packed(path)
    assert sorted(run["id"] for run in runs) == old
    assert {run["state"] for run in runs} == {"Completed"}
    assert all(run["missing_since"] for run in runs)
    compared = packed(path, "data/flow-runs-compared.json")
    assert (compared["gone"], compared["deleted"], compared["asked"]) == (old, [], True)
    assert "which cannot be told: 3" in as_markdown(report)
    again, path = evidence(instance, prefect.open, "2123456789abcdef", days=200)
    assert packed(path, "data/flow-runs-compared.json")["gone"] == old
    assert again.counts[EVERYBODY]["flow_runs:gone"] == 3
    assert again.counts[EVERYBODY]["flow_runs:missing"] == 0


def test_a_run_deleted_by_hand_is_told_of(instance: Instance, prefect: FakePrefect) -> None:
    """It ended yesterday, so Prefect has not forgotten it by itself."""
    evidence(instance, prefect.open)
    gone = next(run for run, one in prefect.runs.items() if one.end_time)
    prefect.delete(gone)
    later(instance)
    report, path = evidence(instance, prefect.open, days=1)
    compared = packed(path, "data/flow-runs-compared.json")
    assert (compared["deleted"], compared["gone"]) == ([str(gone)], [])
    assert f"sooner than it would forget them: 1 ({gone})" in as_markdown(report)
    assert report.failures == []


def test_without_prefect_the_stored_runs_are_packed(
    instance: Instance, prefect: FakePrefect
) -> None:
    """A plain night says that it was one, and that nobody was asked."""
    evidence(instance, prefect.open)
    plain = "9123456789abcdef"
    _, path = evidence(instance, None, plain)  # its gates have left the night
    report, path = evidence(instance, None, plain)
    assert len(packed(path)) == 3
    compared = packed(path, "data/flow-runs-compared.json")
    assert (compared["asked"], compared["plain"]) == (False, [plain])
    assert report.failures == []
    assert "run with --plain" in as_markdown(report)
    assert "Prefect was not asked" in as_markdown(report)


def test_a_nightly_run_that_died_at_once_is_named(instance: Instance, prefect: FakePrefect) -> None:
    """It has left nothing in the catalogue; one that still waits is not counted."""
    dead = prefect.run("nightly", state="CRASHED", begun=NOW - timedelta(hours=1))
    prefect.run("nightly", state="SCHEDULED", begun=NOW - timedelta(hours=1), seconds=None)
    _, path = evidence(instance, prefect.open)
    assert packed(path, "data/flow-runs-compared.json")["nightless"] == [str(dead)]


def test_a_run_that_the_reading_did_not_bring_is_named(
    instance: Instance, prefect: FakePrefect
) -> None:
    """Put in with an old start after the time was read: only the whole period shows it."""
    evidence(instance, prefect.open)
    later(instance, 5)
    late = prefect.run(begun=NOW - timedelta(days=3))
    _, path = evidence(instance, prefect.open, days=9)
    assert packed(path, "data/flow-runs-compared.json")["unknown"] == [str(late)]
    assert str(late) in {run["id"] for run in packed(path)}


@contextmanager
def broken() -> Iterator[Source]:
    """Prefect does not answer."""
    raise ConnectionError("Quorvexia")
    yield


def test_prefect_that_does_not_answer_fails_the_stage_and_not_the_pack(
    instance: Instance, prefect: FakePrefect
) -> None:
    """What is stored is packed; the error's text goes nowhere."""
    evidence(instance, prefect.open)
    report, path = evidence(instance, broken)
    assert len(packed(path)) == 3
    (failure,) = report.failures
    assert "ConnectionError" in failure
    assert "Quorvexia" not in failure
    assert packed(path, "data/flow-runs-compared.json")["asked"] is False


def test_what_was_mended_before_prefect_failed_is_told(
    instance: Instance, prefect: FakePrefect
) -> None:
    """The night still fails for it, and the ledger says that a record was mended."""
    evidence(instance, prefect.open)
    run = str(next(iter(prefect.runs)))
    alter(instance, run, fitting=True, state="Completed")
    before = prefect.read

    def fail() -> None:
        if prefect.read > before + 6:
            raise ConnectionError

    prefect.between = fail
    report, path = evidence(instance, prefect.open)
    assert [one.split("]")[0] for one in report.failures] == ["[defect", "[integrity"]
    compared = packed(path, "data/flow-runs-compared.json")
    assert (compared["asked"], compared["tampered"]) == (False, [run])
    items = packed(path, "data/ledger/flow-runs.jsonl")[-1]["items"]
    assert [json.loads(item)["mended"] for item in items] == [True]


def test_an_altered_record_fails_the_night_and_is_packed_as_such(
    instance: Instance, prefect: FakePrefect
) -> None:
    """Prefect was not asked, or has forgotten it: the pack is made, verifies, and says so."""
    evidence(instance, prefect.open)
    run = str(next(iter(prefect.runs)))
    alter(instance, run, fitting=True, state_type="COMPLETED", state="Completed")
    report, path = evidence(instance, None)
    assert packed(path, "data/flow-runs-compared.json")["tampered"] == [run]
    assert [one[:11] for one in report.failures] == ["[integrity]"]
    assert path is not None
    assert verify_pack(path, expected_key=instance.signer.verifier).passed
    report, path = evidence(instance, prefect.open)
    assert packed(path, "data/flow-runs-compared.json")["tampered"] == [run]
    assert report.failures
    report, _ = evidence(instance, prefect.open)
    assert report.failures == []


@pytest.mark.parametrize(
    "change",
    [
        {"begun": NOW - timedelta(days=400)},
        {"night": None},
        {"body": {}},
        {"body": []},
        {"body": {"id": 0.5}},
        {"flow": "other"},
        {"digest": "00" * 32},
    ],
)
def test_whatever_of_a_row_is_altered_is_found(
    instance: Instance, prefect: FakePrefect, change: dict[str, Any]
) -> None:
    """Also what would move it out of the period, and what is no record at all."""
    evidence(instance, prefect.open)
    run = rows(instance, "flow_runs", "night", "id")[0][1]
    with instance.unit() as connection:
        connection.execute(t.flow_runs.update().where(t.flow_runs.c.id == run).values(change))
    found, path = evidence(instance, None)
    assert packed(path, "data/flow-runs-compared.json")["tampered"] == [run]
    assert len(found.failures) == 1


def test_a_record_taken_away_is_found(instance: Instance, prefect: FakePrefect) -> None:
    """The ledger still has it."""
    evidence(instance, prefect.open)
    run = str(next(iter(prefect.runs)))
    with instance.unit() as connection:
        connection.execute(sa.delete(t.flow_runs).where(t.flow_runs.c.id == run))
    report, path = evidence(instance, None)
    assert packed(path, "data/flow-runs-compared.json")["lost"] == [run]
    assert len(report.failures) == 1
    report, path = evidence(instance, prefect.open)
    assert report.failures == []
    assert run in {one["id"] for one in packed(path)}


def test_of_an_altered_record_only_the_id_is_packed(
    instance: Instance, prefect: FakePrefect
) -> None:
    """Whoever altered it may have written anything into it."""
    evidence(instance, prefect.open)
    run = str(next(iter(prefect.runs)))
    alter(instance, run, fitting=True, name="Quorvexia")
    _, path = evidence(instance, None)
    (mine,) = [one for one in packed(path) if one["id"] == run]
    assert mine.keys() == {"id", "digest", "leaf", "item", "missing_since"}
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        assert not any(b"Quorvexia" in archive.read(name) for name in archive.namelist())
