"""The gate: judge a batch with Great Expectations, keep counts and ids, nothing else.

Two passes. The first counts, for every expectation. Only if rows failed and the
batch stands does a second one ask for their ids, of the failing checks alone.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from callward.errors import DefectError
from callward.gates import ROW, Check, GateResult, Outcome, judge
from data_checks import engine
from data_checks.declare import Expect, Suite
from data_checks.engine import Reading
from data_checks.prepare import prepare
from data_checks.suites import SUITES


class UnknownSuiteError(DefectError):
    """A stage asked for a gate that nobody declared."""

    code = "unknown-suite"


class GreatExpectationsGates:
    """Gates over the suites declared in ``data_checks.suites`` (or those given)."""

    def __init__(self, suites: Mapping[str, Suite] = SUITES) -> None:
        self._suites = suites

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Judge ``frame`` by the suite of that name; the frame is not changed.

        Raises UnknownSuiteError if there is no such suite, and nothing over the
        data: a batch that cannot be judged has ``FAILED``.
        """
        if suite not in self._suites:
            raise UnknownSuiteError("no suite is declared under the name a stage asked for")
        declaration = self._suites[suite]
        try:
            return _check(declaration, frame)
        except Exception:  # noqa: BLE001 - fail closed; the text may quote values, so it is dropped
            return _unjudged(declaration, len(frame))


def _check(suite: Suite, frame: pd.DataFrame) -> GateResult:
    rows = len(frame)
    prepared = prepare(suite, frame)
    wanted = suite.for_rows(rows)
    runnable = wanted if prepared.sound else tuple(e for e in wanted if e in suite.shape)
    readings = engine.count(prepared.frame, runnable)
    checks = tuple(_to_check(e, readings.get(e.name)) for e in wanted)
    outcome = judge(rows, checks)
    if outcome is not Outcome.ROWS_FAILED:
        return GateResult(suite.name, outcome, rows, {}, checks)
    failing = [
        e
        for e, check in zip(wanted, checks, strict=True)
        if not check.success and check.severity == ROW
    ]
    found = engine.find_rows(prepared.frame, failing)
    if not _agree(failing, readings, found):
        return _unjudged(suite, rows)
    failures = _first_failures(prepared.frame["id"], failing, found)
    return GateResult(suite.name, outcome, rows, failures, checks)


def _to_check(expect: Expect, reading: Reading | None) -> Check:
    """A check without a reading did not run, and so has not passed."""
    return Check(
        expectation=expect.type,
        column=expect.column,
        severity=expect.severity,
        promise=expect.promise,
        success=reading is not None and reading.success,
        evaluated=reading.evaluated if reading else 0,
        failed=reading.failed if reading else 0,
        name=expect.name,
    )


def _agree(
    failing: Sequence[Expect], counted: Mapping[str, Reading], found: Mapping[str, Reading]
) -> bool:
    """Whether the second pass named exactly as many rows as the first one counted."""
    return all(
        e.name in found and 0 < counted[e.name].failed == len(set(found[e.name].positions))
        for e in failing
    )


def _first_failures(
    ids: "pd.Series[str]", failing: Sequence[Expect], found: Mapping[str, Reading]
) -> dict[str, str]:
    """Row id to the first of the ``failing`` checks, in declared order, that it failed."""
    failures: dict[str, str] = {}
    for expect in reversed(failing):
        rows = ids.iloc[list(found[expect.name].positions)]
        failures |= dict.fromkeys(rows, expect.name)
    return failures


def _unjudged(suite: Suite, rows: int) -> GateResult:
    checks = tuple(_to_check(e, None) for e in suite.for_rows(rows))
    return GateResult(suite.name, Outcome.FAILED, rows, {}, checks)
