"""What is put to the board: the draft with what the officer has said of it, under one digest.

Pure. Remarks and actions are lines that the pack shows to everybody, so their digest may stand in
the ledger; there it shows whether the rows are still what the board had before it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from callward.ledger.canonical import Json, canonical


class ToDo(Protocol):
    """An action, proposed or open."""

    @property
    def clause(self) -> str:
        """Of the notice."""
        ...

    @property
    def action(self) -> str:
        """What is to be done."""
        ...

    @property
    def owner(self) -> str:
        """By which office."""
        ...

    @property
    def due_day(self) -> date:
        """London day."""
        ...


def digest_of(draft: str, comments: Mapping[str, str], actions: Sequence[ToDo]) -> str:
    """SHA-256 (hex) of a draft's digest, remarks by clause, and actions in whatever order."""
    lines = sorted((one.clause, one.action, one.owner, one.due_day.isoformat()) for one in actions)
    value: Json = {
        "draft": draft,
        "comments": dict(comments),
        "actions": [list(one) for one in lines],
    }
    return hashlib.sha256(canonical(value)).hexdigest()
