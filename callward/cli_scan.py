"""``callward scan``: the residual scan from a terminal."""

import typer

from callward.cli_common import Json, opened, print_json


def scan(*, as_json: Json = False) -> None:
    """Look in every store for what should not be there; fails if there is anything."""
    from callward.retention.findings import LOOKED
    from callward.retention.residual import scan_whole

    with opened() as instance:
        found = scan_whole(instance)
    if as_json:
        ids = {code.value: sorted(about) for code, about in found.ids.items()}
        print_json({"id": found.id, "clean": found.clean, "counts": found.counts, "ids": ids})
    else:
        for store, counts in found.counts.items():
            said = [f"{count} {code}" for code, count in counts.items() if count and code != LOOKED]
            typer.echo(f"{store:>14}  {counts[LOOKED]} looked at: {', '.join(said) or 'nothing'}")
        for code, about in found.ids.items():
            typer.echo(f"{code}: {' '.join(sorted(about)[:20])}")
        typer.echo("nothing is left" if found.clean else "something is left")
    if not found.clean:
        raise typer.Exit(4)
