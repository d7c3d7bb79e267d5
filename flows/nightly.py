"""The night: every stage as a subflow, retention whatever became of those before it."""

from datetime import date
from secrets import token_hex
from typing import Any

from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.cards import cards
from flows.evidence import evidence
from flows.ingest import ingest
from flows.naming import run_name
from flows.retention import retention
from flows.transcribe import transcribe
from tasks.room import london_today


@flow(name="nightly", flow_run_name=run_name, persist_result=False, log_prints=False)
def nightly(
    as_of: date | None = None,
    controller: str | None = None,
    approve: str | None = None,
    night: str | None = None,
) -> State[Any]:
    """Take in, mute card numbers, transcribe, destroy what is due, collect the evidence."""
    night = night or token_hex(8)
    day = as_of or london_today()
    with tags("callward", f"night:{night}"):
        states: dict[str, State[Any]] = {
            "ingest": ingest(day, controller, night, return_state=True),
            "cards": cards(day, controller, night, return_state=True),
            "transcribe": transcribe(day, controller, night, return_state=True),
            "retention": retention(day, controller, night, approve, return_state=True),
            "evidence": evidence(day, night, return_state=True),
        }
    failed = {stage: state for stage, state in states.items() if not state.is_completed()}
    if failed:
        said = "; ".join(f"{stage}: {state.message}" for stage, state in failed.items())
        return Failed(name="NightFailed", message=said)
    return Completed(message="; ".join(f"{s}: {state.message}" for s, state in states.items()))
