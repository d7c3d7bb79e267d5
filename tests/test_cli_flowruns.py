"""``callward flow-runs list``."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callward.flowruns.keeping import Kept
from callward.flowruns.model import Told
from callward.flowruns.reading import keep_all
from callward.instance import Instance
from tests.commands import callward
from tests.support import NOW, new_instance

RUN = "0198f0c8-0000-7000-8000-000000000001"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance that has kept one run."""
    found = new_instance(tmp_path / "home")
    run = Told(RUN, "ingest", "Quorvexia", "FAILED", "GateFailed", NOW, NOW, None, 1)
    keep_all(found, [[run]], NOW, Kept())
    yield found
    found.close()


def test_runs_are_listed_by_the_day_they_began(instance: Instance) -> None:
    """As they are kept: without what somebody has typed, and with their leaf."""
    home, day = instance.settings.home, NOW.date()
    days = ("--from", str(day), "--to", str(day))
    (row,) = callward(home, "flow-runs", "list", *days, "--json").json
    assert (row["id"], row["name"], row["state"]) == (RUN, "ingest", "GateFailed")
    assert (row["missing_since"], len(row["digest"])) == (None, 64)
    assert isinstance(row["leaf"], int)
    assert "GateFailed" in callward(home, "flow-runs", "list", *days).out
    before = str(day - timedelta(days=1))
    assert callward(home, "flow-runs", "list", "--to", before, "--json").json == []
    assert "no flow runs" in callward(home, "flow-runs", "list", "--to", before).out


def test_a_period_that_ends_before_it_begins_is_refused(instance: Instance) -> None:
    """As an error of whoever typed it."""
    said = callward(
        instance.settings.home, "flow-runs", "list", "--from", "2026-02-02", "--to", "2026-02-01"
    )
    assert said.status == 2
    assert "[settings]" in said.err
