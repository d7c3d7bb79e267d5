"""The log's keys as the catalogue has them, and the leaves that prove each change.

The leaf ``signing-key-rotated`` names the old and the new key and holds the old
one's signature over the new one, so the table can be made again from the leaves.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue.tables import ledger_keys, ledger_leaves
from callward.errors import IntegrityError, OperatorError
from callward.ledger.keys import ROTATED, History, Period, parse_rotation


class KeyRetiredError(OperatorError):
    """The signing key was replaced while this was running: start it again."""

    code = "key-retired"


def newest(connection: sa.Connection) -> str | None:
    """The verifier key in force; None as long as nothing was signed."""
    order = ledger_keys.c.number.desc()
    return connection.scalar(sa.select(ledger_keys.c.verifier).order_by(order).limit(1))


def require_in_force(connection: sa.Connection, verifier: str, at: datetime) -> None:
    """KeyRetiredError unless it is the key in force; the first one ever is entered.

    The caller holds the log's lock.
    """
    known = newest(connection)
    if known is None:
        enter(connection, verifier, 0, at)
    elif known != verifier:
        raise KeyRetiredError("the ledger has another signing key by now; start again")


def enter(connection: sa.Connection, verifier: str, since: int, at: datetime) -> None:
    """Enter the next key, which signs heads from size ``since`` on."""
    last = connection.scalar(sa.select(sa.func.max(ledger_keys.c.number))) or 0
    row = {"number": last + 1, "verifier": verifier, "since_size": since, "at": at}
    connection.execute(sa.insert(ledger_keys), row)


def history(connection: sa.Connection, trusted: Sequence[str]) -> History:
    """The log's keys, proved back from one that is trusted to be in force.

    Every change must have its leaf with the old key's signature, and every such
    leaf its change. IntegrityError otherwise; before anything was signed, the
    trusted keys themselves.
    """
    rows = connection.execute(sa.select(ledger_keys).order_by(ledger_keys.c.number)).all()
    changes = rotations(connection)
    if not rows and not changes:
        return History.of(trusted)
    first = [rows[0].verifier, 0] if rows else None
    entered = [[row.verifier, row.since_size] for row in rows]
    if entered != [first, *([new, since] for _, new, since in changes)]:
        raise IntegrityError("the ledger's keys are not those that its leaves say")
    if changes and changes[0][0] != rows[0].verifier:
        raise IntegrityError("the ledger's first key is not the one that was replaced")
    if rows[-1].verifier not in trusted:
        raise IntegrityError("the ledger's newest key is not the one expected")
    ends = [*(since for _, _, since in changes), None]
    periods = [
        Period(row.verifier, row.since_size, end) for row, end in zip(rows, ends, strict=True)
    ]
    return History(tuple(reversed(periods)))


def rotations(connection: sa.Connection) -> list[tuple[str, str, int]]:
    """Every change of key in the leaves: old, new, and the size from which the new one signs.

    IntegrityError if one does not follow from the one before.
    """
    leaf = ledger_leaves.c
    query = sa.select(leaf.position, leaf.body).where(leaf.event == ROTATED).order_by(leaf.position)
    found: list[tuple[str, str, int]] = []
    for row in connection.execute(query):
        old, new = parse_rotation(row.body)
        if found and found[-1][1] != old:
            raise IntegrityError(f"leaf {row.position} replaces a key that was not in force")
        found.append((old, new, row.position + 1))
    return found


def rebuild(connection: sa.Connection, current: str, at: datetime) -> None:
    """Make the table again from the leaves (after a restore); ``current`` is the key in force.

    IntegrityError if the leaves do not lead to it.
    """
    changes = rotations(connection)
    connection.execute(sa.delete(ledger_keys))
    enter(connection, changes[0][0] if changes else current, 0, at)
    for _, new, since in changes:
        enter(connection, new, since, at)
    if newest(connection) != current:
        raise IntegrityError("the leaves do not lead to the signing key in force")
