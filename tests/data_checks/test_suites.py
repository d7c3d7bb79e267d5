"""Every expectation of every suite: a batch that passes, and one that fails it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.gates import CRITICAL, ROW, WARNING, GateResult, Outcome
from data_checks.declare import FEW, Expect, Kind
from data_checks.gate import GreatExpectationsGates
from data_checks.suites import SUITES

PROMISES = {f"N{n}" for n in range(1, 17)} | {f"R{n}" for n in range(1, 13)}
NEVER = pd.NaT
FIRST = pd.Timestamp("2026-01-05 09:00", tz="UTC")


@dataclass(frozen=True)
class Case:
    """Values for one row that fail ``check`` and nothing else of the suite.

    A value may be made from the row's number.
    """

    suite: str
    check: str
    change: dict[str, Any] = field(hash=False)


HEARD = {
    "spans": 1,
    "muted_seconds": 9.0,
    "longest_muted": 9.0,
    "ciphertext_digest": lambda n: f"{n + 1000:064x}",
    "due_day": "2026-02-19",
    "original_due_day": "2026-02-19",
}
"""A recording that a muted one takes the place of."""
SUNDAY = "2026-01-04"

ROWS_BAD = [
    Case("ingest_entry", "controller-known", {"controller_known": False}),
    Case("ingest_entry", "bytes-not-empty", {"bytes": 0}),
    Case(
        "ingest_entry",
        "ended-not-before-started",
        {"ended_at": pd.Timestamp("2026-01-05 08:59", tz="UTC")},
    ),
    Case("ingest_entry", "age-not-future", {"age_days": -0.01}),
    Case("ingest_entry", "age-plausible", {"age_days": 20_000.0}),
    Case("ingest_entry", "kind-handled", {"kind": "fingerprint"}),
    Case("ingest_entry", "direction-known", {"direction": "sideways"}),
    Case("ingest_exit", "digest-matches", {"digest_matches": False}),
    Case("ingest_exit", "codec-named", {"codec": "Ann Example 0161"}),
    Case("ingest_exit", "rate-possible", {"rate": 0}),
    Case("ingest_exit", "channels-possible", {"channels": 0}),
    Case("ingest_exit", "seconds-possible", {"seconds": 0.0}),
    Case("ingest_exit", "peak-finite", {"peak": np.inf}),
    Case("ingest_exit", "silence-is-a-share", {"silent_share": 1.01}),
    Case("ingest_exit", "promised-possible", {"seconds_promised": -1.0}),
    Case("ingest_exit", "no-longer-than-call", {"seconds": 541.0}),
    Case("ingest_exit", "due-not-before-anchor", {"due_day": "2026-01-04"}),
    Case("ingest_exit", "kept-within-ceiling", {"due_day": "2029-01-06"}),
    Case("records_exit", "kind-handled", {"kind": "fingerprint"}),
    Case("records_exit", "described", {"started_at": NEVER}),
    Case("records_exit", "direction-known", {"direction": "sideways"}),
    Case(
        "records_exit",
        "ended-not-before-started",
        {"ended_at": pd.Timestamp("2026-01-05 08:59", tz="UTC")},
    ),
    Case("records_exit", "anchored-where-it-ended", {"anchor_day": SUNDAY}),
    Case(
        "records_exit",
        "age-plausible",
        {
            "started_at": pd.Timestamp("1980-01-06", tz="UTC"),
            "ended_at": pd.Timestamp("1980-01-06", tz="UTC"),
            "anchor_day": "1980-01-06",
            "due_day": "1983-01-06",
        },
    ),
    Case("records_exit", "due-told", {"due_day": None}),
    Case("records_exit", "active-is-an-account", {"active": True}),
    Case("records_exit", "due-not-before-anchor", {"due_day": SUNDAY}),
    Case("records_exit", "kept-within-ceiling", {"due_day": "2029-01-06"}),
    Case("records_exit", "known-or-newer", {"duplicate": True, "new_version": True}),
    Case("records_exit", "people-counted", {"people": -1}),
    Case("records_exit", "bytes-possible", {"bytes": -1}),
    Case("records_exit", "parts-possible", {"parts": -1}),
    Case("records_exit", "masked-possible", {"masked": 10_001}),
    Case("cards_entry", "mode-scan", {"mode": "pause_and_resume"}),
    Case("cards_entry", "not-scanned-already", {"already": True}),
    Case("cards_entry", "seconds-possible", {"seconds": 0.0}),
    Case("cards_entry", "channels-possible", {"channels": 0}),
    Case("cards_entry", "rate-possible", {"rate": 0}),
    Case("cards_exit", "same-length", {"same_length": False}),
    Case("cards_exit", "seconds-possible", {"seconds": 0.0}),
    Case("cards_exit", "spans-counted", HEARD | {"spans": 1001}),
    Case("cards_exit", "spans-and-seconds-agree", {"spans": 0, "muted_seconds": 5.0}),
    Case("cards_exit", "muted-counted", {"spans": 0, "muted_seconds": -1.0}),
    Case("cards_exit", "muted-in-recording", HEARD | {"muted_seconds": 241.0}),
    Case("cards_exit", "longest-counted", HEARD | {"muted_seconds": 240.0, "longest_muted": 301.0}),
    Case("cards_exit", "longest-in-sum", HEARD | {"longest_muted": 10.0}),
    Case("transcribe_entry", "transcription-enabled", {"enabled": False}),
    Case("transcribe_entry", "not-held", {"held": True}),
    Case("transcribe_entry", "not-due", {"due_day": "2026-01-06"}),
    Case("transcribe_entry", "language-tag", {"language": "english please"}),
    Case("transcribe_entry", "seconds-possible", {"seconds": 0.0}),
    Case("transcribe_entry", "channels-possible", {"channels": 256}),
    Case("transcribe_exit", "words-counted", {"words": -1}),
    Case("transcribe_exit", "words-measured", {"mean_confidence": np.nan}),
    Case("transcribe_exit", "confidence-is-a-share", {"mean_confidence": 1.2}),
    Case("transcribe_exit", "pace-counted", {"words_per_minute": -1.0}),
    Case("transcribe_exit", "pace-human", {"words_per_minute": 5000.0}),
    Case("transcribe_exit", "starts-in-recording", {"first_start": -0.1}),
    Case("transcribe_exit", "end-not-before-start", {"last_end": 0.4}),
    Case("transcribe_exit", "ends-with-recording", {"last_end": 241.5}),
    Case(
        "transcribe_exit",
        "seconds-possible",
        {"seconds": 0.0, "first_start": 0.0, "last_end": 0.0},
    ),
    Case("transcribe_exit", "in-order", {"monotonic": False}),
    Case("transcribe_exit", "speech-counted", {"speech": -1.0}),
    Case("transcribe_exit", "pace-of-speech", {"words": 2001}),
    Case("transcribe_exit", "not-looping", {"looped": 0.31}),
    Case("transcribe_exit", "speech-covered", {"covered": 19.0}),
]

BATCH_BAD = [
    Case("ingest_exit", "ciphertext-unique", {"ciphertext_digest": f"{0:064x}"}),
    Case("ingest_exit", "ciphertext-digest", {"ciphertext_digest": "f" * 63}),
    Case("records_entry", "controller-known", {"controller_known": False}),
    Case("records_entry", "bytes-possible", {"bytes": 64 * 1024 * 1024 + 1}),
    Case("records_entry", "records-possible", {"records": 0}),
    Case("records_entry", "source-word", {"source": "export of Ann Example"}),
    Case("records_exit", "ciphertext-unique", {"ciphertext_digest": f"{0:064x}"}),
    Case("records_exit", "ciphertext-digest", {"ciphertext_digest": "f" * 63}),
    Case("records_exit", "source-word", {"source": "Ann Example"}),
    Case("records_exit", "reason-word", {"refused": True, "reason": "Ann's"}),
    Case("records_exit", "reason-given", {"refused": True}),
    Case("ingest_volumes", "controller-id", {"controller": "Ann Example"}),
    Case("ingest_volumes", "kind-handled", {"kind": "fingerprint"}),
    Case("ingest_volumes", "count-counted", {"count": -1}),
    Case("ingest_volumes", "median-counted", {"median": -1.0}),
    Case("ingest_volumes", "quarantined-is-a-share", {"share_quarantined": -0.1}),
    Case("ingest_volumes", "masked-is-a-share", {"share_masked": -0.1}),
    Case("ingest_volumes", "volume-not-missing", {"count": 119, "ratio": 119 / 1200}),
    Case("ingest_volumes", "volume-not-flooded", {"count": 12_001, "ratio": 12_001 / 1200}),
    Case("cards_entry", "controller-id", {"controller": "Ann Example"}),
    Case("cards_exit", "ciphertext-unique", {"ciphertext_digest": f"{1:064x}"}),
    Case("cards_exit", "ciphertext-digest", {"ciphertext_digest": "f" * 63}),
    Case("cards_exit", "due-with-original", {"due_day": "2026-02-20"}),
    Case("cards_exit", "replacement-sealed", {"ciphertext_digest": None}),
    Case("transcribe_entry", "one-as-of", {"as_of": "2026-01-07"}),
    Case("transcribe_entry", "controller-id", {"controller": "Ann Example"}),
    Case("transcribe_exit", "due-with-recording", {"same_due_day": False}),
    Case("retention_entry", "one-as-of", {"as_of": "2026-02-20"}),
    Case("retention_entry", "due", {"due_day": "2026-02-20"}),
    Case("retention_entry", "not-held", {"held": True}),
    Case("retention_entry", "state-destroyable", {"state": "shredded"}),
    Case("retention_entry", "controller-id", {"controller": "+441615550100"}),
    Case("retention_entry", "kind-word", {"kind": "a note about Ann"}),
    Case("retention_exit", "key-gone", {"key_gone": False}),
    Case("retention_exit", "payload-gone", {"payload_gone": False}),
    Case("retention_exit", "ciphertext-gone", {"ciphertext_gone": False}),
    Case("retention_exit", "transcript-gone", {"transcript_gone": False}),
    Case("retention_exit", "certified", {"certified": False}),
    Case("evidence_entry", "stage-word", {"stage": "the ingest"}),
    Case("evidence_entry", "controller-id", {"controller": "Ann Example"}),
    Case("evidence_entry", "counted-in", {"counted_in": -1}),
    Case("evidence_entry", "counted-out", {"counted_out": -1}),
    Case("evidence_entry", "balanced", {"balanced": False}),
    Case("evidence_exit", "bytes-counted", {"bytes": -1}),
    Case("evidence_exit", "digest-matches", {"digest_matches": False}),
    Case("evidence_exit", "in-manifest", {"in_manifest": False}),
    Case("review_entry", "collected", {"collected": False}),
    Case("review_entry", "digest-matches", {"digest_matches": False}),
    Case("review_entry", "fresh", {"fresh": False}),
    Case("review_entry", "asked-for", {"clauses": 0}),
]

SHARES_BAD = [
    Case("ingest_entry", "bytes-share", {"bytes": 0}),
    Case("ingest_exit", "digest-share", {"digest_matches": False}),
    Case("ingest_exit", "silence-share", {"silent_share": 1.0}),
    Case("transcribe_exit", "words-share", {"words": 0}),
    Case(
        "cards_exit",
        "much-muted-share",
        HEARD | {"muted_seconds": 200.0, "longest_muted": 200.0},
    ),
]

WARNED = [
    Case("records_entry", "age-not-future", {"age_days": -1.5}),
    Case("records_exit", "refused-share", {"refused": True, "reason": "row-malformed"}),
    Case("records_exit", "masked-share", {"masked": 1}),
    Case("records_exit", "duplicate-share", {"duplicate": True}),
    Case(
        "records_exit",
        "order-share",
        {
            "source": "asterisk-cdr",
            "ended_at": lambda n: FIRST + pd.Timedelta(minutes=FEW + 1 - n),
        },
    ),
    Case("ingest_volumes", "quarantined-share", {"share_quarantined": 0.6}),
    Case("ingest_volumes", "masked-share", {"share_masked": 0.21}),
    Case("cards_exit", "muted-share", HEARD),
    Case("transcribe_exit", "sure-of-words", {"mean_confidence": 0.29}),
    Case("transcribe_exit", "speech-heard", {"covered": 99.0}),
    Case("transcribe_exit", "speech-paced", {"words": 133}),
    Case("transcribe_exit", "loops-rare", {"looped": 0.06}),
    Case("transcribe_exit", "speech-found", {"speech": 0.0, "covered": 0.0}),
]

# A value of the wrong kind, per kind of column.
WRONG: dict[Kind, Any] = {
    Kind.TEXT: 7,
    Kind.WHOLE: 0.5,
    Kind.NUMBER: "240",
    Kind.TRUTH: 1,
    Kind.MOMENT: "2026-01-05T09:00:00",
    Kind.DAY: 20_260_219,
}


def _label(case: Case) -> str:
    return f"{case.suite}:{case.check}"


def _bad_row(frame: pd.DataFrame, at: int, change: dict[str, Any]) -> pd.DataFrame:
    for column, value in change.items():
        frame.loc[at, column] = value(at) if callable(value) else value
    return frame


def _all_bad(frames: Any, case: Case, rows: int) -> pd.DataFrame:
    frame: pd.DataFrame = frames(case.suite, rows)
    for column, value in case.change.items():
        frame[column] = [value(at) if callable(value) else value for at in range(rows)]
    return frame


def _failed(result: GateResult) -> set[str]:
    return {check.name for check in result.checks if not check.success}


@pytest.fixture(scope="session")
def bad_rows(
    gates: GreatExpectationsGates, frames: Any
) -> dict[str, tuple[pd.DataFrame, GateResult]]:
    """Per suite one batch in which row n fails the nth case of that suite, and row 0 none."""
    judged = {}
    for suite in {case.suite for case in ROWS_BAD}:
        cases = [case for case in ROWS_BAD if case.suite == suite]
        assert len(cases) < FEW - 1, "shares would be judged as well"
        frame = frames(suite, len(cases) + 1)
        for at, case in enumerate(cases, start=1):
            _bad_row(frame, at, case.change)
        judged[suite] = (frame, gates.check(suite, frame))
    return judged


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("rows", [1, FEW + 1])
def test_a_good_batch_passes(
    gates: GreatExpectationsGates, frames: Any, suite: str, rows: int
) -> None:
    """Nothing is refused of a batch with nothing wrong, however small."""
    result = gates.check(suite, frames(suite, rows))
    assert (result.outcome, result.rows, _failed(result)) == (Outcome.PASSED, rows, set())
    assert [check.name for check in result.checks] == [
        expect.name for expect in SUITES[suite].for_rows(rows)
    ]
    gaps = SUITES[suite].nullable
    assert all(check.evaluated > 0 or check.column in gaps for check in result.checks)
    shares = {e.name for e in SUITES[suite].expects if "mostly" in e.kwargs}
    assert not any(check.failed for check in result.checks if check.name not in shares)


@pytest.mark.parametrize("case", ROWS_BAD, ids=_label)
def test_a_bad_row_is_named_with_its_check(
    bad_rows: dict[str, tuple[pd.DataFrame, GateResult]], case: Case
) -> None:
    """A row that fails a check is named with that check; the good row is not."""
    frame, result = bad_rows[case.suite]
    at = [c for c in ROWS_BAD if c.suite == case.suite].index(case) + 1
    assert result.outcome is Outcome.ROWS_FAILED
    assert result.failed_ids[frame["id"][at]] == case.check
    assert frame["id"][0] not in result.failed_ids
    check = next(check for check in result.checks if check.name == case.check)
    assert (check.severity, check.success, check.failed >= 1) == (ROW, False, True)


@pytest.mark.parametrize("case", BATCH_BAD, ids=_label)
def test_one_bad_value_stops_the_batch(
    gates: GreatExpectationsGates, frames: Any, case: Case
) -> None:
    """One value against a critical check fails the batch, for that check alone."""
    result = gates.check(case.suite, _bad_row(frames(case.suite), 3, case.change))
    assert result.outcome is Outcome.FAILED
    assert _failed(result) == {case.check}
    assert result.failed_ids == {}


@pytest.mark.parametrize("case", SHARES_BAD, ids=_label)
def test_a_share_stops_a_large_batch_and_not_a_small_one(
    gates: GreatExpectationsGates, frames: Any, case: Case
) -> None:
    """What is an outage over many rows is an accident over few."""
    large, small = _all_bad(frames, case, FEW), _all_bad(frames, case, FEW - 1)
    stopped = gates.check(case.suite, large)
    assert stopped.outcome is Outcome.FAILED
    assert case.check in _failed(stopped)
    assert gates.check(case.suite, small).outcome is not Outcome.FAILED


@pytest.mark.parametrize("case", SHARES_BAD, ids=_label)
def test_one_bad_row_of_many_is_no_outage(
    gates: GreatExpectationsGates, frames: Any, case: Case
) -> None:
    """A share check leaves a single row to the row checks."""
    result = gates.check(case.suite, _bad_row(frames(case.suite, FEW), 3, case.change))
    assert result.outcome is not Outcome.FAILED
    assert case.check in {check.name for check in result.checks if check.success}


@pytest.mark.parametrize("case", WARNED, ids=_label)
def test_a_warning_is_shown_and_stops_nothing(
    gates: GreatExpectationsGates, frames: Any, case: Case
) -> None:
    """What is the supplier's doing is told, and costs no row and no batch."""
    result = gates.check(case.suite, _all_bad(frames, case, FEW))
    assert (result.outcome, result.failed_ids) == (Outcome.PASSED, {})
    assert [check.name for check in result.warnings] == [case.check]
    assert all(check.failed > 0 for check in result.warnings)


