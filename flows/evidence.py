"""The flow of the evidence stage."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from callward.evidence.months import period_of
from callward.run import StageReport
from flows.naming import run_name
from tasks import evidence as stage
from tasks.ending import run_stage
from tasks.room import Room


@flow(name="evidence", flow_run_name=run_name, persist_result=False, log_prints=False)
def evidence(
    as_of: date | None = None,
    night: str | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
) -> State[Any]:
    """Build the signed pack of a period, by default of the night's day."""

    def pack(room: Room) -> StageReport:
        return stage.evidence(room, period_of(from_day, to_day))

    return run_stage("evidence", pack, as_of=as_of, controller=None, night_id=night)
