"""``callward approvals …``: what a sweep needs a person's word for, and giving it."""

from typing import Annotated

import typer

from callward.cli_common import Id, Json, opened, print_json, typed
from callward.errors import SettingsError

approvals_app = typer.Typer(
    no_args_is_help=True, help="Sweeps that the brake stopped: list, show, approve, reject."
)
Name = Annotated[str, typer.Option(help="Who decides; sealed; - reads standard input.")]
Reason = Annotated[str, typer.Option(help="Why; sealed; - reads standard input.")]


@approvals_app.command("list")
def approvals_list(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those used or expired too.")] = False,
    as_json: Json = False,
) -> None:
    """What waits for a decision, and decisions that still count; newest first."""
    from callward import cli_tables
    from callward.retention.approvals import list_approvals

    with opened() as instance, instance.reading() as connection:
        found = [one.as_json() for one in list_approvals(connection, instance.clock.now())]
    rows = [one for one in found if everything or one["state"] not in {"used", "expired"}]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "state", "scope", "as_of", "objects", "expires_at")
    cli_tables.show_rows(
        [{name: row[name] for name in columns} for row in rows], "no sweep waits for approval"
    )


@approvals_app.command("show")
def approvals_show(approval_id: Id, *, as_json: Json = False) -> None:
    """The plan's table and hash, why it needs approval, and what was decided."""
    from callward import cli_tables
    from callward.retention.approvals import get

    with opened() as instance, instance.reading() as connection:
        found = get(connection, approval_id).at(instance.clock.now()).as_json()
    if as_json:
        print_json(found)
        return
    plan = found.pop("plan")
    cli_tables.show_record(found)
    cli_tables.console.print()
    cli_tables.show_rows(plan, "nothing to destroy")


@approvals_app.command("approve")
def approvals_approve(approval_id: Id, name: Name, reason: Reason) -> None:
    """Let the sweep of exactly this plan go: a run that waits goes on, or the next one uses it."""
    _decide(approval_id, name, reason, approve=True)


@approvals_app.command("reject")
def approvals_reject(approval_id: Id, name: Name, reason: Reason) -> None:
    """Keep what the plan would destroy, until the plan changes or somebody approves it."""
    _decide(approval_id, name, reason, approve=False)


def _decide(approval_id: str, name: str, reason: str, *, approve: bool) -> None:
    from callward.retention.approvals import decide

    if name == "-" == reason:
        raise SettingsError("only one of --name and --reason can be read from standard input")
    with opened() as instance:
        decided = decide(
            instance, approval_id, approve=approve, by=typed(name), reason=typed(reason)
        )
    until = f"; counts until {decided.expires_at:%Y-%m-%d %H:%M} UTC" if approve else ""
    typer.echo(f"{approval_id} {decided.state}{until}; who and why is sealed in {decided.note_id}")
