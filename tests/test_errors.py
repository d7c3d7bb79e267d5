"""The error tree: stable codes, and nothing foreign in a text."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import callward
from callward import errors
from callward.errors import CallwardError, DefectError, OperatorError, SupplierError, scrubbed

# Scripts rely on these: a code is added here when it is released and never changes.
_STABLE = {
    "CallwardError": "callward",
    "OperatorError": "operator",
    "SupplierError": "supplier",
    "DefectError": "defect",
    "SettingsError": "settings",
    "NotFoundError": "not-found",
    "FutureAsOfError": "future-as-of",
    "BrakeError": "brake",
    "GateFailedError": "gate-failed",
    "StageFailedError": "stage-failed",
    "ReleaseRefusedError": "release-refused",
    "InstructionError": "instruction",
    "ShreddedError": "shredded",
    "IntegrityError": "integrity",
    "KeyMissingError": "key-missing",
    "WorkersError": "workers",
    "BusyError": "busy",
    "RegisterError": "register",
    "AssuranceError": "assurance",
    "EnvironmentUnclearError": "environment-unclear",
    "ReportError": "vulnerability-report",
    "UnsettledError": "unsettled",
    "ServerError": "engine-server",
    "EngineUnreachableError": "engine-unreachable",
    "EngineTimeoutError": "engine-timeout",
    "EngineCertificateError": "engine-certificate",
    "EngineRedirectedError": "engine-redirected",
    "EngineRefusedError": "engine-refused",
    "EngineBusyError": "engine-busy",
    "EngineBrokenError": "engine-broken",
    "EngineAnswerMalformedError": "engine-answer-malformed",
    "EngineAnswerTooLargeError": "engine-answer-too-large",
    "EngineRequestTooLargeError": "engine-request-too-large",
    "EngineKeyUnusableError": "engine-key-unusable",
    "EngineUnknownError": "engine-unknown",
    "RedoRefusedError": "redo-refused",
    "PoolMissingError": "work-pool-missing",
    "PoolUnreachableError": "work-pool-unreachable",
    "ShardLostError": "shard-lost",
    "ShardNotTakenError": "shard-not-taken",
    "ShardNotDoneError": "shard-not-done",
    "SlotsTakenError": "slots-taken",
    "ReviewStateError": "review-state",
    "DraftChangedError": "draft-changed",
    "RowsChangedError": "review-rows",
    "ReviewDueError": "review-due",
    "AnswerError": "review-answer",
    "ActionsOverdueError": "actions-overdue",
    "EvidenceMissingError": "evidence-missing",
}


def _modules() -> list[ModuleType]:
    names = [found.name for found in pkgutil.walk_packages(callward.__path__, "callward.")]
    # Running those two is what they are for.
    skipped = {"callward.__main__", "callward.catalogue.migrations.env"}
    return [importlib.import_module(name) for name in names if name not in skipped]


def _tree(base: type[CallwardError] = CallwardError) -> list[type[CallwardError]]:
    return [base, *(found for child in base.__subclasses__() for found in _tree(child))]


@pytest.fixture(scope="module")
def tree() -> list[type[CallwardError]]:
    """Every error class of the package, each once."""
    assert len(_modules()) > 30
    return [one for one in dict.fromkeys(_tree()) if one.__module__.startswith("callward.")]


def test_every_error_has_a_code_of_its_own(tree: list[type[CallwardError]]) -> None:
    """A code names one class, is lower-case words with hyphens, and is not inherited."""
    assert len(tree) > 15
    codes = {one.__name__: vars(one).get("code") for one in tree}
    assert all(isinstance(code, str) for code in codes.values()), codes
    assert len(set(codes.values())) == len(tree)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", str(code)) for code in codes.values())


def test_codes_stay_as_they_are(tree: list[type[CallwardError]]) -> None:
    """Codes that scripts may rely on have not changed."""
    codes = {one.__name__: one.code for one in tree}
    assert {name: codes.get(name) for name in _STABLE} == _STABLE


def test_every_error_says_what_it_means(tree: list[type[CallwardError]]) -> None:
    """Each class has a docstring of its own that is a sentence."""
    for one in tree:
        text = vars(one).get("__doc__") or ""
        assert len(text.split()) >= 4, one.__name__


def test_every_error_says_who_must_act(tree: list[type[CallwardError]]) -> None:
    """Each is the operator's, the supplier's or a defect, with an exit status to match."""
    groups: dict[type[CallwardError], int] = {OperatorError: 2, SupplierError: 3, DefectError: 4}
    for one in tree:
        if one is not CallwardError:
            of = [status for group, status in groups.items() if issubclass(one, group)]
            assert of == [one.exit_status], one.__name__


@given(st.text(max_size=40))
def test_text_is_led_by_the_code(text: str) -> None:
    """``str`` of an error is its code and its sentence."""
    assert str(errors.SettingsError(text)) == f"[settings] {text}"


@given(st.from_regex(r"canary-[a-z0-9]{12}", fullmatch=True))
def test_scrubbed_lets_no_foreign_text_out(canary: str) -> None:
    """Whatever a foreign exception, its cause, notes and arguments say stays inside."""

    def fail() -> None:
        error = OSError(2, canary, f"/drop/{canary}.wav")
        error.add_note(canary)
        raise error from KeyError(canary)

    with pytest.raises(OSError, match=canary) as caught:
        fail()
    found = scrubbed(caught.value)
    assert isinstance(found, DefectError)
    shown = f"{found} {found!r} {found.args} {getattr(found, '__notes__', '')}"
    assert canary not in shown
    assert "FileNotFoundError" in shown
    assert "test_errors.py" in shown
    assert (found.__cause__, found.__context__) == (None, None)


def test_scrubbed_names_the_innermost_line() -> None:
    """The place told is where it was raised, not where it was caught."""

    def inner() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x") as caught:
        inner()
    line = inner.__code__.co_firstlineno + 1
    assert str(scrubbed(caught.value)).endswith(f"test_errors.py:{line}")


def test_scrubbed_copes_with_an_error_never_raised() -> None:
    """Without a traceback there is still a sentence."""
    assert str(scrubbed(ValueError("secret"))) == "[defect] unforeseen ValueError at ?:0"


def test_scrubbed_leaves_our_own_alone() -> None:
    """Callward's errors hold ids and counts only, so they pass as they are."""
    error = errors.BrakeError("3 of 4")
    assert scrubbed(error) is error
