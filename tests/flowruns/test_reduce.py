"""What is kept of a run: nothing that somebody could have typed."""

import ast
import importlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.flowruns.model import Known, Told, night_of
from callward.flowruns.reduce import OTHER, PARAMETERS, STATES, TYPES, reduced
from callward.ledger.canonical import canonical
from callward.ledger.leaves import Item

ROOT = Path(__file__).parents[2]
KNOWN = Known(frozenset({"acorn", "birch"}), frozenset({"first"}))
RUN_ID = "0198f0c8-0000-7000-8000-000000000001"
CANARIES = (
    *("Quorvexia", "07700900777", "+447700900777", "203.0.113.177", "4929887654321090"),
    *("q.vexia@example.org", "Žoltanéx", "quorvexia-ltd", "7700900777000000"),
)
MOMENT = datetime(2026, 3, 2, 1, tzinfo=UTC)

_CANARY = st.sampled_from(CANARIES)
_TEXT = _CANARY | st.builds("{}{}{}".format, st.text(max_size=9), _CANARY, st.text(max_size=9))
_NAME = _TEXT | st.builds("{} {} {}".format, st.sampled_from(list(PARAMETERS)), _TEXT, _TEXT)
_NAME |= st.builds("{} 2026-03-02 {}".format, st.sampled_from(list(PARAMETERS)), _TEXT)
_VALUE = st.recursive(
    _TEXT | st.none() | st.integers() | st.floats() | st.booleans() | st.dates() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)
_PARAMETER = st.sampled_from([name for names in PARAMETERS.values() for name in names]) | _TEXT
_TAG = _TEXT | st.builds("night:{}".format, _TEXT)
_MAYBE_MOMENT = st.none() | st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is the strategy's
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_TOLD = st.builds(
    Told,
    id=st.uuids().map(str),
    flow=st.sampled_from(list(PARAMETERS)) | _TEXT,
    name=_NAME,
    state_type=st.sampled_from(sorted(TYPES)) | _TEXT | st.none(),
    state=st.sampled_from(sorted(STATES)) | _TEXT | st.none(),
    expected=_MAYBE_MOMENT,
    started=_MAYBE_MOMENT,
    ended=_MAYBE_MOMENT,
    runs=st.integers(),
    parameters=st.dictionaries(_PARAMETER, _VALUE, max_size=6),
    tags=st.lists(_TAG, max_size=4),
    deployment=st.none() | st.uuids().map(str) | _TEXT,
    parent=st.none() | st.uuids().map(str) | _TEXT,
    pool=st.none() | _TEXT,
)


def told(**changes: Any) -> Told:
    """A run of ours as Prefect would tell it, with changes."""
    values: dict[str, Any] = {
        "id": RUN_ID,
        "flow": "retention",
        "name": "retention 2026-03-02 acorn",
        "state_type": "COMPLETED",
        "state": "NothingDue",
        "expected": MOMENT,
        "started": MOMENT + timedelta(seconds=2),
        "ended": MOMENT + timedelta(minutes=1),
        "runs": 1,
        "parameters": {
            "as_of": date(2026, 3, 2),
            "controller": "acorn",
            "night": "0123456789abcdef",
            "approve": "ab" * 32,
        },
        "tags": ["night:0123456789abcdef", "callward"],
        "deployment": RUN_ID,
        "parent": RUN_ID,
        "pool": "callward",
    }
    return Told(**(values | changes))


def test_a_run_of_ours_is_kept_whole() -> None:
    """Everything that our own flows make is known."""
    assert reduced(told(), KNOWN) == {
        "deployment": RUN_ID,
        "ended": "2026-03-02T01:01:00.000000Z",
        "expected": "2026-03-02T01:00:00.000000Z",
        "flow": "retention",
        "id": RUN_ID,
        "name": "retention 2026-03-02 acorn",
        "parameters": {
            "approve": "ab" * 32,
            "as_of": "2026-03-02",
            "controller": "acorn",
            "night": "0123456789abcdef",
        },
        "parent": RUN_ID,
        "pool": "callward",
        "runs": 1,
        "started": "2026-03-02T01:00:02.000000Z",
        "state": "NothingDue",
        "state_type": "COMPLETED",
        "tags": ["callward", "night:0123456789abcdef"],
    }


@given(_TOLD)
def test_nothing_that_was_typed_gets_through(run: Told) -> None:
    """Canaries in every place where there can be text: not one is in the record, or the item."""
    record = reduced(run, KNOWN)
    text = canonical(record).decode()
    ids = {text_of_id for text_of_id in (run.id, run.deployment, run.parent) if text_of_id}
    for one in ids:
        text = text.replace(one, "")
    lowered = text.lower()
    assert not [canary for canary in CANARIES if canary.lower() in lowered]
    assert Item(str(record["id"]), {"state": str(record["state_type"])}).encoded()
    assert reduced(run, KNOWN) == record
    assert record.keys() == reduced(told(), KNOWN).keys()
    assert repr(run).startswith("<callward.flowruns.model.Told")


