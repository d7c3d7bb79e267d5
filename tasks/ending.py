"""How a stage's flow ends: its state says what happened."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from callward.errors import CallwardError
from callward.run import StageReport
from tasks.room import Room, stage_room
from tasks.watching import publish

_NAMES = {
    "gate-failed": "GateFailed",
    "brake": "Brake",
    "rejected": "Rejected",
    "nobody-decided": "NobodyDecided",
    "busy": "Busy",
    "instruction": "BadInstruction",
    "residue": "ResidueFound",
    "sub-processor-findings": "SubProcessorFindings",
    "assurance-findings": "AssuranceFindings",
    "review-rejected": "ReviewRejected",
    "review-due": "ReviewDue",
    "actions-overdue": "ActionsOverdue",
}
"""State names by the code of the (first) failure."""


def run_stage(stage: str, act: Callable[[Room], StageReport], **told: Any) -> State[Any]:
    """Do a stage in its room (``told``: as for ``stage_room``) and conclude it.

    Errors become the state, too: Prefect pickles what a flow raises onto disk.
    """
    try:
        with stage_room(stage, **told) as room:
            report = act(room)
    except CallwardError as error:
        report = StageReport(stage, failures=[str(error)])
    return conclude(report)


def conclude(report: StageReport) -> State[Any]:
    """Publish the stage's artifacts and return the state its flow run is to end in."""
    publish(report)
    return state_of(report)


def state_of(report: StageReport) -> State[Any]:
    """The state that says what a report says."""
    if report.failures:
        code = report.failures[0].partition("]")[0].removeprefix("[")
        message = "; ".join(report.failures)
        return Failed(name=_NAMES.get(code, "Failed"), message=message, data=report)
    return Completed(name=report.outcome or "Completed", message=_sentence(report), data=report)


def _sentence(report: StageReport) -> str:
    totals = sorted({name for counts in report.counts.values() for name in counts})
    return ", ".join(f"{report.total(name)} {name}" for name in totals) or "nothing to do"
