"""Reading runs night by night: everything new or changed is kept, and in the ledger."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.flowruns.keeping import entries_of
from callward.flowruns.model import RECORDED, digest_of
from callward.flowruns.reading import OVERLAP, Reading, read_new
from callward.instance import Instance
from callward.ledger import log
from tests.flowruns.orchestrator import FakePrefect
from tests.support import NOW, rows, snapshot

DAY = timedelta(days=1)


@pytest.fixture
def prefect() -> FakePrefect:
    """A server without any runs."""
    return FakePrefect()


def read(instance: Instance, prefect: FakePrefect) -> Reading:
    """Read what is new; the ledger verifies after it, and says what is stored."""
    with prefect.open() as source:
        reading = read_new(instance, source)
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
        stored = dict(connection.execute(sa.select(t.flow_runs.c.id, t.flow_runs.c.digest)).all())
        entries = entries_of(connection, list(stored))
    assert {run: entry.digest for run, entry in entries.items()} == stored
    return reading


def later(instance: Instance, by: timedelta = DAY) -> None:
    """Let time pass."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += by


def stored(instance: Instance) -> dict[str, dict[str, Any]]:
    """Our records by id."""
    return dict(rows(instance, "flow_runs", "id", "body"))


def leaves(instance: Instance) -> list[dict[str, Any]]:
    """The bodies of the leaves that enter runs."""
    found = rows(instance, "ledger_leaves", "position", "event", "body")
    return [json.loads(body) for _, event, body in sorted(found) if event == RECORDED]


def test_runs_are_kept_and_entered(instance: Instance, prefect: FakePrefect) -> None:
    """Reduced, with their digest, in one leaf; a second look changes nothing but when it was."""
    night = prefect.run("nightly", state="RUNNING", seconds=None)
    part = prefect.run("ingest", part_of=night, parameters={"as_of": "2026-03-02"})
    reading = read(instance, prefect)
    assert (reading.kept.new, reading.kept.changed, reading.missing) == (2, 0, 0)
    records = stored(instance)
    assert records[str(part)]["parent"] == str(night)
    assert records[str(part)]["parameters"] == {"as_of": "2026-03-02"}
    assert records[str(night)]["state_type"] == "RUNNING"
    assert dict(rows(instance, "flow_runs", "id", "digest")) == {
        run: digest_of(record) for run, record in records.items()
    }
    (leaf,) = leaves(instance)
    assert (leaf["items"], leaf["counts"]) == (2, {"new": 2, "changed": 0, "mended": 0})
    before = snapshot(instance)
    again = read(instance, prefect)
    assert (again.kept.new, again.kept.changed) == (0, 0)
    assert snapshot(instance) == before


def test_a_state_that_came_late_is_entered_again(instance: Instance, prefect: FakePrefect) -> None:
    """Running last night, ended since, though it began long before the overlap."""
    run = prefect.run(begun=NOW - 9 * DAY, state="RUNNING", seconds=None)
    still = prefect.run(begun=NOW - 9 * DAY)
    read(instance, prefect)
    later(instance, 2 * OVERLAP)
    prefect.change(run, state_type="FAILED", state_name="GateFailed", end_time=NOW + DAY * 1.5)
    reading = read(instance, prefect)
    assert (reading.kept.new, reading.kept.changed) == (0, 1)
    assert stored(instance)[str(run)]["state"] == "GateFailed"
    assert [leaf["counts"] for leaf in leaves(instance)] == [
        {"new": 2, "changed": 0, "mended": 0},
        {"new": 0, "changed": 1, "mended": 0},
    ]
    changed = dict(rows(instance, "flow_runs", "id", "changed_at"))
    assert changed == {str(run): NOW + 2 * OVERLAP, str(still): NOW}


@pytest.mark.parametrize(
    "change",
    [
        {"state_name": "Late"},
        {"state_type": "CRASHED", "state_name": "Crashed"},
        {"state_type": "CANCELLED", "state_name": "Cancelled", "end_time": NOW - 4 * DAY},
    ],
)
def test_a_run_that_never_started_is_followed(
    instance: Instance, prefect: FakePrefect, change: dict[str, Any]
) -> None:
    """Scheduled for days ago; whatever becomes of it, also with an end in the past or none."""
    run = prefect.run(begun=NOW - 5 * DAY, state="SCHEDULED", seconds=None)
    read(instance, prefect)
    later(instance, 3 * DAY)
    prefect.change(run, **change)
    assert read(instance, prefect).kept.changed == 1
    assert stored(instance)[str(run)]["state"] == change["state_name"]


def test_a_finished_run_that_is_run_again_is_followed(
    instance: Instance, prefect: FakePrefect
) -> None:
    """It has its old start and, while it runs, no end."""
    run = prefect.run(begun=NOW - 5 * DAY, state="FAILED")
    read(instance, prefect)
    later(instance, 3 * DAY)
    prefect.change(run, state_type="RUNNING", state_name="Retrying", end_time=None, run_count=2)
    assert read(instance, prefect).kept.changed == 1
    record = stored(instance)[str(run)]
    assert (record["state"], record["runs"], record["ended"]) == ("Retrying", 2, None)


def test_what_is_to_run_later_is_not_a_run_yet(instance: Instance, prefect: FakePrefect) -> None:
    """The schedule's next nights are no history."""
    prefect.run("nightly", begun=NOW + DAY / 2, state="SCHEDULED", seconds=None)
    assert read(instance, prefect).kept.new == 0
    assert leaves(instance) == []
    later(instance)
    assert read(instance, prefect).kept.new == 1


