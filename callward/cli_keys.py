"""``callward keys …``: roots, their cells, the journal, the drill."""

from pathlib import Path
from typing import Annotated

import typer

from callward.cli_backup import drill
from callward.cli_common import Json, opened, print_json, typed
from callward.errors import SettingsError

keys_app = typer.Typer(no_args_is_help=True, help="Roots and key cells: look, turn, back up.")


@keys_app.command("status")
def keys_status(*, as_json: Json = False) -> None:
    """Every generation of the root, what each cell holds and answered, and the journals."""
    from callward import cli_tables
    from callward.retention.keybook import status

    with opened() as instance:
        found = status(instance)
    if as_json:
        print_json(found)
        return
    for name in ("generations", "answers", "cells"):
        cli_tables.show_rows(found[name], f"no {name}")
    newest = found["journals"][-1] if found["journals"] else "none"
    typer.echo(f"newest journal: {newest}")


@keys_app.command("turn")
def keys_turn() -> None:
    """Make a new root, bring everything under it, destroy the old one; nothing else goes."""
    from callward.catalogue.guard import exclusive
    from callward.retention import retiring, roots

    with opened() as instance, exclusive(instance.engine):
        turn = roots.turn_alone(instance)
        with instance.unit() as connection:
            waiting = retiring.outstanding(connection, turn.before)
    typer.echo(f"generation {turn.after} is current; {turn.pages} pages were wrapped anew")
    for one in waiting:
        until = f" until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else ""
        typer.echo(f"generation {one.generation} in cell {one.cell}: {one.answer}{until}", err=True)
    if any(one.answer != "pending" for one in waiting):
        raise typer.Exit(2)


@keys_app.command("cell-gone")
def keys_cell_gone(
    name: Annotated[str, typer.Argument(help="Its name, as it was in the settings.")],
    reason: Annotated[str, typer.Option(help="Who says so and why; sealed; - reads a line.")],
) -> None:
    """Give your word that a cell which left the settings is destroyed, roots and all."""
    from callward.retention import retiring

    note = typed(reason)
    if not note.strip():
        raise SettingsError("a word needs a name and a reason")
    with opened() as instance:
        generations = retiring.take_word(instance, name, note)
    typer.echo(f"taken for {len(generations)} generations; certificates will say by word")


@keys_app.command("backup")
def keys_backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to keep it; not here.")],
) -> None:
    """Copy the journals to DIR: they lead an older backup on, and open nothing by themselves."""
    from callward.retention.keybook import copy_journals

    with opened() as instance:
        copied = copy_journals(instance, folder)
    typer.echo(f"{len(copied)} journals copied" if copied else "nothing new to copy")


@keys_app.command("public")
def keys_public() -> None:
    """Print the keys that check what this instance has signed: newest first."""
    with opened() as instance:
        typer.echo(instance.signer.verifier)


keys_app.command("drill")(drill)
