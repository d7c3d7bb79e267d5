"""How a stage's flow ends: its state says what happened."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from callward.run import StageReport
from tasks.watching import publish

_NAMES = {
    "gate-failed": "GateFailed",
    "brake": "Brake",
    "busy": "Busy",
    "instruction": "BadInstruction",
}
"""State names by the code of the (first) failure."""


def conclude(report: StageReport) -> State[Any]:
    """Publish the stage's artifacts and return the state its flow run is to end in."""
    publish(report)
    if report.failures:
        code = report.failures[0].partition("]")[0].removeprefix("[")
        message = "; ".join(report.failures)
        return Failed(name=_NAMES.get(code, "Failed"), message=message, data=report)
    return Completed(name=report.outcome or "Completed", message=_sentence(report), data=report)


def _sentence(report: StageReport) -> str:
    totals = sorted({name for counts in report.counts.values() for name in counts})
    return ", ".join(f"{report.total(name)} {name}" for name in totals) or "nothing to do"
