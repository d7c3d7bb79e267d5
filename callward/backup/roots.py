"""Whether the key cells of today and the catalogue restored fit together."""

from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import KeyMissingError
from callward.vault.cells import CellError
from callward.vault.vault import Vault


def settle_generations(
    connection: sa.Connection, vault: Vault, abandon: int | None, at: datetime
) -> None:
    """Check that the current root is there, and that there is no newer one.

    What cells hold beside it is entered as to be destroyed, which the next sweep does;
    so is ``abandon``, a newer one of which the operator knows that it never was in
    force. KeyMissingError names the generation otherwise.
    """
    current = vault.generation(connection)
    held = held_generations(vault)
    known = set(connection.scalars(sa.select(t.generations.c.number)))
    newer = sorted(one for one in held - known if one > current and one != abandon)
    if newer:
        raise KeyMissingError(
            f"the key cells hold generation {newer[-1]}, but backup and journals end at {current}: "
            f"the journal of generation {newer[-1]} is missing"
        )
    if current not in held:
        raise KeyMissingError(f"no key cell holds the root of generation {current}")
    for number in sorted(held - known):
        connection.execute(
            t.generations.insert().values(number=number, state="retiring", created_at=at)
        )


def held_generations(vault: Vault) -> frozenset[int]:
    """The generations that any cell within reach holds; CellError if none is."""
    found: set[int] = set()
    failures: list[CellError] = []
    for cell in vault.cells:
        try:
            found |= cell.generations()
        except CellError as error:
            failures.append(error)
    if len(failures) == len(vault.cells):
        raise failures[0]
    return frozenset(found)
