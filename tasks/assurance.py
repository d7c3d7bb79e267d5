"""Checking the register of assurance in a task run, and showing what was found."""

from callward import night
from callward.assurance.stage import STAGE, as_markdown, as_rows
from callward.run import StageReport
from tasks.room import Room
from tasks.showing import show_findings
from tasks.steps import as_task


def check_assurance(room: Room) -> StageReport:
    """Check the whole register as a task run."""
    report, checked = night.assurance(room.instance, step=as_task)
    if checked is not None:
        show_findings(
            STAGE,
            as_rows(checked.findings),
            {"item": "-", "finding": "none"},
            title="what is not as promised, and what runs out within 90 days",
            text=as_markdown(checked),
        )
    return report
