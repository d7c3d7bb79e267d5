"""Taking in reports of vulnerabilities: reduced, with the digest of the file, in the ledger."""

import hashlib
import json
import os
import stat
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa

from callward.catalogue.tables import vulnerability_reports
from callward.clock import london_day
from callward.instance import Instance
from callward.ledger import log
from callward.sbom.pipaudit import read_pip_audit
from callward.sbom.report import MOST_BYTES, Report, ReportError, strict_json
from callward.sbom.sarif import read_sarif

IMPORTED_EVENT: Final = "vulnerabilities-imported"
Source = Literal["told", "report", "file"]


@dataclass(frozen=True, slots=True)
class Imported:
    """A report as it is kept. ``digest``: SHA-256 (hex) of its file; moments are UTC.

    ``id``: the same, unless that file was brought before as one made on an earlier day.
    ``made_from``: who says when it was made: whoever imported it, the report, or its
    file's time of change.
    """

    id: str
    made_at: datetime
    made_from: Source
    imported_at: datetime
    report: Report
    digest: str


def read_report(content: bytes) -> Report:
    """Read a report of either format; ReportError says why it is none."""
    value = strict_json(content)
    if isinstance(value, dict) and "runs" in value:
        return read_sarif(value)
    if isinstance(value, dict) and "dependencies" in value:
        return read_pip_audit(value)
    raise ReportError("the report is neither pip-audit's JSON nor SARIF 2.1.0")


def import_report(
    instance: Instance, path: Path, made: datetime | None = None
) -> tuple[Imported, bool]:
    """Take in a file, and say whether it is new; one that is known stays as it is.

    Where nothing has changed, a report without a day in it is the same file month after
    month: brought again as one made on a later day, it is another report.
    ``made``: when it was made (aware), if whoever brings it knows. ReportError if it is
    none, or of a moment that has not come yet.
    """
    content, changed = _read(path)
    report, digest = read_report(content), hashlib.sha256(content).hexdigest()
    source: Source = "told" if made else "report" if report.made_at else "file"
    now = instance.clock.now()
    made_at = made or report.made_at or changed
    one = Imported(digest, made_at, source, now, report, digest)
    if one.made_at > now:
        raise ReportError("the report is of a moment that has not come yet")
    try:
        return _record(instance, one)
    except sa.exc.IntegrityError:  # another worker imports the same at the same moment
        return _record(instance, one)


def reports(connection: sa.Connection) -> list[Imported]:
    """Every report, the one made last first."""
    table = vulnerability_reports
    order = (table.c.made_at.desc(), table.c.imported_at.desc(), table.c.id)
    return [_from_row(row) for row in connection.execute(sa.select(table).order_by(*order))]


def _read(path: Path) -> tuple[bytes, datetime]:
    """A file's content, one byte more than is taken at most, and when it was changed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise ReportError("there is no report at the path given that can be read") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ReportError("there is no report at the path given that can be read")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        raise ReportError("there is no report at the path given that can be read") from None
    finally:
        os.close(handle)
    return content, datetime.fromtimestamp(found.st_mtime, UTC)


def _record(instance: Instance, brought: Imported) -> tuple[Imported, bool]:
    with instance.unit() as connection:
        known = next((one for one in reports(connection) if one.digest == brought.digest), None)
        if known is not None and not _later(brought, known):
            return known, False
        one = brought if known is None else replace(brought, id=_another(brought))
        _keep(connection, one)
    return one, True


def _later(brought: Imported, known: Imported) -> bool:
    """Whether the same file was made once more; one that says itself when it was made was not."""
    undated = brought.report.made_at is None
    return undated and london_day(brought.made_at) > london_day(known.made_at)


def _another(one: Imported) -> str:
    told = f"{one.digest} {london_day(one.made_at).isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()


def _keep(connection: sa.Connection, one: Imported) -> None:
    report = one.report
    body = {
        "made_from": one.made_from,
        "report": report.model_dump(mode="json"),
        "sha256": one.digest,
    }
    connection.execute(
        vulnerability_reports.insert().values(
            id=one.id,
            format=report.format,
            made_at=one.made_at,
            imported_at=one.imported_at,
            vulnerabilities=len(report.vulnerabilities),
            body=body,
        )
    )
    counts = {
        "packages": len(report.packages or ()),
        "skipped": len(report.skipped),
        "vulnerabilities": len(report.vulnerabilities),
    }
    again = {} if one.id == one.digest else {"sha256": one.digest}
    ids = {"report": one.id, "format": report.format, **again}
    log.append(connection, IMPORTED_EVENT, [], at=one.imported_at, ids=ids, counts=counts)


def _from_row(row: sa.Row[*tuple[Any, ...]]) -> Imported:
    report = Report.model_validate_json(json.dumps(row.body["report"]))
    digest = row.body.get("sha256", row.id)
    return Imported(row.id, row.made_at, row.body["made_from"], row.imported_at, report, digest)
