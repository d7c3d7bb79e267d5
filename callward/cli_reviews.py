"""``callward review …``: the annual review from a terminal, and the actions it decides on."""

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callward.cli_common import Day, Id, Json, as_day, opened, print_json
from callward.errors import SettingsError

if TYPE_CHECKING:
    from callward.review.model import Review

review_app = typer.Typer(
    no_args_is_help=True,
    help="The annual review: list, show, start, comment, decide, withdraw, actions, close.",
)
Name = Annotated[
    str, typer.Option(help="Always -: names are read from standard input, a line each; sealed.")
]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="YYYY-MM-DD")]
Draft = Annotated[str, typer.Option(help="The draft's digest as `show` says it, or its start.")]
Paper = Annotated[
    str,
    typer.Option(
        help="The digest of draft, remarks and actions as `show` says it ('paper'), or its start."
    ),
]
Remarks = Annotated[
    list[str] | None, typer.Option("--remark", help="CLAUSE=TEXT, as often as needed.")
]
Actions = Annotated[
    list[str] | None,
    typer.Option("--action", help="'CLAUSE; WHAT; OFFICE; YYYY-MM-DD', as often as needed."),
]
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
_PARTS = 4


@review_app.command("list")
def review_list(*, as_json: Json = False) -> None:
    """Every review and where it stands; newest first."""
    from callward import cli_tables
    from callward.review.book import list_reviews

    with opened() as instance, instance.reading() as connection:
        found = [one.as_json() for one in list_reviews(connection)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "state", "from", "to", "meeting_day", "minute")
    rows = [{name: one[name] for name in columns} for one in found]
    cli_tables.show_rows(rows, "the notice has not been reviewed yet")


@review_app.command("show")
def review_show(review_id: Id, *, as_json: Json = False) -> None:
    """Draft and paper, verdicts that are not met, remarks, actions, and what was decided."""
    from callward import cli_tables
    from callward.review.book import get

    with opened() as instance, instance.reading() as connection:
        found = get(connection, review_id).as_json()
    if as_json:
        print_json(found)
        return
    verdicts, comments, actions = (found.pop(name) for name in ("verdicts", "comments", "actions"))
    cli_tables.show_record(found)
    cli_tables.console.print()
    rows = [
        {"clause": clause, "is": state, "remark": comments.get(clause, "")}
        for clause, state in verdicts.items()
        if state in {"gap", "partly"} or clause in comments
    ]
    cli_tables.show_rows(rows, "no gaps")
    cli_tables.console.print()
    cli_tables.show_rows([_row(one) for one in actions], "no actions")


@review_app.command("start")
def review_start(*, from_: From = None, to: Day = None) -> None:
    """Begin a review, or take up the open one: draft, or the final pack once it is approved."""
    from callward import cli_run

    with opened() as instance:
        cli_run.review(instance, as_day(from_), as_day(to), _say)


@review_app.command("comment")
def review_comment(
    review_id: Id, name: Name, draft: Draft, remark: Remarks = None, action: Actions = None
) -> None:
    """The officer's word: a remark or an action on every gap."""
    from callward.clock import today
    from callward.review.book import comment, get
    from callward.review.model import gaps_of
    from callward.review.typed import read_comments

    names = _names(name)
    with opened() as instance:
        with instance.reading() as connection:
            known = get(connection, review_id)
        typed = {
            "remarks": _remarks(remark or ()),
            "actions": [_action(one) for one in action or ()],
            "name": "".join(names[:1]),
        }
        said = read_comments(
            gaps_of(known),
            known.verdicts.keys(),
            typed,
            draft=_digest(known.draft, draft),
            today=today(instance.clock),
        )
        found = comment(instance, review_id, said, "terminal")
    _say(found)


