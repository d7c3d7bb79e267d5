"""What a report means for what is installed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callward.sbom.comparing import MEANS, Fails, Warns, compare, open_by_severity
from callward.sbom.report import Report, Severity, Vulnerability

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = {"callward": "0.1.0", "flask": "0.5", "zed": "1.0"}


def known(package: str = "flask", version: str = "0.5", **said: Any) -> Vulnerability:
    """A vulnerability."""
    whole = {"id": "CVE-2024-1234", "package": package, "version": version, **said}
    return Vulnerability.model_validate(whole)


def report(**said: Any) -> Report:
    """A report that has looked at all that is installed."""
    packages = {"flask": "0.5", "zed": "1.0"}
    whole = {"format": "pip-audit", "tool": "pip-audit", "packages": packages, **said}
    return Report.model_validate(whole)


def codes(found: Report | None, made_at: datetime | None = NOW, **said: Any) -> list[str]:
    """The codes of what is found."""
    return [one.code.value for one in compare(found, made_at, HERE, NOW, **said)]


def test_all_in_order() -> None:
    """Nothing is known, everything was looked at but Callward itself."""
    assert codes(report()) == []


def test_no_report() -> None:
    """Is a finding alone."""
    assert codes(None, None) == ["report-missing"]


@pytest.mark.parametrize(("days", "old"), [(0, False), (29, False), (30, True), (400, True)])
def test_an_old_report(days: int, old: bool) -> None:  # noqa: FBT001 - a table's column
    """Of thirty days and more, or as many as asked; its age is told."""
    made = NOW - timedelta(days=days)
    found = compare(report(), made, HERE, NOW)
    assert [(one.code, one.days) for one in found] == ([(Fails.REPORT_OLD, days)] if old else [])
    assert codes(report(), made, most_days=401) == []


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"flask": "0.5"}, ["zed"]),
        ({}, ["flask", "zed"]),
        ({"flask": "0.6", "zed": "1.0"}, ["flask"]),
        ({"flask": "0.5.0", "zed": "1", "more": "1"}, []),
    ],
)
def test_what_was_not_looked_at(packages: dict[str, str], expected: list[str]) -> None:
    """Missing from the report, or there in another version."""
    found = compare(report(packages=packages), NOW, HERE, NOW)
    assert [(one.code, one.package) for one in found] == [
        (Fails.NOT_LOOKED_AT, name) for name in expected
    ]


def test_a_report_that_does_not_say_what_it_looked_at() -> None:
    """Is a warning, once."""
    (one,) = compare(report(packages=None), NOW, HERE, NOW)
    assert (one.code, one.fails) == (Warns.COVERAGE, False)


def test_open_and_stale() -> None:
    """By whether that version is installed; the gravest first."""
    found = compare(
        report(
            vulnerabilities=(
                known(severity=Severity.LOW),
                known(version="0.4"),
                known("absent"),
                known("zed", "1.0.0", severity=Severity.CRITICAL, fixed=("1.1",)),
                known(),
            )
        ),
        NOW,
        HERE,
        NOW,
    )
    assert [(one.code.value, one.package, one.severity) for one in found] == [
        ("vulnerability-open", "zed", "critical"),
        ("vulnerability-open", "flask", "low"),
        ("vulnerability-open", "flask", "not told"),
        ("finding-stale", "absent", "not told"),
        ("finding-stale", "flask", "not told"),
    ]
    assert found[0].fixed == ("1.1",)
    assert [one.fails for one in found] == [True, True, True, False, False]
    assert open_by_severity(found) == {
        "critical": 1,
        "high": 0,
        "medium": 0,
        "low": 1,
        "not told": 1,
    }


def test_the_gravest_comes_first() -> None:
    """In the order of the codes."""
    found = report(packages={"zed": "1.0"}, vulnerabilities=(known(), known(version="1")))
    assert codes(found, NOW - timedelta(days=99)) == [
        *("vulnerability-open", "report-old", "package-not-looked-at", "finding-stale")
    ]


def test_every_code_is_explained() -> None:
    """In words of its own."""
    assert set(MEANS) == {*Fails, *Warns}
    assert len(set(MEANS.values())) == len(MEANS)
