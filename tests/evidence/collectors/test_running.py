"""Nights and flow runs: which days had one, and whether the account of them is whole."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from callward.flowruns.keeping import keep, miss
from callward.flowruns.model import RECORDED, Told
from callward.instance import Instance
from callward.ledger import log
from tests.evidence.collectors.kept import Shelf, evidence, later, on
from tests.retention.shelf import refuse, reject
from tests.support import NOW, deliver, instruct, run_night

WEEK = Period(date(2026, 6, 1), date(2026, 6, 7))
RUN = "00000000-0000-4000-8000-00000000000{}"


def _night(shelf: Shelf, moment: datetime, *suites: str) -> None:
    for suite in suites or ("ingest_entry", "retention_entry"):
        shelf.gate(suite, "passed", moment, night=moment.isoformat())


def test_no_instance_yet(shelf: Shelf) -> None:
    """No night is expected before there is anything to run one."""
    shelf.made(on(6, 20))
    facts, _, newest = shelf.collected("nights", WEEK)
    assert (facts["expected"], facts["run"], newest) == (0, 0, None)


def test_days_with_and_without(shelf: Shelf) -> None:
    """From the day after it was made; missing, stopped, without retention."""
    shelf.made(on(6, 1, 12))
    _night(shelf, on(6, 2))
    _night(shelf, on(6, 3), "ingest_entry")
    _night(shelf, on(6, 5))
    shelf.gate("cards_entry", "failed", on(6, 5), night=on(6, 5).isoformat())
    shelf.counts("retention", on(6, 6, 23), night="late", shredded=1)
    facts = shelf.facts("nights", WEEK)
    assert facts["expected"] == 6
    assert facts["missing_days"] == ["2026-06-04", "2026-06-06"]
    assert facts["failed_days"] == ["2026-06-05"]
    assert facts["without_retention"] == ["2026-06-03"]
    assert facts["last_days"] == ["2026-06-05", "2026-06-06", "2026-06-07"]


def test_where_its_gate_stopped_all_retention_has_not_run(shelf: Shelf) -> None:
    """Whatever it counted before; let through when asked again is enough; nothing due is, too."""
    shelf.made(on(6, 1))
    shelf.counts("retention", on(6, 2), night=on(6, 2).isoformat(), held=1)
    for day, outcomes in ((2, ("failed", "failed")), (3, ("failed", "passed")), (4, ("empty",))):
        _night(shelf, on(6, day), "ingest_entry")
        for outcome in outcomes:
            shelf.gate("retention_entry", outcome, on(6, day), night=on(6, day).isoformat())
    facts = shelf.facts("nights", WEEK)
    assert (facts["run"], facts["without_retention"]) == (3, ["2026-06-02"])
    assert facts["failed_days"] == ["2026-06-02", "2026-06-03"]


def test_the_last_day_counts_when_its_night_has_run(shelf: Shelf) -> None:
    """Or when it is over."""
    shelf.made()
    day = datetime(2026, 6, 3, 9, tzinfo=UTC)
    for number in (1, 2):
        _night(shelf, on(6, number))
    assert shelf.facts("nights", WEEK, day)["expected"] == 2
    _night(shelf, on(6, 3))
    facts = shelf.facts("nights", WEEK, day)
    assert (facts["expected"], facts["run"], facts["missing_days"]) == (3, 3, [])


def test_a_night_is_of_the_day_it_says(shelf: Shelf) -> None:
    """Run after midnight for the day before, as its flow run says."""
    shelf.made(on(6, 1))
    moment = on(6, 2, 23)
    _night(shelf, moment)
    body = {"parameters": {"as_of": "2026-06-02"}}
    shelf.add(
        t.flow_runs,
        id="r",
        flow="nightly",
        night=moment.isoformat(),
        begun=moment,
        body=body,
        digest="d",
        seen_at=moment,
        changed_at=moment,
    )
    period = Period(date(2026, 6, 1), date(2026, 6, 3))
    # Of a run that was read only after the period nothing was known by its end.
    shelf.leaf(RECORDED, {"r": {"state": "COMPLETED"}}, on(6, 4))
    assert shelf.facts("nights", period)["missing_days"] == ["2026-06-02"]
    shelf.leaf(RECORDED, {"r": {"state": "RUNNING"}}, moment)
    assert shelf.facts("nights", period)["missing_days"] == ["2026-06-03"]


def test_a_rejection_is_no_night(instance: Instance) -> None:
    """Its sweep has gates like any other."""
    instruct(instance)
    deliver(instance, [])
    later(instance, NOW + timedelta(days=1))
    run_night(instance)
    later(instance, timedelta(days=1))
    assert reject(instance, refuse(instance, "refused").id).failures == []
    later(instance, timedelta(days=1))
    facts = evidence(instance, "nights")
    assert (facts["run"], facts["missing_days"]) == (1, ["2026-11-22"])


def _told(number: int, state: str = "COMPLETED", **values: Any) -> Told:
    began = NOW + timedelta(minutes=number)
    known: dict[str, Any] = {
        "id": RUN.format(number),
        "flow": "nightly",
        "name": "nightly",
        "state_type": state,
        "state": state.title(),
        "expected": began,
        "started": began,
        "ended": began,
        "runs": 1,
    }
    return Told(**{**known, **values})


def _keep(instance: Instance, *told: Told) -> None:
    with instance.unit() as connection:
        keep(connection, told, instance.clock.now())


def test_runs_as_the_ledger_says(instance: Instance) -> None:
    """By state as it was known by the end of the period; what came later is not in it."""
    later(instance, timedelta(hours=1))
    _keep(instance, _told(1), _told(2, "RUNNING", ended=None), _told(3, "FAILED"))
    with instance.unit() as connection:
        connection.execute(
            sa.insert(t.stage_counts).values(
                night="late", stage="ingest", controller="acorn", counts={}, at=NOW
            )
        )
    period = Period(NOW.date(), NOW.date())
    later(instance, timedelta(days=1))
    before = evidence(instance, "flow-runs", period)
    assert (before["runs"], before["by_flow"]) == (3, {"nightly": 3})
    assert before["by_state"] == {"COMPLETED": 1, "FAILED": 1, "RUNNING": 1}
    assert before["by_month"] == {"2026-11": before["by_state"]}
    _keep(instance, _told(2, "CRASHED"), _told(4, tags=["night:late"]))
    later(instance, timedelta(days=1))
    with instance.unit() as connection:
        miss(connection, [RUN.format(1)], instance.clock.now())
    assert evidence(instance, "flow-runs", period) == before
    assert before["plain"] == 1
    whole = evidence(instance, "flow-runs")
    assert (whole["plain"], whole["missing"]) == (0, 1)
    assert (whole["runs"], whole["by_state"]["CRASHED"]) == (4, 1)


def test_runs_altered_lost_and_deleted(instance: Instance) -> None:
    """As far as catalogue and ledger can tell; nights without any are counted."""
    later(instance, timedelta(hours=1))
    _keep(instance, *map(_told, range(1, 6)))
    run = t.flow_runs.c
    with instance.unit() as connection:
        connection.execute(
            t.flow_runs.update().where(run.id == RUN.format(1)).values(state_type="FAILED")
        )
        connection.execute(t.flow_runs.delete().where(run.id == RUN.format(2)))
        miss(connection, [RUN.format(3)], NOW + timedelta(days=9))
        miss(connection, [RUN.format(4)], NOW + timedelta(days=100))
        log.append(connection, "gate", [], at=instance.clock.now())
        connection.execute(
            sa.insert(t.stage_counts).values(
                night="plain", stage="ingest", controller="acorn", counts={}, at=NOW
            )
        )
    later(instance, timedelta(days=30))
    facts = evidence(instance, "flow-runs")
    assert (facts["runs"], facts["tampered"], facts["lost"]) == (4, 1, 1)
    assert (facts["missing"], facts["deleted"], facts["plain"]) == (1, 1, 1)
    later(instance, timedelta(days=90))
    assert evidence(instance, "flow-runs")["missing"] == 1
    after = Period(date(2026, 11, 1), date(2027, 3, 31))
    facts = evidence(instance, "flow-runs", after)
    assert (facts["missing"], facts["deleted"]) == (2, 1)


def test_no_runs(shelf: Shelf) -> None:
    """Nights without the orchestrator have none."""
    facts, _, newest = shelf.collected("flow-runs")
    assert (facts["runs"], facts["by_state"], newest) == (0, {}, None)
