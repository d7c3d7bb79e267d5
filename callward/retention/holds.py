"""Legal holds: what is on hold is neither destroyed nor processed.

The reason and who asked are free text, so they are sealed; the catalogue keeps
the scope, opaque targets and the day the hold is to be reviewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import NotFoundError, SettingsError
from callward.instance import Instance
from callward.instructions.load import require_controller
from callward.instructions.periods import CEILING
from callward.instructions.periods import due_day as due_day_of
from callward.intake.contacts import blind_text
from callward.ledger import log
from callward.vault.filing import NewObject, file_objects, seal_payload

SCOPES = ("controller", "interaction", "person")


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as listed; ``target`` is an interaction's id or a blind index."""

    id: str
    controller: str
    scope: str
    target: str | None
    review_day: date
    lifted: bool


def place_hold(
    instance: Instance, controller: str, scope: str, target: str | None, reason: str, review: date
) -> str:
    """Place a hold and return its id. ``target``: see ``resolve_target``.

    NotFoundError, and no hold, for what is not known: a hold on a misspelt name
    would hold nothing.
    """
    hold_id, now = token_hex(16), instance.clock.now()
    with instance.unit() as connection:
        require_controller(connection, instance, controller)
        resolved = resolve_target(connection, instance, controller, scope, target)
        reason_id = seal_note(connection, instance, controller, "hold-reason", reason, due_day=None)
        connection.execute(
            t.holds.insert().values(
                id=hold_id,
                controller=controller,
                scope=scope,
                target=resolved,
                reason_id=reason_id,
                review_day=review,
                placed_at=now,
            )
        )
        ids = {"controller": controller, "scope": scope}
        # A person's blind index stays out of the ledger: nothing is ever taken out of that.
        target_id = resolved if scope == "interaction" else None
        items = [log.Item(hold_id, {"target": target_id, "review": review.isoformat()})]
        log.append(connection, "hold-placed", items, at=now, ids=ids)
    return hold_id


def lift_hold(instance: Instance, hold_id: str) -> None:
    """Lift a hold; NotFoundError if there is no active one of that id."""
    now = instance.clock.now()
    with instance.unit() as connection:
        changed = connection.execute(
            t.holds.update()
            .where(t.holds.c.id == hold_id, t.holds.c.lifted_at.is_(None))
            .values(lifted_at=now)
        )
        if changed.rowcount != 1:
            raise NotFoundError(f"no active hold {hold_id}")
        _let_reason_go(connection, instance, hold_id)
        log.append(connection, "hold-lifted", [log.Item(hold_id, {})], at=now)


def _let_reason_go(connection: sa.Connection, instance: Instance, hold_id: str) -> None:
    """The reason of a hold is kept while it stands, and then as long as other records."""
    reason = sa.select(t.holds.c.reason_id).where(t.holds.c.id == hold_id).scalar_subquery()
    day = today(instance.clock)
    connection.execute(
        t.objects.update()
        .where(t.objects.c.id == reason)
        .values(anchor_day=day, due_day=due_day_of(day, CEILING))
    )


def list_holds(connection: sa.Connection) -> Sequence[Hold]:
    """All holds, active ones first, by review day."""
    rows = connection.execute(
        sa.select(t.holds).order_by(t.holds.c.lifted_at.is_not(None), t.holds.c.review_day)
    )
    return [
        Hold(
            row.id, row.controller, row.scope, row.target, row.review_day, row.lifted_at is not None
        )
        for row in rows
    ]


def resolve_target(
    connection: sa.Connection, instance: Instance, controller: str, scope: str, target: str | None
) -> str | None:
    """Turn what a person gives into what is stored.

    ``interaction``: an interaction's or object's id; ``person``: a telephone number
    or agent's id, of which only the blind index is kept; ``controller``: nothing.
    """
    if scope not in SCOPES:
        raise SettingsError(f"a hold is on {', '.join(SCOPES)}, and nothing else")
    if scope == "controller":
        return None
    if scope == "person":
        return _resolve_person(connection, instance, controller, target or "")
    by_object = sa.select(t.objects.c.interaction_id).where(
        t.objects.c.id == target, t.objects.c.controller == controller
    )
    by_id = sa.select(t.interactions.c.id).where(
        t.interactions.c.id == target, t.interactions.c.controller == controller
    )
    found = connection.scalar(by_id) or connection.scalar(by_object)
    if found is None:
        raise NotFoundError(f"no interaction or object of {controller} under the id given")
    return str(found)


def _resolve_person(
    connection: sa.Connection, instance: Instance, controller: str, target: str
) -> str:
    """The blind index: of the number, unless the same digits are only known as an agent's id."""
    texts = (blind_text(target, instance.settings.region), blind_text(target, None))
    blinder = instance.vault.blinder(connection, controller, instance.clock.now())
    digests = [blinder.digest("person", text) for text in texts if text]
    if not digests:
        raise NotFoundError("a hold on a person needs a number or an agent's id")
    query = sa.select(t.people.c.blind).where(t.people.c.blind.in_(digests))
    known = set(connection.scalars(query.distinct()))
    return next((one for one in digests if one in known), digests[0])


def seal_note(
    connection: sa.Connection,
    instance: Instance,
    controller: str,
    kind: str,
    text: str,
    *,
    due_day: date | None,
) -> str:
    """Seal free text that somebody gave as a reason; returns its object id."""
    note_id, now = token_hex(16), instance.clock.now()
    sealed = seal_payload(instance.vault, controller, note_id, kind, text.encode())
    new = NewObject(
        id=note_id,
        controller=controller,
        kind=kind,
        retention_class="administration",
        anchor_day=today(instance.clock),
        due_day=due_day,
        sealed=sealed,
    )
    file_objects(connection, instance.vault, [new], now)
    return note_id


def as_json(hold: Hold) -> dict[str, Any]:
    """For machines."""
    return {
        "id": hold.id,
        "controller": hold.controller,
        "scope": hold.scope,
        "target": hold.target,
        "review_day": hold.review_day.isoformat(),
        "lifted": hold.lifted,
    }
