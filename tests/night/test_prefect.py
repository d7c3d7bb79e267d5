"""The night through Prefect: the same as without, and visible (DESIGN §2, §6)."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from callward import cli_run
from callward.catalogue.guard import exclusive
from callward.clock import FixedClock, SystemClock, today
from callward.gates import Gates
from callward.instance import Instance, open_instance
from callward.run import UNKNOWN
from tests.commands import callward
from tests.night.looking import look
from tests.prefect_server import PrefectServer
from tests.support import Call, PassingGates, deliver, instruct, new_instance, rows, snapshot

STAGES = ("ingest", "cards", "transcribe", "retention", "evidence")
PLAIN_VALUE = re.compile(r"[0-9a-z-]{1,64}")


@dataclass(frozen=True)
class Night:
    """One night as Prefect's server remembers it."""

    id: str
    state: Any
    """What the flow returned."""

    @cached_property
    def flow_runs(self) -> dict[str, Any]:
        """The runs of its flows by the flow's name."""
        from prefect.client.orchestration import get_client  # noqa: PLC0415

        with get_client(sync_client=True) as client:
            found = client.read_flow_runs()
        mine = [run for run in found if run.parameters.get("night") == self.id]
        return {run.name.split()[0]: run for run in mine}

    def of(self, stage: str) -> Any:
        """The state in which a stage's flow run ended."""
        return self.flow_runs[stage].state

    def task_names(self, stage: str) -> list[str]:
        """Names of a stage's task runs, sorted."""
        return sorted(run.name for run in self.task_runs(stage))

    def task_runs(self, stage: str) -> list[Any]:
        """A stage's task runs."""
        from prefect.client.orchestration import get_client  # noqa: PLC0415
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId  # noqa: PLC0415

        which = FlowRunFilter(id=FlowRunFilterId(any_=[self.flow_runs[stage].id]))
        with get_client(sync_client=True) as client:
            return list(client.read_task_runs(flow_run_filter=which))

    def artifacts(self, stage: str) -> dict[str, Any]:
        """A stage's artifacts: kind to data."""
        from prefect.client.orchestration import get_client  # noqa: PLC0415

        with get_client(sync_client=True) as client:
            found = client.read_artifacts()
        run: UUID = self.flow_runs[stage].id
        return {str(one.type): one.data for one in found if one.flow_run_id == run}

    def artifacts_by_key(self, stage: str) -> dict[str, Any]:
        """A stage's artifacts by their keys."""
        from prefect.client.orchestration import get_client  # noqa: PLC0415

        with get_client(sync_client=True) as client:
            found = client.read_artifacts()
        run: UUID = self.flow_runs[stage].id
        return {str(one.key): one for one in found if one.flow_run_id == run}


def run_in_prefect(home: Path, night: str, **parameters: Any) -> Night:
    """The nightly flow on the instance at ``home``, called in this process."""
    from flows.nightly import nightly  # noqa: PLC0415 - two seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLWARD_HOME", str(home))
        state = nightly(night=night, **parameters, return_state=True)
    return Night(night, state)


