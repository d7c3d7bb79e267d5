"""The flow that follows a review's actions up, monthly."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import following as stage
from tasks.ending import run_stage


@flow(name="review-actions", flow_run_name=run_name, persist_result=False, log_prints=False)
def review_actions(night: str | None = None) -> State[Any]:
    """List what reviews have decided and nobody has closed; fails if any of it is overdue."""
    told: dict[str, date | str | None] = {"as_of": None, "controller": None, "night_id": night}
    return run_stage("review-actions", stage.follow_actions, **told)
