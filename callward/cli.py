"""``callward …``, for people. The composition root: it alone reaches outward, where it must."""

import traceback as tracebacks
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callward.cli_approvals import approvals_app
from callward.cli_assurance import assurance_app
from callward.cli_backup import backup_app, restore, upgrade
from callward.cli_certificates import certificate_app
from callward.cli_changes import changes_app
from callward.cli_common import (
    Day,
    Id,
    Json,
    as_day,
    opened,
    options,
    print_json,
    typed,
)
from callward.cli_disclosures import disclosures_app
from callward.cli_flowruns import flow_runs_app
from callward.cli_keys import keys_app
from callward.cli_ledger import ledger_app
from callward.cli_oscal import oscal
from callward.cli_retention import erase, hold_app, restrict_app
from callward.cli_reviews import review_app
from callward.cli_scan import scan
from callward.cli_software import sbom, vulnerabilities_app
from callward.cli_subprocessors import sub_processors_app
from callward.cli_transcripts import transcript_app
from callward.cli_witness import witness_app
from callward.errors import SettingsError, scrubbed

# Every command imports what it needs itself: help and errors must come at once.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The record-keeping back office: take in, transcribe, destroy, prove.",
)
quarantine_app = typer.Typer(no_args_is_help=True, help="What was refused: list, release, reject.")
instructions_app = typer.Typer(no_args_is_help=True, help="Controllers' instructions: check, load.")
evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: build packs, software.")
app.add_typer(hold_app, name="hold")
app.add_typer(restrict_app, name="restrict")
app.command("erase")(erase)
app.add_typer(approvals_app, name="approvals")
app.add_typer(backup_app, name="backup")
app.command("restore")(restore)
app.command("upgrade")(upgrade)
app.command("scan")(scan)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(instructions_app, name="instructions")
app.add_typer(sub_processors_app, name="sub-processors")
app.add_typer(disclosures_app, name="disclosures")
app.add_typer(assurance_app, name="assurance")
app.add_typer(changes_app, name="changes")
app.add_typer(review_app, name="review")
app.add_typer(flow_runs_app, name="flow-runs")
app.add_typer(ledger_app, name="ledger")
app.add_typer(witness_app, name="witness")
app.add_typer(evidence_app, name="evidence")
evidence_app.command("oscal")(oscal)
evidence_app.command("sbom")(sbom)
evidence_app.add_typer(vulnerabilities_app, name="vulnerabilities")
app.add_typer(certificate_app, name="certificate")
app.add_typer(keys_app, name="keys")
app.add_typer(transcript_app, name="transcript")


@app.callback()
def _main(
    home: Annotated[
        Path, typer.Option(envvar="CALLWARD_HOME", help="The instance's folder.")
    ] = Path("var"),
    traceback: Annotated[  # noqa: FBT002 - a command-line flag
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
) -> None:
    options.home, options.traceback = home.resolve(), traceback


@app.command()
def init() -> None:
    """Make an instance: catalogue, key cell, signing key, folders."""
    from callward.instance import create_instance

    instance = create_instance(options.home)
    typer.echo(f"instance made; packs will be signed by {instance.signer.verifier}")
    instance.close()


@app.command()
def run(
    stage: Annotated[
        str, typer.Argument(help="nightly, ingest, cards, transcribe, retention, evidence")
    ],
    *,
    as_of: Day = None,
    controller: Annotated[str | None, typer.Option(help="Only this controller's data.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Without Prefect.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go.")] = False,
    approve: Annotated[str | None, typer.Option(help="Hash of the sweep plan approved.")] = None,
) -> None:
    """Run the night, or one stage of it; fails if any part failed."""
    from callward import cli_run

    order = cli_run.Order(stage, as_day(as_of), controller, approve)
    if dry_run:
        with opened() as instance:
            cli_run.show_plan(instance, order)
    elif plain:
        with opened() as instance:
            cli_run.run_plain(instance, order)
    else:
        cli_run.run_in_prefect(options.home, order)


@app.command()
def status(*, as_of: Day = None, as_json: Json = False) -> None:
    """Per controller and kind what is kept, refused, held, due, destroyed; and every drop."""
    from callward import cli_tables
    from callward.clock import today
    from callward.status import status as look

    with opened() as instance, instance.reading() as connection:
        found = look(connection, as_day(as_of) or today(instance.clock))
    if as_json:
        print_json(found)
    else:
        cli_tables.show_status(found)


@app.command()
def show(object_id: Id, *, as_json: Json = False) -> None:
    """What the catalogue says of one object, interaction or certificate."""
    from callward import cli_tables
    from callward.lookup import describe

    with opened() as instance, instance.reading() as connection:
        found = describe(connection, object_id)
    if as_json:
        print_json(found)
    else:
        cli_tables.show_record(found)


@app.command("open")
def open_(
    object_id: Id,
    reason: Annotated[str, typer.Option(help="Why; sealed and kept; - reads standard input.")],
    out: Annotated[Path, typer.Option(help="Where to write it.")],
    *,
    despite_restriction: Annotated[
        bool,
        typer.Option("--despite-restriction", help="Consent, or a claim: UK GDPR Art 18(2)."),
    ] = False,
) -> None:
    """Open a sealed object into a file. Every opening is recorded first."""
    from callward.opening import open_to_file

    with opened() as instance:
        size = open_to_file(
            instance, object_id, typed(reason), out, despite_restriction=despite_restriction
        )
    typer.echo(f"{size} bytes of {object_id} written; the opening is in the ledger")


@quarantine_app.command("list")
def quarantine_list(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    as_json: Json = False,
) -> None:
    """What was refused, and why."""
    from callward import cli_tables
    from callward.intake.quarantine import list_quarantine

    with opened() as instance, instance.reading() as connection:
        state = None if everything else "held"
        rows = [one.as_json() for one in list_quarantine(connection, state=state)]
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "nothing in quarantine")


