"""The flow of the monthly check of the register of sub-processors."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import subprocessors as stage
from tasks.ending import run_stage


@flow(name="sub-processors", flow_run_name=run_name, persist_result=False, log_prints=False)
def sub_processors(night: str | None = None) -> State[Any]:
    """Look at every entry of the register; fails if one forbids its sub-processor's use."""
    told: dict[str, date | str | None] = {"as_of": None, "controller": None, "night_id": night}
    return run_stage("sub-processors", stage.check_sub_processors, **told)
