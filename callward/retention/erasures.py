"""Erasures instructed before the due day: of single objects, or of whole interactions.

What is instructed is due from that day on, and goes with the next sweep by the same
code as everything else. A hold or restriction is not overridden: it goes when that is
lifted (UK GDPR Art 17(3)(e), 18(2)).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import NotFoundError, OperatorError, SettingsError, ShreddedError
from callward.instance import Instance
from callward.instructions.periods import CEILING
from callward.instructions.periods import due_day as due_day_of
from callward.ledger import log
from callward.retention.due import KEPT, MARKED, follow_recordings
from callward.retention.notes import seal_note, signed
from callward.vault.filing import ADMINISTRATION

_Row = sa.Row[*tuple[Any, ...]]
MOST = 1_000
"""Ids in one instruction, at most."""


class ErasureRefusedError(OperatorError):
    """What is named cannot be erased by instruction: it is a note of our own."""

    code = "erasure-refused"


def instruct_erasure(
    instance: Instance, ids: Collection[str], reason: str, *, who: str = ""
) -> tuple[str, ...]:
    """Have objects erased early; returns the ids of all that will go, sorted.

    ``ids``: of objects, or of interactions, which stand for all their objects; a
    recording takes its transcripts along. What was instructed before stays as it is.
    NotFoundError, ShreddedError or ErasureRefusedError, naming the id, and nothing is
    changed, if any of them is unknown, gone already, or a note of our own.
    """
    if not ids or len(ids) > MOST:
        raise SettingsError(f"an erasure is of 1 to {MOST} ids")
    if not reason.strip():
        raise SettingsError("an erasure needs a reason")
    with instance.unit() as connection:
        return instruct(connection, instance, ids, signed(reason, who))


def instruct(
    connection: sa.Connection, instance: Instance, ids: Collection[str], note: str
) -> tuple[str, ...]:
    """The same in the caller's transaction, which holds the ledger's head after it."""
    now, day = instance.clock.now(), today(instance.clock)
    instance.vault.generation(connection, lock=True)  # before any row, as a turn does
    wanted = _resolve(connection, sorted(set(ids)))
    by_controller: dict[str, list[str]] = defaultdict(list)
    for one, row in sorted(wanted.items()):
        if not row.early:
            by_controller[row.controller].append(one)
    notes = {
        controller: seal_note(
            connection,
            instance,
            controller,
            "erasure-reason",
            note,
            due_day=due_day_of(day, CEILING),
        )
        for controller in by_controller
    }
    log.lock(connection)  # pages first, as everybody takes them
    for controller, mine in by_controller.items():
        _enter(connection, controller, mine, notes[controller], now, day)
    return tuple(sorted(wanted))


def _resolve(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, _Row]:
    """The objects that are meant, by id, locked against sweeps."""
    objects = t.objects.c
    columns = (objects.id, objects.controller, objects.retention_class, objects.state)
    query = sa.select(*columns, objects.interaction_id, objects.early).order_by(objects.id)
    rows: Sequence[_Row]
    rows = connection.execute(
        query.where(sa.or_(objects.id.in_(ids), objects.interaction_id.in_(ids))).with_for_update()
    ).all()
    for one in ids:
        _check(one, [row for row in rows if one in (row.id, row.interaction_id)])
    found = {row.id: row for row in rows if row.state in (*KEPT, MARKED)}
    transcripts = query.where(
        objects.parent_id.in_(sorted(found)), objects.state.in_((*KEPT, MARKED))
    )
    rows = connection.execute(transcripts.with_for_update()).all()
    return {**found, **{row.id: row for row in rows}}


def _check(one: str, meant: Sequence[_Row]) -> None:
    if not meant:
        raise NotFoundError(f"no object or interaction {one}")
    if all(row.state not in (*KEPT, MARKED) for row in meant):
        raise ShreddedError(f"{one} has been destroyed")
    if any(row.retention_class == ADMINISTRATION for row in meant):
        raise ErasureRefusedError(f"{one} is a note of our own, which goes on its own day")


def _enter(
    connection: sa.Connection,
    controller: str,
    ids: Sequence[str],
    reason_id: str,
    at: datetime,
    day: date,
) -> None:
    """Make them due, and say so in catalogue and ledger."""
    objects = t.objects.c
    sooner = sa.case((objects.due_day < day, objects.due_day), else_=day)
    changed = connection.execute(
        t.objects.update()
        .where(objects.id.in_(ids), objects.state.in_((*KEPT, MARKED)))
        .values(early=True, due_day=sooner)
    )
    if changed.rowcount != len(ids):
        raise ShreddedError("a sweep has destroyed some of them just now")
    connection.execute(
        t.erasures.insert(),
        [
            {"object_id": one, "controller": controller, "reason_id": reason_id, "asked_at": at}
            for one in ids
        ],
    )
    follow_recordings(connection, ids)
    items = [log.Item(one, {"reason_id": reason_id}) for one in ids]
    log.append(connection, "erasure-instructed", items, at=at, ids={"controller": controller})
