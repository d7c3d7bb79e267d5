"""The verdict on a batch, and what a stage makes of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import GateFailedError
from callward.gates import CRITICAL, ROW, WARNING, Check, GateResult, Outcome, judge, require


def _check(*, severity: str, success: bool, evaluated: int = 5, name: str = "c") -> Check:
    return Check(
        expectation="expect_something",
        column="x",
        severity=severity,
        promise="R9",
        success=success,
        evaluated=evaluated,
        failed=0 if success else min(1, evaluated),
        name=name,
    )


CHECKS = st.builds(
    _check,
    severity=st.sampled_from([CRITICAL, ROW, WARNING]),
    success=st.booleans(),
    evaluated=st.integers(0, 5),
)


def test_no_checks_are_no_pass() -> None:
    """Nothing checked is nothing known."""
    assert judge(0, ()) is Outcome.FAILED
    assert judge(5, ()) is Outcome.FAILED


@given(st.lists(CHECKS, min_size=1), st.integers(0, 9))
def test_a_batch_passes_only_if_everything_did(checks: list[Check], rows: int) -> None:
    """PASSED needs rows and every check but warnings; failed critical or unrun ones fail."""
    outcome = judge(rows, tuple(checks))
    if outcome is Outcome.PASSED:
        assert rows
        assert all(check.success or check.severity == WARNING for check in checks)
    stopped = any(
        not check.success and (check.severity == CRITICAL or check.evaluated == 0)
        for check in checks
    )
    assert (outcome is Outcome.FAILED) == stopped


def test_failed_rows_do_not_stop_a_stage() -> None:
    """Only FAILED raises."""
    bad_row = _check(severity=ROW, success=False)
    assert judge(5, (bad_row,)) is Outcome.ROWS_FAILED
    for outcome in (Outcome.PASSED, Outcome.ROWS_FAILED, Outcome.EMPTY):
        require(GateResult("s", outcome, 5, {}, (bad_row,)))


def test_a_warning_is_told_and_stops_nothing() -> None:
    """Unless it could not run: then nobody knows what it would have said."""
    warned = _check(severity=WARNING, success=False, name="refused-share")
    fine = _check(severity=WARNING, success=True, name="masked-share")
    assert judge(5, (warned, fine)) is Outcome.PASSED
    result = GateResult("s", Outcome.PASSED, 5, {}, (warned, fine))
    assert result.warnings == (warned,)
    require(result)
    unrun = _check(severity=WARNING, success=False, evaluated=0)
    assert judge(5, (fine, unrun)) is Outcome.FAILED


def test_the_error_names_suite_checks_and_counts() -> None:
    """Whoever reads it knows what stopped the stage; failed rows did not."""
    checks = (
        _check(severity=CRITICAL, success=False, name="not-held"),
        _check(severity=CRITICAL, success=True, name="id-unique"),
        _check(severity=ROW, success=False, name="rate-possible"),
        _check(severity=ROW, success=False, evaluated=0, name="unrun"),
    )
    with pytest.raises(GateFailedError) as caught:
        require(GateResult("retention_entry", Outcome.FAILED, 5, {}, checks))
    assert str(caught.value) == (
        "[gate-failed] gate retention_entry failed over 5 rows: "
        "not-held (1 of 5), 1 checks without a result"
    )


def test_a_failure_without_checks_still_raises() -> None:
    """A gate that never got going stops the stage too."""
    with pytest.raises(GateFailedError, match="all checks without a result"):
        require(GateResult("s", Outcome.FAILED, 5, {}, ()))


def test_the_stored_form_is_plain_json() -> None:
    """It goes into a JSON column and comes back the same."""
    result = GateResult(
        "s", Outcome.ROWS_FAILED, 5, {"0a": "c"}, (_check(severity=ROW, success=False),)
    )
    stored = result.to_json_dict()
    assert json.loads(json.dumps(stored)) == stored
    assert stored == {
        "suite": "s",
        "outcome": "rows-failed",
        "rows": 5,
        "failed_rows": 1,
        "checks": [
            {
                "name": "c",
                "expectation": "expect_something",
                "column": "x",
                "severity": "row",
                "promise": "R9",
                "success": False,
                "evaluated": 5,
                "failed": 1,
            }
        ],
    }
