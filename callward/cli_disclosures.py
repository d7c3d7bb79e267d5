"""``callward disclosures …``: which recordings went to which sub-processor."""

from typing import Annotated

import typer

from callward.cli_common import Json, opened, print_json

disclosures_app = typer.Typer(
    no_args_is_help=True, help="Recordings disclosed to sub-processors: list."
)
_SHOWN = ("controller", "sub_processor", "country", "recordings", "seconds", "state")


@disclosures_app.command("list")
def disclosures_list(
    *,
    controller: Annotated[str | None, typer.Option(help="Only of this controller.")] = None,
    sub_processor: Annotated[str | None, typer.Option(help="Only to this one.")] = None,
    as_json: Json = False,
) -> None:
    """Every batch: when, whose, to whom, in which country, how much, by which instruction."""
    from callward import cli_tables
    from callward.speech.disclosure import listing

    with opened() as instance, instance.reading() as connection:
        rows = listing(connection, controller=controller, sub_processor=sub_processor)
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            "begun (UTC)": f"{row['begun_at']:%Y-%m-%d %H:%M}",
            **{name: row[name] for name in _SHOWN},
            "instruction": f"version {row['version']}",
        }
        for row in rows
    ]
    cli_tables.show_rows(shown, "nothing was disclosed")
