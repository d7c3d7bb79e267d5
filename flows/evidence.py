"""The flow of the evidence stage."""

from datetime import date
from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from callward.evidence.model import Period
from flows.naming import run_name
from tasks import evidence as stage
from tasks.ending import run_stage


@flow(name="evidence", flow_run_name=run_name, persist_result=False, log_prints=False)
def evidence(
    as_of: date | None = None,
    night: str | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
) -> State[Any]:
    """Build the signed pack of a period, by default of the night's day."""
    period = Period(from_day, to_day) if from_day and to_day else None
    pack = partial(stage.evidence, period=period)
    return run_stage("evidence", pack, as_of=as_of, controller=None, night_id=night)
