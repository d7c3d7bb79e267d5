"""Reviews and their actions in the catalogue, every change with its ledger entry.

Who commented and who decided is sealed; the catalogue has the note's id and a number. Remarks
and actions have been through ``callward.review.typed``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from secrets import token_hex
from typing import Any, Final, Literal

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.guard import exclusive
from callward.clock import today
from callward.errors import NotFoundError
from callward.evidence.clauses.model import Period
from callward.evidence.collect import bounds
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.retention.approvals import ADMINISTRATION
from callward.retention.notes import seal_note
from callward.review.deciding import (
    OPEN,
    Event,
    ReviewState,
    ReviewStateError,
    RowsChangedError,
    Standing,
    step,
)
from callward.review.model import Action, Comments, Decision, Proposed, Review

NOTE: Final = "review-note"
Through = Literal["form", "terminal"]

_reviews = t.reviews.c
_actions = t.review_actions.c
_VOID: Final[Mapping[str, Any]] = {
    "board_note_id": None,
    "names": None,
    "meeting_day": None,
    "minute": None,
    "decided_at": None,
}
"""What a board's decision has entered, when it counts no more."""


def list_reviews(connection: sa.Connection) -> list[Review]:
    """All of them with their actions, newest first."""
    return _find(connection)


def get(connection: sa.Connection, review_id: str) -> Review:
    """One review with its actions; NotFoundError."""
    found = _find(connection, _reviews.id == review_id)
    if not found:
        raise NotFoundError(f"no review {review_id}")
    return found[0]


def open_review(connection: sa.Connection) -> Review | None:
    """The one that is under way, if there is one."""
    found = _find(connection, _reviews.state.in_(OPEN))
    return found[0] if found else None


def reviewed_to(connection: sa.Connection) -> date | None:
    """The last day of what published reviews have covered."""
    query = sa.select(sa.func.max(_reviews.to_day))
    found: date | None = connection.scalar(query.where(_reviews.state == ReviewState.PUBLISHED))
    return found


def begin(instance: Instance, period: Period, draft: str, pack: str) -> Review:
    """Enter a review by its first draft; ReviewStateError while another one is open."""
    now, review_id = instance.clock.now(), token_hex(16)
    with instance.unit() as connection:
        log.lock(connection)
        known = open_review(connection)
        if known is not None:
            raise ReviewStateError(f"review {known.id} is open; end it before another begins")
        row = {
            "id": review_id,
            "from_day": period.from_day,
            "to_day": period.to_day,
            "state": ReviewState.DRAFTED,
            "draft": draft,
            "draft_pack": pack,
            "comments": {},
            "started_at": now,
        }
        connection.execute(t.reviews.insert().values(**row))
        made = get(connection, review_id)
        days = {"from": period.from_day.isoformat(), "to": period.to_day.isoformat()}
        _tell(connection, "review-drafted", made, now, ids={"pack": pack, **days})
        return made


def redraft(instance: Instance, review_id: str, draft: str, pack: str) -> Review:
    """The evidence has changed: a new draft, and what was decided on the old one is void.

    Remarks and proposed actions stay as a help for whoever answers anew.
    """
    now = instance.clock.now()
    with instance.unit() as connection:
        log.lock(connection)
        known = get(connection, review_id)
        after = step(_standing(known), Event.REDRAFTED, draft)
        change = {**_VOID, "state": after.state, "draft": draft, "draft_pack": pack}
        _update(connection, review_id, officer_note_id=None, commented_at=None, **change)
        made = get(connection, review_id)
        ids = {"pack": pack, "before": known.draft, "was": known.state.value}
        void = int(known.decided_at is not None), int(known.commented_at is not None)
        counts = dict(zip(("void_decisions", "void_comments"), void, strict=True))
        _tell(connection, "review-draft-changed", made, now, ids=ids, counts=counts)
        return made


def comment(instance: Instance, review_id: str, said: Comments, through: Through) -> Review:
    """Enter the officer's comments; ReviewStateError, DraftChangedError."""
    now = instance.clock.now()
    with instance.unit() as connection:
        # Instance and page before the ledger's head, as a turn of the root takes them.
        note = _seal(connection, instance, (said.by,))
        log.lock(connection)
        known = get(connection, review_id)
        after = step(_standing(known), Event.COMMENTED, said.draft)
        _update(
            connection,
            review_id,
            state=after.state,
            comments=dict(said.remarks),
            officer_note_id=note,
            commented_at=now,
        )
        mine = (_actions.review == review_id, _actions.state == "proposed")
        connection.execute(t.review_actions.delete().where(*mine))
        _propose(connection, review_id, said.actions, now)
        made = get(connection, review_id)
        counts = {"remarks": len(said.remarks), "actions": len(said.actions)}
        ids = {"note": note, "through": through, "paper": made.paper}
        _tell(connection, "review-commented", made, now, ids=ids, counts=counts)
        return made


