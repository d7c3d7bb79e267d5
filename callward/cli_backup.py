"""Commands for backups: create, list, restore, drill; and bringing the catalogue up to date."""

from pathlib import Path
from typing import Annotated

import typer

from callward.cli_common import Json, opened, options, print_json

backup_app = typer.Typer(no_args_is_help=True, help="Backups: create, list, drill.")

Folder = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="Where backups lie; default: the setting's.")
]


@backup_app.command("create")
def create(
    folder: Folder = None,
    *,
    with_objects: Annotated[
        bool, typer.Option("--with-objects", help="Copy the object store's ciphertexts, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Back up the catalogue and the ledger; no root key is ever in it."""
    from callward.backup.create import create_backup

    with opened() as instance:
        made = create_backup(
            instance, folder or instance.settings.backups, with_objects=with_objects
        )
    if as_json:
        print_json({"id": made.id, "folder": str(made.folder), "counts": dict(made.counts)})
        return
    rows = sum(made.counts.values()) - made.counts["ciphertexts"]
    typer.echo(
        f"backup {made.id}: {rows} rows, ledger of {made.ledger_size} leaves, "
        f"generation {made.generation}; in {made.folder}"
    )
    if not with_objects:
        typer.echo(
            f"{made.counts['ciphertexts']} ciphertexts are listed, not copied: "
            "that is the object store's own replication"
        )


@backup_app.command("list")
def list_(folder: Folder = None, *, as_json: Json = False) -> None:
    """Every backup made, and which of them lie in the folder."""
    from callward import cli_tables
    from callward.backup.listing import list_backups

    with opened() as instance:
        found = list_backups(instance, folder or instance.settings.backups)
    if as_json:
        print_json(found)
    else:
        cli_tables.show_rows(found, "no backups")


@backup_app.command("drill")
def drill(folder: Folder = None, *, as_json: Json = False) -> None:
    """Restore into a scratch place: what was destroyed must not open, all else must."""
    from callward.backup.drill import drill as act
    from callward.backup.listing import as_rows
    from callward.backup.listing import summary as sum_up

    with opened() as instance:
        report = act(instance, folder or instance.settings.backups)
    if as_json:
        print_json(as_rows(report))
    else:
        for line in sum_up(report):
            typer.echo(line)
    if not report.passed:
        raise typer.Exit(4)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="One backup's own folder.")],
    into: Annotated[Path, typer.Option(metavar="HOME", help="Its settings and keys are there.")],
    *,
    journal: Annotated[
        Path | None, typer.Option(help="The lost instance's journal; default: HOME/data/journal.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A verifier key beside the home's own.")
    ] = None,
    abandon: Annotated[
        int | None,
        typer.Option(help="A generation that the cells hold and that never came into force."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore a backup; nothing opens before every erasure since has been repeated."""
    from callward.backup.listing import as_text
    from callward.backup.restore import restore as act

    done = act(folder, into, journals=journal, keys=key or (), abandon=abandon)
    if as_json:
        print_json(
            {
                "backup": done.backup,
                "generation": done.generation,
                "journals": list(done.journals),
                "counts": dict(done.counts),
                "missing": list(done.missing),
            }
        )
        return
    for line in as_text(done):
        typer.echo(line)


def upgrade() -> None:
    """Bring the catalogue's tables up to this version; make a backup first."""
    from callward.backup.upgrading import upgrade_catalogue

    before, after = upgrade_catalogue(options.home)
    if before == after:
        typer.echo(f"the catalogue is of revision {after}, which this version works with")
    else:
        typer.echo(f"the catalogue was of revision {before or 'none'} and is of {after} now")
