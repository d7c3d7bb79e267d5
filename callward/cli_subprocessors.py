"""``callward sub-processors …``: who else may process, and whether each may be used today."""

import re
from typing import Annotated, Any

import typer

from callward.cli_common import Json, opened, print_json
from callward.errors import NotFoundError, SettingsError

sub_processors_app = typer.Typer(
    no_args_is_help=True, help="The register of sub-processors: list, show, check."
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _checked_name(text: str) -> str:
    """An id of the register as typed. What is none is not repeated."""
    if not _NAME.fullmatch(text):
        raise SettingsError("a sub-processor's id is 1 to 40 of a-z, 0-9 and -, as the list shows")
    return text


Name = Annotated[str, typer.Argument(metavar="ID", callback=_checked_name)]


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
    from callward import cli_tables
    from callward.clock import today
    from callward.subprocessors.checking import standing
    from callward.subprocessors.load import look_at_register
    from callward.subprocessors.stage import as_rows

    with opened() as instance:
        register, day = look_at_register(instance), today(instance.clock)
    if sub_processor in register.problems:
        typer.echo(register.problems[sub_processor], err=True)
        raise typer.Exit(2)
    if sub_processor not in register.entries:
        raise NotFoundError("no sub-processor of that id is in the register")
    one = register.entries[sub_processor]
    record: dict[str, Any] = {
        **one.sub_processor.model_dump(mode="json"),
        "version": one.version or "not loaded yet",
        "digest": one.digest,
    }
    findings = as_rows(standing(one.sub_processor, day))
    if as_json:
        print_json({**record, "findings": findings})
        return
    cli_tables.show_record({name: _in_words(value) for name, value in record.items()})
    cli_tables.console.print()
    cli_tables.show_rows(findings, "may be used; nothing runs out within 90 days")


def _in_words(value: Any) -> Any:
    """What stands below a key, on a line each."""
    if isinstance(value, dict):
        return [f"{name} {_in_words(one)}" for name, one in value.items() if one is not None]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [", ".join(map(str, _in_words(one))) for one in value]
    if isinstance(value, list):
        return " ".join(map(str, value)) or None
    return value


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
