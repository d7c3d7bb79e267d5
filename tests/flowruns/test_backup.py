"""Kept runs come back with a backup, on either database, and reading goes on from there."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.backup.lives import begin, restored
from tests.flowruns.orchestrator import FakePrefect
from tests.flowruns.test_reading import read
from tests.flowruns.test_stage import evidence, packed
from tests.support import NOW, rows

_KINDS = ("sqlite", "postgresql")


@pytest.mark.parametrize("target", _KINDS)
@pytest.mark.parametrize("source", _KINDS)
def test_runs_come_back_as_they_were_kept(
    tmp_path: Path, empty_url: Callable[[str], str], source: str, target: str
) -> None:
    """Sound by the ledger, which comes along; those kept since the backup are read again."""
    life, prefect = begin(tmp_path, empty_url(source)), FakePrefect()
    night = prefect.run("nightly", state="RUNNING", seconds=None)
    gone = prefect.run(part_of=night, state="RUNNING", seconds=None)
    read(life.instance, prefect)
    prefect.delete(gone)
    life.clock.moment += timedelta(hours=1)
    assert read(life.instance, prefect).missing == 1
    before = rows(life.instance, "flow_runs")
    assert len(before) == 2
    made = life.back_up()
    prefect.change(night, state_type="FAILED", state_name="NightFailed", end_time=NOW)
    since = prefect.run(begun=NOW + timedelta(hours=1))
    life.clock.moment += timedelta(hours=2)
    assert read(life.instance, prefect).kept.changed == 1
    life.instance.close()
    instance, _ = restored(made.folder, life.home_after(tmp_path / "new", url=empty_url(target)))
    assert instance.engine.dialect.name == target
    assert rows(instance, "flow_runs") == before
    reading = read(instance, prefect)
    assert (reading.kept.new, reading.kept.changed, reading.kept.tampered) == (1, 1, set())
    report, path = evidence(instance, prefect.open, days=20)
    assert report.failures == []
    assert {run["id"]: run["state"] for run in packed(path)} == {
        str(night): "NightFailed",
        str(gone): "Running",
        str(since): "Completed",
    }
    instance.close()
