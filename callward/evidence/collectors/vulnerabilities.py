"""Vulnerabilities: what the newest report says of what is installed, and every report's month."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from callward.evidence.collectors.asof import first_day, month, newest, whole_months
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.installed import installed
from callward.sbom.comparing import Fails, Finding, Warns, compare, open_by_severity
from callward.sbom.importing import Imported, reports


def collect(source: Source) -> Collected:
    """Of the reports made and imported before the period's end the newest counts."""
    end = source.end
    known = [one for one in reports(source.connection) if max(one.made_at, one.imported_at) < end]
    last = known[0] if known else None
    versions = {key: one.version for key, one in installed().packages.items()}
    found = compare(last.report, last.made_at, versions, end) if last else []
    counted = Counter(one.code for one in found)
    told = {month(one.made_at) for one in known if one.made_at >= source.start}
    facts = {
        "reports": len(known),
        "newest": last.id if last else None,
        "open": open_by_severity(found),
        "open_ids": _open(found),
        "not_looked_at": counted[Fails.NOT_LOOKED_AT],
        "coverage_told": not counted[Warns.COVERAGE],
        "stale": counted[Warns.STALE],
        "months": sorted(told),
        "months_without": [
            one for one in whole_months(first_day(source), source.day) if one not in told
        ],
    }
    made = newest(one.made_at for one in known)
    details = {"reports": [_report(one) for one in known], "findings": [_row(one) for one in found]}
    return Collected("vulnerability reports, environment", made, facts, details)


def _open(found: Sequence[Finding]) -> dict[str, list[str]]:
    """The ids of what is open, by severity."""
    told: dict[str, set[str]] = {}
    for one in found:
        if one.code is Fails.OPEN and one.vulnerability and one.severity:
            told.setdefault(one.severity.value, set()).add(one.vulnerability)
    return {severity: sorted(ids) for severity, ids in sorted(told.items())}


def _report(one: Imported) -> dict[str, Any]:
    return {
        "sha256": one.digest,
        "format": one.report.format,
        "tool": one.report.tool,
        "made_at": one.made_at,
        "imported_at": one.imported_at,
        "vulnerabilities": len(one.report.vulnerabilities),
    }


def _row(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code.value,
        "package": one.package,
        "vulnerability": one.vulnerability,
        "severity": one.severity.value if one.severity else None,
        "fixed": list(one.fixed),
        "days": one.days,
    }
