"""``callward transcript …``: transcripts listed, shown, taken out in other forms, made again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from callward.cli_common import Id, Json, checked_id, opened, print_json, typed
from callward.speech.export import Form

transcript_app = typer.Typer(no_args_is_help=True, help="Transcripts: list, show, export, redo.")

Reason = Annotated[str, typer.Option(help="Why; sealed and kept; - reads standard input.")]
Quarantined = Annotated[bool, typer.Option("--quarantined", help="Also one that failed its gate.")]
DespiteRestriction = Annotated[
    bool, typer.Option("--despite-restriction", help="Consent, or a claim: UK GDPR Art 18(2).")
]


@transcript_app.command("list")
def list_(
    *,
    controller: Annotated[str | None, typer.Option(help="Only this controller's.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also recordings that were not transcribed.")
    ] = False,
    after: Annotated[str, typer.Option(help="Go on behind this recording.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most, up to 1000.")] = 100,
    as_json: Json = False,
) -> None:
    """What was transcribed, by which engine, and how much was said; no word of it."""
    from callward import cli_tables
    from callward.transcripts import listing

    with opened() as instance, instance.reading() as connection:
        rows = listing(
            connection, controller=controller, everything=everything, after=after, limit=limit
        )
    if as_json:
        print_json(rows)
        return
    cli_tables.show_rows(rows, "no transcripts")
    if len(rows) == limit:
        typer.echo(f"there may be more: --after {rows[-1]['recording']}")


@transcript_app.command()
def show(
    object_id: Id,
    reason: Reason,
    *,
    quarantined: Quarantined = False,
    despite_restriction: DespiteRestriction = False,
) -> None:
    """Read a transcript, by its own or its recording's id; recorded as an opening."""
    from callward.transcripts import export as export_

    with opened() as instance:
        content = export_(
            instance,
            object_id,
            "text",
            typed(reason),
            quarantined=quarantined,
            despite_restriction=despite_restriction,
        )
    _print(content or b"nothing was said, or nothing understood\n")


@transcript_app.command()
def export(
    object_id: Id,
    form: Annotated[Form, typer.Option("--format", help="Text, WebVTT, our JSON, a vCon 0.4.0.")],
    reason: Reason,
    *,
    out: Annotated[Path | None, typer.Option(help="Where to write it; else printed.")] = None,
    quarantined: Quarantined = False,
    despite_restriction: DespiteRestriction = False,
) -> None:
    """Take a transcript out in another form, by its own or its recording's id.

    Recorded first, as every opening is.
    """
    from callward.transcripts import export as export_
    from callward.transcripts import export_to_file

    with opened() as instance:
        why = typed(reason)
        if out is not None:
            size = export_to_file(
                instance,
                object_id,
                form,
                why,
                out,
                quarantined=quarantined,
                despite_restriction=despite_restriction,
            )
            typer.echo(f"{size} bytes of {object_id} written; the opening is in the ledger")
            return
        content = export_(
            instance,
            object_id,
            form,
            why,
            quarantined=quarantined,
            despite_restriction=despite_restriction,
        )
    _print(content)


@transcript_app.command()
def redo(
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    engine: Annotated[str, typer.Option(help="By which engine of the settings.")],
    reason: Annotated[str, typer.Option(help="Why; sealed; - reads standard input.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    as_json: Json = False,
) -> None:
    """Have recordings transcribed again, by the next run; what there is stays till then.

    By their ids or their transcripts', also quarantined ones.
    """
    from callward import cli_tables
    from callward.speech.redo import want_again

    wanted = [checked_id(one) for one in ids]
    with opened() as instance:
        found = want_again(instance, wanted, engine, typed(reason), dry_run=dry_run)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    rows = [
        {
            "recording": one.recording,
            "controller": one.controller,
            "transcript": one.transcript,
            "engine": one.engine,
            "as things stand": f"refused: {one.outlook}" if one.outlook else "will be transcribed",
        }
        for one in found
    ]
    cli_tables.show_rows(rows, "nothing is to be transcribed again")
    said = "nothing was entered" if dry_run else "the next run of transcribe sees to it"
    new = sum(one.new for one in found)
    typer.echo(f"{new} of {len(found)} newly wanted; {said}")


def _print(content: bytes) -> None:
    """To standard output as it is: UTF-8, whatever the locale says."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # caught by somebody in this process
        sys.stdout.write(content.decode())
        return
    sys.stdout.flush()
    binary.write(content)
    binary.flush()
