"""``callward certificate …``: certificates of destruction, for people."""

from pathlib import Path
from typing import Annotated

import typer

from callward.cli_common import Id, Json, opened, print_json

certificate_app = typer.Typer(
    no_args_is_help=True, help="Certificates of destruction: list, show, pdf, state."
)


@certificate_app.command("list")
def list_(*, as_json: Json = False) -> None:
    """Every certificate issued, and every sweep that still waits for one."""
    from callward import cli_tables
    from callward.retention.papers import listing

    with opened() as instance:
        rows = listing(instance)
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "no certificates")


@certificate_app.command()
def show(certificate_id: Id, *, as_json: Json = False) -> None:
    """What a certificate says, checked; or how the sweep stands that it is to be of."""
    from callward.evidence.certificate_check import check_certificate
    from callward.retention.papers import find

    with opened() as instance:
        text, statement = find(instance, certificate_id)
    if as_json:
        print_json({**statement.predicate, "subjects": statement.objects})
        return
    for line in check_certificate(text.encode(), None).checks:
        if line.what != "key":
            typer.echo(f"{line.what}: {line.detail}")


@certificate_app.command()
def pdf(
    certificate_id: Id,
    out: Annotated[Path, typer.Option(help="Where to write it.")],
) -> None:
    """Set a certificate on one page of paper. The signed file beside it is what counts."""
    from callward.durable import write_durably
    from callward.retention.papers import find, paper

    with opened() as instance:
        text, statement = find(instance, certificate_id)
        write_durably(out.resolve(), paper(text, statement), mode=0o644)
    said = "certificate" if statement.is_certificate else "statement, which is no certificate,"
    typer.echo(f"{said} {certificate_id} written")


@certificate_app.command()
def state(
    controller: Annotated[str, typer.Argument(help="As its instruction names it.")],
    out: Annotated[Path, typer.Option(help="Where to write it.")],
) -> None:
    """Sign that nothing of a controller's is due today, or that it is on hold; no certificate."""
    from callward.durable import write_durably
    from callward.evidence.certificate import verify_certificate
    from callward.retention.stating import state_now

    with opened() as instance:
        text = state_now(instance, controller)
        found = verify_certificate(text, instance.signer.verifier)
        write_durably(out.resolve(), text.encode(), mode=0o644)
    typer.echo(f"statement written: {found.why_not}")
