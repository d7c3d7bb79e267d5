"""The flow of the monthly check of the register of assurance."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import assurance as stage
from tasks.ending import run_stage


@flow(name="assurance", flow_run_name=run_name, persist_result=False, log_prints=False)
def assurance(night: str | None = None) -> State[Any]:
    """Look at every item of the register; fails if something promised is missing or over."""
    told: dict[str, date | str | None] = {"as_of": None, "controller": None, "night_id": night}
    return run_stage("assurance", stage.check_assurance, **told)
