"""``callward changes …``: what makes a review of the privacy notice necessary."""

from typing import Annotated

import typer

from callward.cli_common import Json, opened, print_json

changes_app = typer.Typer(
    no_args_is_help=True, help="Material changes that ask for a review of the notice: list."
)


@changes_app.command("list")
def changes_list(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that a review has dealt with, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every change that no review has dealt with: of what, from what to what, and when found."""
    from callward import cli_tables
    from callward.material.book import changes

    with opened() as instance, instance.reading() as connection:
        found = changes(connection, everything=everything)
    rows = [
        {
            "id": one.id,
            "kind": one.change.about.kind.value,
            "about": one.change.about.subject,
            "before": one.change.before,
            "after": one.change.after,
            "found_at": one.found_at.isoformat(),
            "review": one.review,
            "dealt_at": one.dealt_at.isoformat() if one.dealt_at else None,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
    else:
        cli_tables.show_rows(rows, "no material change waits for a review")
