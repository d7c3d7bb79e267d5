"""Runs of a real night, read from a real server of Prefect's."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from callward.clock import SystemClock
from callward.flowruns.model import Told
from callward.flowruns.reading import read_new
from callward.instance import Instance, open_instance
from tests.flowruns.orchestrator import KEEPS
from tests.flowruns.test_stage import evidence, packed
from tests.night.test_prefect import Night, run_with
from tests.prefect_server import PrefectServer
from tests.support import PassingGates, instruct, new_instance, rows

FIRST, SECOND = "a123456789abcdef", "b123456789abcdef"
STAGES = {"ingest", "cards", "transcribe", "retention", "evidence"}


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer
) -> Iterator[Instance]:
    """An instance after two nights with nothing to do; the server is talked to."""
    home: Path = tmp_path_factory.mktemp("flowruns") / "home"
    made = new_instance(home, clock=SystemClock())
    instruct(made)
    made.close()
    with prefect_server.used_here():
        for night in (FIRST, SECOND):
            run_with(PassingGates(), home, night)
        opened = open_instance(home)
        yield opened
        opened.close()


def stored(instance: Instance, night: str) -> dict[str, dict[str, object]]:
    """Our records of a night's runs by flow."""
    return {
        body["flow"]: body
        for of, body in rows(instance, "flow_runs", "night", "body")
        if of == night
    }


def test_a_night_is_kept_with_its_parts(instance: Instance) -> None:
    """What was running while it was read has ended in the record of the night after."""
    first = stored(instance, FIRST)
    whole = Night(FIRST, None).flow_runs
    assert first.keys() == {"nightly", *STAGES}
    assert {run["state_type"] for run in first.values()} == {"COMPLETED"}
    for flow, record in first.items():
        assert record["id"] == str(whole[flow].id)
        assert record["name"] == whole[flow].name
        assert record["started"]
        assert record["ended"]
        assert record["parent"] == (None if flow == "nightly" else str(whole["nightly"].id))
        assert record["tags"] == ([] if flow == "nightly" else ["callward", f"night:{FIRST}"])
    second = stored(instance, SECOND)
    assert second["nightly"]["state_type"] == second["evidence"]["state_type"] == "RUNNING"


def test_pages_of_any_size_tell_the_same(instance: Instance) -> None:
    """The server's filters and orders are what the paging takes them for."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds

    from tasks.history import PrefectRuns  # noqa: PLC0415

    now = instance.clock.now()
    asked: list[Callable[[PrefectRuns], Iterator[Sequence[Told]]]] = [
        lambda source: source.begun(None, now),
        lambda source: source.begun(now - timedelta(hours=1), now),
        lambda source: source.ended(now - timedelta(hours=1), now),
        lambda source: source.by_id([run for (run,) in rows(instance, "flow_runs", "id")]),
        lambda source: source.unfinished(now),
    ]
    with get_client(sync_client=True) as client:
        for ask in asked:
            found = []
            for size in (1, 2, 5, 200):
                source = PrefectRuns(client, keeps=KEEPS, page=size)
                told = [one for page in ask(source) for one in page]
                assert len({one.id for one in told}) == len(told)
                found.append(sorted(told, key=lambda one: one.id))
            assert found[0] == found[1] == found[2] == found[3]
            assert len(found[0]) >= 12 or ask is asked[-1]


def test_what_waits_and_what_is_deleted(instance: Instance) -> None:
    """A run of tomorrow is none yet, one that is late is; a deleted one stays and is told of."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds
    from prefect.states import Scheduled  # noqa: PLC0415

    from flows.ingest import ingest  # noqa: PLC0415
    from tasks.history import flow_runs  # noqa: PLC0415

    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        late, tomorrow = (
            client.create_flow_run(
                ingest, name="Quorvexia", state=Scheduled(scheduled_time=now + timedelta(days=n))
            ).id
            for n in (-2, 1)
        )
        with flow_runs() as source:
            read_new(instance, source)
        ids = {run for (run,) in rows(instance, "flow_runs", "id")}
        assert str(late) in ids
        assert str(tomorrow) not in ids
        gone = Night(FIRST, None).flow_runs["cards"].id
        for one in (late, tomorrow, gone):
            client.delete_flow_run(one)
    with flow_runs() as source:
        assert read_new(instance, source).missing == 1
    report, path = evidence(instance, flow_runs, SECOND)
    compared = packed(path, "data/flow-runs-compared.json")
    assert str(gone) in compared["deleted"]
    assert report.failures == []
    missing = {
        UUID(run) for run, since in rows(instance, "flow_runs", "id", "missing_since") if since
    }
    assert missing == {late, gone}
    assert [
        body["name"] for run, body in rows(instance, "flow_runs", "id", "body") if run == str(late)
    ] == [None]
