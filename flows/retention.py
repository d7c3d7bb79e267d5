"""The flow of the retention stage."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import retention as stage
from tasks.ending import run_stage


@flow(name="retention", flow_run_name=run_name, persist_result=False, log_prints=False)
def retention(
    as_of: date | None = None,
    controller: str | None = None,
    night: str | None = None,
    approve: str | None = None,
) -> State[Any]:
    """Destroy what is due; ``approve`` is the hash of a plan that the brake has stopped."""
    return run_stage(
        "retention",
        stage.retention,
        as_of=as_of,
        controller=controller,
        night_id=night,
        approve=approve,
    )
