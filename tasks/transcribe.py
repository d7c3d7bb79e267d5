"""Transcribing what controllers have asked for, a task run per batch, or a flow run per shard."""

from dataclasses import replace

from callward import night
from callward.run import StageReport
from tasks.pool import hand_out, while_away
from tasks.room import Room
from tasks.steps import as_task


def transcribe(room: Room) -> StageReport:
    """Run the stage with every batch and gate as a task run; shards may be done elsewhere."""
    work = replace(room.work, progress=while_away(room.work.progress))
    return night.transcribe(room.instance, work, room.run, step=as_task, hand_out=hand_out)
