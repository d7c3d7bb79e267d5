"""The brake through Prefect: the run pauses with a form, and a person decides as the UI does.

The flow runs in this process, on a real server; the person is a thread that talks to
that server over HTTP, or types commands.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from callward.catalogue.guard import exclusive
from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from callward.retention import approvals
from callward.retention.approvals import Approval
from callward.retention.due import set_mark
from callward.retention.holds import place_hold
from callward.retention.stage import LAST_SWEEP
from tests.night.finding import everything_below, find
from tests.prefect_server import PrefectServer
from tests.retention.shelf import Shelved, openable, read, shelve
from tests.support import PassingGates, instruct, new_instance, run_stage

ROOT = Path(__file__).parents[2]
WHO, WHY = "Ostrvanka Čehulić", "the backlog of 07700 900888 is known"
ALWAYS = {"brake_floor": 0, "brake_share": 0.01}
NEVER = {"brake_floor": 1000}
PATIENCE = 30.0


@dataclass
class Stand:
    """An instance with two interactions that are due, and the server its flows talk to."""

    instance: Instance
    server: PrefectServer
    night: str = field(default_factory=lambda: f"n{uuid4().hex[:15]}")
    old: list[Shelved] = field(default_factory=list)

    @property
    def media(self) -> set[str]:
        """What is due."""
        return set[str]().union(*(one.media for one in self.old))

    @property
    def left(self) -> set[str]:
        """What of it can still be opened."""
        return openable(self.instance, self.media)

    def run(self, flow: str = "retention", **parameters: Any) -> Any:
        """Call a flow here; the state it ends in."""
        from flows import nightly, retention  # noqa: PLC0415 - two seconds

        flows: dict[str, Any] = {"nightly": nightly.nightly, "retention": retention.retention}
        return flows[flow](night=self.night, **parameters, return_state=True)

    def run_beside(self, person: Callable[[], Any], flow: str = "retention") -> Any:
        """The same while a person does something; an assertion of theirs counts."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(person)
            state = self.run(flow)
            done.result(timeout=PATIENCE)
        return state

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the server, as a browser makes it; again while its database is busy."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.server.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
                    text = answer.read().decode()
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return json.loads(text) if text else None

    def flow_run(self, name: str = "retention") -> Mapping[str, Any]:
        """This night's run of a flow, as the server has it."""
        found = self.call("POST", "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 50})
        mine = [run for run in found if run["parameters"].get("night") == self.night]
        return next((run for run in mine if run["name"].split()[0] == name), {})

    def paused(self, other_than: str = "") -> Mapping[str, Any]:
        """This night's retention run, once it is paused with a form that is not ``other_than``."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            run = self.flow_run()
            if run.get("state_type") == "PAUSED":
                keys = run["state"]["state_details"]["run_input_keyset"]
                if keys["schema"] != other_than:
                    return run
            time.sleep(0.1)
        raise AssertionError("no run was paused")

    def form(self, run: Mapping[str, Any], part: str = "schema") -> Any:
        """What the UI reads to show the form."""
        key = run["state"]["state_details"]["run_input_keyset"][part]
        return self.call("GET", f"/flow_runs/{run['id']}/input/{key}")

    def answer(self, run: Mapping[str, Any], **fields: Any) -> str:
        """Send the form as the UI does; the server's verdict."""
        known = {
            "decision": "approve",
            "name": WHO,
            "reason": WHY,
            "plan": self.form(run)["properties"]["plan"]["default"],
        }
        typed = {name: value for name, value in {**known, **fields}.items() if value is not None}
        answer = self.call("POST", f"/flow_runs/{run['id']}/resume", {"run_input": typed})
        return str(answer["status"])

    def approvals(self) -> dict[str, Approval]:
        """Every approval by its state."""
        with self.instance.unit() as connection:
            found = approvals.list_approvals(connection, self.instance.clock.now())
        return {one.state: one for one in found}


@pytest.fixture
def stand(
    request: pytest.FixtureRequest,
    server: PrefectServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stand]:
    """A stand with the settings that a test is given."""
    settings = {"approval_wait_minutes": 0.4, **ALWAYS, **getattr(request, "param", {})}
    instance = new_instance(tmp_path / "home", clock=FixedClock(SystemClock().now()), **settings)
    instruct(instance)
    stand = Stand(instance, server)
    stand.old = [shelve(instance, f"age {age}", age=age) for age in (50, 51)]
    monkeypatch.setenv("CALLWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("data_checks.gate.GreatExpectationsGates", PassingGates)
    monkeypatch.setattr("tasks.waiting.POLL_SECONDS", 0.2)
    yield stand
    instance.close()


def test_a_night_pauses_with_a_form_and_goes_on_when_approved(stand: Stand) -> None:
    """The form shows table and hash; while it waits nothing is held; then the night goes on."""

    def person() -> None:
        run = stand.paused()
        assert run["state_name"] == "Paused"
        assert stand.flow_run("nightly")["state_type"] == "RUNNING"
        schema, asked = stand.form(run), stand.approvals()["waiting"]
        assert sorted(schema["required"]) == ["decision", "name", "reason"]
        assert schema["properties"]["plan"]["default"] == asked.plan_hash
        shown = stand.form(run, "description")
        assert asked.plan_hash in shown
        assert "| acorn | recording | 2 |" in shown
        assert "`share:acorn`" in shown
        assert stand.answer(run, reason=None) == "REJECT"
        assert stand.answer(run, name="  ") == "REJECT"
        assert stand.answer(run, decision="perhaps") == "REJECT"
        with exclusive(stand.instance.engine):
            assert stand.left == stand.media
        assert stand.answer(run) == "ACCEPT"

    state = stand.run_beside(person, "nightly")
    assert state.is_completed(), state.message
    assert stand.left == set()
    assert stand.flow_run("evidence")["state_type"] == "COMPLETED"
    used = stand.approvals()["used"]
    assert json.loads(read(stand.instance, str(used.note_id))) == {"by": WHO, "reason": WHY}


def test_the_server_keeps_nothing_of_what_was_typed(stand: Stand) -> None:
    """Neither as a row nor in its files, logs or artifacts; nor does the instance."""
    state = stand.run_beside(lambda: stand.answer(stand.paused(), decision="reject"))
    assert state.name == "Rejected"
    run = stand.flow_run()
    kept = stand.call("POST", f"/flow_runs/{run['id']}/input/filter", {"prefix": "", "limit": 50})
    assert kept == []
    planted = (WHO, "Ostrvanka", "900888", WHY)
    places = [
        *everything_below(stand.server.home),
        *everything_below(stand.instance.settings.home),
    ]
    assert find(planted, places) == []
    # It would be found: the form's own key is in the state that the server keeps.
    assert find([stand.approvals()["rejected"].id], places)


def test_a_rejected_plan_stays(stand: Stand) -> None:
    """Nothing goes, tonight or tomorrow, and nobody is asked about the same plan again."""
    state = stand.run_beside(lambda: stand.answer(stand.paused(), decision="reject"))
    assert (state.type, state.name) == ("FAILED", "Rejected")
    assert "was rejected" in state.message
    stand.night = "tomorrow"
    began = time.monotonic()
    assert stand.run().name == "Rejected"
    assert time.monotonic() - began < 0.4 * 60
    assert stand.left == stand.media
    assert set(stand.approvals()) == {"rejected"}


def test_a_plan_that_changed_meanwhile_is_asked_about_anew(stand: Stand) -> None:
    """What was approved is not what would go: nothing goes until the new plan is approved."""

    def person() -> None:
        first = stand.paused()
        hash_ = stand.form(first)["properties"]["plan"]["default"]
        stand.old.append(shelve(stand.instance, "another", age=60))
        assert stand.answer(first) == "ACCEPT"
        schema = first["state"]["state_details"]["run_input_keyset"]["schema"]
        second = stand.paused(other_than=schema)
        assert stand.left == stand.media
        assert stand.form(second)["properties"]["plan"]["default"] != hash_
        assert "| acorn | recording | 3 |" in stand.form(second, "description")
        assert stand.answer(second, plan=hash_) == "ACCEPT"  # the old form, sent again
        schema = second["state"]["state_details"]["run_input_keyset"]["schema"]
        third = stand.paused(other_than=schema)
        assert stand.left == stand.media
        assert stand.answer(third) == "ACCEPT"

    assert stand.run_beside(person).is_completed()
    assert stand.left == set()
    assert set(stand.approvals()) == {"expired", "used"}


@pytest.mark.parametrize("stand", [{"approval_wait_minutes": 0.08}], indirect=True)
def test_a_hold_placed_meanwhile_holds(stand: Stand) -> None:
    """It changes the plan; nobody approves the new one in time, and the night says so."""

    def person() -> None:
        run, (held, _) = stand.paused(), stand.old
        place_hold(stand.instance, "acorn", "interaction", held.interaction, WHY, date(2050, 1, 1))
        assert stand.answer(run) == "ACCEPT"

    state = stand.run_beside(person, "nightly")
    assert state.name == "NightFailed"
    assert stand.flow_run()["state_name"] == "NobodyDecided"
    waiting = stand.approvals()["waiting"]
    assert waiting.total == 2
    assert f"nobody decided within 0.08 minutes on approval {waiting.id} of 2" in state.message
    assert stand.flow_run("evidence")["state_type"] == "COMPLETED"
    assert stand.left == stand.media


@pytest.mark.parametrize("stand", [{"approval_wait_minutes": 0.02}], indirect=True)
def test_an_approval_given_after_the_wait_is_for_the_next_night(stand: Stand) -> None:
    """The run has failed, its form takes no answer; the terminal's word lets the next one go."""
    assert stand.run().name == "NobodyDecided"
    run = stand.flow_run()
    answer = stand.call("POST", f"/flow_runs/{run['id']}/resume", {"run_input": {"name": WHO}})
    assert answer["status"] == "ABORT"
    approvals.decide(
        stand.instance, stand.approvals()["waiting"].id, approve=True, by=WHO, reason=WHY
    )
    stand.night = "the-next"
    assert stand.run().is_completed()
    assert stand.left == set()


def test_the_terminal_ends_the_wait(stand: Stand) -> None:
    """A command in another process decides, and the paused run goes on at once."""

    def person() -> None:
        stand.paused()
        asked = stand.approvals()["waiting"].id
        command = ["--home", str(stand.instance.settings.home), "approvals", "approve", asked]
        done = subprocess.run(
            [sys.executable, "-m", "callward", *command, "--name", "-", "--reason", WHY],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=WHO,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr

    assert stand.run_beside(person).is_completed()
    assert stand.left == set()
    assert stand.flow_run()["state_name"] == "Completed"


def test_a_run_set_going_without_an_answer_asks_again(stand: Stand) -> None:
    """Somebody changes its state by hand: that is no approval."""

    def person() -> None:
        first = stand.paused()
        body = {"state": {"type": "RUNNING"}, "force": True}
        stand.call("POST", f"/flow_runs/{first['id']}/set_state", body)
        schema = first["state"]["state_details"]["run_input_keyset"]["schema"]
        second = stand.paused(other_than=schema)
        assert stand.left == stand.media
        assert stand.answer(second) == "ACCEPT"

    assert stand.run_beside(person).is_completed()
    assert stand.left == set()


def test_what_a_dead_run_left_is_deleted(stand: Stand) -> None:
    """Its process was killed before it could read the answer: a later run takes it away."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds
    from prefect.states import Running  # noqa: PLC0415

    from flows.retention import retention  # noqa: PLC0415
    from tasks import asking, forgetting, waiting  # noqa: PLC0415

    state = stand.run_beside(lambda: stand.answer(stand.paused(), decision="reject"))
    assert state.name == "Rejected"
    asked = stand.approvals()["rejected"]
    with get_client(sync_client=True) as client:
        dead = client.create_flow_run(retention, parameters={}, state=Running())
        waiting.pause(client, dead.id, asking.SweepQuestion(stand.instance, asked), 600)
        run = stand.call("GET", f"/flow_runs/{dead.id}")
        assert stand.answer(run) == "ACCEPT"
        assert len(_inputs(stand, dead.id)) == 3
        forgetting.forget_left_behind(client, uuid4(), flows=("retention",), older_than=600)
        assert len(_inputs(stand, dead.id)) == 3  # it may be about to read it
        forgetting.forget_left_behind(client, uuid4(), flows=("retention",), older_than=0)
    assert _inputs(stand, dead.id) == []
    assert find(["Ostrvanka"], everything_below(stand.server.home)) == []


def _inputs(stand: Stand, run_id: UUID) -> list[Any]:
    path = f"/flow_runs/{run_id}/input/filter"
    return list(stand.call("POST", path, {"prefix": "", "limit": 50}))


def _on(instance: Instance) -> None:
    set_at = instance.clock.now() - timedelta(days=10)
    with instance.unit() as connection:
        set_mark(connection, LAST_SWEEP, set_at)


def _back(instance: Instance) -> None:
    set_at = instance.clock.now() + timedelta(hours=3)
    with instance.unit() as connection:
        set_mark(connection, LAST_SWEEP, set_at)


def _behind_the_ledger(instance: Instance) -> None:
    assert isinstance(instance.clock, FixedClock)
    now = instance.clock.now()
    instance.clock.moment = now + timedelta(hours=3)
    instruct(instance, recordings="44 days")
    run_stage(instance, "ingest")
    instruct(instance)
    instance.clock.moment = now


def _shorter(instance: Instance) -> None:
    run_stage(instance, "ingest")
    instruct(instance, recordings="44 days")


@pytest.mark.parametrize(
    ("stand", "happened", "reason"),
    [
        ({**NEVER, "approval_wait_minutes": 0}, _on, "clock-jump"),
        ({**NEVER, "approval_wait_minutes": 0}, _back, "clock-jump"),
        ({**NEVER, "approval_wait_minutes": 0}, _behind_the_ledger, "clock-jump"),
        ({**NEVER, "approval_wait_minutes": 0}, _shorter, "shortened:acorn"),
        ({"approval_wait_minutes": 0}, lambda _: None, "share:acorn"),
    ],
    indirect=["stand"],
)
def test_every_reason_to_ask_stops_the_flow(
    stand: Stand, happened: Callable[[Instance], None], reason: str
) -> None:
    """Where nobody is waited for it fails at once, called Brake, with the approval's id."""
    happened(stand.instance)
    state = stand.run()
    assert (state.type, state.name) == ("FAILED", "Brake")
    asked = stand.approvals()["waiting"]
    assert asked.reasons == (reason,)
    assert re.search(rf"{reason}; .*approvals show {asked.id}", state.message)
    assert stand.left == stand.media


@pytest.mark.parametrize("stand", [NEVER], indirect=True)
def test_without_a_reason_nobody_is_asked(stand: Stand) -> None:
    """The control: the same stand sweeps by itself."""
    assert stand.run().is_completed()
    assert stand.left == set()
    assert stand.approvals() == {}