def run_with(gates: Gates, home: Path, night: str, **parameters: Any) -> Night:
    """The same with other gates in the place of Great Expectations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_checks.gate.GreatExpectationsGates", lambda: gates)
        return run_in_prefect(home, night, **parameters)


def make_instance(home: Path, **settings: Any) -> Instance:
    """An instance of today, its controllers met, with something for every stage to do."""
    now = SystemClock().now()
    instance = new_instance(home, clock=FixedClock(now), **settings)
    instruct(instance, "acorn", transcription=True)
    instruct(instance, "birch", recordings="30 days")
    with instance.unit() as connection:
        for controller in ("acorn", "birch", UNKNOWN):
            instance.vault.blinder(connection, controller, now)
    calls = [Call("a1"), Call("a2"), Call("bad", content=b"not media"), Call("old", age=50)]
    deliver(instance, calls, now=now)
    deliver(instance, [Call("a1")], drop="drop-2", now=now)
    deliver(instance, [Call("b1"), Call("b2", age=31)], controller="birch", now=now)
    return instance


@pytest.fixture(scope="module")
def template(folder: Path) -> Path:
    """An instance before its first night."""
    make_instance(folder / "template").close()
    return folder / "template"


@pytest.fixture(scope="module")
def plain(folder: Path, template: Path) -> Iterator[Instance]:
    """A copy after a night without Prefect."""
    shutil.copytree(template, folder / "plain")
    instance = open_instance(folder / "plain")
    cli_run.run_plain(instance, cli_run.Order("nightly", None, None, None))
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def home(folder: Path, template: Path) -> Path:
    """A copy for Prefect."""
    shutil.copytree(template, folder / "prefect")
    return folder / "prefect"


@pytest.fixture(scope="module")
def first(server: PrefectServer, home: Path) -> Night:
    """Its first night."""
    assert server.database.exists()
    return run_in_prefect(home, "first")


@pytest.fixture(scope="module")
def after_first(first: Night, home: Path) -> dict[str, Any]:
    """What the instance holds after it."""
    assert first.state.is_completed()
    instance = open_instance(home)
    found = look(instance)
    instance.close()
    return found


@pytest.fixture(scope="module")
def second(after_first: Mapping[str, Any], home: Path) -> Night:
    """Its second night, with nothing new."""
    assert after_first["landing"] == []
    return run_with(PassingGates(), home, "second")


def test_plain_and_prefect_leave_the_same_catalogue_and_ledger(
    plain: Instance, after_first: dict[str, Any]
) -> None:
    """Two copies of one instance are the same after a night, whoever ran it."""
    without = look(plain)
    assert len(without.pop("packs")) == len(after_first["packs"]) == 1
    assert {name: after_first[name] for name in without} == without
    # It is a comparison of something.
    assert set(without["certificates"]) == {"acorn", "birch"}
    assert without["counts"]["transcribe acorn"]["transcribed"] == 2


def test_a_good_night_is_completed(first: Night) -> None:
    """The night and every stage end Completed and say what they did."""
    assert (first.state.type, first.state.name) == ("COMPLETED", "Completed")
    for stage in STAGES:
        name = "NothingToScan" if stage == "cards" else "Completed"
        assert (first.of(stage).type, first.of(stage).name) == ("COMPLETED", name)
        assert stage in first.state.message
    assert "6 files" not in first.of("ingest").message
    assert "7 files" in first.of("ingest").message


def test_a_night_with_nothing_to_do_says_so(second: Night) -> None:
    """An empty stage has an outcome of its own name, never a bare pass."""
    names = {stage: second.of(stage).name for stage in STAGES}
    assert names == {
        "ingest": "NothingNew",
        "cards": "NothingToScan",
        "transcribe": "NothingToTranscribe",
        "retention": "NothingDue",
        "evidence": "Completed",
    }
    assert second.state.is_completed()


def test_stages_are_subflows_with_readable_names_and_tags(first: Night) -> None:
    """A run is called after its flow and its day and carries the night's tag."""
    day = today(SystemClock())
    assert {run.name for run in first.flow_runs.values()} == {
        f"{name} {day}" for name in ("nightly", *STAGES)
    }
    for stage in STAGES:
        assert {"callward", "night:first"} <= set(first.flow_runs[stage].tags)
        assert first.flow_runs[stage].parent_task_run_id is not None


def test_gates_and_batches_are_task_runs(first: Night) -> None:
    """Every gate in front of and behind every stage can be seen, and every batch."""
    assert first.task_names("ingest") == [
        "acorn batch 1, 5 items",
        "birch batch 2, 2 items",
        "gate ingest_entry, 2 rows",
        "gate ingest_entry, 5 rows",
        "gate ingest_exit, 2 rows",
        "gate ingest_exit, 4 rows",  # the duplicate needs no second look
        "gate ingest_volumes, 2 rows",
        "volumes",
    ]
    for stage in ("transcribe", "retention", "evidence"):
        gates = [name.split(",")[0] for name in first.task_names(stage) if "gate" in name]
        assert gates == [f"gate {stage}_entry", f"gate {stage}_exit"]


