"""What the commands of registers share: ids as they are typed, one entry shown."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from callward.cli_common import print_json
from callward.errors import NotFoundError, SettingsError

if TYPE_CHECKING:
    from callward.registers.book import Entry, Version
    from callward.registers.folder import Found

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def entry_id(text: str) -> str:
    """An id of a register as typed. What is none is not repeated."""
    if not _ID.fullmatch(text):
        raise SettingsError("an id is 1 to 40 of a-z, 0-9 and -, as the list shows")
    return text


def entry_of(register: "Found[Entry]", wanted: str) -> "Version[Entry]":
    """The entry of that id; says what is wrong with its file, and ends, if it has none."""
    if wanted in register.problems:
        typer.echo(register.problems[wanted], err=True)
        raise typer.Exit(2)
    if wanted not in register.entries:
        raise NotFoundError("nothing of that id is in the register")
    return register.entries[wanted]


def show_entry(
    one: "Version[Entry]", findings: Sequence[Mapping[str, Any]], nothing: str, *, as_json: bool
) -> None:
    """What a register says of one, and what was found; ``nothing`` if nothing was."""
    from callward import cli_tables

    record: dict[str, Any] = {
        **one.value.model_dump(mode="json"),
        "version": one.version or "not loaded yet",
        "digest": one.digest,
    }
    if as_json:
        print_json({**record, "findings": findings})
        return
    cli_tables.show_record({name: _in_words(value) for name, value in record.items()})
    cli_tables.console.print()
    cli_tables.show_rows(findings, nothing)


def _in_words(value: Any) -> Any:
    """What stands below a key, on a line each."""
    if isinstance(value, dict):
        return [f"{name} {_in_words(one)}" for name, one in value.items() if one is not None]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [", ".join(map(str, _in_words(one))) for one in value]
    if isinstance(value, list):
        return " ".join(map(str, value)) or None
    return value
