"""The flow of the annual review of the notice."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from callward.evidence.months import period_of
from callward.run import StageReport
from flows.naming import run_name
from tasks import review as stage
from tasks.ending import run_stage
from tasks.room import Room


@flow(name="annual-review", flow_run_name=run_name, persist_result=False, log_prints=False)
def annual_review(
    from_day: date | None = None,
    to_day: date | None = None,
    begin: bool = True,  # noqa: FBT001, FBT002 - a parameter in Prefect's pages
    night: str | None = None,
) -> State[Any]:
    """Take up the open review of the notice, or begin one of the days given.

    By default of the twelve months to yesterday. Without ``begin`` it only takes up what is open.
    """

    def act(room: Room) -> StageReport:
        return stage.annual_review(room, period_of(from_day, to_day), begin=begin)

    return run_stage("annual-review", act, as_of=None, controller=None, night_id=night)