def decide(instance: Instance, review_id: str, said: Decision, through: Through) -> Review:
    """Enter the board's decision on a paper; ReviewStateError, DraftChangedError.

    A rejection ends the review, and what was proposed lapses.
    """
    now = instance.clock.now()
    with instance.unit() as connection:
        note = _seal(connection, instance, said.names)
        log.lock(connection)
        known = get(connection, review_id)
        after = step(_standing(known), Event(said.verdict.value), said.paper)
        _update(
            connection,
            review_id,
            state=after.state,
            board_note_id=note,
            names=len(said.names),
            meeting_day=said.meeting_day,
            minute=said.minute,
            decided_at=now,
        )
        _propose(connection, review_id, said.actions, now)
        if after.state is ReviewState.REJECTED:
            _lapse(connection, review_id)
        made = get(connection, review_id)
        ids = {
            "verdict": after.state.value,
            "note": note,
            "through": through,
            "meeting_day": said.meeting_day.isoformat(),
            "paper": said.paper,
            "decided": made.paper,  # with the board's own actions
        }
        counts = {"names": len(said.names), "actions": len(said.actions)}
        _tell(connection, "review-decided", made, now, ids=ids, counts=counts)
        return made


def withdraw(instance: Instance, review_id: str) -> Review:
    """End a review without a decision; ReviewStateError if it has ended.

    BusyError while somebody else is at work, who may be publishing it.
    """
    now = instance.clock.now()
    with exclusive(instance.engine), instance.unit() as connection:
        log.lock(connection)
        known = get(connection, review_id)
        after = step(_standing(known), Event.WITHDRAWN, known.draft)
        _update(connection, review_id, state=after.state, decided_at=now)
        _lapse(connection, review_id)
        made = get(connection, review_id)
        _tell(connection, "review-withdrawn", made, now, ids={"was": known.state.value})
        return made


def publish(instance: Instance, review_id: str, draft: str, pack: str) -> Review:
    """Enter that the final pack is out: actions are open, material changes are dealt with."""
    now = instance.clock.now()
    with instance.unit() as connection:
        log.lock(connection)
        known = get(connection, review_id)
        after = step(_standing(known), Event.PUBLISHED, draft)
        require_decided(connection, known)
        _update(connection, review_id, state=after.state, pack=pack)
        dealt = _deal(connection, known, now)
        opened = [one.id for one in known.actions if one.state == "proposed"]
        connection.execute(
            t.review_actions.update()
            .where(_actions.review == review_id, _actions.state == "proposed")
            .values(state="open", opened_at=now)
        )
        made = get(connection, review_id)
        counts = {"actions": len(opened), "changes": len(dealt)}
        items = [log.Item(one, {"change": "dealt"}) for one in dealt]
        _tell(connection, "review-published", made, now, {"pack": pack}, counts, items)
        if opened:
            entries = [log.Item(one, {"review": review_id}) for one in opened]
            log.append(connection, "review-action-opened", entries, at=now)
        return made


def list_actions(connection: sa.Connection, *states: str) -> list[Action]:
    """Actions in one of ``states`` (all if none is named), those due first in front."""
    query = sa.select(t.review_actions)
    if states:
        query = query.where(_actions.state.in_(states))
    return [
        _action(row) for row in connection.execute(query.order_by(_actions.due_day, _actions.id))
    ]


def close_action(instance: Instance, action_id: str, reference: str) -> Action:
    """Enter that an action was done; NotFoundError, ReviewStateError if it is not open."""
    now = instance.clock.now()
    mine = _actions.id == action_id
    with instance.unit() as connection:
        log.lock(connection)
        known = connection.execute(sa.select(t.review_actions).where(mine)).one_or_none()
        if known is None:
            raise NotFoundError(f"no action {action_id}")
        if known.state != "open":
            raise ReviewStateError(
                f"action {action_id} is {known.state}: only open ones are closed"
            )
        change = {"state": "closed", "reference": reference, "closed_at": now}
        connection.execute(t.review_actions.update().where(mine).values(**change))
        items = [log.Item(action_id, {"review": known.review})]
        log.append(connection, "review-action-closed", items, at=now)
        return replace(_action(known), state="closed", reference=reference, closed_at=now)


