"""What the newest report means for what is installed today. Pure decisions with codes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from packaging.utils import canonicalize_version

from callward.sbom.report import Report, Severity, Vulnerability

MOST_DAYS: Final = 30
_OURS: Final = "callward"


class Fails(StrEnum):
    """What needs somebody to act, the gravest first."""

    REPORT_MISSING = "report-missing"
    OPEN = "vulnerability-open"
    REPORT_OLD = "report-old"
    NOT_LOOKED_AT = "package-not-looked-at"


class Warns(StrEnum):
    """What limits what a report proves."""

    COVERAGE = "coverage-not-told"
    STALE = "finding-stale"


MEANS: Final[Mapping[Fails | Warns, str]] = MappingProxyType(
    {
        Fails.REPORT_MISSING: "nobody has imported a report; have one made",
        Fails.OPEN: "a vulnerability is known of what is installed; bring in a fixed version",
        Fails.REPORT_OLD: "the newest report is too old; have another made",
        Fails.NOT_LOOKED_AT: "installed, and not in the report in this version",
        Warns.COVERAGE: "the report does not say what it has looked at",
        Warns.STALE: "found in a version that is not installed",
    }
)
"""What each code means and asks for, for people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to be said of a report: of which package, and which vulnerability if of one."""

    code: Fails | Warns
    package: str | None = None
    vulnerability: str | None = None
    severity: Severity | None = None
    fixed: tuple[str, ...] = ()
    days: int | None = None
    """How old the report is."""

    @property
    def fails(self) -> bool:
        """Whether somebody must act."""
        return isinstance(self.code, Fails)


def compare(
    report: Report | None,
    made_at: datetime | None,
    installed: Mapping[str, str],
    now: datetime,
    most_days: int = MOST_DAYS,
) -> list[Finding]:
    """What a report (None: there is none) made at a moment says of what is installed.

    ``installed``: versions by key. Callward itself is in no public list, and not asked for.
    """
    if report is None or made_at is None:
        return [Finding(Fails.REPORT_MISSING)]
    found = sorted(
        _known(report.vulnerabilities, installed),
        key=lambda one: (list(Severity).index(one.severity or Severity.UNTOLD), one.package or ""),
    )
    age = (now - made_at).days
    if age >= most_days:
        found.append(Finding(Fails.REPORT_OLD, days=age))
    found.extend(_not_looked_at(report, installed))
    order: list[Fails | Warns] = [*Fails, *Warns]
    return sorted(found, key=lambda one: order.index(one.code))


def open_by_severity(findings: Sequence[Finding]) -> dict[str, int]:
    """How many vulnerabilities are open, by severity, the gravest first; noughts too."""
    counted = Counter(one.severity for one in findings if one.code is Fails.OPEN)
    return {severity.value: counted[severity] for severity in Severity}


def _known(known: Sequence[Vulnerability], installed: Mapping[str, str]) -> Iterator[Finding]:
    for one in known:
        same = _same(installed.get(one.package), one.version)
        code = Fails.OPEN if same else Warns.STALE
        yield Finding(code, one.package, one.id, one.severity, one.fixed)


def _not_looked_at(report: Report, installed: Mapping[str, str]) -> Iterator[Finding]:
    if report.packages is None:
        yield Finding(Warns.COVERAGE)
        return
    for key, version in sorted(installed.items()):
        if key != _OURS and not _same(version, report.packages.get(key)):
            yield Finding(Fails.NOT_LOOKED_AT, key)


def _same(one: str | None, other: str | None) -> bool:
    """Whether two versions are one (PEP 440: 1.0 is 1.0.0)."""
    if one is None or other is None:
        return False
    return canonicalize_version(one) == canonicalize_version(other)
