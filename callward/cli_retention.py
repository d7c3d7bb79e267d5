"""The commands on what is not to go, and on what is to go early: holds, restrictions, erasures."""

from datetime import datetime
from typing import Annotated

import typer

from callward.cli_common import Id, Json, checked_id, opened, print_json, typed
from callward.errors import SettingsError

# Every command imports what it needs itself: help and errors must come at once.
hold_app = typer.Typer(no_args_is_help=True, help="Legal holds: place, list, lift.")
restrict_app = typer.Typer(
    no_args_is_help=True, help="Restrictions (UK GDPR Art 18): place, list, lift."
)

_Controller = Annotated[str, typer.Option()]
_Reason = Annotated[str, typer.Option(help="Why; sealed; - reads standard input.")]
_Who = Annotated[str, typer.Option(help="Who asked for it; sealed; - reads standard input.")]
_Review = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of review.")]
_Interaction = Annotated[str | None, typer.Option(help="Interaction or object id.")]
_Person = Annotated[
    str | None, typer.Option(help="Telephone number or agent's id; - reads standard input.")
]
_Blind = Annotated[str | None, typer.Option(metavar="HEX", help="A person's blind index.")]


@hold_app.command("add")
def hold_add(
    controller: _Controller,
    reason: _Reason,
    who: _Who,
    review: _Review,
    interaction: _Interaction = None,
    person: _Person = None,
    blind: _Blind = None,
) -> None:
    """Hold a controller's data, one interaction, or everything with one person in it."""
    targets = {"interaction": interaction, "person": person, "blind": blind}
    _place("hold", controller, reason, who, review, targets)


@restrict_app.command("add")
def restrict_add(
    controller: _Controller,
    reason: _Reason,
    who: _Who,
    review: _Review,
    interaction: _Interaction = None,
    person: _Person = None,
    blind: _Blind = None,
) -> None:
    """Restrict the processing of one interaction, or of everything with one person in it."""
    targets = {"interaction": interaction, "person": person, "blind": blind}
    _place("restriction", controller, reason, who, review, targets)


@hold_app.command("list")
def hold_list(*, as_json: Json = False) -> None:
    """Every hold, active ones first; overdue ones should have been reviewed."""
    _list("hold", as_json=as_json)


@restrict_app.command("list")
def restrict_list(*, as_json: Json = False) -> None:
    """Every restriction, active ones first; overdue ones should have been reviewed."""
    _list("restriction", as_json=as_json)


@hold_app.command("lift")
def hold_lift(hold_id: Id) -> None:
    """Lift a hold; restrictions on the same data stay."""
    _lift("hold", hold_id)


@restrict_app.command("lift")
def restrict_lift(restriction_id: Id) -> None:
    """Lift a restriction; holds on the same data stay."""
    _lift("restriction", restriction_id)


def erase(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Objects or interactions.")],
    reason: _Reason,
    who: _Who,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Destroy them at once, and nothing else.")
    ] = False,
) -> None:
    """Have objects or whole interactions destroyed before their due day."""
    from callward.retention.erasures import instruct_erasure

    ids = [checked_id(one) for one in ids]
    _one_from_stdin(reason, who)
    reason, who = typed(reason), typed(who)
    with opened() as instance:
        going = instruct_erasure(instance, ids, reason, who=who)
        typer.echo(f"the erasure of {len(going)} objects is instructed")
        if now:
            from callward.cli_run import sweep_only

            sweep_only(instance, going)


def _place(
    basis: str,
    controller: str,
    reason: str,
    who: str,
    review: datetime,
    targets: dict[str, str | None],
) -> None:
    from callward.retention.holds import place_hold

    # An empty name is somebody forgotten, not everybody.
    given = {scope: target for scope, target in targets.items() if target is not None}
    if len(given) > 1:
        raise SettingsError(f"a {basis} is on an interaction or on a person, not on both")
    _one_from_stdin(reason, who, *given.values())
    reason, who = typed(reason), typed(who)
    if not reason.strip() or not who.strip():
        raise SettingsError(f"a {basis} needs a reason, and somebody who asked for it")
    scope, target = next(iter(given.items()), ("controller", None))
    if target is not None:
        target = checked_id(target) if scope == "interaction" else typed(target)
    with opened() as instance:
        hold_id = place_hold(
            instance, controller, scope, target, reason, review.date(), who=who, basis=basis
        )
    typer.echo(hold_id)


def _one_from_stdin(*values: str) -> None:
    if values.count("-") > 1:
        raise SettingsError("only one value can be read from standard input")


def _list(basis: str, *, as_json: bool) -> None:
    from callward import cli_tables
    from callward.clock import today
    from callward.retention.holds import as_json as plain
    from callward.retention.holds import list_holds

    with opened() as instance, instance.reading() as connection:
        day = today(instance.clock)
        found = [plain(hold, day) for hold in list_holds(connection, basis)]
    if as_json:
        print_json(found)
    else:
        cli_tables.show_rows(found, f"no {basis}s")


def _lift(basis: str, hold_id: str) -> None:
    from callward.retention.holds import lift_hold

    with opened() as instance:
        lift_hold(instance, hold_id, basis)
    typer.echo(f"{hold_id} lifted")
