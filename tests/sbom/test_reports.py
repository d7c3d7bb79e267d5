"""Reading other programs' reports: what is kept of them, and how they are refused."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.sbom.importing import read_report
from callward.sbom.report import MOST_BYTES, MOST_DEPTH, Report, ReportError, Severity, id_in
from tests.sbom.reports import GRYPE, PIP_AUDIT, TRIVY, encoded


def told(report: Report) -> list[tuple[Any, ...]]:
    """Its vulnerabilities."""
    return [
        (one.id, one.package, one.version, one.fixed, one.severity)
        for one in report.vulnerabilities
    ]


def test_pip_audit() -> None:
    """Packages with versions, what was skipped, and what is known."""
    found = read_report(encoded(PIP_AUDIT))
    assert (found.format, found.tool, found.made_at) == ("pip-audit", "pip-audit", None)
    assert found.packages == {"flask": "0.5", "good-one": "2.0"}
    assert found.skipped == ("ours",)
    assert told(found) == [("PYSEC-2019-179", "flask", "0.5", ("1.0",), Severity.UNTOLD)]


def test_grype() -> None:
    """By package URL; what is not Python's is counted, and nothing else of it kept."""
    found = read_report(encoded(GRYPE))
    assert (found.format, found.tool, found.tool_version) == ("sarif", "grype", "0.90.0-dev")
    assert found.made_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert (found.packages, found.elsewhere) == (None, 1)
    assert told(found) == [("GHSA-5wv5-4vpf-pj6m", "flask", "0.5", (), Severity.HIGH)]


def test_trivy() -> None:
    """By the lines of its messages."""
    found = read_report(encoded(TRIVY))
    assert (found.tool, found.tool_version, found.made_at) == ("Trivy", "0.58.1", None)
    assert told(found) == [("CVE-2019-1010083", "flask", "0.5", ("0.12.3", "1.0"), Severity.HIGH)]


@pytest.mark.parametrize("report", [PIP_AUDIT, GRYPE, TRIVY])
def test_nothing_else_is_kept(report: dict[str, Any]) -> None:
    """No description, no reason, no place; and what is kept reads back."""
    found = read_report(encoded(report))
    text = found.model_dump_json()
    assert "canary" not in text
    assert Report.model_validate_json(text) == found


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        *(("10.0", "critical"), ("9.0", "critical"), ("8.9", "high"), (7, "high")),
        *(("6.9", "medium"), ("4.0", "medium"), ("3.9", "low"), ("0.1", "low")),
        *(("0.0", "not told"), ("nan", "not told"), ("high", "not told"), (None, "not told")),
    ],
)
def test_scores_and_words(score: object, severity: str) -> None:
    """The bands of CVSS v3.1; what is no score is none."""
    report = copy.deepcopy(GRYPE)
    report["runs"][0]["tool"]["driver"]["rules"][0]["properties"]["security-severity"] = score
    (one,) = read_report(encoded(report)).vulnerabilities
    assert one.severity == severity


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("CVE-2024-12345",), "CVE-2024-12345"),
        (("[HIGH] CVE-2024-1234",), "CVE-2024-1234"),
        (("X-1", "GHSA-5wv5-4vpf-pj6m-flask"), "GHSA-5wv5-4vpf-pj6m"),
        (("MAL-2024-1",), "MAL-2024-1"),
        (("CVE-24-1", "PYSEC-2024-1"), "PYSEC-2024-1"),
        (("XCVE-2024-1234",), None),
        (("CVE-2024-1234567890123",), None),
        (("GHSA-5wv5-4vpf-pj6mm",), None),
        ((), None),
    ],
)
def test_ids(texts: tuple[str, ...], expected: str | None) -> None:
    """The first that is one, wherever it stands; never a part of one."""
    assert id_in(*texts) == expected


def _with(change: Callable[[dict[str, Any]], object], report: dict[str, Any]) -> bytes:
    changed = copy.deepcopy(report)
    change(changed)
    return encoded(changed)


