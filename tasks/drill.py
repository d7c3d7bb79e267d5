"""Restoring backups into a scratch place and trying what opens, in a task run."""

from callward import night
from callward.run import StageReport
from tasks.room import Room
from tasks.steps import as_task


def restore_drill(room: Room) -> StageReport:
    """Run the drill as a task run."""
    return night.restore_drill(room.instance, step=as_task)
