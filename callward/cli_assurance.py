"""``callward assurance …``: certificates, tests, registrations, offices, and what they lack."""

from typing import Annotated

import typer

from callward.cli_common import Json, opened, print_json
from callward.cli_registers import entry_id, entry_of, show_entry

assurance_app = typer.Typer(
    no_args_is_help=True, help="The register of independent assurance: list, show, check."
)

Name = Annotated[str, typer.Argument(metavar="ID", callback=entry_id)]


@assurance_app.command("list")
def assurance_list(*, as_json: Json = False) -> None:
    """Every item as its file stands now, and what is promised and missing; changes nothing."""
    from callward import cli_tables
    from callward.assurance.load import look_at_assurance
    from callward.assurance.stage import overview
    from callward.clock import today

    with opened() as instance:
        rows = overview(look_at_assurance(instance), today(instance.clock))
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "no items")


@assurance_app.command("show")
def assurance_show(item: Name, *, as_json: Json = False) -> None:
    """What the register says of one item, and what is to be said about it today."""
    from callward.assurance.checking import Fails
    from callward.assurance.load import look_at_assurance
    from callward.assurance.stage import as_rows
    from callward.clock import today

    with opened() as instance:
        register, day = look_at_assurance(instance), today(instance.clock)
    one = entry_of(register, item)
    # A kind that is missing may be called as an item is.
    findings = as_rows(
        [
            found
            for found in register.findings(day)
            if found.item == item and found.code is not Fails.MISSING
        ]
    )
    nothing = "ended" if one.value.status == "ended" else "as it should be for 90 days"
    show_entry(one, findings, nothing, as_json=as_json)


@assurance_app.command("check")
def assurance_check(
    *,
    days: Annotated[int, typer.Option(min=0, max=3650, help="How far to look ahead.")] = 90,
    as_json: Json = False,
) -> None:
    """Say what is not as promised and what runs out soon; changes nothing, fails for the former."""
    from callward import cli_tables
    from callward.assurance.load import look_at_assurance
    from callward.assurance.stage import as_rows, checked
    from callward.clock import today

    with opened() as instance:
        found = checked(look_at_assurance(instance), today(instance.clock), days)
    rows, counts = as_rows(found.findings), found.counts
    if as_json:
        print_json({**counts, "findings": rows})
    else:
        for problem in found.register.problems.values():
            typer.echo(problem, err=True)
        cli_tables.show_rows(rows, "nothing found")
        typer.echo(
            f"{counts['items']} items, {counts['failing']} points not as promised, "
            f"{counts['attention']} within {days} days"
        )
    if counts["failing"]:
        raise typer.Exit(2)
