"""Roots as the ledger tells them up to a moment: which were turned to, what cells answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.ledger.leaves import parse_item, parse_leaf

_TURNED: Final = "root-turned"
_ANSWERED: Final = "root-destroyed"
_DESTROYED: Final = "destroyed"
_PENDING: Final = "pending"
_BY_WORD: Final = "by-word"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cell has said of a root last; ``held``: it was given it, and not asked since."""

    cell: str
    answer: str = "held"
    until: datetime | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A generation. ``over``: when it had its day; None: it is the current one.

    ``retired``: when every cell had said that it is destroyed. ``promised``: the latest
    moment by which a cell said that it would have destroyed it.
    """

    number: int
    made: datetime
    over: datetime | None
    retired: datetime | None
    promised: datetime | None = None
    answers: Sequence[Answer] = field(default_factory=tuple)

    @property
    def lives(self) -> bool:
        """Whether it should be gone and is not known to be."""
        return self.over is not None and self.retired is None

    @property
    def by_word(self) -> bool:
        """Whether a person's word had to do for a cell's."""
        return any(one.code == _BY_WORD for one in self.answers)

    def pending(self, at: datetime) -> bool:
        """Whether it lives only because cells take their time, within what they said."""
        left = [one for one in self.answers if one.answer != _DESTROYED]
        waits = (one.answer == _PENDING and one.until is not None for one in left)
        return bool(left) and all(waits) and self.promised is not None and self.promised >= at

    @property
    def late(self) -> int:
        """How many days after it could have been it was destroyed."""
        if self.over is None or self.retired is None:
            return 0
        due = max(one for one in (self.over, self.promised) if one is not None)
        return max(0, (self.retired - due).days)


def roots(connection: sa.Connection, end: datetime) -> list[Root]:
    """Every generation as things stood just before ``end`` (UTC)."""
    turned = _turned(connection, end)
    current = max(turned, default=1)
    over = dict(turned.values())
    said, promised = _answers(connection, end)
    row = t.generations.c
    query = sa.select(t.generations).where(row.created_at < end).order_by(row.number)
    found = []
    for one in connection.execute(query):
        unreached = one.number != 1 and one.number not in turned
        if unreached and one.state == "making":
            continue  # about to be made: nothing has been wrapped under it
        begun = one.created_at if unreached else over.get(one.number)
        retired = one.retired_at if one.retired_at and one.retired_at < end else None
        found.append(
            Root(
                number=one.number,
                made=one.created_at,
                over=None if one.number == current else begun,
                retired=retired,
                promised=promised.get(one.number),
                answers=said.get(one.number, ()),
            )
        )
    return found


def _turned(connection: sa.Connection, end: datetime) -> dict[int, tuple[int, datetime]]:
    """By the generation turned to: from which, and when."""
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body, leaf.at).where(leaf.event == _TURNED, leaf.at < end)
    told = [(parse_leaf(body).counts, at) for body, at in connection.execute(query)]
    return {counts["after"]: (counts["before"], at) for counts, at in told}


def _answers(
    connection: sa.Connection, end: datetime
) -> tuple[dict[int, list[Answer]], dict[int, datetime]]:
    """By generation: each cell's last answer, and the latest day that one has promised."""
    last = {
        (row.generation, row.cell): Answer(row.cell)
        for row in connection.execute(sa.select(t.cell_answers.c.generation, t.cell_answers.c.cell))
    }
    promised: dict[int, datetime] = {}
    for body in _entered(connection, end):
        answer = _answer(body)
        number = int(body["generation"])
        last[(number, answer.cell)] = answer
        if answer.until is not None:
            promised[number] = max(answer.until, promised.get(number, answer.until))
    by_number: dict[int, list[Answer]] = {}
    for (number, _), answer in sorted(last.items()):
        by_number.setdefault(number, []).append(answer)
    return by_number, promised


def _entered(connection: sa.Connection, end: datetime) -> list[dict[str, Any]]:
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    query = (
        sa.select(item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(leaf.event == _ANSWERED, leaf.at < end)
        .order_by(item.leaf, item.position)
    )
    return [dict(parse_item(one).body) for one in connection.scalars(query)]


def _answer(body: dict[str, Any]) -> Answer:
    until = datetime.fromisoformat(body["until"]) if body.get("until") else None
    return Answer(str(body["cell"]), str(body["answer"]), until, body.get("code"))
