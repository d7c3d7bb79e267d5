"""The monthly check: plainly, and as a flow with its artifacts."""

import json
from pathlib import Path
from typing import Any

import pytest

from callward import night
from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from callward.subprocessors.checking import Forbids, Warns
from callward.subprocessors.load import load_register
from callward.subprocessors.stage import MEANS, as_markdown, checked
from tests.prefect_server import PrefectServer
from tests.subprocessors.entries import DAY, FULL, changed, register
from tests.support import new_instance, rows

SOON = changed({"next_review: 2027-06-30": "next_review: 2026-11-21"})
LATE = changed({"next_review: 2027-06-30": "next_review: 2026-11-19"})


def test_an_empty_register_has_an_outcome_of_its_own(instance: Instance) -> None:
    """It is looked at, which the ledger says, and there is nobody in it."""
    report, found = night.sub_processors(instance)
    assert (report.outcome, report.failures) == ("NoSubProcessors", [])
    assert found is not None
    assert [event for (event,) in rows(instance, "ledger_leaves", "event")][-1:] == [
        "sub-processors-checked"
    ]


def test_what_runs_out_is_counted(instance: Instance) -> None:
    """A warning is no failure."""
    register(instance, SOON)
    report, _ = night.sub_processors(instance)
    assert report.failures == []
    assert report.counts["-"] == {
        "sub-processors": 1,
        "unusable": 0,
        "ended": 0,
        "expiring": 1,
    }


def test_what_forbids_use_is_a_failure(instance: Instance) -> None:
    """The first failure names every one and why; files are told with their lines."""
    register(instance, LATE)
    register(instance, "risk: none\n", "southwind")
    register(instance, changed({"status: active": "status: ended"}), "westwind")
    report, _ = night.sub_processors(instance)
    first, second = report.failures
    assert first == (
        "[sub-processor-findings] 2 not usable: northwind review-overdue, "
        "southwind register-unreadable"
    )
    assert second.startswith("[register] southwind.yaml, line 1: ")
    assert (report.total("unusable"), report.total("ended")) == (2, 1)


def test_it_reads_for_people(instance: Instance) -> None:
    """Sentences with days; nothing of what the files say but ids."""
    register(instance, LATE)
    register(instance, SOON, "eastwind")
    register(instance, FULL.replace("2027-06-30\n    countries", "2026-11-20\n    countries"), "w")
    text = as_markdown(checked(load_register(instance), DAY))
    assert "3 in the register, 0 of them ended. **1 must not be used as things stand**" in text
    assert (
        "- **northwind** (due diligence, 19 November 2026, 1 day ago): it was to be looked into "
        "again by now; do so (`review-overdue`)" in text
    )
    assert "- **eastwind** (due diligence, 21 November 2026, in 1 day): " in text
    assert "- **w** (IDTA for US, 20 November 2026, today): " in text
    assert "Northwind Speech" not in text


def test_every_code_is_explained() -> None:
    """In words of its own."""
    assert set(MEANS) == {*Forbids, *Warns}
    assert len(set(MEANS.values())) == len(MEANS)


def test_an_unforeseen_error_is_scrubbed(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the check has failed, with nothing to show."""

    def fail(*_: object) -> None:
        raise OSError("canary")

    monkeypatch.setattr("callward.subprocessors.stage.load_register", fail)
    report, found = night.sub_processors(instance)
    assert found is None
    (failure,) = report.failures
    assert failure.startswith("[defect] unforeseen OSError")


def test_the_check_as_a_flow(
    tmp_path: Path, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state says whether anything forbids use; table and text are left as artifacts."""
    from flows.subprocessors import sub_processors  # noqa: PLC0415 - two seconds

    now = SystemClock().now()
    instance = new_instance(tmp_path / "home", clock=FixedClock(now))
    monkeypatch.setenv("CALLWARD_HOME", str(tmp_path / "home"))
    year = str(now.year + 2)
    register(instance, FULL.replace("2027-", f"{year}-"))
    with prefect_server.used_here():
        good = sub_processors(return_state=True)
        assert _latest("sub-processors-findings") == [{"sub-processor": "-", "finding": "none"}]
        register(instance, FULL.replace("2027-", f"{year}-").replace("true", "false", 1))
        bad = sub_processors(return_state=True)
        table, text = _latest("sub-processors-findings"), _latest("sub-processors-explained")
    instance.close()
    assert good.is_completed()
    assert str(good.message) == "0 ended, 0 expiring, 1 sub-processors, 0 unusable"
    assert (bad.type.value, bad.name) == ("FAILED", "SubProcessorFindings")
    assert str(bad.message).endswith("1 not usable: northwind training-not-excluded")
    assert [row["finding"] for row in table] == ["training-not-excluded"]
    assert "**northwind** (commitments): it has not bound itself to train nothing" in text


def _latest(key: str) -> Any:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    with get_client(sync_client=True) as client:
        found = [one for one in client.read_artifacts() if one.key == key]
    latest = max(found, key=lambda one: str(one.created))
    return json.loads(str(latest.data)) if latest.type == "table" else str(latest.data)
