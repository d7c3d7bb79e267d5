"""The flow of the cards stage."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import cards as stage
from tasks.ending import run_stage


@flow(name="cards", flow_run_name=run_name, persist_result=False, log_prints=False)
def cards(
    as_of: date | None = None, controller: str | None = None, night: str | None = None
) -> State[Any]:
    """Run the stage for a London day (default today), for one controller or for all."""
    return run_stage("cards", stage.cards, as_of=as_of, controller=controller, night_id=night)