def test_a_run_deleted_there_stays_with_us(instance: Instance, prefect: FakePrefect) -> None:
    """Since when it is missing is said; the ledger has nothing new; it may come back."""
    run = prefect.run(state="RUNNING", seconds=None)
    read(instance, prefect)
    kept = prefect.runs[run]
    prefect.delete(run)
    later(instance)
    assert read(instance, prefect).missing == 1
    assert rows(instance, "flow_runs", "id", "missing_since") == [(str(run), NOW + DAY)]
    later(instance)
    assert read(instance, prefect).missing == 0
    assert rows(instance, "flow_runs", "missing_since") == [(NOW + DAY,)]
    assert len(leaves(instance)) == 1
    prefect.runs[run] = kept
    read(instance, prefect)
    assert rows(instance, "flow_runs", "missing_since") == [(None,)]
    assert len(leaves(instance)) == 1


def test_a_parent_deleted_is_not_unsaid(instance: Instance, prefect: FakePrefect) -> None:
    """Prefect forgets the task that stood for a part; we do not."""
    night = prefect.run("nightly")
    part = prefect.run(part_of=night)
    read(instance, prefect)
    prefect.tasks.clear()
    reading = read(instance, prefect)
    assert reading.kept.changed == 0
    assert stored(instance)[str(part)]["parent"] == str(night)


@pytest.mark.parametrize("page", [1, 2, 3, 7, 50])
def test_runs_added_and_deleted_between_pages_shift_nothing(instance: Instance, page: int) -> None:
    """Twenty runs, half of them of the same moment, and a hand in between at every page."""
    prefect = FakePrefect(page=page)
    lasting = {
        prefect.run(begun=NOW - timedelta(hours=10 - max(number - 10, 0)), seconds=number)
        for number in range(20)
    }
    fleeting = [prefect.run(begun=NOW - timedelta(hours=30 + n)) for n in range(9)]

    def meddle() -> None:
        if fleeting:
            prefect.delete(fleeting.pop())
            prefect.run(begun=NOW - timedelta(hours=60 - len(fleeting)))

    prefect.between = meddle
    read(instance, prefect)
    assert {str(run) for run in lasting} <= stored(instance).keys()
    later(instance, timedelta(hours=1))
    for run in lasting:
        prefect.change(run, state_name="TimedOut", end_time=NOW + timedelta(minutes=1))
    read(instance, prefect)
    assert {stored(instance)[str(run)]["state"] for run in lasting} == {"TimedOut"}


def test_only_what_may_have_changed_is_read_again(instance: Instance, prefect: FakePrefect) -> None:
    """A thousand old runs are not asked for every night."""
    prefect.page = 200
    for number in range(1000):
        prefect.run(begun=NOW - 9 * DAY - timedelta(seconds=number))
    assert read(instance, prefect).kept.new == 1000
    later(instance)
    before = prefect.read
    prefect.run(begun=NOW)
    assert read(instance, prefect).kept.new == 1
    assert prefect.read - before <= 5


def test_a_reading_cut_short_is_taken_up(instance: Instance, prefect: FakePrefect) -> None:
    """What was kept stays, what was not comes with the next, nothing is entered twice."""
    for number in range(2500):
        prefect.run(begun=NOW - DAY * 3 + timedelta(seconds=number))
    prefect.page = 200
    fail_at = 1800

    def fail() -> None:
        if prefect.read >= fail_at:
            raise ConnectionError

    prefect.between = fail
    with pytest.raises(ConnectionError):
        read(instance, prefect)
    assert [leaf["items"] for leaf in leaves(instance)] == [1000]
    prefect.between = lambda: None
    assert read(instance, prefect).kept.new == 1500
    assert sum(leaf["items"] for leaf in leaves(instance)) == 2500


def test_a_record_altered_here_is_found_and_mended(
    instance: Instance, prefect: FakePrefect
) -> None:
    """Whether the digest was made to fit or not; Prefect still knows better."""
    runs = [str(prefect.run(state="FAILED")) for _ in range(3)]
    read(instance, prefect)
    before = stored(instance)
    alter(instance, runs[0], state_type="COMPLETED", state="Completed")
    alter(instance, runs[1], fitting=True, state="Completed")
    reading = read(instance, prefect)
    assert reading.kept.tampered == set(runs[:2])
    assert stored(instance) == before
    assert leaves(instance)[-1]["counts"] == {"new": 0, "changed": 2, "mended": 2}
    assert read(instance, prefect).kept.tampered == set()


def alter(instance: Instance, run: str, *, fitting: bool = False, **values: Any) -> None:
    """Alter a stored record as somebody with the database would."""
    mine = t.flow_runs.c.id == run
    with instance.unit() as connection:
        body = dict(connection.scalar(sa.select(t.flow_runs.c.body).where(mine)) or {}) | values
        changes = {"body": body} | ({"digest": digest_of(body)} if fitting else {})
        connection.execute(t.flow_runs.update().where(mine).values(changes))


def test_ids_are_those_of_prefect(instance: Instance, prefect: FakePrefect) -> None:
    """So that anybody can look a run up there."""
    run = prefect.run()
    read(instance, prefect)
    assert [UUID(one) for one in stored(instance)] == [run]
