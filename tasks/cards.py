"""Listening for card numbers and muting them, a task run per batch."""

from callward import night
from callward.run import StageReport
from tasks.room import Room
from tasks.steps import as_task


def cards(room: Room) -> StageReport:
    """Run the stage with every batch and gate as a task run."""
    return night.cards(room.instance, room.work, room.run, step=as_task)
