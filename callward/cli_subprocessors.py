"""``callward sub-processors …``: who else may process, and whether each may be used today."""

from typing import Annotated

import typer

from callward.cli_common import Json, opened, print_json
from callward.cli_registers import entry_id, entry_of, show_entry

sub_processors_app = typer.Typer(
    no_args_is_help=True, help="The register of sub-processors: list, show, check."
)

Name = Annotated[str, typer.Argument(metavar="ID", callback=entry_id)]


@sub_processors_app.command("list")
def sub_processors_list(*, as_json: Json = False) -> None:
    """Every sub-processor as its file stands now, and what forbids its use; changes nothing."""
    from callward import cli_tables
    from callward.clock import today
    from callward.subprocessors.load import look_at_register
    from callward.subprocessors.stage import overview

    with opened() as instance:
        rows = overview(look_at_register(instance), today(instance.clock))
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "no sub-processors")


@sub_processors_app.command("show")
def sub_processors_show(sub_processor: Name, *, as_json: Json = False) -> None:
    """What the register says of one, and what is to be said about it today."""
    from callward.clock import today
    from callward.subprocessors.checking import standing
    from callward.subprocessors.load import look_at_register
    from callward.subprocessors.stage import as_rows

    with opened() as instance:
        register, day = look_at_register(instance), today(instance.clock)
    one = entry_of(register, sub_processor)
    findings = as_rows(standing(one.value, day))
    show_entry(one, findings, "may be used; nothing runs out within 90 days", as_json=as_json)


@sub_processors_app.command("check")
def sub_processors_check(
    *,
    days: Annotated[int, typer.Option(min=0, max=3650, help="How far to look ahead.")] = 90,
    as_json: Json = False,
) -> None:
    """Say what forbids use today and what runs out soon; changes nothing, fails for the former."""
    from callward import cli_tables
    from callward.clock import today
    from callward.subprocessors.load import look_at_register
    from callward.subprocessors.stage import as_rows, checked

    with opened() as instance:
        found = checked(look_at_register(instance), today(instance.clock), days)
    rows, counts = as_rows(found.findings), found.counts
    if as_json:
        print_json({**counts, "findings": rows})
    else:
        for problem in found.register.problems.values():
            typer.echo(problem, err=True)
        cli_tables.show_rows(rows, "nothing found")
        typer.echo(
            f"{counts['sub-processors']} sub-processors, {counts['unusable']} not usable, "
            f"{counts['expiring']} points within {days} days"
        )
    if counts["unusable"]:
        raise typer.Exit(2)
