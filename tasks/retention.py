"""Destroying what is due, a task run per batch; where the brake stops it, a person is asked."""

from dataclasses import replace

from callward import night
from callward.errors import BrakeError
from callward.retention import approvals
from callward.retention.approvals import Approval
from callward.run import StageReport
from tasks import asking, waiting
from tasks.room import Room
from tasks.steps import as_task

_BRAKE = f"[{BrakeError.code}]"


def retention(room: Room) -> StageReport:
    """Run the stage with every batch and gate as a task run.

    It ends at the brake and is run again, plan, holds and gates included, once somebody
    has decided: the guard is free while the flow run waits.
    """
    report = _stage(room)
    while (asked := _stopped(room, report)) is not None:
        if not asking.wait(room.instance, asked):
            return _undecided(room, report, asked)
        before, report = report, _stage(room)
        for controller, counts in before.counts.items():  # what did not wait for anybody
            report.add(controller, counts)
    return report


def _stage(room: Room) -> StageReport:
    return night.retention(room.instance, room.work, room.run, step=as_task)


def _stopped(room: Room, report: StageReport) -> Approval | None:
    """The approval that is needed, if that is what stopped the stage."""
    if not any(failure.startswith(_BRAKE) for failure in report.failures):
        return None
    with room.instance.reading() as connection:
        return approvals.awaiting(connection, room.run)


def _undecided(room: Room, report: StageReport, asked: Approval) -> StageReport:
    """Nothing is destroyed, and the night says that it waited, if it did."""
    minutes = room.instance.settings.approval_wait_minutes
    if not minutes:
        return report
    said = waiting.NobodyDecidedError(
        f"nothing was destroyed: nobody decided within {minutes:g} minutes on approval "
        f"{asked.id} of {asked.total} objects; it can be given until "
        f"{asked.expires_at:%Y-%m-%d %H:%M} UTC, and the next night uses it"
    )
    others = [failure for failure in report.failures if not failure.startswith(_BRAKE)]
    return replace(report, failures=[str(said), *others])
