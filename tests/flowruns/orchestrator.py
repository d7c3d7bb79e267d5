"""A Prefect client written by hand: runs in memory, asked as the server is asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import Flow, FlowRun, StateType, TaskRun
from prefect.client.schemas.sorting import FlowRunSort

from callward.flowruns.model import Source
from tasks.history import PrefectRuns
from tests.support import NOW

KEEPS = timedelta(days=90)
FINAL = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}


@dataclass
class FakePrefect:
    """Runs that can be added, changed and deleted, also while pages are read."""

    page: int = 3
    runs: dict[UUID, FlowRun] = field(default_factory=dict)
    flows: dict[UUID, str] = field(default_factory=dict)
    tasks: dict[UUID, UUID] = field(default_factory=dict)
    between: Callable[[], None] = lambda: None
    """Called after every page of runs."""
    read: int = 0
    """Runs told so far."""

    def run(
        self,
        flow: str = "ingest",
        *,
        begun: datetime = NOW - timedelta(minutes=5),
        seconds: float | None = 60,
        state: str = "COMPLETED",
        part_of: UUID | None = None,
        **more: Any,
    ) -> UUID:
        """Add a run; ``seconds`` until it ended, None if it has not."""
        number = len(self.runs) + len(self.tasks) + 1
        run_id, task_id = UUID(int=number << 64), None
        flow_id = next((one for one, name in self.flows.items() if name == flow), None)
        if flow_id is None:
            flow_id = UUID(int=1000 + len(self.flows))
            self.flows[flow_id] = flow
        if part_of is not None:
            task_id = UUID(int=(number << 64) + 1)
            self.tasks[task_id] = part_of
        values = {
            "id": run_id,
            "flow_id": flow_id,
            "name": f"{flow} {begun.date()}",
            "state_type": state,
            "state_name": state.title(),
            "expected_start_time": begun,
            "start_time": begun if state not in {"SCHEDULED", "PENDING"} else None,
            "end_time": None if seconds is None else begun + timedelta(seconds=seconds),
            "run_count": 1,
            "parent_task_run_id": task_id,
            **more,
        }
        self.runs[run_id] = FlowRun.model_validate(values)
        return run_id

    def change(self, run_id: UUID, **values: Any) -> None:
        """Change a run."""
        run = self.runs[run_id]
        self.runs[run_id] = FlowRun.model_validate({**run.model_dump(), **values})

    def delete(self, run_id: UUID) -> None:
        """Delete a run."""
        del self.runs[run_id]

    @contextmanager
    def open(self) -> Iterator[Source]:
        """``History``."""
        yield PrefectRuns(self, keeps=KEEPS, page=self.page)

    def read_flow_runs(
        self,
        *,
        flow_run_filter: FlowRunFilter | None = None,
        sort: FlowRunSort | None = None,
        limit: int | None = None,
    ) -> list[FlowRun]:
        """As the server does it: a filter of starts takes expected ones where there is none."""
        assert flow_run_filter is not None
        assert limit is not None
        # Ties are in no order of the server's; here in one that changes from page to page.
        runs = sorted(self.runs.values(), key=lambda run: (run.id.int * (self.read + 7)) % 10007)
        found = [run for run in runs if _fits(run, flow_run_filter)]
        if sort is FlowRunSort.START_TIME_ASC:
            found.sort(key=lambda run: begun_of(run) or NOW)
        elif sort is FlowRunSort.END_TIME_DESC:
            found.sort(key=lambda run: run.end_time or NOW, reverse=True)
        page = [run.model_copy() for run in found[:limit]]
        self.read += len(page)
        self.between()
        return page

    def read_flows(self, *, flow_filter: FlowFilter | None = None) -> list[Flow]:
        """Flows by their ids."""
        assert flow_filter is not None
        assert flow_filter.id is not None
        wanted = set(flow_filter.id.any_ or ())
        return [
            Flow(id=one, name=name, labels={}) for one, name in self.flows.items() if one in wanted
        ]

    def read_task_runs(
        self, *, task_run_filter: TaskRunFilter | None = None, limit: int | None = None
    ) -> list[TaskRun]:
        """Task runs by their ids."""
        assert task_run_filter is not None
        assert task_run_filter.id is not None
        wanted = set(task_run_filter.id.any_ or ())
        assert limit is not None
        assert len(wanted) <= limit
        return [
            TaskRun(id=one, flow_run_id=run, task_key="part", dynamic_key="0")
            for one, run in self.tasks.items()
            if one in wanted
        ]


def begun_of(run: FlowRun) -> datetime | None:
    """When a run began, or was to."""
    return run.start_time or run.expected_start_time


def _fits(run: FlowRun, which: FlowRunFilter) -> bool:
    if which.id is not None:
        if which.id.any_ is not None and run.id not in which.id.any_:
            return False
        if run.id in (which.id.not_any_ or ()):
            return False
    types = which.state.type.any_ if which.state and which.state.type else None
    if types is not None and run.state_type not in types:
        return False
    return all(
        _within(moment, wanted)
        for moment, wanted in ((begun_of(run), which.start_time), (run.end_time, which.end_time))
        if wanted is not None
    )


def _within(moment: datetime | None, wanted: Any) -> bool:
    if moment is None:
        return False
    moment = moment.astimezone(UTC)
    return (wanted.after_ is None or moment >= wanted.after_) and (
        wanted.before_ is None or moment <= wanted.before_
    )