def test_the_search_finds_a_canary() -> None:
    """Self-check: what the catalogue knows by that name would get through, and be found."""
    known = Known(frozenset({"quorvexia-ltd"}))
    record = reduced(told(parameters={"controller": "quorvexia-ltd"}), known)
    assert "quorvexia-ltd" in canonical(record).decode()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("retention 2026-03-02", True),
        ("retention 2026-03-02 acorn", True),
        ("retention 2026-03-01 2026-03-31", True),
        ("retention 2026-03-01 2026-03-31 birch", True),
        ("retention", False),
        ("retention acorn", False),
        ("retention 2026-02-30", False),
        ("retention 2026-03-02 cedar", False),
        ("retention 2026-03-02 acorn birch", False),
        ("retention  2026-03-02", False),
        ("evidence 2026-03-02", False),
        ("wise-otter", False),
        ("retention 2026-03-02 ", False),
        ("retention 2026-03-02\nacorn", False),
    ],
)
def test_names_are_those_that_flows_make(name: str, kept: bool) -> None:  # noqa: FBT001 - a case
    """Any other, also one that Prefect made up, is dropped."""
    assert reduced(told(name=name), KNOWN)["name"] == (name if kept else None)


def test_a_name_made_by_a_flow_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the very function that makes them."""
    naming = importlib.import_module("flows.naming")

    class Running:
        flow_name = "evidence"
        parameters: dict[str, Any] = {}  # noqa: RUF012 - set per case

    monkeypatch.setattr(naming, "flow_run", Running)
    for parameters in (
        {"from_day": date(2026, 1, 1), "to_day": date(2026, 3, 31)},
        {"as_of": date(2026, 1, 1), "controller": "acorn"},
        {"as_of": None, "controller": None},
    ):
        Running.parameters = parameters
        name = naming.run_name()
        assert reduced(told(flow="evidence", name=name), KNOWN)["name"] == name


def test_the_list_has_every_flow_and_every_parameter() -> None:
    """A new one has to be put on it, or left out knowingly."""
    listed = {}
    for path in (ROOT / "flows").glob("*.py"):
        module = importlib.import_module(f"flows.{path.stem}")
        for value in vars(module).values():
            if type(value).__name__ == "Flow" and value.fn.__module__ == module.__name__:
                listed[value.name] = set(value.parameters.properties)
    assert listed == {flow: set(names) for flow, names in PARAMETERS.items()}


def test_the_list_has_every_state_that_stages_end_in() -> None:
    """Outcomes and names of failures, as the source has them."""
    from tasks.ending import _NAMES  # noqa: PLC0415 - two seconds

    found = set(_NAMES.values())
    for path in [*(ROOT / "callward").rglob("*.py"), *(ROOT / "flows").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith(
                "report.outcome"
            ):
                found |= _words(node.value)
            if isinstance(node, ast.keyword) and node.arg in {"outcome", "name"}:
                found |= {word for word in _words(node.value) if word[0].isupper()}
    assert {"NothingNew", "DryRun", "NightFailed"} <= found
    assert found <= STATES


def _words(node: ast.expr) -> set[str]:
    value = node.value if isinstance(node, ast.Constant) else None
    return {value} if isinstance(value, str) and value.isalpha() else set()


def test_other_peoples_flows_are_counted_and_no_more() -> None:
    """A run of theirs is an id, a state and some moments."""
    record = reduced(told(flow="Export of Quorvexia"), KNOWN)
    assert (record["flow"], record["name"], record["parameters"]) == (OTHER, None, {})
    assert record["state_type"] == "COMPLETED"


@pytest.mark.parametrize(
    ("night", "kept"),
    [("0123456789abcdef", True), ("first", True), ("4929887654321090", False), ("third", False)],
)
def test_nights_are_drawn_or_known(night: str, kept: bool) -> None:  # noqa: FBT001 - a case
    """Sixteen hex digits, one of them a letter, or what the catalogue has already."""
    record = reduced(told(parameters={"night": night}, tags=[f"night:{night}"]), KNOWN)
    assert night_of(record) == (night if kept else None)
    assert json.dumps(record).count(night) == (2 if kept else 0)
    only_tag = reduced(told(parameters={}, tags=["callward", f"night:{night}"]), KNOWN)
    assert night_of(only_tag) == (night if kept else None)
