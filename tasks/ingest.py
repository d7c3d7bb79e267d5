"""Taking in what waits in the landing zone, a task run per batch."""

from callward import night
from callward.run import StageReport
from tasks.room import Room
from tasks.steps import as_task


def ingest(room: Room) -> StageReport:
    """Run the stage with every batch and gate as a task run."""
    return night.ingest(room.instance, room.work, room.run, step=as_task)
