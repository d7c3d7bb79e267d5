"""Looking for what is left of shredded objects, in a task run."""

from callward import night
from callward.run import StageReport
from tasks.room import Room
from tasks.steps import as_task


def residual_scan(room: Room) -> StageReport:
    """Run the whole scan as a task run."""
    return night.residual_scan(room.instance, step=as_task)