def test_every_stage_leaves_a_table_and_a_text(first: Night, second: Night) -> None:
    """Table and markdown of what came in, went out, was quarantined or refused; progress too."""
    for night in (first, second):
        for stage in STAGES:
            assert {"table", "markdown"} <= set(night.artifacts(stage))
    ingest = first.artifacts("ingest")
    said = "- **acorn**: 1 duplicate, 5 files, 3 ingested, 3 kind:recording, 1 quarantined"
    assert said in ingest["markdown"]
    assert '"ingested": 3' in str(ingest["table"]).replace("'", '"')
    assert float(ingest["progress"]) == 100.0
    assert "NothingNew" in second.artifacts("ingest")["markdown"]


def test_transcription_shows_its_engines_and_its_seconds(first: Night) -> None:
    """A table of its own by controller and engine; progress in seconds of audio; what to do."""
    made = first.artifacts_by_key("transcribe")
    assert set(made) == {
        *("transcribe-counts", "transcribe-engines", "transcribe-progress", "transcribe-report")
    }
    (engine, *unasked) = json.loads(made["transcribe-engines"].data)
    assert (engine["controller"], engine["engine"], engine["done"]) == ("acorn", "pocketsphinx", 2)
    assert engine["speed"] > 0
    assert {row["engine"] for row in unasked} == {"-"}
    assert made["transcribe-progress"].description == "1 of 1 seconds of audio"
    assert first.artifacts_by_key("ingest")["ingest-progress"].description.endswith(" items")
    assert "| `due` | 1 | Nothing:" in made["transcribe-report"].data


def test_parameters_hold_ids_and_dates_only(first: Night, second: Night) -> None:
    """Nothing of an item, a batch or a person is a parameter, of flows or of tasks."""
    for night in (first, second):
        for name, run in night.flow_runs.items():
            for value in run.parameters.values():
                assert value is None or PLAIN_VALUE.fullmatch(str(value)), (name, value)
        for stage in STAGES:
            for task in night.task_runs(stage):
                assert not set(task.task_inputs) - {"part", "__parents__"}
                assert not task.task_inputs.get("part")


def test_no_result_is_persisted(first: Night, second: Night, server: PrefectServer) -> None:
    """Neither server nor disk has a result of a flow or task run."""
    states = [run.state for night in (first, second) for run in night.flow_runs.values()]
    states += [task.state for stage in STAGES for task in first.task_runs(stage)]
    assert len(states) > 20
    assert all(getattr(state.data, "storage_key", None) is None for state in states)
    assert stored(server) == []


