"""Legal holds and restrictions: what is under one is neither destroyed nor processed.

A hold is ours or the controller's (a dispute, an order); a restriction is the data
subject's right (UK GDPR Art 18). Each stands until it is lifted, whatever becomes of
the others. The reason and who asked are free text, so they are sealed; the catalogue
keeps the scope, opaque targets and the day on which each is to be reviewed.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import HOLD, RESTRICTION
from callward.clock import today
from callward.contacts import blind_text
from callward.errors import NotFoundError, SettingsError
from callward.instance import Instance
from callward.instructions.load import require_controller
from callward.instructions.periods import CEILING
from callward.instructions.periods import due_day as due_day_of
from callward.ledger import log
from callward.retention.notes import seal_note, signed

__all__ = [
    "HOLD",
    "RESTRICTION",
    "SCOPES",
    "Hold",
    "as_json",
    "lift_hold",
    "list_holds",
    "overdue_reviews",
    "place_hold",
    "resolve_target",
    "seal_note",
]
SCOPES = ("controller", "interaction", "person", "blind")
_BLIND = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold or restriction as listed; ``target`` is an interaction's id or a blind index."""

    id: str
    basis: str
    controller: str
    scope: str
    target: str | None
    review_day: date
    lifted: bool


def place_hold(
    instance: Instance,
    controller: str,
    scope: str,
    target: str | None,
    reason: str,
    review: date,
    *,
    who: str = "",
    basis: str = HOLD,
) -> str:
    """Place a hold or restriction and return its id. ``target``: see ``resolve_target``.

    NotFoundError, and no hold, for what is not known: a hold on a misspelt name
    would hold nothing. ``who`` asked for it is sealed with the reason.
    """
    hold_id, now = token_hex(16), instance.clock.now()
    with instance.unit() as connection:
        require_controller(connection, instance, controller)
        resolved = resolve_target(connection, instance, controller, scope, target)
        note = signed(reason, who)
        reason_id = seal_note(
            connection, instance, controller, f"{basis}-reason", note, due_day=None
        )
        connection.execute(
            t.holds.insert().values(
                id=hold_id,
                basis=basis,
                controller=controller,
                scope="person" if scope == "blind" else scope,
                target=resolved,
                reason_id=reason_id,
                review_day=review,
                placed_at=now,
            )
        )
        ids = {"controller": controller, "scope": "person" if scope == "blind" else scope}
        # A person's blind index stays out of the ledger: nothing is ever taken out of that.
        target_id = resolved if scope == "interaction" else None
        items = [log.Item(hold_id, {"target": target_id, "review": review.isoformat()})]
        log.append(connection, f"{basis}-placed", items, at=now, ids=ids)
    return hold_id


def lift_hold(instance: Instance, hold_id: str, basis: str = HOLD) -> None:
    """Lift a hold (or restriction); NotFoundError if there is no active one of that id."""
    now = instance.clock.now()
    with instance.unit() as connection:
        changed = connection.execute(
            t.holds.update()
            .where(t.holds.c.id == hold_id, t.holds.c.basis == basis, t.holds.c.lifted_at.is_(None))
            .values(lifted_at=now)
        )
        if changed.rowcount != 1:
            raise NotFoundError(f"no active {basis} {hold_id}")
        _let_reason_go(connection, instance, hold_id)
        log.append(connection, f"{basis}-lifted", [log.Item(hold_id, {})], at=now)


def _let_reason_go(connection: sa.Connection, instance: Instance, hold_id: str) -> None:
    """The reason of a hold is kept while it stands, and then as long as other records."""
    reason = sa.select(t.holds.c.reason_id).where(t.holds.c.id == hold_id).scalar_subquery()
    day = today(instance.clock)
    connection.execute(
        t.objects.update()
        .where(t.objects.c.id == reason)
        .values(anchor_day=day, due_day=due_day_of(day, CEILING))
    )


def list_holds(connection: sa.Connection, basis: str | None = None) -> Sequence[Hold]:
    """All holds and restrictions, or those of one basis; active ones first, by review day."""
    query = sa.select(t.holds).order_by(t.holds.c.lifted_at.is_not(None), t.holds.c.review_day)
    if basis is not None:
        query = query.where(t.holds.c.basis == basis)
    return [
        Hold(
            row.id,
            row.basis,
            row.controller,
            row.scope,
            row.target,
            row.review_day,
            row.lifted_at is not None,
        )
        for row in connection.execute(query)
    ]


def overdue_reviews(connection: sa.Connection, day: date) -> Counter[str]:
    """Per controller, how many active holds and restrictions should have been reviewed.

    The day of review itself is in time.
    """
    hold = t.holds.c
    rows = connection.execute(
        sa.select(hold.controller, sa.func.count().label("number"))
        .where(hold.lifted_at.is_(None), hold.review_day < day)
        .group_by(hold.controller)
    )
    return Counter({row.controller: row.number for row in rows})


def resolve_target(
    connection: sa.Connection, instance: Instance, controller: str, scope: str, target: str | None
) -> str | None:
    """Turn what a person gives into what is stored.

    ``interaction``: an interaction's or object's id; ``person``: a telephone number
    or agent's id, of which only the blind index is kept; ``blind``: such an index;
    ``controller``: nothing.
    """
    if scope not in SCOPES:
        raise SettingsError(f"a hold is on {', '.join(SCOPES)}, and nothing else")
    if scope == "blind":
        return _resolve_blind(connection, controller, target or "")
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


def _resolve_blind(connection: sa.Connection, controller: str, target: str) -> str:
    """A blind index as given, if somebody of the controller's is found by it."""
    if not _BLIND.fullmatch(target):
        raise SettingsError("a blind index is 64 hexadecimal digits")
    mine = t.objects.c.controller == controller
    known = sa.select(t.people.c.blind).where(
        t.people.c.blind == target,
        sa.exists().where(mine, t.objects.c.interaction_id == t.people.c.interaction_id),
    )
    before = sa.select(t.holds.c.id).where(
        t.holds.c.controller == controller, t.holds.c.target == target
    )
    if connection.scalar(known.limit(1)) is None and connection.scalar(before.limit(1)) is None:
        raise NotFoundError(f"nobody of {controller} is found by the blind index given")
    return target


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


def as_json(hold: Hold, day: date) -> dict[str, Any]:
    """For machines; ``overdue``: it should have been reviewed before ``day``."""
    return {
        "id": hold.id,
        "basis": hold.basis,
        "controller": hold.controller,
        "scope": hold.scope,
        "target": hold.target,
        "review_day": hold.review_day.isoformat(),
        "overdue": not hold.lifted and hold.review_day < day,
        "lifted": hold.lifted,
    }
