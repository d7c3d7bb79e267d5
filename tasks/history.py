"""Flow runs, read from Prefect's API page by page and handed on as they come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import Flow, FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import get_current_settings

from callward.flowruns.model import Source, Told

PAGE: Final = 200
"""Runs to a page: the most that Prefect's server gives (PREFECT_SERVER_API_DEFAULT_LIMIT)."""

_UNFINISHED: Final = ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]


class Client(Protocol):
    """What is used of Prefect's client."""

    def read_flow_runs(
        self,
        *,
        flow_run_filter: FlowRunFilter | None = ...,
        sort: FlowRunSort | None = ...,
        limit: int | None = ...,
    ) -> list[FlowRun]:
        """Runs that fit, in that order."""

    def read_flows(self, *, flow_filter: FlowFilter | None = ...) -> list[Flow]:
        """Flows that fit."""

    def read_task_runs(
        self, *, task_run_filter: TaskRunFilter | None = ..., limit: int | None = ...
    ) -> list[TaskRun]:
        """Runs of tasks that fit."""


@contextmanager
def flow_runs() -> Iterator[Source]:
    """The runs that the server knows of; ``callward.flowruns.stage.History``."""
    kept = get_current_settings().server.services.db_vacuum.retention_period
    with get_client(sync_client=True) as client:
        yield PrefectRuns(client, keeps=kept)


class PrefectRuns:
    """``callward.flowruns.model.Source`` over Prefect's client.

    Pages follow each other by the moment they are sorted by, never by their number:
    runs that are added or deleted meanwhile shift nothing.
    """

    def __init__(self, client: Client, *, keeps: timedelta, page: int = PAGE) -> None:
        self._client, self._keeps, self._page = client, keeps, page
        self._flows: dict[UUID, str] = {}

    @property
    def keeps(self) -> timedelta:
        """The server's retention, as the settings here have it."""
        return self._keeps

    def begun(self, after: datetime | None, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began within these moments; Prefect's filter takes those that wait, too."""
        return self._rising({}, after, before)

    def unfinished(self, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that began by then and are in no final state."""
        return self._rising({"state": {"type": {"any_": _UNFINISHED}}}, None, before)

    def ended(self, after: datetime, before: datetime) -> Iterator[Sequence[Told]]:
        """Runs that ended within these moments; Prefect can sort them by falling ends only."""

        def at(moment: datetime | None) -> Mapping[str, Any]:
            return {"end_time": {"after_": _iso(after), "before_": _iso(moment or before)}}

        return self._pages(at, lambda run: run.end_time, FlowRunSort.END_TIME_DESC)

    def by_id(self, ids: Sequence[str]) -> Iterator[Sequence[Told]]:
        """Those that are still there."""
        for start in range(0, len(ids), self._page):
            part = list(ids[start : start + self._page])
            yield self._told(self._read({"id": {"any_": part}}, FlowRunSort.ID_DESC))

    def _rising(
        self, which: Mapping[str, Any], after: datetime | None, before: datetime
    ) -> Iterator[Sequence[Told]]:
        def at(moment: datetime | None) -> Mapping[str, Any]:
            first = moment or after
            since = {} if first is None else {"after_": _iso(first)}
            return {**which, "start_time": {**since, "before_": _iso(before)}}

        return self._pages(at, _begun, FlowRunSort.START_TIME_ASC)

    def _pages(
        self,
        at: Callable[[datetime | None], Mapping[str, Any]],
        key: Callable[[FlowRun], datetime | None],
        sort: FlowRunSort,
    ) -> Iterator[Sequence[Told]]:
        """Page by page from the last one's moment on, without those of that moment seen."""
        moment: datetime | None = None
        seen: list[str] = []
        while True:
            without = {"id": {"not_any_": seen}} if seen else {}
            page = self._read({**at(moment), **without}, sort)
            if page:
                yield self._told(page)
            if len(page) < self._page:
                return
            last = key(page[-1])
            seen = (seen if last == moment else []) + [
                str(run.id) for run in page if key(run) == last
            ]
            moment = last

    def _read(self, which: Mapping[str, Any], sort: FlowRunSort) -> list[FlowRun]:
        return self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(which), sort=sort, limit=self._page
        )

    def _told(self, page: Sequence[FlowRun]) -> Sequence[Told]:
        self._learn({run.flow_id for run in page} - self._flows.keys())
        parents = self._parents([run.parent_task_run_id for run in page if run.parent_task_run_id])
        return [self._one(run, parents) for run in page]

    def _one(self, run: FlowRun, parents: Mapping[UUID, UUID | None]) -> Told:
        part_of = parents.get(run.parent_task_run_id) if run.parent_task_run_id else None
        return Told(
            id=str(run.id),
            flow=self._flows.get(run.flow_id, ""),
            name=run.name,
            state_type=run.state_type.value if run.state_type else None,
            state=run.state_name,
            expected=run.expected_start_time,
            started=run.start_time,
            ended=run.end_time,
            runs=run.run_count,
            parameters=run.parameters,
            tags=run.tags,
            deployment=_text(run.deployment_id),
            parent=_text(part_of),
            pool=run.work_pool_name,
        )

    def _learn(self, flows: set[UUID]) -> None:
        if flows:
            which = FlowFilter.model_validate({"id": {"any_": sorted(flows)}})
            self._flows |= {one.id: one.name for one in self._client.read_flows(flow_filter=which)}

    def _parents(self, tasks: Sequence[UUID]) -> Mapping[UUID, UUID | None]:
        """The flow run that each of these task runs is of: it stands there for a subflow."""
        if not tasks:
            return {}
        which = TaskRunFilter.model_validate({"id": {"any_": tasks}})
        found = self._client.read_task_runs(task_run_filter=which, limit=self._page)
        return {one.id: one.flow_run_id for one in found}


def _begun(run: FlowRun) -> datetime | None:
    return run.start_time or run.expected_start_time


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
