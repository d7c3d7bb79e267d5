"""What a stage sees of a gate: counts, names of checks and ids of rows, never a value.

The gate itself lives in ``data_checks``; stages depend on this protocol only.
Gates fail closed (DESIGN §3 rule 9): whatever was not checked has not passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

import pandas as pd

from callward.errors import GateFailedError

CRITICAL: Final = "critical"
ROW: Final = "row"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one expectation.

    ``severity`` is ``critical`` (the batch stops), ``row`` (the row is
    quarantined) or ``warning`` (counted and shown; it stops nothing unless it
    could not run); ``promise`` is the N1..N16 (DESIGN §8) or R1..R12 (§3) it
    guards. ``evaluated`` and ``failed`` count values; a check of the table as a
    whole evaluates 1. A check that could not run has evaluated 0 and not
    succeeded. ``name`` is stable, kebab-case, and serves as reason code.
    """

    expectation: str
    column: str | None
    severity: str
    promise: str
    success: bool
    evaluated: int
    failed: int
    name: str = ""

    @property
    def ran(self) -> bool:
        """Whether it came to a verdict at all."""
        return self.success or self.evaluated > 0


class Outcome(StrEnum):
    """The verdict on a batch; one with warnings alone has ``PASSED``."""

    PASSED = "passed"
    ROWS_FAILED = "rows-failed"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate's verdict on one batch.

    ``failed_ids`` maps the id of each row that failed to the name of the first
    check it failed; it is empty when the batch as a whole ``FAILED``, because
    nothing may be sorted out of a batch that was not properly judged.
    ``checks`` lists what was run; checks of shares are left out below the number
    of rows they need.
    """

    suite: str
    outcome: Outcome
    rows: int
    failed_ids: Mapping[str, str]
    checks: tuple[Check, ...]

    @property
    def warnings(self) -> tuple[Check, ...]:
        """The checks that only warn, and do."""
        return tuple(c for c in self.checks if c.severity == WARNING and c.ran and not c.success)

    def to_json_dict(self) -> dict[str, Any]:
        """The storable form: names and counts, no row ids, no sample values."""
        return {
            "suite": self.suite,
            "outcome": self.outcome.value,
            "rows": self.rows,
            "failed_rows": len(self.failed_ids),
            "checks": [
                {
                    "name": check.name,
                    "expectation": check.expectation,
                    "column": check.column,
                    "severity": check.severity,
                    "promise": check.promise,
                    "success": check.success,
                    "evaluated": check.evaluated,
                    "failed": check.failed,
                }
                for check in self.checks
            ],
        }


class Gates(Protocol):
    """Something that judges batches of metadata."""

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Judge ``frame`` (one row per item, opaque ids in ``id``) by the named suite.

        Never raises over the data: what cannot be judged has ``FAILED``.
        """
        ...


def judge(rows: int, checks: tuple[Check, ...]) -> Outcome:
    """The outcome of a batch of ``rows`` rows, given what became of every check."""
    if not checks or any(_stops(check) for check in checks):
        return Outcome.FAILED
    if rows == 0:
        return Outcome.EMPTY
    if all(check.success or check.severity == WARNING for check in checks):
        return Outcome.PASSED
    return Outcome.ROWS_FAILED


def require(result: GateResult) -> None:
    """Stop the stage if the batch failed.

    Raises GateFailedError naming the suite, each check that stopped the batch
    and its counts.
    """
    if result.outcome is not Outcome.FAILED:
        return
    stopped = [check for check in result.checks if _stops(check)]
    parts = [
        f"{check.name or check.expectation} ({check.failed} of {check.evaluated})"
        for check in stopped
        if check.ran
    ]
    unchecked = len(stopped) - len(parts)
    if unchecked or not stopped:
        parts.append(f"{unchecked or 'all'} checks without a result")
    raise GateFailedError(f"gate {result.suite} failed over {result.rows} rows: {', '.join(parts)}")


def _stops(check: Check) -> bool:
    return not check.success and (check.severity not in {ROW, WARNING} or not check.ran)
