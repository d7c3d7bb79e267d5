"""``prefect.yaml``: what it lists exists, runs when it should, and can be deployed."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from callward.clock import london_day
from tests.prefect_server import PrefectServer

ROOT = Path(__file__).parents[2]
PAUSE = {"annual-review", "retention"}
"""Flows whose own runs wait for a person; the night's wait is its subflow's."""
SECRET = re.compile(
    r"(?i)pass(word|phrase)?\b|secret|token|api[-_]?key|credential|://[^/\s]*:[^/\s]*@"
)


def listed() -> list[dict[str, Any]]:
    """The deployments that the file lists."""
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return found


def flow_of(deployment: dict[str, Any]) -> Any:
    """The flow that an entry point names."""
    path, name = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    return getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)


def test_there_is_a_deployment_of_the_night_and_of_each_stage() -> None:
    """No more and no fewer, each under a name of its own."""
    names = [one["name"] for one in listed()]
    stages = ["ingest", "cards", "transcribe", "retention", "evidence"]
    stages += ["residual-scan", "restore-drill", "sub-processors", "assurance"]
    stages += ["transcribe-shard", "annual-review", "review-actions", "evidence-monthly"]
    assert sorted(names) == sorted(["nightly", *stages])


@pytest.mark.parametrize("deployment", listed(), ids=lambda one: str(one["name"]))
def test_an_entry_point_is_a_flow_of_that_name(deployment: dict[str, Any]) -> None:
    """That keeps no results and prints nothing into the logs."""
    from prefect import Flow  # noqa: PLC0415 - two seconds

    flow = flow_of(deployment)
    assert isinstance(flow, Flow)
    assert flow.name == deployment["name"]
    assert flow.persist_result is False
    assert flow.log_prints is False


@pytest.mark.parametrize("deployment", listed(), ids=lambda one: str(one["name"]))
def test_parameters_are_ones_that_the_flow_takes(deployment: dict[str, Any]) -> None:
    """Those given by the file or by a schedule; all others have a default."""
    flow = flow_of(deployment)
    given = dict(deployment.get("parameters") or {})
    for schedule in deployment["schedules"]:
        given |= schedule.get("parameters") or {}
    assert flow.validate_parameters(given) is not None
    assert not flow.parameters.required


@pytest.mark.parametrize(
    ("name", "when"),
    [
        *(("nightly", "0 1 * * *"), ("residual-scan", "0 3 * * 0"), ("restore-drill", "0 5 * * 0")),
        *(("sub-processors", "0 7 1 * *"), ("assurance", "30 7 1 * *")),
        *(("evidence-monthly", "30 6 1 * *"), ("review-actions", "0 8 1 * *")),
        ("annual-review", "0 9 5 1 *|15 9 * * 1-5"),
    ],
)
def test_what_runs_by_itself_runs_in_london_and_once_at_a_time(name: str, when: str) -> None:
    """The night at one, scan and drill early on Sundays, registers monthly, the review yearly.

    An open review is looked at on working days, too; stages run on demand.
    """
    from prefect.client.schemas.schedules import CronSchedule  # noqa: PLC0415 - two seconds

    schedules = {one["name"]: one["schedules"] for one in listed() if one["schedules"]}
    monthly = {"sub-processors", "assurance", "evidence-monthly", "review-actions"}
    often = {"nightly", "residual-scan", "restore-drill"}
    assert set(schedules) == {*often, *monthly, "annual-review"}
    for schedule, expected in zip(schedules[name], when.split("|"), strict=True):
        assert schedule["active"] is True
        cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
        assert cron.timezone == "Europe/London"
        assert cron.cron == expected
    (one,) = (one for one in listed() if one["name"] == name)
    assert one.get("concurrency_limit") == (None if name in PAUSE else 1)


@pytest.mark.parametrize("deployment", listed(), ids=lambda one: str(one["name"]))
def test_a_run_that_may_pause_has_no_limit_to_lose(deployment: dict[str, Any]) -> None:
    """Prefect gives the limit's lease back on a pause, and crashes the run some minutes later."""
    if flow_of(deployment).name in PAUSE:
        assert "concurrency_limit" not in deployment