def test_a_share_of_few_is_no_warning(gates: GreatExpectationsGates, frames: Any) -> None:
    """Below FEW rows no share is told."""
    for case in WARNED:
        expect = next(e for e in SUITES[case.suite].expects if e.name == case.check)
        assert (expect.from_rows == FEW) == ("mostly" in expect.kwargs)
        if expect.from_rows:
            result = gates.check(case.suite, _all_bad(frames, case, FEW - 1))
            assert (result.outcome, result.warnings) == (Outcome.PASSED, ())


@pytest.mark.parametrize("suite", SUITES)
def test_every_column_is_held_to_its_kind(
    gates: GreatExpectationsGates, frames: Any, suite: str
) -> None:
    """Values of another kind fail the batch, each column by its own check."""
    frame = frames(suite)
    for column, kind in SUITES[suite].columns.items():
        frame[column] = WRONG[kind]
    result = gates.check(suite, frame)
    assert result.outcome is Outcome.FAILED
    assert {f"{column}-type" for column in SUITES[suite].columns} <= _failed(result)
    relations = {expect.name for expect in SUITES[suite].for_rows(len(frame))}
    relations -= {expect.name for expect in SUITES[suite].shape}
    assert not any(check.ran for check in result.checks if check.name in relations)


@pytest.mark.parametrize("suite", SUITES)
def test_every_gap_is_noticed(gates: GreatExpectationsGates, frames: Any, suite: str) -> None:
    """A missing value fails its row, or the batch where nothing may be missing."""
    declaration = SUITES[suite]
    expected = [e for e in declaration.shape if e.name.endswith("-present") and e.column != "id"]
    frame = frames(suite, len(expected) + 1)
    for at, expect in enumerate(expected):
        frame.loc[at, str(expect.column)] = None
    result = gates.check(suite, frame)
    assert {e.name for e in expected} <= _failed(result)
    if expected and declaration.presence == ROW:
        named = {frame["id"][at]: e.name for at, e in enumerate(expected)}
        assert result.failed_ids == named
    elif expected:
        assert result.outcome is Outcome.FAILED


