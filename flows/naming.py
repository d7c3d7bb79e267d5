"""Readable names of flow runs, made of stages, days and ids."""

from prefect.runtime import flow_run


def run_name() -> str:
    """``retention 2026-11-23 acorn``: the flow, its day, its controller if there is one."""
    parameters = flow_run.parameters
    words = (flow_run.flow_name, parameters.get("as_of"), parameters.get("controller"))
    return " ".join(str(word) for word in words if word)