@quarantine_app.command("release")
def quarantine_release(quarantine_id: Id) -> None:
    """Take a refused item into the catalogue, waiving the reason it was refused for."""
    from callward.intake.quarantine import release

    with opened() as instance:
        typer.echo(f"released as object {release(instance, quarantine_id)}")


@quarantine_app.command("reject")
def quarantine_reject(quarantine_id: Id) -> None:
    """Destroy a refused item for good."""
    from callward import cli_run

    with opened() as instance:
        cli_run.reject(instance, quarantine_id)
    typer.echo(f"{quarantine_id} rejected and destroyed")


@instructions_app.command("check")
def instructions_check() -> None:
    """Read every instruction file and say what is wrong with it; changes nothing."""
    from callward.instructions.load import read_folder

    with opened() as instance:
        folder = read_folder(instance)
    for problem in folder.problems.values():
        typer.echo(problem, err=True)
    typer.echo(f"{len(folder.good)} instructions are good, {len(folder.problems)} are not")
    if folder.problems:
        raise typer.Exit(3)


@instructions_app.command("load")
def instructions_load() -> None:
    """Record every changed instruction as a new version."""
    from callward.instructions.load import load_folder

    with opened() as instance:
        changed, folder = load_folder(instance)
    for controller, version in changed.items():
        typer.echo(f"{controller}: version {version}")
    for problem in folder.problems.values():
        typer.echo(problem, err=True)
    if not changed:
        typer.echo("nothing changed")
    if folder.problems:
        raise typer.Exit(3)


@evidence_app.command("build")
def evidence_build(
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
) -> None:
    """Build the signed pack of a period (both days included)."""
    from callward import cli_run

    cli_run.build_pack(options.home, from_.date(), to.date())


@evidence_app.command("verifier")
def evidence_verifier() -> None:
    """Print the verifier as one file of Python, which needs nothing of ours: for auditors."""
    from callward.evidence.standalone import verifier_source

    typer.echo(verifier_source(), nl=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    key: Annotated[
        str | None, typer.Option(help="The verifier key you were given, or a file of them.")
    ] = None,
    period: Annotated[
        tuple[datetime, datetime] | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The first and last day you expect.", metavar="FROM TO"
        ),
    ] = None,
    year: Annotated[
        int | None, typer.Option(help="Expect the annual pack that ends in that year.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option(help="An earlier pack, which this one must continue.")
    ] = None,
    witness: Annotated[
        str | None, typer.Option(help="A witness's verifier key: it must have cosigned.")
    ] = None,
    tsa: Annotated[
        Path | None, typer.Option(help="A time-stamp authority's root, PEM: it must have stamped.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a pack or a proof; needs no instance. Says what was checked and what cannot be."""
    from callward.cli_ledger import given_roots
    from callward.evidence.checking import check_file
    from callward.evidence.checks.asked import given_text, wanted_of
    from callward.evidence.strangers import with_stamp

    if not file.is_file():
        raise SettingsError("there is no file at the path given")
    days = None if period is None else tuple(one.date() for one in period)
    wanted = wanted_of(period=days, year=year, earlier=earlier, witness=given_text(witness))
    checked = check_file(file, expected_key=given_text(key), wanted=wanted)
    checked = with_stamp(checked, file, given_roots(tsa))
    if as_json:
        print_json(checked.as_json())
    else:
        for line in checked.lines():
            typer.echo(line)
    if not checked.passed:
        raise typer.Exit(4)


def main() -> None:
    """Run the command line; errors are one sentence with a code."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - its text may quote content; the type may not
        said = scrubbed(error)
        if options.traceback:
            typer.echo(_places(error), err=True)
        typer.echo(f"callward: {said}", err=True)
        raise SystemExit(said.exit_status) from None


def _places(error: BaseException | None) -> str:
    """Where an error and those behind it were raised; their texts may quote content."""
    lines: list[str] = []
    while error is not None:
        lines += [f"{type(error).__name__}\n", *tracebacks.format_tb(error.__traceback__)]
        error = error.__cause__ or error.__context__
    return "".join(lines)
