"""The history of flow runs, read from Prefect's API and handed on as plain records."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.sorting import FlowRunSort

from callward.evidence.collect import bounds
from callward.evidence.model import FlowRunRow, Period

_PAGE = 200


def flow_runs(period: Period) -> list[FlowRunRow]:
    """Every flow run that started in the period, oldest first."""
    start, end = bounds(period)
    which = FlowRunFilter.model_validate(
        {"start_time": {"after_": start.isoformat(), "before_": end.isoformat()}}
    )
    rows: list[FlowRunRow] = []
    with get_client(sync_client=True) as client:
        flows: dict[Any, str] = {}
        while True:
            page = client.read_flow_runs(
                flow_run_filter=which,
                sort=FlowRunSort.START_TIME_ASC,
                limit=_PAGE,
                offset=len(rows),
            )
            for run in page:
                if run.flow_id not in flows:
                    found = client.read_flows(
                        flow_filter=FlowFilter.model_validate({"id": {"any_": [run.flow_id]}})
                    )
                    flows[run.flow_id] = found[0].name if found else "?"
                rows.append(
                    FlowRunRow(
                        id=str(run.id),
                        name=run.name,
                        flow=flows[run.flow_id],
                        state=run.state_name or "?",
                        started=run.start_time,
                        ended=run.end_time,
                        parameters=_plain(run.parameters),
                    )
                )
            if len(page) < _PAGE:
                return rows


def _plain(parameters: Mapping[str, Any]) -> dict[str, str | int | bool | None]:
    return {
        name: value if isinstance(value, str | int | bool | None) else _text(value)
        for name, value in parameters.items()
    }


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else type(value).__name__
