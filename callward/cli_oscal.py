"""``callward evidence oscal``: a pack's verdicts in the form of others."""

from pathlib import Path
from typing import Annotated

import typer

from callward.errors import SettingsError


def oscal(
    pack: Annotated[Path, typer.Argument(metavar="PACK")],
    *,
    key: Annotated[
        str | None, typer.Option(help="The verifier key you were given, or a file of them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write it; default: print it.")] = None,
) -> None:
    """The verdicts of a pack that verifies, as OSCAL assessment results; needs no instance."""
    from callward.cli_ledger import given_keys
    from callward.durable import write_durably
    from callward.evidence.conform.assessed import assessed
    from callward.evidence.conform.oscal import assessment_results

    if not pack.is_file():
        raise SettingsError("there is no file at the path given")
    found = assessed(pack, expected_key=given_keys(key))
    content = assessment_results(found)
    if out is None:
        typer.echo(content.decode(), nl=False)
        return
    write_durably(out.resolve(), content, mode=0o644)
    typer.echo(f"{len(found.verdicts)} verdicts written")
