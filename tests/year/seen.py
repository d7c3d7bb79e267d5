"""Flow runs of some of the year's nights, told by a hand-written client of Prefect."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from callward import night
from callward.run import Run
from tests.flowruns.orchestrator import FakePrefect

_SECONDS = 20.0
"""Of a stage; the flow of the whole night lasts as long as all of them."""


class Seen:
    """Knows of the nights that it is told of, as Prefect would."""

    def __init__(self) -> None:
        self._prefect = FakePrefect(page=200)
        self.history = self._prefect.open

    def begin(self, run: Run, at: datetime) -> list[UUID]:
        """A night's runs, all but the last stage ended; those that have not."""
        told: dict[str, Any] = {
            "parameters": {"night": run.night, "as_of": run.as_of.isoformat()},
            "tags": ["callward", f"night:{run.night}"],
        }
        whole = self._prefect.run("nightly", begun=at, seconds=None, state="RUNNING", **told)
        for number, stage in enumerate(night.STAGES[:-1]):
            begun = at + timedelta(seconds=number * _SECONDS)
            self._prefect.run(stage, begun=begun, seconds=_SECONDS, part_of=whole, **told)
        last = self._prefect.run(
            night.STAGES[-1], begun=at, seconds=None, state="RUNNING", part_of=whole, **told
        )
        return [whole, last]

    def end(self, runs: list[UUID], at: datetime) -> None:
        """What had not ended has."""
        ended = at + timedelta(seconds=len(night.STAGES) * _SECONDS)
        for one in runs:
            self._prefect.change(
                one, state_type="COMPLETED", state_name="Completed", end_time=ended
            )
