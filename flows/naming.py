"""Readable names of flow runs, made of stages, days and ids."""

from prefect.runtime import flow_run

from tasks.room import london_today


def run_name() -> str:
    """``retention 2026-11-23 acorn``: the flow, its day, its controller if there is one.

    A flow of a period has its first and last day instead: ``evidence 2026-01-01 2026-03-31``.
    """
    told = flow_run.parameters
    days = [told.get("from_day"), told.get("to_day")]
    if not all(days):
        days = [told.get("as_of") or london_today()]
    words = (flow_run.flow_name, *days, told.get("controller"))
    return " ".join(str(word) for word in words if word)
