"""Reports are kept with their digest and a ledger entry, once each; and from a terminal."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_leaves
from callward.clock import FixedClock, SystemClock
from callward.instance import Instance
from callward.sbom.comparing import MEANS, Fails
from callward.sbom.environment import environment
from callward.sbom.importing import import_report, reports
from callward.sbom.report import ReportError
from tests.commands import callward
from tests.sbom.reports import GRYPE, PIP_AUDIT, TRIVY, encoded
from tests.support import NOW, new_instance, snapshot

DAY = timedelta(days=1)


def written(folder: Path, content: bytes, changed: datetime = NOW - DAY) -> Path:
    """A report's file, last changed at a moment."""
    path = folder / "report.json"
    path.write_bytes(content)
    os.utime(path, (changed.timestamp(), changed.timestamp()))
    return path


def test_a_report_is_kept(instance: Instance, tmp_path: Path) -> None:
    """Reduced, with the file's digest, in catalogue and ledger; the file is left alone."""
    path = written(tmp_path, encoded(PIP_AUDIT))
    one, new = import_report(instance, path)
    digest = hashlib.sha256(encoded(PIP_AUDIT)).hexdigest()
    assert (one.id, new, one.made_from) == (digest, True, "file")
    assert (one.made_at, one.imported_at) == (NOW - DAY, NOW)
    with instance.reading() as connection:
        assert reports(connection) == [one]
        body = connection.scalars(
            sa.select(ledger_leaves.c.body).order_by(ledger_leaves.c.position.desc())
        ).first()
    leaf = json.loads(str(body))
    assert leaf["event"] == "vulnerabilities-imported"
    assert leaf["ids"] == {"report": digest, "format": "pip-audit"}
    assert leaf["counts"] == {"packages": 2, "skipped": 1, "vulnerabilities": 1}
    assert path.read_bytes() == encoded(PIP_AUDIT)
    assert "canary" not in repr(snapshot(instance))


def test_the_same_again_changes_nothing(instance: Instance, tmp_path: Path) -> None:
    """Whatever is then said of when it was made."""
    path = written(tmp_path, encoded(PIP_AUDIT))
    first, _ = import_report(instance, path)
    before = snapshot(instance)
    assert import_report(instance, path, NOW - 3 * DAY) == (first, False)
    assert snapshot(instance) == before


def test_the_same_file_of_a_later_day_is_another_report(instance: Instance, tmp_path: Path) -> None:
    """Nothing has changed, and pip-audit's file names no day: somebody looked all the same."""
    path = written(tmp_path, encoded(PIP_AUDIT))
    first, _ = import_report(instance, path, NOW - 31 * DAY)
    again, new = import_report(instance, path, NOW - DAY)
    assert new
    assert again.id != first.id
    assert again.digest == first.digest == hashlib.sha256(encoded(PIP_AUDIT)).hexdigest()
    assert import_report(instance, path, NOW - DAY) == (again, False)
    with instance.reading() as connection:
        assert reports(connection) == [again, first]


def test_a_file_that_says_its_day_was_made_once(instance: Instance, tmp_path: Path) -> None:
    """Whatever is told of a later day."""
    path = written(tmp_path, encoded(GRYPE))
    first, _ = import_report(instance, path)
    assert import_report(instance, path, NOW) == (first, False)


def test_who_says_when_it_was_made(instance: Instance, tmp_path: Path) -> None:
    """Whoever brings it, else the report, else its file; the one made last comes first."""
    told, _ = import_report(instance, written(tmp_path, encoded(TRIVY)), NOW - 9 * DAY)
    said, _ = import_report(instance, written(tmp_path, encoded(GRYPE)))
    seen, _ = import_report(instance, written(tmp_path, encoded(PIP_AUDIT), NOW - 5 * DAY))
    assert [one.made_from for one in (told, said, seen)] == ["told", "report", "file"]
    assert said.made_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    with instance.reading() as connection:
        assert [one.id for one in reports(connection)] == [said.id, seen.id, told.id]