def test_which_flows_may_pause_is_what_the_questions_say() -> None:
    """Those of the sweep and of the review ask a person; nobody else waits for one."""
    from tasks.asking import SweepQuestion  # noqa: PLC0415 - two seconds
    from tasks.reviewforms import FLOWS  # noqa: PLC0415 - two seconds

    (sweep,) = (one.default for one in fields(SweepQuestion) if one.name == "flows")
    assert isinstance(sweep, tuple)
    assert {*FLOWS, *sweep} == PAUSE
    who = {
        path.name
        for path in (ROOT / "tasks").glob("*.py")
        if re.search(r"\b(waiting|asking)\.wait\(", path.read_text())
    }
    assert who == {"asking.py", "retention.py", "review.py"}


def test_only_the_review_date_begins_a_review() -> None:
    """The runs of working days take up what is open."""
    (review,) = (one for one in listed() if one["name"] == "annual-review")
    begin = [(one.get("parameters") or {}).get("begin", True) for one in review["schedules"]]
    assert begin == [True, False]


def test_the_file_holds_no_secret() -> None:
    """Nor does the environment of a job: secrets are the instance's own."""
    text = "\n".join(
        line for line in (ROOT / "prefect.yaml").read_text().splitlines() if line.strip()[:1] != "#"
    )
    assert SECRET.search(text) is None
    assert SECRET.search("postgresql://callward:hunter2@host/db")
    assert all("job_variables" not in one["work_pool"] for one in listed())


@pytest.fixture(scope="module")
def deployed(prefect_server: PrefectServer) -> Iterator[dict[str, Any]]:
    """Every deployment as the server has it after ``prefect deploy --all``."""
    environment = prefect_server.environment() | {
        "CALLWARD_CODE": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in (
        ("work-pool", "create", "callward", "--type", "process"),
        ("work-pool", "create", "speech", "--type", "process"),
        ("--no-prompt", "deploy", "--all"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    with prefect_server.used_here(), get_client(sync_client=True) as client:
        yield {one.name: one for one in client.read_deployments()}


def test_all_of_them_can_be_deployed(deployed: dict[str, Any]) -> None:
    """``prefect deploy --all`` registers each, in the work pool that is named."""
    assert set(deployed) == {one["name"] for one in listed()}
    for one in listed():
        assert deployed[one["name"]].entrypoint == one["entrypoint"]
        assert deployed[one["name"]].work_pool_name == one["work_pool"]["name"]
        assert set(deployed[one["name"]].tags) == set(one["tags"])


@pytest.mark.parametrize(
    ("start", "moments"),
    [
        ("2026-01-10", ["2026-01-11T01:00Z", "2026-01-12T01:00Z", "2026-01-13T01:00Z"]),
        ("2026-07-10", ["2026-07-11T00:00Z", "2026-07-12T00:00Z", "2026-07-13T00:00Z"]),
        # There is no one o'clock on 29 March: the night runs just before.
        ("2026-03-28", ["2026-03-29T00:00Z", "2026-03-30T00:00Z", "2026-03-31T00:00Z"]),
        # There are two on 25 October, and one night.
        ("2026-10-24", ["2026-10-25T00:00Z", "2026-10-26T01:00Z", "2026-10-27T01:00Z"]),
    ],
)
def test_the_server_plans_one_night_a_day_for_one_in_london(
    deployed: dict[str, Any], start: str, moments: list[str]
) -> None:
    """By its own reckoning, also when the clocks change: each London day has its night."""
    (schedule,) = deployed["nightly"].schedules
    noon = datetime.fromisoformat(f"{start}T12:00+00:00")
    planned = [moment.astimezone(UTC) for moment in _next(schedule.schedule, noon)]
    assert [moment.strftime("%Y-%m-%dT%H:%MZ") for moment in planned] == moments
    assert len({london_day(moment) for moment in planned}) == 3


def _next(schedule: Any, start: datetime) -> list[datetime]:
    import asyncio  # noqa: PLC0415

    from prefect.server.schemas.schedules import CronSchedule  # noqa: PLC0415 - two seconds

    theirs = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    return list(asyncio.run(theirs.get_dates(n=3, start=start)))