def annual_pack(connection: sa.Connection, review: Review) -> tuple[str, str] | None:
    """Id and name of the final pack, if one was made before somebody stopped the run."""
    row = t.packs.c
    query = sa.select(row.id, row.name).where(
        row.kind == "annual",
        row.from_day == review.period.from_day,
        row.to_day == review.period.to_day,
        row.made_at >= review.decided_at,
    )
    found = connection.execute(query.order_by(row.made_at.desc()).limit(1)).one_or_none()
    return None if found is None else (found.id, found.name)


def _deal(connection: sa.Connection, review: Review, now: datetime) -> list[str]:
    """Those material changes that the review's pack shows as waiting; their ids, sorted."""
    row, end = t.material_changes.c, bounds(review.period)[1]
    change = t.material_changes.update().where(row.dealt_at.is_(None), row.found_at < end)
    dealt = connection.scalars(change.values(review=review.id, dealt_at=now).returning(row.id))
    return sorted(dealt)


def _propose(
    connection: sa.Connection, review_id: str, actions: Sequence[Proposed], now: datetime
) -> None:
    rows = [
        {
            "id": token_hex(16),
            "review": review_id,
            "clause": one.clause,
            "action": one.action,
            "owner": one.owner,
            "due_day": one.due_day,
            "state": "proposed",
            "opened_at": now,
        }
        for one in actions
    ]
    if rows:
        connection.execute(t.review_actions.insert(), rows)


def _lapse(connection: sa.Connection, review_id: str) -> None:
    """What was proposed in a review that ends without approval comes to nothing."""
    mine = (_actions.review == review_id, _actions.state == "proposed")
    connection.execute(t.review_actions.delete().where(*mine))


def _seal(connection: sa.Connection, instance: Instance, names: Sequence[str]) -> str:
    text = json.dumps({"by": list(names)}, ensure_ascii=False)
    keep_until = due_day(today(instance.clock), CEILING)
    return seal_note(connection, instance, ADMINISTRATION, NOTE, text, due_day=keep_until)


def _standing(review: Review) -> Standing:
    return Standing(review.state, review.draft, review.paper)


def require_decided(connection: sa.Connection, review: Review) -> None:
    """RowsChangedError unless the ledger says that exactly these remarks and actions stand."""
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    query = (
        sa.select(leaf.body)
        .join(t.ledger_items, item.leaf == leaf.position)
        .where(leaf.event == "review-decided", item.subject == review.id)
        .order_by(leaf.position.desc())
        .limit(1)
    )
    body = connection.scalar(query)
    if body is None or json.loads(body)["ids"].get("decided") != review.paper:
        raise RowsChangedError(
            f"nothing was published: remarks or actions of review {review.id} are not those that "
            "the ledger says were decided on; withdraw it and begin another"
        )


def _update(connection: sa.Connection, review_id: str, **values: Any) -> None:
    connection.execute(t.reviews.update().where(_reviews.id == review_id).values(**values))


def _tell(
    connection: sa.Connection,
    event: str,
    review: Review,
    at: datetime,
    ids: Mapping[str, str],
    counts: Mapping[str, int] | None = None,
    items: Sequence[log.Item] | None = None,
) -> None:
    told = {"review": review.id, "draft": review.draft, **ids}
    subjects = items or [log.Item(review.id, {"state": review.state.value})]
    log.append(connection, event, subjects, at=at, counts=counts or {}, ids=told)


def _find(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Review]:
    row = t.packs.c
    query = (
        sa.select(t.reviews, row.verdicts, row.made_at.label("drafted_at"))
        .join(t.packs, row.id == _reviews.draft_pack)
        .where(*which)
        .order_by(_reviews.started_at.desc(), _reviews.id)
    )
    found = connection.execute(query).all()
    ids = [one.id for one in found]
    acting = sa.select(t.review_actions).where(_actions.review.in_(ids))
    by_review: dict[str, list[Action]] = {}
    for line in connection.execute(acting.order_by(_actions.due_day, _actions.id)):
        by_review.setdefault(line.review, []).append(_action(line))
    return [_review(one, tuple(by_review.get(one.id, ()))) for one in found]


def _review(row: sa.Row[Any], actions: tuple[Action, ...]) -> Review:
    return Review(
        id=row.id,
        period=Period(row.from_day, row.to_day),
        state=ReviewState(row.state),
        draft=row.draft,
        draft_pack=row.draft_pack,
        drafted_at=row.drafted_at,
        verdicts=row.verdicts,
        comments=row.comments,
        names=row.names,
        meeting_day=row.meeting_day,
        minute=row.minute,
        started_at=row.started_at,
        commented_at=row.commented_at,
        decided_at=row.decided_at,
        pack=row.pack,
        actions=actions,
    )


def _action(row: sa.Row[Any]) -> Action:
    return Action(**{name: getattr(row, name) for name in Action.__slots__})
