"""Tables for people, drawn with rich."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(soft_wrap=False)


def show_rows(rows: Sequence[Mapping[str, Any]], nothing: str) -> None:
    """A table with a column per key, or one sentence."""
    if not rows:
        console.print(nothing)
        return
    table = Table()
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    console.print(table)


def show_record(record: Mapping[str, Any]) -> None:
    """One record, a line a field."""
    table = Table(show_header=False)
    for name, value in record.items():
        table.add_row(name, _text(value))
    console.print(table)


def show_status(found: Mapping[str, Any]) -> None:
    """The status: a line per controller and kind, then quarantine, then drops."""
    rows = [
        {"controller": controller, "kind": kind, **counts}
        for controller, entry in found["controllers"].items()
        for kind, counts in entry["kinds"].items()
    ]
    show_rows(rows, "nothing is catalogued")
    quarantined = [
        {"controller": controller, "reason": reason, "items": count}
        for controller, entry in found["controllers"].items()
        for reason, count in entry["quarantined"].items()
    ]
    show_rows(quarantined, "nothing in quarantine")
    show_rows(found["drops"], "no drops")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "-"
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return "-" if value is None else str(value)
