"""Whether the key cells of today and the catalogue restored fit together."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import IntegrityError, KeyMissingError
from callward.vault.vault import Vault

_AT_ONCE = 2_000


def settle_generations(
    connection: sa.Connection, vault: Vault, abandon: int | None, at: datetime
) -> None:
    """Check that the current root is there, and that there is no newer one.

    What cells hold beside it is entered as to be destroyed, which the next sweep does;
    so is ``abandon``, a newer one of which the operator knows that it never was in
    force. KeyMissingError names the generation otherwise; CellError a cell out of reach,
    which might hold a newer root than any other.
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
    _enter_holders(connection, vault, current, at)


def open_pages(connection: sa.Connection, vault: Vault) -> int:
    """Open every page key and every controller's key; how many pages there are.

    KeyMissingError or IntegrityError names one that does not open.
    """
    count = 0
    for table in (t.controllers, t.pages):
        count, last = 0, ""
        while True:
            rows = connection.execute(
                sa.select(table.c.id, table.c.generation, table.c.wrapped_key)
                .where(table.c.id > last)
                .order_by(table.c.id)
                .limit(_AT_ONCE)
            ).all()
            if not rows:
                break
            _open(vault, table.name, [tuple(row) for row in rows])
            count, last = count + len(rows), rows[-1].id
    return count


def _open(vault: Vault, what: str, rows: Sequence[tuple[str, int, bytes]]) -> None:
    try:
        vault.page_keys(rows)
    except (IntegrityError, KeyMissingError):
        for row in rows:
            try:
                vault.page_keys([row])
            except IntegrityError:
                raise IntegrityError(f"the key of {row[0]} in {what} does not open") from None
            except KeyMissingError:
                raise KeyMissingError(
                    f"the key of {row[0]} in {what} is under generation {row[1]}, "
                    "which no key cell holds"
                ) from None
        raise


def held_generations(vault: Vault) -> frozenset[int]:
    """The generations that any cell holds; CellError if one cannot be reached."""
    return frozenset().union(*_by_cell(vault).values())


def _by_cell(vault: Vault) -> dict[str, frozenset[int]]:
    return {cell.name: cell.generations() for cell in vault.cells}


def _enter_holders(connection: sa.Connection, vault: Vault, current: int, at: datetime) -> None:
    """Each cell that holds the current root will have to answer for it one day."""
    answers = t.cell_answers.c
    known = set(connection.scalars(sa.select(answers.cell).where(answers.generation == current)))
    for name, generations in _by_cell(vault).items():
        if current in generations and name not in known:
            connection.execute(
                t.cell_answers.insert().values(generation=current, cell=name, answer="held", at=at)
            )