@review_app.command("decide")
def review_decide(
    review_id: Id,
    name: Name,
    paper: Paper,
    decision: Annotated[str, typer.Option(help="approve, approve-with-actions or reject")],
    day: Annotated[str, typer.Option(help="Day of the board's decision, YYYY-MM-DD.")],
    minute: Annotated[str, typer.Option(help="Reference of the minute.")],
    action: Actions = None,
) -> None:
    """The board's decision on exactly this paper; a waiting run or `start` then publishes it."""
    from callward.clock import london_day, today
    from callward.review.book import decide, get
    from callward.review.typed import read_decision

    names = _names(name)
    with opened() as instance:
        with instance.reading() as connection:
            known = get(connection, review_id)
        typed = {
            "decision": decision,
            "names": names,
            "meeting_day": day,
            "minute": minute,
            "actions": [_action(one) for one in action or ()],
        }
        said = read_decision(
            known.verdicts.keys(),
            typed,
            paper=_digest(known.paper, paper),
            drafted=london_day(known.drafted_at),
            today=today(instance.clock),
        )
        found = decide(instance, review_id, said, "terminal")
    _say(found)


@review_app.command("withdraw")
def review_withdraw(review_id: Id) -> None:
    """End an open review without a decision; what was proposed in it lapses."""
    from callward.review.book import withdraw

    with opened() as instance:
        found = withdraw(instance, review_id)
    _say(found)


@review_app.command("actions")
def review_actions(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """What reviews have decided and nobody has closed; those due first in front."""
    from callward import cli_tables
    from callward.clock import today
    from callward.review.book import list_actions

    with opened() as instance, instance.reading() as connection:
        day = today(instance.clock)
        states = ("open", "closed") if everything else ("open",)
        found = list_actions(connection, *states)
    rows = [{**one.as_json(), "overdue": one.overdue(day)} for one in found]
    if as_json:
        print_json(rows)
        return
    cli_tables.show_rows(
        [{**_row(one), "overdue": "yes" if one["overdue"] else "no"} for one in rows],
        "no actions are open",
    )


@review_app.command("close")
def review_close(
    action_id: Id,
    reference: Annotated[str, typer.Option(help="What shows that it was done: a file's number.")],
) -> None:
    """Enter that an action was done."""
    from callward.review.book import close_action
    from callward.review.typed import read_reference

    good = read_reference(reference)
    with opened() as instance:
        close_action(instance, action_id, good)
    typer.echo(f"action {action_id} closed")


def _say(found: "Review") -> None:
    typer.echo(
        f"review {found.id} of {found.period.from_day} to {found.period.to_day} is ", nl=False
    )
    typer.echo(f"{found.state}; {_NEXT[found.state.value]}")


_NEXT = {
    "drafted": "the data protection officer comments next",
    "commented": "the board decides next",
    "approved": "a run that waits publishes it, or `callward review start`",
    "approved-with-actions": "a run that waits publishes it, or `callward review start`",
    "rejected": "nothing is published; a new review can begin",
    "withdrawn": "a new review can begin",
    "published": "the pack is in the evidence store",
}


def _names(option: str) -> list[str]:
    """Names never stand on a command line, which every process list shows."""
    if option != "-":
        raise SettingsError("names are read from standard input, a line each: --name -")
    return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]


def _digest(known: str, start: str) -> str:
    """The whole digest, if its start was typed; else what was typed, which will be refused."""
    if not _DIGEST.fullmatch(start):
        raise SettingsError("draft and paper are named by 12 to 64 hexadecimal digits of a digest")
    return known if known.startswith(start) else start


def _remark(text: str) -> tuple[str, str]:
    clause, _, remark = text.partition("=")
    return clause.strip(), remark


def _remarks(texts: Sequence[str]) -> dict[str, str]:
    """By clause; SettingsError for two on the same one, of which one would be lost."""
    found = dict(map(_remark, texts))
    if len(found) != len(texts):
        raise SettingsError("a clause has one remark: --remark names the same one twice")
    return found


def _action(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split(";")]
    if len(parts) != _PARTS:
        raise SettingsError("an action is 'CLAUSE; WHAT; OFFICE; YYYY-MM-DD'")
    return dict(zip(("clause", "action", "owner", "due_day"), parts, strict=True))


def _row(action: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "clause", "action", "owner", "due_day", "state")
    return {name: action[name] for name in names}