def test_every_expectation_has_a_failing_case() -> None:
    """A new expectation without a case here is caught."""
    lists = (ROWS_BAD, BATCH_BAD, SHARES_BAD, WARNED)
    cases = {(case.suite, case.check) for cases in lists for case in cases}
    declared = {(suite.name, e.name) for suite in SUITES.values() for e in suite.expects}
    assert cases == declared


def test_every_expectation_guards_a_promise() -> None:
    """Severity and promise are from the lists; names are unique and fit a reason code."""
    for suite in SUITES.values():
        expects: list[Expect] = [*suite.shape, *suite.expects]
        assert len({e.name for e in expects}) == len(expects)
        for expect in expects:
            assert expect.promise in PROMISES
            assert expect.severity in (CRITICAL, ROW, WARNING)
            assert len(expect.name) <= 64
            assert expect.severity != ROW or "mostly" not in expect.kwargs


def test_destruction_and_evidence_know_no_row_failures() -> None:
    """Whatever is wrong there is wrong with the whole batch."""
    gates = ("retention_entry", "retention_exit", "evidence_entry", "evidence_exit")
    for name in (*gates, "review_entry"):
        suite = SUITES[name]
        assert {e.severity for e in (*suite.shape, *suite.expects)} == {CRITICAL}


RECORDS: list[dict[str, Any]] = [
    {"refused": True, "reason": "row-malformed", "kind": "record", "source": ""}
    | dict.fromkeys(["started_at", "ended_at", "ciphertext_digest", "due_day"]),
    {"refused": True, "reason": "credentials", "kind": None, "direction": None}
    | dict.fromkeys(["started_at", "ended_at", "ciphertext_digest", "due_day", "anchor_day"]),
    {"kind": "agent-account", "active": True, "due_day": None},
    {"duplicate": True, "ciphertext_digest": None, "due_day": None},
    {"new_version": True, "masked": 3},
    {"people": 0, "direction": "none", "parts": 14, "bytes": 3_000_000},
    {
        "started_at": pd.Timestamp("2026-06-30 22:50", tz="UTC"),
        "ended_at": pd.Timestamp("2026-06-30 23:10", tz="UTC"),
        "anchor_day": "2026-07-01",
        "due_day": "2026-07-01",
    },
]


