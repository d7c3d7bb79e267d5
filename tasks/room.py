"""Where a flow works: the instance that ``CALLWARD_HOME`` names, its gates, this run."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from callward import night
from callward.clock import SystemClock, today
from callward.errors import scrubbed
from callward.instance import Instance, open_instance
from callward.run import Progress, Run, Work
from tasks.steps import TaskGates
from tasks.watching import progress_artifact

HOME_VARIABLE = "CALLWARD_HOME"
DEFAULT_HOME = "var"
SHOW_PROGRESS = "CALLWARD_SHOW_PROGRESS"


@dataclass(frozen=True, slots=True)
class Room:
    """What every stage's flow needs."""

    instance: Instance
    work: Work
    run: Run


@contextmanager
def stage_room(
    stage: str,
    *,
    as_of: date | None,
    controller: str | None,
    night_id: str | None,
    approve: str | None = None,
) -> Iterator[Room]:
    """Open the instance for one stage and close it again. Raises CallwardErrors only."""
    # Here, so that planning a deployment does not wait for Great Expectations.
    from data_checks.gate import GreatExpectationsGates  # noqa: PLC0415

    try:
        with closing(open_instance(Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME)))) as instance:
            run = night.new_run(
                instance, as_of=as_of, controller=controller, night=night_id, approve=approve
            )
            gates = TaskGates(GreatExpectationsGates())
            work = night.work_for(instance, gates, run, _progress(stage))
            yield Room(instance, work, run)
    except Exception as error:  # noqa: BLE001 - Prefect stores and shows what it says
        raise scrubbed(error) from None


def _progress(stage: str) -> Progress:
    """To Prefect's pages, and to the terminal of somebody who waits for it."""
    page = progress_artifact(stage)
    if not os.environ.get(SHOW_PROGRESS):
        return page
    from callward.cli_run import progress_lines  # noqa: PLC0415 - only where there is a terminal

    lines = progress_lines(stage)

    def tell(done: int, known: int) -> None:
        page(done, known)
        lines(done, known)

    return tell


def london_today() -> date:
    """Today in Europe/London, by the machine's clock."""
    return today(SystemClock())
