"""Packing the evidence, and the Data Docs of the gates, in task runs."""

from callward import night
from callward.clock import today
from callward.evidence.model import PackKind, Period
from callward.evidence.months import month_before, month_of
from callward.evidence.stage import stored_gates
from callward.run import StageReport
from data_checks.docs import StoredResult, write_docs
from tasks.history import flow_runs
from tasks.room import Room
from tasks.steps import as_task


def evidence(room: Room, period: Period | None, kind: PackKind = "nightly") -> StageReport:
    """Build the pack with the flow runs of its period; render what the gates found."""
    report, _ = night.evidence(
        room.instance, room.work, room.run, flow_runs, step=as_task, period=period, kind=kind
    )
    results = [StoredResult(**row) for row in stored_gates(room.instance)]
    write_docs(room.instance.settings.data_docs, results)
    return report


def monthly_evidence(room: Room, month: str | None) -> StageReport:
    """The same of a calendar month (``2026-10``), by default of the one before this."""
    day = today(room.instance.clock)
    period = month_of(month, day) if month else month_before(day)
    return evidence(room, period, "monthly")
