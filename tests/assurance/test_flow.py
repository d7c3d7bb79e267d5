"""The monthly check: plainly, and as a flow with its artifacts."""

import json
from pathlib import Path
from typing import Any

import pytest

from callward import night
from callward.assurance.checking import Fails, Warns
from callward.assurance.load import load_assurance
from callward.assurance.stage import MEANS, as_markdown, checked
from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from tests.assurance.items import DAY, FULL, enter, enter_all
from tests.assurance.test_commands import fresh
from tests.prefect_server import PrefectServer
from tests.support import new_instance, rows


def test_all_in_order(instance: Instance) -> None:
    """Nothing fails, and the ledger says that it was looked at."""
    enter_all(instance)
    report, found = night.assurance(instance)
    assert report.failures == []
    assert report.counts["-"] == {"items": 6, "failing": 0, "attention": 0}
    assert found is not None
    with_events = [event for (event,) in rows(instance, "ledger_leaves", "event")]
    assert with_events.count("assurance-checked") == 1
    assert with_events.count("assurance-item-loaded") == 6


def test_what_is_not_as_promised_is_a_failure(instance: Instance) -> None:
    """The first failure names every point; files are told with their lines."""
    enter_all(instance)
    enter(instance, FULL["iso-9001"].replace("2027-06-30", "2026-11-19"), "iso-9001")
    enter(instance, "kind: none\n", "more")
    (instance.settings.assurance / "dpo.yaml").unlink()
    report, _ = night.assurance(instance)
    first, second = report.failures
    assert first == (
        "[assurance-findings] 3 not as promised: more item-unreadable, dpo required-missing, "
        "iso-9001 expired"
    )
    assert second.startswith("[assurance] more.yaml, line 1: ")


def test_it_reads_for_people(instance: Instance) -> None:
    """Sentences with days; nothing of what the files say but ids."""
    enter_all(instance)
    enter(instance, FULL["iso-9001"].replace("2027-06-30", "2026-11-19"), "iso-9001")
    enter(instance, FULL["dpo"].replace("2027-06-30", "2026-11-21"), "dpo")
    text = as_markdown(checked(load_assurance(instance), DAY))
    assert "6 items in the register. **1 points are not as promised**; 1 need attention." in text
    assert (
        "- **iso-9001** (last day, 19 November 2026, 1 day ago): it has run out; renew it "
        "(`expired`)" in text
    )
    assert "- **dpo** (last day, 21 November 2026, in 1 day): " in text
    assert "- an ISO/IEC 27001:2022 certificate (N13)" in text
    assert "Contact Centres" not in text


def test_every_code_is_explained() -> None:
    """In words of its own."""
    assert set(MEANS) == {*Fails, *Warns}
    assert len(set(MEANS.values())) == len(MEANS)


def test_an_unforeseen_error_is_scrubbed(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the check has failed, with nothing to show."""

    def fail(*_: object) -> None:
        raise OSError("canary")

    monkeypatch.setattr("callward.assurance.stage.load_assurance", fail)
    report, found = night.assurance(instance)
    assert found is None
    (failure,) = report.failures
    assert failure.startswith("[defect] unforeseen OSError")


def test_the_check_as_a_flow(
    tmp_path: Path, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state says whether all is as promised; table and text are left as artifacts."""
    from flows.assurance import assurance  # noqa: PLC0415 - two seconds

    now = SystemClock().now()
    instance = new_instance(tmp_path / "home", clock=FixedClock(now))
    monkeypatch.setenv("CALLWARD_HOME", str(tmp_path / "home"))
    enter_all(instance, fresh())
    with prefect_server.used_here():
        good = assurance(return_state=True)
        assert _latest("assurance-findings") == [{"item": "-", "finding": "none"}]
        (instance.settings.assurance_documents / "paper.pdf").write_bytes(b"")
        enter(instance, fresh(dpo=-1)["dpo"], "dpo")
        bad = assurance(return_state=True)
        table, text = _latest("assurance-findings"), _latest("assurance-explained")
    instance.close()
    assert good.is_completed()
    assert str(good.message) == "0 attention, 0 failing, 6 items"
    assert (bad.type.value, bad.name) == ("FAILED", "AssuranceFindings")
    assert "6 not as promised: dpo dpo-review-overdue, " in str(bad.message)
    assert {row["finding"] for row in table} == {"dpo-review-overdue", "document-changed"}
    assert "**dpo** (last day, " in text


def _latest(key: str) -> Any:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    with get_client(sync_client=True) as client:
        found = [one for one in client.read_artifacts() if one.key == key]
    latest = max(found, key=lambda one: str(one.created))
    return json.loads(str(latest.data)) if latest.type == "table" else str(latest.data)
