"""Making the next root, turning to it, and trying old wraps in vain afterwards."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from callward.errors import IntegrityError, KeyMissingError
from callward.instance import Instance
from callward.ledger import keybook, log
from callward.retention import retiring
from callward.vault import journal, turning
from callward.vault.cells import KeyCell, unwrap
from callward.vault.turning import Turn, Witness


def make_ready(instance: Instance) -> int:
    """Make the next root, durable in every cell; its generation. CellError if one refuses.

    Whatever an earlier turn left comes first: without the journal of the generation
    before, a lost catalogue could not be led on to the next.
    """
    tidy(instance)
    retiring.require_the_same_cells(instance)
    now = instance.clock.now()
    with instance.unit() as connection:
        generation = turning.announce(connection, now)
        retiring.expect(connection, generation, instance.vault.cells, now)
    instance.vault.make_root(generation)
    return generation


def tidy(instance: Instance) -> None:
    """Finish what earlier turns left: the journal, roots that still wait to be destroyed."""
    with instance.unit() as connection:
        turning.give_up_unmade(connection)
    keep_journal(instance)
    retiring.retire(instance)


def turn_alone(instance: Instance) -> Turn:
    """Turn the root with nothing to destroy, as after a suspicion; then retire the old one."""
    after = make_ready(instance)
    now = instance.clock.now()
    with instance.unit() as connection:
        turning.lock_all(connection)
        log.lock(connection)
        turn = turning.turn(connection, instance.vault, after, [], now)
        enter(connection, turn, now)
        log.checkpoint(connection, instance.signer, now)
    keep_journal(instance)
    retiring.retire(instance)
    return turn


def enter(connection: sa.Connection, turn: Turn, at: datetime) -> None:
    """Say in the ledger that the root has turned."""
    log.append(
        connection,
        "root-turned",
        [],
        at=at,
        counts={
            "before": turn.before,
            "after": turn.after,
            "pages": turn.pages,
            "moved": turn.moved,
        },
    )


def keep_journal(instance: Instance) -> None:
    """Write the journal of the current generation, if there has been a turn and it is missing."""
    with instance.unit() as connection:
        generation = instance.vault.generation(connection)
    folder = instance.settings.journal
    if generation == 1 or generation in journal.generations(folder):
        return
    with instance.unit() as connection:
        now = instance.clock.now()
        note = log.checkpoint(connection, instance.signer, now)
        # Which gives a note that is there to anybody; the journal is signed on its own.
        keybook.require_in_force(connection, instance.signer.verifier, now)
        journal.write(connection, folder, generation, note, now, signer=instance.signer)


def try_in_vain(instance: Instance, witnesses: Sequence[Witness]) -> tuple[int, int]:
    """Try old wraps under every root that any cell still has: tried, and opened (must be 0)."""
    opened = 0
    for cell in instance.vault.cells:
        for generation in sorted(cell.generations()):
            for witness in witnesses:
                opened += _opens(cell, generation, witness)
    return len(witnesses), opened


def _opens(cell: KeyCell, generation: int, witness: Witness) -> bool:
    try:
        page_key = cell.unwrap(generation, [witness.page_key])[0]
        unwrap(page_key, witness.object_key)
    except (IntegrityError, KeyMissingError):
        return False
    return True
