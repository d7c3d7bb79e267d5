"""A drop at hand: claimed by this worker, and in a local folder, wherever it arrived."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from callward.instance import Instance
from callward.intake.claims import Claims, in_turn
from callward.intake.reasons import Reason


@dataclass(frozen=True, slots=True)
class Odd:
    """Why a file is refused that its source could not hand over as it is called there.

    ``key``: what it is called there; None if it is not at hand at all.
    """

    reason: Reason
    key: str | None = None


def _cleared() -> bool:
    return True


def _left() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Brought:
    """A drop in a local folder, and what is to be done where it came from.

    ``odd`` is by the name a file has in the folder. ``clear`` removes what was taken,
    once all of it is recorded, its marker last; False if something else is there.
    ``leave`` removes what lies in the folder and is not taken in now.
    """

    path: Path
    odd: Mapping[str, Odd] = field(default_factory=dict, repr=False)
    reason: Reason | None = None
    """Why all of it is refused."""
    clear: Callable[[], bool] = _cleared
    leave: Callable[[], None] = _left


@dataclass(frozen=True, slots=True)
class Arrival:
    """A drop that was brought and the lease under which it is worked on."""

    brought: Brought
    lease: str
    claims: Claims

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.brought.path

    @property
    def odd(self) -> Mapping[str, Odd]:
        """Files that are refused for what they are called, or not at hand."""
        return self.brought.odd


class Arrived(Protocol):
    """A drop that may know how it arrived."""

    @property
    def arrival(self) -> Arrival | None:
        """None where nobody claims drops."""


def require_mine(
    connection: sa.Connection, instance: Instance, controller: str, drops: Iterable[Arrived]
) -> None:
    """Before recording, in the same transaction and before any other lock.

    LeaseLostError if a drop is no longer this worker's. From here on nobody else
    records anything of the controller's until the transaction ends.
    """
    found = [drop.arrival for drop in drops if drop.arrival is not None]
    if found:
        found[0].claims.still_mine(connection, *(one.lease for one in found))
    instance.vault.generation(connection, lock=True)  # before any row, as a turn does
    in_turn(connection, [controller])


def holder_of(drops: Iterable[Arrived]) -> str | None:
    """Who works on these drops, for the intent that says so."""
    return next((one.arrival.claims.holder for one in drops if one.arrival is not None), None)
