"""The flow of the monthly pack: the evidence of a calendar month, without approval."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.naming import run_name
from tasks import evidence as stage
from tasks.ending import run_stage


@flow(name="evidence-monthly", flow_run_name=run_name, persist_result=False, log_prints=False)
def evidence_monthly(month: str | None = None, night: str | None = None) -> State[Any]:
    """Build the signed pack of a month (``2026-10``), by default of the one before this."""
    pack = partial(stage.monthly_evidence, month=month)
    return run_stage("evidence", pack, as_of=None, controller=None, night_id=night)
