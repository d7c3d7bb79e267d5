"""Software in use and what is known against it: the environment that runs the tests."""

import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callward import __version__
from callward.evidence.clauses.model import Period
from callward.evidence.collectors.installed import installed
from callward.instance import Instance
from callward.sbom.importing import import_report
from tests.evidence.governing import LATER, PERIOD, at, collected, seen
from tests.sbom.installed import install
from tests.sbom.reports import GRYPE, encoded
from tests.support import NOW

_DECEMBER = datetime(2026, 12, 5, tzinfo=UTC)


def _report(
    instance: Instance,
    folder: Path,
    made: datetime,
    vulnerable: dict[str, str] | None = None,
    left_out: str = "",
) -> None:
    """Import a report of all that is installed; ``vulnerable``: an id by package."""
    known = vulnerable or {}
    listed = [
        {
            "name": key,
            "version": one.version,
            "vulns": [{"id": known[key], "fix_versions": []}] if key in known else [],
        }
        for key, one in installed().packages.items()
        if key != left_out
    ]
    path = folder / "report.json"
    path.write_bytes(encoded({"dependencies": listed, "fixes": []}))
    at(instance, made)
    import_report(instance, path, made)
    at(instance, LATER)


def test_the_bill_is_of_what_is_installed(instance: Instance) -> None:
    """CycloneDX, dated as the period ended, so that it is the same whenever it is made."""
    at(instance, LATER)
    facts, content = collected(instance, "software")
    bill = json.loads(content)["details"]["bill"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["timestamp"] == "2027-01-01T00:00:00Z"
    assert facts["packages"] == len(installed().packages)
    assert facts["callward"] == __version__
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "sqlalchemy" in {one["name"].lower() for one in bill["components"]}
    at(instance, datetime(2027, 2, 1, tzinfo=UTC))
    assert collected(instance, "software")[1] == content
    assert ("gap", "software-unknown") not in seen(instance, "software", "software-known")


def test_the_digest_is_that_of_the_file_that_others_make(instance: Instance) -> None:
    """Whoever writes the bill of the same moment can compare."""
    at(instance, LATER)
    facts, content = collected(instance, "software")
    bill = json.loads(content)["details"]["bill"]
    text = json.dumps(bill, ensure_ascii=False, indent=1, sort_keys=True)
    assert hashlib.sha256(f"{text}\n".encode()).hexdigest() == facts["bill"]


def test_what_is_installed_in_between_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read once only as long as nothing is added."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    install(tmp_path, "one")
    os.utime(tmp_path, ns=(1, 1))
    assert set(installed().packages) == {"one"}
    install(tmp_path, "two")
    os.utime(tmp_path, ns=(2, 2))
    assert set(installed().packages) == {"one", "two"}


def test_nobody_has_looked(instance: Instance) -> None:
    """Nothing is known of vulnerabilities then, which is not to say that there are none."""
    at(instance, LATER)
    told = seen(instance, "vulnerabilities", "vulnerabilities-handled")
    assert told == [("gap", "no-vulnerability-report")]


def test_everything_was_looked_at(instance: Instance, tmp_path: Path) -> None:
    """Every whole month has its report, and the newest finds nothing."""
    _report(instance, tmp_path, _DECEMBER)
    facts, _ = collected(instance, "vulnerabilities")
    assert (facts["months"], facts["months_without"]) == (["2026-12"], [])
    assert seen(instance, "vulnerabilities", "vulnerabilities-handled") == []


def test_a_month_without_a_report(instance: Instance, tmp_path: Path) -> None:
    """Told by its name; one that began before the instance was made is not asked for."""
    _report(instance, tmp_path, NOW)
    facts, _ = collected(instance, "vulnerabilities")
    assert (facts["months"], facts["months_without"]) == (["2026-11"], ["2026-12"])
    told = seen(instance, "vulnerabilities", "vulnerabilities-handled")
    assert told == [("partly", "months-without-report")]
    part = Period(PERIOD.from_day, datetime(2026, 12, 30, tzinfo=UTC).date())
    assert collected(instance, "vulnerabilities", part)[0]["months_without"] == []


def test_what_is_open(instance: Instance, tmp_path: Path) -> None:
    """Of which nobody says how grave it is: partly; and what was not looked at is counted."""
    _report(instance, tmp_path, _DECEMBER, {"sqlalchemy": "CVE-2026-12345"}, left_out="typer")
    facts, _ = collected(instance, "vulnerabilities")
    assert facts["open"]["not told"] == 1
    assert facts["open_ids"] == {"not told": ["CVE-2026-12345"]}
    assert facts["not_looked_at"] == 1
    assert seen(instance, "vulnerabilities", "vulnerabilities-handled") == [
        ("partly", "vulnerabilities-open"),
        ("partly", "packages-not-looked-at"),
    ]


def test_what_is_grave(instance: Instance, tmp_path: Path) -> None:
    """A report that says how grave: a gap. One that does not say what it looked at: a note."""
    one = installed().packages["sqlalchemy"]
    said = json.loads(json.dumps(GRYPE).replace("Flask@0.5", f"sqlalchemy@{one.version}"))
    _sarif(instance, tmp_path, said)
    assert seen(instance, "vulnerabilities", "vulnerabilities-handled") == [
        ("gap", "vulnerabilities-grave"),
        ("note", "coverage-not-told"),
    ]


def _sarif(instance: Instance, folder: Path, said: Any) -> None:
    path = folder / "report.json"
    path.write_bytes(encoded(said))
    at(instance, _DECEMBER)
    import_report(instance, path, _DECEMBER)
    at(instance, LATER)


def test_a_report_that_came_later_does_not_count(instance: Instance, tmp_path: Path) -> None:
    """Made in the period and imported after it: nobody knew of it then."""
    _report(instance, tmp_path, _DECEMBER)
    before = collected(instance, "vulnerabilities")[1]
    path = tmp_path / "late.json"
    path.write_bytes(encoded(GRYPE))
    import_report(instance, path, datetime(2026, 12, 30, tzinfo=UTC))
    assert collected(instance, "vulnerabilities")[1] == before
