"""The gate fails closed, and keeps nothing of what it saw."""

import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from callward.errors import DefectError
from callward.gates import CRITICAL, ROW, GateResult, Outcome
from data_checks import engine
from data_checks.declare import Derived, Expect, Kind, Suite, matches
from data_checks.engine import Reading
from data_checks.gate import GreatExpectationsGates
from data_checks.suites import SUITES

CANARY = "Zebedee Canary 07700 900123"
ROOT = Path(__file__).parents[2]


def _failed(result: GateResult) -> set[str]:
    return {check.name for check in result.checks if not check.success}


@pytest.mark.parametrize("suite", SUITES)
def test_an_empty_batch_is_named_so(gates: GreatExpectationsGates, frames: Any, suite: str) -> None:
    """No rows are no pass, whether the empty frame has dtypes or not."""
    typed = frames(suite).iloc[:0]
    untyped = pd.DataFrame(columns=list(SUITES[suite].columns))
    for empty in (typed, untyped):
        result = gates.check(suite, empty)
        assert (result.outcome, result.rows) == (Outcome.EMPTY, 0)
        assert [check.name for check in result.checks] == ["columns-declared"]


@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.parametrize("suite", SUITES)
def test_a_missing_column_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, suite: str, rows: int
) -> None:
    """A column that is not there fails the batch, even one without rows."""
    frame = frames(suite).iloc[:rows]
    column = list(SUITES[suite].columns)[-1]
    result = gates.check(suite, frame.drop(columns=column))
    assert result.outcome is Outcome.FAILED
    declared = next(check for check in result.checks if check.name == "columns-declared")
    assert (declared.success, declared.failed) == (False, 1)


def test_a_frame_without_anything_fails(gates: GreatExpectationsGates) -> None:
    """No columns at all is the worst kind of missing column."""
    assert gates.check("retention_entry", pd.DataFrame()).outcome is Outcome.FAILED


@pytest.mark.parametrize("rows", [0, 5])
def test_an_undeclared_column_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, rows: int
) -> None:
    """Nobody declared it, so nobody knows what it carries."""
    frame = frames("ingest_entry").assign(**{CANARY: CANARY}).iloc[:rows]
    result = gates.check("ingest_entry", frame)
    assert result.outcome is Outcome.FAILED
    assert _failed(result) == {"columns-declared"}


def test_a_column_given_twice_fails_the_batch(gates: GreatExpectationsGates, frames: Any) -> None:
    """Which of the two was judged could not be said."""
    frame = frames("retention_exit")
    twice = pd.concat([frame, frame[["certified"]]], axis=1)
    assert gates.check("retention_exit", twice).outcome is Outcome.FAILED


def test_a_column_named_like_a_computed_one_fails(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """A caller cannot hand in a relation that the gate computes itself."""
    frame = frames("ingest_exit").assign(overrun=0.0, seconds=9_000.0)
    assert gates.check("ingest_exit", frame).outcome is Outcome.FAILED


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_row_without_an_id_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, missing: Any
) -> None:
    """A row that cannot be named cannot be quarantined."""
    frame = frames("ingest_entry")
    frame["id"] = [missing, *frame["id"][1:]]
    result = gates.check("ingest_entry", frame)
    assert (result.outcome, result.failed_ids) == (Outcome.FAILED, {})
    assert "id-present" in _failed(result)


@pytest.mark.parametrize("suite", SUITES)
def test_an_id_given_twice_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, suite: str
) -> None:
    """Two rows under one id cannot be told apart."""
    frame = frames(suite)
    frame.loc[1, "id"] = frame.loc[0, "id"]
    result = gates.check(suite, frame)
    assert result.outcome is Outcome.FAILED
    assert _failed(result) == {"id-unique"}


NOT_IDS = [CANARY, "../../etc/passwd", "abcdef0123456789\n", ""]


@pytest.mark.parametrize("suite", SUITES)
def test_an_id_that_is_no_id_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, suite: str
) -> None:
    """Ids travel into quarantine and ledger, so content posing as one is stopped."""
    frame = frames(suite)
    frame.loc[1:, "id"] = NOT_IDS
    result = gates.check(suite, frame)
    assert (result.outcome, result.failed_ids) == (Outcome.FAILED, {})
    opaque = next(check for check in result.checks if check.name == "id-opaque")
    assert (opaque.evaluated, opaque.failed) == (5, len(NOT_IDS))


