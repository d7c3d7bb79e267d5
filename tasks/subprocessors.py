"""Checking the register of sub-processors in a task run, and showing what was found."""

from callward import night
from callward.run import StageReport
from callward.subprocessors.stage import STAGE, as_markdown, as_rows
from tasks.room import Room
from tasks.showing import show_findings
from tasks.steps import as_task


def check_sub_processors(room: Room) -> StageReport:
    """Check the whole register as a task run."""
    report, checked = night.sub_processors(room.instance, step=as_task)
    if checked is not None:
        show_findings(
            STAGE,
            as_rows(checked.findings),
            {"sub-processor": "-", "finding": "none"},
            title="what forbids use, and what runs out within 90 days",
            text=as_markdown(checked),
        )
    return report
