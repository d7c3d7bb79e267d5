"""Reports in SARIF 2.1.0 (OASIS), as scanners of packages write them.

SARIF has no place for packages. Grype puts package URLs into a rule's properties, Trivy
lines into a result's message; a result with neither makes the report one that cannot be
read. What was looked at and found to be good is not in it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote

from pydantic import Field, ValidationError

from callward.sbom.report import (
    MOST,
    Report,
    ReportError,
    Severity,
    Theirs,
    Vulnerability,
    id_in,
    key_of,
    misfit,
    version_of,
)

_PURL: Final = re.compile(
    r"pkg:([a-z0-9.+-]{1,40})/([^@?#\s]{1,200})(?:@([^@?#\s]{1,100}))?(?:[?#].*)?"
)
_LINES: Final = re.compile(
    r"^(Package|Installed Version|Severity|Fixed Version): (.{1,200})$", re.MULTILINE
)
_MOST_CHARACTERS: Final = 20_000
_FIRST_YEAR: Final = 2020
"""SARIF 2.1.0 is of that year."""
_BANDS: Final = (
    (9.0, Severity.CRITICAL),
    (7.0, Severity.HIGH),
    (4.0, Severity.MEDIUM),
    (0.1, Severity.LOW),
)
"""From which score on (CVSS v3.1 §5)."""

Properties = dict[str, Any]


class _Message(Theirs):
    text: str = ""


class _Result(Theirs):
    rule: str | None = Field(None, alias="ruleId")
    index: int | None = Field(None, alias="ruleIndex")
    kind: str = "fail"
    message: _Message = _Message()
    properties: Properties = Field(default_factory=dict)


class _Rule(Theirs):
    id: str
    properties: Properties = Field(default_factory=dict)


class _Driver(Theirs):
    name: str
    version: str | None = None
    semantic: str | None = Field(None, alias="semanticVersion")
    rules: Annotated[list[_Rule], Field(max_length=MOST)] = Field(default_factory=list)


class _Tool(Theirs):
    driver: _Driver


class _Invocation(Theirs):
    ended: str | None = Field(None, alias="endTimeUtc")


class _Run(Theirs):
    tool: _Tool
    results: Annotated[list[_Result], Field(max_length=MOST)]
    invocations: Annotated[list[_Invocation], Field(max_length=100)] = Field(default_factory=list)


class _Document(Theirs):
    version: Literal["2.1.0"]
    # Of several it would not be clear who has looked at what, and when.
    runs: Annotated[list[_Run], Field(min_length=1, max_length=1)]


def read_sarif(value: Any) -> Report:
    """Reduce a report of one run; ReportError says where it is not one."""
    try:
        (run,) = _Document.model_validate(value).runs
        return _reduced(run)
    except ValidationError as error:
        raise misfit(error) from None


def _reduced(run: _Run) -> Report:
    rules = {one.id: one for one in run.tool.driver.rules}
    known: list[Vulnerability] = []
    elsewhere = 0
    for at, result in enumerate(run.results):
        if result.kind != "fail":
            continue
        found = list(_known(result, _rule(result, run, rules), f"runs.0.results.{at}"))
        elsewhere += not found
        known += found
    driver = run.tool.driver
    return Report(
        format="sarif",
        tool=driver.name,
        tool_version=driver.semantic or driver.version,
        made_at=_made_at(run),
        vulnerabilities=tuple(dict.fromkeys(known)),
        elsewhere=elsewhere,
    )


def _rule(result: _Result, run: _Run, rules: Mapping[str, _Rule]) -> _Rule:
    listed = run.tool.driver.rules
    if result.index is not None and 0 <= result.index < len(listed):
        return listed[result.index]
    return rules.get(result.rule or "", _Rule(id=result.rule or ""))


def _known(result: _Result, rule: _Rule, place: str) -> Iterator[Vulnerability]:
    """One for each package of Python's that a result is about."""
    name = id_in(result.rule or "", rule.id)
    if name is None:
        raise ReportError(f"{place}: expected an id of CVE, GHSA or PYSEC")
    lines = dict(_LINES.findall(result.message.text[:_MOST_CHARACTERS]))
    fixed = [one.strip() for one in lines.get("Fixed Version", "").split(",")]
    for package, version in _packages(result, rule, lines, place):
        yield Vulnerability(
            id=name,
            package=key_of(package, place),
            version=version_of(version, place),
            fixed=tuple(version_of(one, place) for one in fixed if one),
            severity=_severity(result, rule, lines),
        )


def _packages(
    result: _Result, rule: _Rule, lines: Mapping[str, str], place: str
) -> list[tuple[str, str]]:
    """Names and versions; none if all are of other languages."""
    for properties in (result.properties, rule.properties):
        listed = properties.get("purls", properties.get("purl"))
        texts = [listed] if isinstance(listed, str) else listed
        if texts:
            return _of_python(texts, place)
    if "Package" in lines and "Installed Version" in lines:
        return [(lines["Package"], lines["Installed Version"])]
    raise ReportError(f"{place}: expected a package's URL, or its name and version in lines")


def _of_python(texts: Any, place: str) -> list[tuple[str, str]]:
    if not isinstance(texts, list):
        raise ReportError(f"{place}: expected a list of package URLs")
    found: list[tuple[str, str]] = []
    for text in texts:
        parts = _PURL.fullmatch(text) if isinstance(text, str) else None
        if parts is None:
            raise ReportError(f"{place}: expected a package's URL")
        if parts[1] == "pypi":
            found.append((unquote(parts[2]), unquote(parts[3] or "")))
    return found


def _severity(result: _Result, rule: _Rule, lines: Mapping[str, str]) -> Severity:
    """By the score that GitHub has made usual, else by the word in the message."""
    for properties in (result.properties, rule.properties):
        try:
            score = float(properties["security-severity"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        return next((band for least, band in _BANDS if score >= least), Severity.UNTOLD)
    word = lines.get("Severity", "").lower()
    return Severity(word) if word in set(Severity) else Severity.UNTOLD


def _made_at(run: _Run) -> datetime | None:
    told = [one.ended for one in run.invocations if one.ended is not None]
    if not told:
        return None
    try:
        moments = [datetime.fromisoformat(text) for text in told]
    except ValueError:
        raise ReportError("runs.0.invocations: expected moments in UTC") from None
    if any(moment.tzinfo is None or moment.year < _FIRST_YEAR for moment in moments):
        raise ReportError("runs.0.invocations: expected moments in UTC")
    return max(moments)
