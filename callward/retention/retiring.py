"""Roots that have had their day: asked of every cell until it says that they are destroyed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import CallwardError, NotFoundError
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.ledger.leaves import rfc3339
from callward.retention.approvals import ADMINISTRATION
from callward.retention.notes import seal_note
from callward.vault.cells import CellError, KeyCell

HELD = "held"
"""What stands for the answer of a cell that was given a root and not yet asked to destroy it."""
BY_WORD = "by-word"
NOT_THE_SAME = "current-root-missing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one cell said of one root: destroyed, pending (``until``, UTC) or refused (``code``)."""

    generation: int
    cell: str
    answer: str
    until: datetime | None = None
    code: str | None = None


def expect(
    connection: sa.Connection, generation: int, cells: Sequence[KeyCell], at: datetime
) -> None:
    """Write down which cells are about to be given a root: each will have to answer for it.

    A cell that is taken out of the settings later does not drop out of the account.
    """
    connection.execute(
        t.cell_answers.insert(),
        [{"generation": generation, "cell": cell.name, "answer": HELD, "at": at} for cell in cells],
    )


def retire(instance: Instance, *, proven: str | None = None) -> list[Answer]:
    """Have every root that is not current destroyed in every cell; what the cells said now.

    Not the root that a sweep still needs: as long as its survivors have not been seen to
    open under the next one. ``proven`` is a sweep whose have, just now. Asked again by
    every run until all have answered that it is destroyed.
    """
    given: list[Answer] = []
    with instance.unit() as connection:
        current = instance.vault.generation(connection)
        needed = set(
            connection.scalars(
                sa.select(t.sweeps.c.generation_before).where(
                    t.sweeps.c.state == "turned", t.sweeps.c.id != (proven or "")
                )
            )
        )
        asked = _unanswered(connection, [cell.name for cell in instance.vault.cells])
    cells = {cell.name: cell for cell in instance.vault.cells}
    for generation, name in asked:
        if generation not in needed:
            given.append(_ask(cells, name, generation, current))
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


def require_the_same_cells(instance: Instance) -> None:
    """Make sure, before a cell is given the next root, that it is the one with this root.

    Else an empty token of the same name would be given it, and later be believed when it
    says that it does not hold the old one. CellError names the cell.
    """
    with instance.unit() as connection:
        current = instance.vault.generation(connection)
        given = set(
            connection.scalars(
                sa.select(t.cell_answers.c.cell).where(
                    t.cell_answers.c.generation == current, t.cell_answers.c.answer == HELD
                )
            )
        )
    for cell in instance.vault.cells:
        if cell.name in given and current not in cell.generations():
            raise CellError(f"key cell {cell.name} lacks the current root", NOT_THE_SAME)


def take_word(instance: Instance, name: str, note: str) -> list[int]:
    """Take a person's word that a cell no longer in the settings is destroyed with its roots.

    ``note`` says who and why, and is sealed; the certificates will show that it was
    taken by word. Returns the generations it was about; NotFoundError if there are none.
    """
    with instance.unit() as connection:
        configured = {cell.name for cell in instance.vault.cells}
        open_ = [one for one, cell in _unanswered(connection, ()) if cell == name]
        if name in configured or not open_:
            raise NotFoundError("no cell of that name has left the settings and owes an answer")
        keep_until = due_day(today(instance.clock), CEILING)
        seal_note(connection, instance, ADMINISTRATION, "cell-note", note, due_day=keep_until)
    _record(instance, [Answer(one, name, "destroyed", code=BY_WORD) for one in open_])
    return open_


def _unanswered(connection: sa.Connection, cells: Sequence[str]) -> list[tuple[int, str]]:
    """Which cell is still to be asked about which generation: those named, and those it is in."""
    answers: dict[tuple[int, str], str] = {
        (row.generation, row.cell): row.answer
        for row in connection.execute(
            sa.select(t.cell_answers)
            .join(t.generations, t.generations.c.number == t.cell_answers.c.generation)
            .where(t.generations.c.state == "retiring")
        )
    }
    retiring = connection.scalars(
        sa.select(t.generations.c.number).where(t.generations.c.state == "retiring")
    )
    asked = answers.keys() | {(number, cell) for number in retiring for cell in cells}
    return sorted(one for one in asked if answers.get(one) != "destroyed")


def _ask(cells: Mapping[str, KeyCell], name: str, generation: int, current: int) -> Answer:
    cell = cells.get(name)
    if cell is None:
        return Answer(generation, name, "refused", code="not-in-settings")
    try:
        if current not in cell.generations():
            # Another token of that name, an empty mount point: what it lacks proves nothing.
            return Answer(generation, cell.name, "refused", code=NOT_THE_SAME)
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
