"""What every file of commands shares: the instance, kinds of argument, printing."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callward.errors import SettingsError

if TYPE_CHECKING:
    from callward.instance import Instance


@dataclass(slots=True)
class Options:
    """What was said before the command."""

    home: Path = Path("var")
    traceback: bool = False


options = Options()

# Of drops, objects, holds, nights; a certificate's has its controller behind it.
_ID = re.compile(r"[0-9a-f]{16,64}(-[a-z0-9.-]{1,40})?")


def checked_id(text: str) -> str:
    """An id as typed. What is none is not repeated: it may be a number or a name."""
    if not _ID.fullmatch(text):
        raise SettingsError("an id is 16 to 64 hexadecimal digits, as the lists show it")
    return text


Id = Annotated[str, typer.Argument(metavar="ID", callback=checked_id)]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="YYYY-MM-DD")]


@contextmanager
def opened() -> Iterator["Instance"]:
    """The instance that the command line names, while the command works."""
    from callward.instance import open_instance

    instance = open_instance(options.home)
    try:
        yield instance
    finally:
        instance.close()


def as_day(value: datetime | None) -> date | None:
    """The day of a ``Day`` option."""
    return value.date() if value else None


def typed(value: str) -> str:
    """An option's value; for ``-`` a line of standard input, which no process list shows."""
    return sys.stdin.readline().strip() if value == "-" else value


def print_json(value: Any) -> None:
    """Print for machines."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
