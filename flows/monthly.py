"""The flow of the monthly pack: the evidence of a calendar month, without approval."""

from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from callward.evidence.months import month_before, month_of
from flows.naming import run_name
from tasks import evidence as stage
from tasks.ending import run_stage
from tasks.room import london_today


@flow(name="evidence-monthly", flow_run_name=run_name, persist_result=False, log_prints=False)
def evidence_monthly(month: str | None = None, night: str | None = None) -> State[Any]:
    """Build the signed pack of a month (``2026-10``), by default of the one before this."""
    period = month_of(month) if month else month_before(london_today())
    pack = partial(stage.evidence, period=period, kind="monthly")
    return run_stage("evidence", pack, as_of=None, controller=None, night_id=night)
