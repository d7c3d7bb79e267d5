"""The flow of the weekly restore drill."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import drill as stage
from tasks.ending import run_stage


@flow(name="restore-drill", flow_run_name=run_name, persist_result=False, log_prints=False)
def restore_drill(night: str | None = None) -> State[Any]:
    """Restore backups into a scratch place; fails if anything destroyed would open."""
    told: dict[str, date | str | None] = {"as_of": None, "controller": None, "night_id": night}
    return run_stage("restore-drill", stage.restore_drill, **told)
