"""The flow of the ingest stage."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import ingest as stage
from tasks.ending import run_stage


@flow(name="ingest", flow_run_name=run_name, persist_result=False, log_prints=False)
def ingest(
    as_of: date | None = None, controller: str | None = None, night: str | None = None
) -> State[Any]:
    """Run the stage for a London day (default today), for one controller or for all."""
    return run_stage("ingest", stage.ingest, as_of=as_of, controller=controller, night_id=night)
