"""``callward evidence sbom`` and ``vulnerabilities …``: software, and what is known against it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callward.cli_common import Json, opened, print_json

vulnerabilities_app = typer.Typer(
    no_args_is_help=True, help="Reports of vulnerable packages: import, list, check."
)

_SAID_BY = {"told": "importer", "report": "report", "file": "file's time"}
"""Who says when a report was made."""


def sbom(
    out: Annotated[Path | None, typer.Option(help="Where to write it; default: print it.")] = None,
) -> None:
    """The software bill of materials of what is deployed here (CycloneDX 1.6, JSON)."""
    from callward.clock import SystemClock
    from callward.durable import write_durably
    from callward.sbom.document import bill
    from callward.sbom.environment import environment

    found = environment()
    content = bill(found, SystemClock().now())
    if out is None:
        typer.echo(content.decode(), nl=False)
        return
    write_durably(out.resolve(), content, mode=0o644)
    typer.echo(f"{len(found.packages)} components written")


@vulnerabilities_app.command("import")
def vulnerabilities_import(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    made: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day on which it was made, YYYY-MM-DD."),
    ] = None,
) -> None:
    """Keep what a report of pip-audit (JSON) or in SARIF 2.1.0 says of packages."""
    from callward.clock import LONDON
    from callward.sbom.importing import import_report

    when = None if made is None else made.replace(tzinfo=LONDON)
    with opened() as instance:
        one, new = import_report(instance, file, when)
    said = "imported" if new else "known already"
    typer.echo(
        f"{one.id} {said}: {len(one.report.vulnerabilities)} vulnerabilities, "
        f"made {one.made_at:%Y-%m-%d} (by the {_SAID_BY[one.made_from]})"
    )


@vulnerabilities_app.command("list")
def vulnerabilities_list(*, as_json: Json = False) -> None:
    """Every report imported, the one made last first."""
    from callward import cli_tables
    from callward.sbom.importing import reports

    with opened() as instance, instance.reading() as connection:
        rows = [
            {
                "report": one.id,
                "format": one.report.format,
                "tool": " ".join(filter(None, (one.report.tool, one.report.tool_version))),
                "made": one.made_at.isoformat(),
                "by the": _SAID_BY[one.made_from],
                "imported": one.imported_at.isoformat(),
                "packages": None if one.report.packages is None else len(one.report.packages),
                "vulnerabilities": len(one.report.vulnerabilities),
            }
            for one in reports(connection)
        ]
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "no reports")


@vulnerabilities_app.command("check")
def vulnerabilities_check(
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How old a report may be.")] = 30,
    as_json: Json = False,
) -> None:
    """Hold the newest report against what is installed here; changes nothing."""
    from callward import cli_tables
    from callward.sbom.comparing import MEANS, compare, open_by_severity
    from callward.sbom.environment import environment
    from callward.sbom.importing import reports

    with opened() as instance, instance.reading() as connection:
        newest = next(iter(reports(connection)), None)
        now = instance.clock.now()
    installed = {key: one.version for key, one in environment().packages.items()}
    report, made_at = (newest.report, newest.made_at) if newest else (None, None)
    findings = compare(report, made_at, installed, now, days)
    counts = open_by_severity(findings)
    rows = [
        {
            "finding": one.code.value,
            "package": one.package,
            "vulnerability": one.vulnerability,
            "severity": None if one.severity is None else one.severity.value,
            "fixed in": " ".join(one.fixed) or None,
            "days old": one.days,
            "means": MEANS[one.code],
        }
        for one in findings
    ]
    if as_json:
        print_json({"report": newest.id if newest else None, "open": counts, "findings": rows})
    else:
        cli_tables.show_rows(rows, "nothing found")
        told = ", ".join(f"{count} {severity}" for severity, count in counts.items())
        typer.echo(f"open vulnerabilities: {told}")
    if any(one.fails for one in findings):
        raise typer.Exit(2)
