"""Roots, from their making to the last cell's word that they are destroyed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import CallwardError, IntegrityError, KeyMissingError
from callward.instance import Instance
from callward.ledger import log
from callward.ledger.leaves import rfc3339
from callward.vault import journal, turning
from callward.vault.cells import CellError, KeyCell, unwrap
from callward.vault.turning import Turn, Witness


@dataclass(frozen=True, slots=True)
class Answer:
    """What one cell said of one root: destroyed, pending (``until``, UTC) or refused (``code``)."""

    generation: int
    cell: str
    answer: str
    until: datetime | None = None
    code: str | None = None


def make_ready(instance: Instance) -> int:
    """Make the next root, durable in every cell; its generation. CellError if one refuses.

    Whatever an earlier turn left comes first: without the journal of the generation
    before, a lost catalogue could not be led on to the next.
    """
    tidy(instance)
    with instance.unit() as connection:
        generation = turning.announce(connection, instance.clock.now())
    instance.vault.make_root(generation)
    return generation


def tidy(instance: Instance) -> None:
    """Finish what earlier turns left: the journal, roots that still wait to be destroyed."""
    with instance.unit() as connection:
        turning.give_up_unmade(connection)
    keep_journal(instance)
    retire(instance)


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
    retire(instance)
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
        note = log.checkpoint(connection, instance.signer, instance.clock.now())
        journal.write(connection, folder, generation, note, instance.clock.now())


def retire(instance: Instance) -> list[Answer]:
    """Have every root that is not current destroyed in every cell; what the cells said now.

    Asked again by every run until all have answered that it is destroyed.
    """
    given: list[Answer] = []
    with instance.unit() as connection:
        current = instance.vault.generation(connection)
        asked = _unanswered(connection, [cell.name for cell in instance.vault.cells])
    cells = {cell.name: cell for cell in instance.vault.cells}
    for generation, name in asked:
        given.append(_ask(cells[name], generation, current))
    _record(instance, given)
    return given


def outstanding(connection: sa.Connection, until: int) -> list[Answer]:
    """What is still in the way of saying that no root up to generation ``until`` is alive."""
    rows = connection.execute(
        sa.select(
            t.generations.c.number,
            t.cell_answers.c.cell,
            t.cell_answers.c.answer,
            t.cell_answers.c.until,
            t.cell_answers.c.code,
        )
        .outerjoin(
            t.cell_answers,
            sa.and_(
                t.cell_answers.c.generation == t.generations.c.number,
                t.cell_answers.c.answer != "destroyed",
            ),
        )
        .where(t.generations.c.state == "retiring", t.generations.c.number <= until)
        .order_by(t.generations.c.number, t.cell_answers.c.cell)
    )
    return [Answer(row[0], row[1] or "?", row[2] or "unasked", row[3], row[4]) for row in rows]


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


def _unanswered(connection: sa.Connection, cells: Sequence[str]) -> list[tuple[int, str]]:
    """Which cell is still to be asked about which generation."""
    said = {
        (row.generation, row.cell)
        for row in connection.execute(
            sa.select(t.cell_answers).where(t.cell_answers.c.answer == "destroyed")
        )
    }
    retiring = connection.scalars(
        sa.select(t.generations.c.number)
        .where(t.generations.c.state == "retiring")
        .order_by(t.generations.c.number)
    )
    return [(number, cell) for number in retiring for cell in cells if (number, cell) not in said]


def _ask(cell: KeyCell, generation: int, current: int) -> Answer:
    try:
        if current not in cell.generations():
            # Another token of that name, an empty mount point: what it lacks proves nothing.
            return Answer(generation, cell.name, "refused", code="current-root-missing")
        said = cell.destroy(generation)
    except CellError as error:
        return Answer(generation, cell.name, "refused", code=error.reason)
    except CallwardError as error:
        return Answer(generation, cell.name, "refused", code=error.code)
    return Answer(generation, cell.name, said.answer, said.until)


def _record(instance: Instance, given: Sequence[Answer]) -> None:
    """Keep what is new, and retire the generations that nobody holds any more."""
    now = instance.clock.now()
    with instance.unit() as connection:
        known = {
            (row.generation, row.cell): (row.answer, row.until, row.code)
            for row in connection.execute(sa.select(t.cell_answers))
        }
        fresh = [
            one
            for one in given
            if known.get((one.generation, one.cell)) != (one.answer, one.until, one.code)
        ]
        for one in fresh:
            _keep(connection, one, now)
        if fresh:
            items = [log.Item(f"root-{one.generation}-{one.cell}", _body(one)) for one in fresh]
            log.append(connection, "root-destroyed", items, at=now)
        _retire_answered(connection, [cell.name for cell in instance.vault.cells], now)


def _keep(connection: sa.Connection, one: Answer, at: datetime) -> None:
    key = (t.cell_answers.c.generation == one.generation, t.cell_answers.c.cell == one.cell)
    connection.execute(t.cell_answers.delete().where(*key))
    connection.execute(
        t.cell_answers.insert().values(
            generation=one.generation,
            cell=one.cell,
            answer=one.answer,
            until=one.until,
            code=one.code,
            at=at,
        )
    )


def _body(one: Answer) -> dict[str, str | int | bool | None]:
    until = rfc3339(one.until) if one.until else None
    return {
        "generation": one.generation,
        "cell": one.cell,
        "answer": one.answer,
        "until": until,
        "code": one.code,
    }


def _retire_answered(connection: sa.Connection, cells: Sequence[str], at: datetime) -> None:
    waiting = {generation for generation, _ in _unanswered(connection, cells)}
    connection.execute(
        t.generations.update()
        .where(t.generations.c.state == "retiring", t.generations.c.number.not_in(sorted(waiting)))
        .values(state="retired", retired_at=at)
    )
