"""Running a part of a stage, or a gate, as a Prefect task of its own.

Tasks take a callable and a name made of ids and counts; nothing of a batch
becomes a parameter, a result is never kept, and idempotency is ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote

from callward.errors import scrubbed
from callward.gates import GateResult, Gates
from callward.parts import Part
from callward.run import StageReport


@task(name="part", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
def _run(part: Any) -> Any:
    return part()


def _as_task(kind: str, name: str, part: Callable[[], Any]) -> Any:
    named = _run.with_options(name=kind, task_run_name=name)
    # Quoted, so that Prefect does not look into what the part is bound to.
    return named(quote(part))


def as_task(name: str, part: Part) -> StageReport:
    """``callward.parts.Step`` that shows the part as a task run called ``name``."""
    report: StageReport = _as_task("part", name, part)
    return report


@dataclass(frozen=True, slots=True)
class TaskGates:
    """Gates whose checks are task runs."""

    gates: Gates

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Judge ``frame`` in a task run named after the suite and the number of rows."""
        name = f"gate {suite}, {len(frame)} rows"
        result: GateResult = _as_task("gate", name, partial(self._judge, suite, frame))
        return result

    def _judge(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Prefect stores the text of whatever is raised here, and it may quote a value."""
        try:
            return self.gates.check(suite, frame)
        except Exception as error:  # noqa: BLE001 - whatever it is
            raise scrubbed(error) from None