def test_a_moment_without_a_zone_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """Local time and UTC differ by the hour that decides a due day."""
    frame = frames("ingest_entry")
    frame["started_at"] = frame["started_at"].dt.tz_localize(None)
    result = gates.check("ingest_entry", frame)
    assert result.outcome is Outcome.FAILED
    assert "started_at-type" in _failed(result)


def test_a_moment_in_another_zone_is_the_same_moment(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """Any honest zone will do."""
    frame = frames("ingest_entry")
    frame["started_at"] = frame["started_at"].dt.tz_convert("Asia/Kathmandu")
    assert gates.check("ingest_entry", frame).outcome is Outcome.PASSED


def test_the_first_failed_check_gives_the_reason(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """A row that fails several checks is named once, by the first declared."""
    frame = frames("ingest_entry")
    frame.loc[2, "controller_known"] = False
    frame.loc[2, "bytes"] = 0
    frame.loc[4, "bytes"] = 0
    result = gates.check("ingest_entry", frame)
    assert result.failed_ids == {
        frame["id"][2]: "controller-known",
        frame["id"][4]: "bytes-not-empty",
    }
    assert result.to_json_dict()["failed_rows"] == 2


def test_the_frame_handed_in_is_left_alone(gates: GreatExpectationsGates, frames: Any) -> None:
    """Judging does not change what is judged, nor depend on its index."""
    frame = frames("ingest_exit")
    frame.loc[3, "rate"] = 0
    frame.index = pd.Index([7, 7, 1, 0, 3])
    before = frame.copy(deep=True)
    result = gates.check("ingest_exit", frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(result.failed_ids) == [frame["id"].iloc[3]]


def test_an_unknown_suite_is_an_error(gates: GreatExpectationsGates) -> None:
    """A stage that names a gate nobody declared gets no verdict, and no echo."""
    with pytest.raises(DefectError) as caught:
        gates.check(CANARY, pd.DataFrame())
    assert CANARY not in str(caught.value)


def _tiny(*expects: Expect, derived: tuple[Derived, ...] = ()) -> GreatExpectationsGates:
    suite = Suite("tiny", {"id": Kind.TEXT, "codec": Kind.TEXT}, expects, derived)
    return GreatExpectationsGates({"tiny": suite})


TINY = pd.DataFrame({"id": ["0a" * 16, "0b" * 16], "codec": [CANARY, "mp3"]})


@pytest.mark.parametrize("severity", [CRITICAL, ROW])
@pytest.mark.parametrize(
    "broken",
    [
        matches("broken", "codec", "(", "R9"),
        matches("broken", "nowhere", "a", "R9"),
        Expect("broken", "expect_something_nobody_wrote", {"column": "codec"}, "row", "R9"),
        Expect("broken", "expect_column_values_to_be_between", {"column": "id"}, "row", "R9"),
    ],
    ids=["regex", "column", "type", "arguments"],
)
def test_a_check_that_cannot_run_fails_the_batch(broken: Expect, severity: str) -> None:
    """Even a row check stops the batch if it raised, and its error text is dropped."""
    result = _tiny(replace(broken, severity=severity)).check("tiny", TINY)
    assert result.outcome is Outcome.FAILED
    checks = {check.name: check for check in result.checks}
    assert (checks["broken"].success, checks["broken"].ran) == (False, False)
    assert CANARY not in repr(result)


def test_a_column_that_cannot_be_computed_fails_the_batch() -> None:
    """An error on the way to the checks is no pass either."""

    def explode(frame: pd.DataFrame) -> Any:
        raise ValueError(frame["codec"][0])

    result = _tiny(derived=(Derived("x", Kind.NUMBER, explode),)).check("tiny", TINY)
    assert result.outcome is Outcome.FAILED
    assert {check.evaluated for check in result.checks} == {0}
    assert CANARY not in repr(result)


def test_a_check_without_a_result_fails_the_batch(
    gates: GreatExpectationsGates, frames: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the library says nothing of one check, the batch has not passed."""
    real = engine.count

    def forgetful(frame: pd.DataFrame, expects: Any) -> dict[str, Reading]:
        readings = real(frame, expects)
        del readings["kind-handled"]
        return readings

    monkeypatch.setattr(engine, "count", forgetful)
    result = gates.check("ingest_entry", frames("ingest_entry"))
    assert (result.outcome, _failed(result)) == (Outcome.FAILED, {"kind-handled"})


@pytest.mark.parametrize("positions", [(), (1,), (1, 1)])
def test_rows_that_cannot_be_named_fail_the_batch(
    gates: GreatExpectationsGates,
    frames: Any,
    monkeypatch: pytest.MonkeyPatch,
    positions: tuple[int, ...],
) -> None:
    """Two rows failed; if fewer are named, one would slip through."""
    frame = frames("ingest_entry")
    frame.loc[[1, 2], "bytes"] = 0
    reading = Reading(success=False, evaluated=5, failed=2, positions=positions)
    monkeypatch.setattr(engine, "find_rows", lambda *_: {"bytes-not-empty": reading})
    result = gates.check("ingest_entry", frame)
    assert (result.outcome, result.failed_ids) == (Outcome.FAILED, {})


def test_no_value_is_kept_or_said(
    gates: GreatExpectationsGates,
    frames: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Canaries in a failing column, a wrong dtype and an undeclared column leave no trace."""
    caplog.set_level(logging.DEBUG)
    rows_failed = frames("ingest_exit")
    rows_failed.loc[2, "codec"] = CANARY
    wrong_kind = frames("ingest_exit").assign(rate=CANARY)
    undeclared = frames("ingest_exit").assign(**{CANARY: CANARY})
    batches = (rows_failed, wrong_kind, undeclared)
    results = [gates.check("ingest_exit", frame) for frame in batches]
    outcomes = [result.outcome for result in results]
    assert outcomes == [Outcome.ROWS_FAILED, Outcome.FAILED, Outcome.FAILED]
    said = capfd.readouterr()
    kept = json.dumps([result.to_json_dict() for result in results]) + repr(results)
    for text in (kept, caplog.text, said.out, said.err):
        assert "Canary" not in text
        assert "900123" not in text
    assert (said.out, said.err) == ("", "")


def test_stored_results_hold_counts_only(gates: GreatExpectationsGates, frames: Any) -> None:
    """No row id is stored either: quarantine has its own record of those."""
    frame = frames("ingest_entry")
    frame.loc[2, "bytes"] = 0
    result = gates.check("ingest_entry", frame)
    stored = json.dumps(result.to_json_dict())
    assert frame["id"][2] in result.failed_ids
    assert not any(row_id in stored for row_id in frame["id"])


def test_gates_in_threads_do_not_mix(gates: GreatExpectationsGates, frames: Any) -> None:
    """Batches judged at once get their own verdicts."""
    good, bad = frames("ingest_entry"), frames("ingest_entry")
    bad.loc[1, "bytes"] = 0
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda f: gates.check("ingest_entry", f), [good, bad] * 4))
    assert [r.outcome for r in results] == [Outcome.PASSED, Outcome.ROWS_FAILED] * 4


WATCHED = """
import sys
seen = []
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        seen.append(event)
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append("open for writing")
    elif event in ("os.mkdir", "tempfile.mkdtemp"):
        seen.append(event)
import callward.gates, data_checks.docs, data_checks.gate
import pandas as pd
assert "great_expectations" not in sys.modules, "imported before it is needed"
sys.dont_write_bytecode = True
sys.addaudithook(hook)
frame = pd.DataFrame({
    "id": ["0a" * 16], "key_gone": True, "payload_gone": True, "ciphertext_gone": True,
    "transcript_gone": True, "certified": True,
})
print(data_checks.gate.GreatExpectationsGates().check("retention_exit", frame).outcome, seen)
"""


def test_nothing_is_fetched_sent_or_written(tmp_path: Path) -> None:
    """In a fresh process a gate opens no connection, writes no file, and prints nothing."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("passed []\n", "", 0)
    assert list(tmp_path.iterdir()) == []
