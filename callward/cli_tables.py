"""Tables for people, drawn with rich."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=False)

_ANY_WIDTH = 10_000

_STATUS_TITLES = {"catalogued": "kept", "transcribed": "texts"}
"""Shorter words for the status's columns, so that they fit 80 characters."""


def show_rows(rows: Sequence[Mapping[str, Any]], nothing: str) -> None:
    """A table with a column per key, or one sentence."""
    if not rows:
        console.print(nothing)
        return
    table = _table()
    for name, value in rows[0].items():
        number = isinstance(value, int) and not isinstance(value, bool)
        table.add_column(name, overflow="fold", justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    _print(table)


def show_record(record: Mapping[str, Any]) -> None:
    """One record, a line a field."""
    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name, _text(value))
    _print(table)


def show_status(found: Mapping[str, Any]) -> None:
    """The status: a line per controller and kind, then quarantine, then drops."""
    rows = [
        {
            "controller": controller,
            "kind": kind,
            **{
                _STATUS_TITLES.get(name, name): count
                for name, count in counts.items()
                if name != "quarantined"
            },
        }
        for controller, entry in found["controllers"].items()
        for kind, counts in entry["kinds"].items()
    ]
    show_rows(rows, "nothing is catalogued")
    console.print()
    quarantined = [
        {"controller": controller, "quarantined as": reason, "items": count}
        for controller, entry in found["controllers"].items()
        for reason, count in entry["quarantined"].items()
    ]
    show_rows(quarantined, "nothing in quarantine")
    console.print()
    standing = [{**one, "overdue for review": one["overdue"]} for one in found["holds"]]
    for one in standing:
        del one["overdue"]
    show_rows(standing, "no holds")
    console.print()
    changes = found["material_changes"]
    kinds = [{"material changes": kind, "waiting": n} for kind, n in changes["by_kind"].items()]
    show_rows(kinds, "no material change waits for a review")
    console.print()
    show_rows(found["drops"], "no drops")


def _table(*, show_header: bool = True) -> Table:
    return Table(
        show_header=show_header,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def _print(table: Table) -> None:
    """To a terminal as wide as that is; elsewhere as wide as it takes, so that ids stay whole."""
    (console if console.is_terminal else Console(width=_ANY_WIDTH)).print(table)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name} {count}" for name, count in value.items()) or "-"
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return "-" if value is None else str(value)