def test_what_has_not_come_yet_is_refused(instance: Instance, tmp_path: Path) -> None:
    """Nobody can have made it; nothing is kept."""
    before = snapshot(instance)
    path = written(tmp_path, encoded(PIP_AUDIT), NOW + DAY)
    with pytest.raises(ReportError, match="not come yet"):
        import_report(instance, path)
    with pytest.raises(ReportError, match="not come yet"):
        import_report(instance, path, NOW + DAY)
    assert snapshot(instance) == before


def test_what_is_no_file(instance: Instance, tmp_path: Path) -> None:
    """Neither a folder nor a pipe, nor nothing; the path is not repeated."""
    os.mkfifo(tmp_path / "canary-pipe")
    for path in (tmp_path, tmp_path / "canary-pipe", tmp_path / "canary-none"):
        with pytest.raises(ReportError, match="no report at the path given") as caught:
            import_report(instance, path)
        assert "canary" not in str(caught.value)


def test_a_ledger_that_fails_leaves_no_report(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the entry cannot be written, the transaction keeps nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("full")

    before = snapshot(instance)
    monkeypatch.setattr("callward.ledger.log.append", refuse)
    with pytest.raises(OSError, match="full"):
        import_report(instance, written(tmp_path, encoded(GRYPE)))
    assert snapshot(instance) == before


def test_from_a_terminal(tmp_path: Path) -> None:
    """Imported, listed, and held against what is installed here."""
    now = SystemClock().now()
    new_instance(tmp_path / "home", clock=FixedClock(now)).close()
    home = tmp_path / "home"
    assert callward(home, "evidence", "vulnerabilities", "list").out == "no reports\n"
    said = callward(home, "evidence", "vulnerabilities", "check", "--json")
    assert (said.status, said.json["report"]) == (2, None)
    (only,) = said.json["findings"]
    assert (only["finding"], only["means"]) == ("report-missing", MEANS[Fails.REPORT_MISSING])

    everything = environment().packages.values()
    whole: dict[str, Any] = {
        "dependencies": [
            {"name": one.name, "version": one.version, "vulns": []} for one in everything
        ]
    }
    path = written(tmp_path, encoded(whole), now - 3 * DAY)
    said = callward(home, "evidence", "vulnerabilities", "import", str(path))
    assert said.status == 0
    assert "imported: 0 vulnerabilities" in said.out
    assert "by the file's time" in said.out
    said = callward(home, "evidence", "vulnerabilities", "check")
    assert said.status == 0
    assert said.last == "open vulnerabilities: 0 critical, 0 high, 0 medium, 0 low, 0 not told"
    (listed,) = callward(home, "evidence", "vulnerabilities", "list", "--json").json
    assert (listed["format"], listed["packages"]) == ("pip-audit", len(everything))

    whole["dependencies"][0]["vulns"] = [{"id": "CVE-2024-1234", "fix_versions": ["99"]}]
    path = written(tmp_path, encoded(whole), now)
    made = (now - DAY / 24).strftime("%Y-%m-%d")
    said = callward(home, "evidence", "vulnerabilities", "import", str(path), "--made", made)
    assert "1 vulnerabilities" in said.out
    assert "by the importer" in said.out
    said = callward(home, "evidence", "vulnerabilities", "check", "--json")
    assert said.status == 2
    assert said.json["open"]["not told"] == 1
    assert [(one["finding"], one["fixed in"]) for one in said.json["findings"]] == [
        ("vulnerability-open", "99")
    ]


def test_what_is_wrong_is_told_from_a_terminal(tmp_path: Path) -> None:
    """In a sentence with a code, and nothing of the file."""
    new_instance(tmp_path / "home", clock=FixedClock(SystemClock().now())).close()
    path = written(tmp_path, b"canary")
    said = callward(tmp_path / "home", "evidence", "vulnerabilities", "import", str(path))
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("callward: [vulnerability-report] ")
    assert "canary" not in said.err
