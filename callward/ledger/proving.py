"""Proofs out of the log's tables, from a few leaves and kept nodes."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from callward.catalogue.tables import ledger_checkpoints, ledger_items, ledger_leaves
from callward.errors import DefectError, IntegrityError, OperatorError
from callward.ledger import notes, proofs, rows
from callward.ledger.leaves import body_hash
from callward.ledger.merkle import Frontier, verify_inclusion
from callward.ledger.nodes import Tiles


class NoCheckpointError(OperatorError):
    """What is to be proved is younger than the last checkpoint: sign one first."""

    code = "no-checkpoint"


def prove(connection: sa.Connection, subject: str) -> list[dict[str, Any]]:
    """A proof (``proofs.verify_proof``) of everything the log says about ``subject``.

    Under the latest checkpoint, in the log's order; empty if the log does not
    know it. Raises NoCheckpointError if part of it is not under a checkpoint yet,
    IntegrityError if the log's tables do not lead to that checkpoint.
    """
    events, note = prove_events(connection, subject)
    return [proofs.proof_document(subject, event["item"], event["leaf"], note) for event in events]


def prove_events(connection: sa.Connection, subject: str) -> tuple[list[dict[str, Any]], str]:
    """The parts ``item`` and ``leaf`` of each of ``prove``'s proofs, and their checkpoint."""
    places = sa.select(ledger_items.c.leaf, ledger_items.c.position)
    places = places.where(ledger_items.c.subject == subject).order_by("leaf", "position")
    found = connection.execute(places).all()
    if not found:
        return [], ""
    size, note = latest_checkpoint(connection)
    if found[-1].leaf >= size:
        raise NoCheckpointError(f"leaf {found[-1].leaf} is not under a checkpoint")
    root, tiles = notes.parse_checkpoint(notes.note_text(note)).root, Tiles(connection)
    events: list[dict[str, Any]] = []
    for position, group in groupby(found, key=itemgetter(0)):
        leaf = _leaf_part(connection, tiles, position, size, root)
        items = _item_parts(connection, position, [place for _, place in group])
        events += [{"item": item, "leaf": leaf} for item in items]
    return events, note


def frontier_at(connection: sa.Connection, size: int) -> Frontier:
    """The frontier when the log had ``size`` leaves: where ``proofs.verify_slice`` starts."""
    _check_size(connection, size)
    return Tiles(connection).frontier(size)


def consistency(connection: sa.Connection, first: int, second: int) -> list[bytes]:
    """Proof that the log of ``first`` leaves is a prefix of that of ``second``.

    For ``merkle.verify_consistency``. Raises DefectError for sizes it never had.
    """
    _check_size(connection, second)
    return Tiles(connection).consistency(first, second)


def latest_checkpoint(connection: sa.Connection) -> tuple[int, str]:
    """Size and note of the last checkpoint; NoCheckpointError if there is none."""
    query = sa.select(ledger_checkpoints.c.size, ledger_checkpoints.c.note)
    latest = query.order_by(ledger_checkpoints.c.size.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    if row is None:
        raise NoCheckpointError("the ledger has no checkpoint")
    return row.size, row.note


def _check_size(connection: sa.Connection, size: int) -> None:
    head = rows.head_frontier(connection, rows.head_row()).size
    if not 0 <= size <= head:
        raise DefectError(f"a ledger of {head} leaves never had {size}")


def _leaf_part(
    connection: sa.Connection, tiles: Tiles, position: int, size: int, root: bytes
) -> dict[str, Any]:
    query = sa.select(ledger_leaves.c.body).where(ledger_leaves.c.position == position)
    body: str | None = connection.scalar(query)
    if body is None:
        raise IntegrityError(f"leaf {position} is missing")
    path = tiles.inclusion(position, size)
    # The nodes may be damaged; what does not hold is not handed out.
    verify_inclusion(body_hash(body), position, size, path, root)
    return proofs.part(body, position, path)


def _item_parts(
    connection: sa.Connection, leaf: int, places: Sequence[int]
) -> list[dict[str, Any]]:
    query = sa.select(ledger_items.c.body).where(ledger_items.c.leaf == leaf)
    bodies = connection.scalars(query.order_by(ledger_items.c.position)).all()
    hashes = [body_hash(body) for body in bodies]
    if places[-1] >= len(bodies):
        raise IntegrityError(f"items of leaf {leaf} are missing")
    return [proofs.included(bodies[place], place, hashes) for place in places]
