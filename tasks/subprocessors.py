"""Checking the register of sub-processors in a task run, and showing what was found."""

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from callward import night
from callward.run import StageReport
from callward.subprocessors.stage import STAGE, Checked, as_markdown, as_rows
from tasks.room import Room
from tasks.steps import as_task


def check_sub_processors(room: Room) -> StageReport:
    """Check the whole register as a task run."""
    report, checked = night.sub_processors(room.instance, step=as_task)
    if checked is not None:
        _show(checked)
    return report


def _show(checked: Checked) -> None:
    """A table of all findings, and the same in sentences."""
    create_table_artifact(
        key=f"{STAGE}-findings",
        table=as_rows(checked.findings) or [{"sub-processor": "-", "finding": "none"}],
        description=f"{STAGE}: what forbids use, and what runs out within 90 days",
    )
    create_markdown_artifact(key=f"{STAGE}-explained", markdown=as_markdown(checked))
