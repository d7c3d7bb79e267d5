"""Running the parts of a stage one by one, so that one that fails does not hide the others.

``Step`` is how one part is run: directly, or as a task that an orchestrator shows.
"""

from collections.abc import Callable
from functools import partial

from callward.errors import CallwardError, scrubbed
from callward.run import StageReport

Part = Callable[[], StageReport]
Step = Callable[[str, Part], StageReport]


def directly(_name: str, part: Part) -> StageReport:
    """Run a part here and now."""
    return part()


def attempt(report: StageReport, step: Step, name: str, part: Part) -> StageReport | None:
    """Run a part; what it counted, or why it failed, goes into the report."""
    try:
        done = step(name, partial(_scrubbed, part))
    except CallwardError as error:
        report.failures.append(str(error))
        return None
    report.merge(done)
    return done


def _scrubbed(part: Part) -> StageReport:
    """Let only Callward's own errors out: others' texts may quote content or file names."""
    try:
        return part()
    except CallwardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not get out
        raise scrubbed(error) from None