def test_unusual_records_are_not_refused(gates: GreatExpectationsGates, frames: Any) -> None:
    """Refused ones, accounts in use, repeats, and calls over a London midnight are in order."""
    frame = frames("records_exit", len(RECORDS))
    for at, change in enumerate(RECORDS):
        _bad_row(frame, at, change)
    result = gates.check("records_exit", frame)
    assert (result.outcome, _failed(result)) == (Outcome.PASSED, set())


def test_a_source_that_promises_no_order_is_held_to_none(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """Only sources that promise an order are held to it."""
    frame = frames("records_exit", FEW)
    frame["ended_at"] = [FIRST + pd.Timedelta(minutes=FEW + 1 - n) for n in range(FEW)]
    assert gates.check("records_exit", frame).warnings == ()


@pytest.mark.parametrize(
    ("median", "count"), [(None, 0), (None, 90_000), (19.0, 0), (20.0, 2), (20.0, 200)]
)
def test_of_little_nothing_is_concluded(
    gates: GreatExpectationsGates, frames: Any, median: float | None, count: int
) -> None:
    """A new controller, a small one, or one within ten times its usual."""
    frame = frames("ingest_volumes", 3)
    frame["count"], frame["median"] = count, median
    frame["ratio"] = count / median if median else None
    frame["share_quarantined"] = frame["share_masked"] = None
    assert gates.check("ingest_volumes", frame).outcome is Outcome.PASSED


UNUSUAL: list[dict[str, Any]] = [
    {"rate": 1000},
    {"rate": 192_000},
    {"channels": 8},
    {"seconds": 4 / 44_100},
    {"peak": 0.0, "silent_share": 1.0},
    {"peak": 3.2},
    {"seconds": 539.0},
    {"seconds": 20.0},
    {"codec": "g723_1"},
    {"seconds_promised": 0.0, "seconds": 299.0},
]


def test_unusual_audio_is_not_refused(gates: GreatExpectationsGates, frames: Any) -> None:
    """Test tones, studio rates, fragments, silence and float overshoot are valid audio."""
    frame = frames("ingest_exit", len(UNUSUAL))
    for at, change in enumerate(UNUSUAL):
        _bad_row(frame, at, change)
    assert gates.check("ingest_exit", frame).outcome is Outcome.PASSED


SILENT: dict[str, Any] = {"words": 0, "words_per_minute": 0.0, "speech": 0.0, "covered": 0.0}
SILENT |= dict.fromkeys(["mean_confidence", "first_start", "last_end"])


@pytest.mark.parametrize("rows", [5, FEW])
def test_a_transcript_without_a_word_has_no_measures(
    gates: GreatExpectationsGates, frames: Any, rows: int
) -> None:
    """Silence gives no words, and so neither times nor confidence; many silent ones are told."""
    frame = frames("transcribe_exit", rows)
    for column, value in SILENT.items():
        frame[column] = value
    result = gates.check("transcribe_exit", frame)
    assert result.outcome is Outcome.PASSED
    warned = [] if rows < FEW else ["speech-found"]
    assert [check.name for check in result.warnings] == warned


# As real recordings came out, by pocketsphinx.
HEARD_WELL: list[dict[str, Any]] = [
    {"words": 219, "mean_confidence": 0.7, "seconds": 69.8, "speech": 68.3, "covered": 68.3},
    {"words": 234, "mean_confidence": 0.36, "seconds": 120.0, "speech": 88.9, "covered": 88.9},
    {"words": 87, "mean_confidence": 0.45, "seconds": 45.3, "speech": 33.9, "covered": 33.2},
    {"words": 198, "mean_confidence": 0.49, "seconds": 59.9, "speech": 58.3, "covered": 58.3},
    {"words": 1, "mean_confidence": 0.009, "seconds": 1.0, "speech": 1.0, "covered": 1.0},
    {"words": 23, "mean_confidence": 0.67, "seconds": 5.0, "speech": 8.1, "covered": 8.1},
    {"words": 10, "mean_confidence": 0.42, "seconds": 6.0, "speech": 5.0, "covered": 3.9},
]


def test_ordinary_transcripts_pass_without_a_warning(
    gates: GreatExpectationsGates, frames: Any
) -> None:
    """Calls, a foreign one, single words, two channels: nobody need look at them."""
    some = HEARD_WELL * (FEW // len(HEARD_WELL) + 1)
    frame = frames("transcribe_exit", len(some))
    for at, one in enumerate(some):
        pace = one["words"] * 60 / one["seconds"]
        told = {"words_per_minute": pace, "first_start": 0.1, "last_end": one["seconds"]}
        _bad_row(frame, at, one | told)
    result = gates.check("transcribe_exit", frame)
    assert (result.outcome, result.warnings) == (Outcome.PASSED, ())


@pytest.mark.parametrize(
    "days",
    [
        pd.to_datetime(["2026-02-19"] * 5),
        pd.to_datetime(["2026-02-19"] * 5).tz_localize("UTC"),
        [pd.Timestamp("2026-02-19").date()] * 5,
        pd.Series(["2026-02-19"] * 5, dtype=object),
    ],
    ids=["datetime64", "utc", "dates", "text"],
)
def test_days_may_come_in_any_honest_form(
    gates: GreatExpectationsGates, frames: Any, days: Any
) -> None:
    """Days are understood as datetime64, dates and ISO text."""
    frame = frames("retention_entry")
    frame["due_day"] = days
    assert gates.check("retention_entry", frame).outcome is Outcome.PASSED


def test_a_day_that_is_none_is_a_gap(gates: GreatExpectationsGates, frames: Any) -> None:
    """Text that is no day is never guessed at."""
    result = gates.check(
        "retention_entry", _bad_row(frames("retention_entry"), 2, {"due_day": "soon"})
    )
    assert result.outcome is Outcome.FAILED
    assert "due_day-present" in _failed(result)


@settings(max_examples=8, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-5, 2_000_000), st.integers(-1, 300), st.floats(-1, 2, allow_nan=False)
        ),
        min_size=1,
        max_size=FEW - 1,
    )
)
def test_exactly_the_bad_rows_are_named(
    gates: GreatExpectationsGates, frames: Any, rows: list[tuple[int, int, float]]
) -> None:
    """For any values, the rows named are those a plain predicate finds."""
    frame = frames("ingest_exit", len(rows))
    frame["rate"] = [rate for rate, _, _ in rows]
    frame["channels"] = [channels for _, channels, _ in rows]
    frame["silent_share"] = [share for _, _, share in rows]
    bad = {
        frame["id"][at]
        for at, (rate, channels, share) in enumerate(rows)
        if not (100 <= rate <= 1_536_000 and 1 <= channels <= 255 and 0 <= share <= 1)
    }
    result = gates.check("ingest_exit", frame)
    assert set(result.failed_ids) == bad
    assert result.outcome is (Outcome.ROWS_FAILED if bad else Outcome.PASSED)


@pytest.mark.parametrize("controller", ["harbour-bank", "unknown.controller", "-", "a" * 40])
def test_any_controller_id_in_use_is_accepted(
    gates: GreatExpectationsGates, frames: Any, controller: str
) -> None:
    """Instructions name controllers; counts of a whole stage stand under a dash."""
    frame = frames("evidence_entry", 1)
    frame["controller"], frame["id"] = controller, f"evidence/{controller}"
    assert gates.check("evidence_entry", frame).outcome is Outcome.PASSED