def test_the_pack_holds_the_flow_runs_of_the_day(first: Night, home: Path) -> None:
    """The evidence lists the night's own runs, read from Prefect's API."""
    import zipfile  # noqa: PLC0415

    pack = min((home / "evidence").glob("*.zip"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(pack) as archive:
        name = next(one for one in archive.namelist() if one.endswith("/data/flow-runs.json"))
        listed = json.loads(archive.read(name))
    mine = {run["flow"]: run for run in listed if run["parameters"].get("night") == "first"}
    assert set(mine) == {"nightly", *STAGES}
    assert mine["retention"]["state"] == "Completed"
    assert mine["retention"]["id"] == str(first.flow_runs["retention"].id)


def test_the_command_line_runs_the_night_in_prefect_and_prints_it(
    server: PrefectServer, folder: Path, template: Path
) -> None:
    """Progress, the night's table, the pack; its runs can be found on the server."""
    home = folder / "command"
    shutil.copytree(template, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_checks.gate.GreatExpectationsGates", PassingGates)
        patch.setattr("os.environ", {**os.environ, "PREFECT_API_URL": server.url})
        said = callward(home, "run", "nightly")
        failed = callward(home, "run", "evidence", "--as-of", "2020-01-01", "--controller", "x")
        done = callward(home, "transcript", "list", "--json").json[0]["transcript"]
        wish = ("transcript", "redo", done, "--engine", "pocketsphinx", "--reason", "again")
        assert callward(home, *wish).status == 0
        again = callward(home, "run", "transcribe")
    assert said.status == 0, said.err
    assert failed.status == 2
    assert "  ingest: 5 of 5 items" in said.out
    assert "  transcribe: 1 of 1 seconds of audio" in said.out
    assert re.search(r"^  1 due: Nothing:", said.out, re.MULTILINE)
    assert again.status == 0, again.err
    assert re.search(r"^acorn +pocketsphinx +1 +- +0 ", again.out, re.MULTILINE)
    assert re.search(r"^acorn +5 +3 +1 +1 +2 +1 +1 +1$", said.out, re.MULTILINE)
    assert "verify it with: callward verify" in said.out
    instance = open_instance(home)
    night = next(
        night
        for night, stage in rows(instance, "stage_counts", "night", "stage")
        if stage == "ingest"
    )
    instance.close()
    assert set(Night(night, None).flow_runs) == {"nightly", *STAGES}


@pytest.mark.usefixtures("server")
def test_a_failed_gate_fails_the_night_and_retention_runs_all_the_same(folder: Path) -> None:
    """The state names stage and gate; nothing is taken in, nothing lost, what is due goes."""
    instance, day = make_instance(folder / "gate"), today(SystemClock())
    run_with(PassingGates(), folder / "gate", "gate-before", as_of=day - timedelta(days=10))
    drop = deliver(instance, [Call("new")], drop="drop-9", now=SystemClock().now())

    night = run_with(PassingGates(stop="ingest_exit"), folder / "gate", "gate-failed")

    assert (night.state.type, night.state.name) == ("FAILED", "NightFailed")
    assert night.of("ingest").name == "GateFailed"
    assert "ingest: [gate-failed] gate ingest_exit" in night.state.message
    assert (drop / "new.wav").exists()
    assert "What failed" in night.artifacts("ingest")["markdown"]
    assert night.of("retention").name == "Completed"
    assert "2 certificates" in night.of("retention").message
    assert night.of("evidence").is_completed()
    assert look(instance)["intents"] == []
    again = run_with(PassingGates(), folder / "gate", "gate-again")
    assert again.state.is_completed()
    assert not drop.exists()
    instance.close()


@pytest.mark.usefixtures("server")
def test_the_brake_stops_retention_and_its_plan_can_be_approved(folder: Path) -> None:
    """Too much at once: the state is called Brake, nothing goes, and the hash lets it go."""
    instance = make_instance(folder / "brake", brake_floor=0, brake_share=0.01)
    night = run_with(PassingGates(), folder / "brake", "brake")
    assert night.of("retention").name == "Brake"
    assert night.state.name == "NightFailed"
    assert "shredded" not in {state for (state,) in rows(instance, "objects", "state")}
    found = re.search(r"--approve ([0-9a-f]{64})", night.state.message)
    assert found is not None
    again = run_with(PassingGates(), folder / "brake", "approved", approve=found[1])
    assert again.state.is_completed()
    assert "shredded" in {state for (state,) in rows(instance, "objects", "state")}
    instance.close()


@pytest.mark.usefixtures("second")
def test_a_day_that_has_not_come_changes_nothing(home: Path) -> None:
    """Every stage refuses a future as_of, with its code; the catalogue stays as it is."""
    instance = open_instance(home)
    before = snapshot(instance)
    night = run_in_prefect(home, "future", as_of=today(SystemClock()) + timedelta(days=1))
    assert night.state.is_failed()
    assert all("[future-as-of]" in night.of(stage).message for stage in STAGES)
    assert all("[future-as-of]" in night.artifacts(stage)["markdown"] for stage in STAGES)
    assert snapshot(instance) == before
    instance.close()


@pytest.mark.usefixtures("second")
def test_a_night_beside_another_is_busy(home: Path) -> None:
    """Every stage's state is called Busy, and nothing is changed."""
    instance = open_instance(home)
    before = snapshot(instance)
    with exclusive(instance.engine):
        night = run_with(PassingGates(), home, "busy")
    assert [night.of(stage).name for stage in STAGES] == ["Busy"] * 5
    assert snapshot(instance) == before
    instance.close()


def stored(server: PrefectServer) -> list[str]:
    """Results that flows or tasks have left on disk."""
    storage = server.home / "storage"
    return [path.name for path in storage.iterdir()] if storage.exists() else []


def test_a_home_without_an_instance_is_said(server: PrefectServer, tmp_path: Path) -> None:
    """A wrong home fails the night with the code, makes nothing there, pickles no error."""
    night = run_in_prefect(tmp_path / "nowhere", "nowhere", as_of=date(2026, 1, 1))
    assert night.state.is_failed()
    assert "[settings]" in night.of("ingest").message
    assert not (tmp_path / "nowhere").exists()
    assert stored(server) == []
