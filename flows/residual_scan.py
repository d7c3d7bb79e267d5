"""The flow of the weekly residual scan."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import residual as stage
from tasks.ending import run_stage


@flow(name="residual-scan", flow_run_name=run_name, persist_result=False, log_prints=False)
def residual_scan(night: str | None = None) -> State[Any]:
    """Look in every store for what should not be there; fails if there is anything."""
    told: dict[str, date | str | None] = {"as_of": None, "controller": None, "night_id": night}
    return run_stage("residual-scan", stage.residual_scan, **told)