def _result(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["runs"][0]["results"][0]
    return found


def _rule(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["runs"][0]["tool"]["driver"]["rules"][0]["properties"]
    return found


REFUSED: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"canary", "not strict JSON"),
    "no UTF-8": (b'{"canary": "\xff"}', "not strict JSON"),
    "a name twice": (b'{"dependencies": [], "dependencies": []}', "not strict JSON"),
    "no number": (b'{"dependencies": [NaN]}', "not strict JSON"),
    "an endless number": (b'{"dependencies": [' + b"1" * 5000 + b"]}", "not strict JSON"),
    "a list": (b"[]", "neither pip-audit's JSON nor SARIF"),
    "another object": (b'{"canary": 1}', "neither pip-audit's JSON nor SARIF"),
    "deep": (b"[" * (MOST_DEPTH + 2) + b"]" * (MOST_DEPTH + 2), "nested deeper"),
    "very deep": (b"[" * 100_000 + b"]" * 100_000, "not strict JSON"),
    "long": (b" " * (MOST_BYTES + 1), "more than 8 MiB"),
    "a version that is none": (
        _with(lambda one: one["dependencies"][0].update(version="canary 1"), PIP_AUDIT),
        "dependencies.0: expected a version",
    ),
    "no version": (
        _with(lambda one: one["dependencies"][1].pop("version"), PIP_AUDIT),
        "dependencies.1: expected a version",
    ),
    "a name that is none": (
        _with(lambda one: one["dependencies"][0].update(name="../canary"), PIP_AUDIT),
        "dependencies.0: expected a package's name",
    ),
    "a number as a name": (
        _with(lambda one: one["dependencies"][0].update(name=1), PIP_AUDIT),
        "first at dependencies.0.name",
    ),
    "an id that is none": (
        _with(lambda one: one["dependencies"][0]["vulns"][0].update(id="canary", aliases=[]),
              PIP_AUDIT),
        "dependencies.0.vulns.0: expected an id",
    ),
    "a fix that is none": (
        _with(lambda one: one["dependencies"][0]["vulns"][0].update(fix_versions=["canary!?"]),
              PIP_AUDIT),
        "dependencies.0.vulns.0: expected a version",
    ),
    "another SARIF": (_with(lambda one: one.update(version="2.0.0"), GRYPE), "first at version"),
    "no run": (_with(lambda one: one.update(runs=[]), GRYPE), "first at runs"),
    "two runs": (_with(lambda one: one["runs"].append(one["runs"][0]), GRYPE), "first at runs"),
    "no results": (
        _with(lambda one: one["runs"][0].pop("results"), GRYPE),
        "first at runs.0.results",
    ),
    "a tool that is none": (
        _with(lambda one: one["runs"][0]["tool"]["driver"].update(name="/canary"), GRYPE),
        "first at tool",
    ),
    "a rule that is no id": (
        _with(lambda one: _result(one).update(ruleId="canary"), TRIVY),
        "runs.0.results.0: expected an id",
    ),
    "no package": (
        _with(lambda one: _result(one)["message"].update(text="canary"), TRIVY),
        "runs.0.results.0: expected a package's URL, or its name and version in lines",
    ),
    "URLs that are no list": (
        _with(lambda one: _rule(one).update(purls={"canary": 1}), GRYPE),
        "runs.0.results.0: expected a list of package URLs",
    ),
    "a URL that is none": (
        _with(lambda one: _rule(one).update(purls=["canary"]), GRYPE),
        "runs.0.results.0: expected a package's URL",
    ),
    "a URL without version": (
        _with(lambda one: _rule(one).update(purls=["pkg:pypi/canary"]), GRYPE),
        "runs.0.results.0: expected a version",
    ),
    "a moment that is none": (
        _with(lambda one: one["runs"][0].update(invocations=[{"endTimeUtc": "canary"}]), GRYPE),
        "expected moments in UTC",
    ),
    "a moment without an offset": (
        _with(lambda one: one["runs"][0].update(invocations=[{"endTimeUtc": "2026-11-18"}]), GRYPE),
        "expected moments in UTC",
    ),
    "a moment before SARIF": (
        _with(lambda one: one["runs"][0].update(
            invocations=[{"endTimeUtc": "0001-01-01T00:00:00+23:00"}]), GRYPE),
        "expected moments in UTC",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str) -> None:
    """With the place by our own names of it; nothing of the file is repeated."""
    content, expected = REFUSED[what]
    with pytest.raises(ReportError) as caught:
        read_report(content)
    assert expected in str(caught.value)
    assert "canary" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    """Are read or refused, never a crash."""
    try:
        read_report(content)
    except ReportError:
        return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        inner = list(value.items())
    else:
        inner = list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(found for key, one in inner for found in _paths(one, (*path, key)))]


@given(st.data(), st.sampled_from([PIP_AUDIT, GRYPE, TRIVY]), _JSON)
def test_anything_in_any_place(data: st.DataObject, report: dict[str, Any], value: Any) -> None:
    """Is read or refused; what is read can be stored, and reads back."""
    changed: Any = copy.deepcopy(report)
    path = data.draw(st.sampled_from(_paths(report)[1:]))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        found = read_report(json.dumps(changed).encode())
    except ReportError:
        return
    assert Report.model_validate_json(found.model_dump_json()) == found
