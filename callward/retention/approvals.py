"""A person's word on a sweep that the brake has stopped, and how long it counts.

waiting → approved → used, or → rejected, or → expired. An approval is of one plan
(its hash) for the reasons it was asked for, and of one sweep; a rejection stands
for its hash until somebody decides otherwise. Who decided and why is free text
about staff, so it is sealed; we are its controller, whosever data the plan is about.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from secrets import token_hex
from typing import Any, Literal

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import BrakeError, NotFoundError, OperatorError, SettingsError
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.retention.notes import seal_note
from callward.retention.plan import SweepPlan
from callward.run import EVERYBODY, Run

ADMINISTRATION = "our.administration"
"""Controller of what our own staff say; no instruction can claim the name."""
NOTE = "approval-note"
MAX_NAME, MAX_REASON = 200, 2000
OPERATOR = "operator-at-the-terminal"
"""Who approves with nothing but the hash."""

Through = Literal["form", "terminal"]

_approvals = t.approvals.c
_OPEN = ("waiting", "approved")


class RejectedError(BrakeError):
    """A person has rejected exactly this plan."""

    code = "rejected"


class UndecidableError(OperatorError):
    """The approval has been decided so already, was used, or has expired."""

    code = "undecidable"


@dataclass(frozen=True, slots=True)
class Approval:
    """One question and its answer. ``plan``: controller, kind, objects to destroy."""

    id: str
    plan_hash: str
    as_of: date
    controller: str | None
    """The scope of the run that asked; None: everybody."""
    reasons: tuple[str, ...]
    plan: tuple[tuple[str, str, int], ...]
    state: str
    asked_at: datetime
    expires_at: datetime
    """Nobody can approve it, or no sweep use the approval, from then on."""
    decided_at: datetime | None
    note_id: str | None

    @property
    def total(self) -> int:
        """How many objects would be destroyed."""
        return sum(count for _, _, count in self.plan)

    def at(self, now: datetime) -> "Approval":
        """As it is now: what has expired says so before a run has entered it."""
        expired = self.state in _OPEN and self.expires_at <= now
        return replace(self, state="expired") if expired else self

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "id": self.id,
            "state": self.state,
            "scope": self.controller or EVERYBODY,
            "as_of": self.as_of.isoformat(),
            "objects": self.total,
            "reasons": list(self.reasons),
            "plan_hash": self.plan_hash,
            "plan": [
                {"controller": controller, "kind": kind, "objects": count}
                for controller, kind, count in self.plan
            ],
            "asked_at": self.asked_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "note_id": self.note_id,
        }


def permitted(instance: Instance, run: Run, plan: SweepPlan, reasons: Sequence[str]) -> Run:
    """The run with its approval, if the sweep may go on; else the question is asked.

    Raises BrakeError, naming the approval that waits, or RejectedError. To be
    called with the plan as it is now: an approval of another plan expires here.
    """
    if run.only is not None:  # a person has named every one of them
        return run
    now = instance.clock.now()
    with instance.unit() as connection:
        log.lock(connection)  # first, as everywhere here: no two wait for each other
        expire(connection, now, _expired(now))
        if not reasons:
            expire(connection, now, _in_scope(run), _approvals.state == "waiting")
            return replace(run, approve=None)
        if run.approve == plan.hash:
            _take_word(connection, instance, run, plan, reasons)
            return run
        expire(connection, now, _in_scope(run), _approvals.plan_hash != plan.hash)
        verdict = standing(connection, plan.hash, reasons, now)
        waiting = None if verdict else ask(connection, instance, run, plan, reasons)
    if verdict is None:
        raise BrakeError(
            f"nothing was destroyed: {len(plan.due)} objects are due, but {', '.join(reasons)}; "
            f"look with `callward approvals show {waiting}`, then approve or reject it, "
            f"or run again with --approve {plan.hash}"
        )
    if verdict.state == "rejected":
        raise RejectedError(
            f"nothing was destroyed: the plan of {len(plan.due)} objects was rejected "
            f"(approval {verdict.id})"
        )
    return replace(run, approve=plan.hash)


def ask(
    connection: sa.Connection,
    instance: Instance,
    run: Run,
    plan: SweepPlan,
    reasons: Sequence[str],
) -> str:
    """The id of the waiting approval of this plan in the run's scope, made if there is none."""
    now = instance.clock.now()
    same = (_in_scope(run), _approvals.plan_hash == plan.hash, _approvals.state == "waiting")
    for known in _find(connection, *same):
        if set(reasons) <= set(known.reasons):
            return known.id
    expire(connection, now, *same)  # it was asked for fewer reasons than there are now
    asked = _new(instance, run, plan, reasons, "waiting", now)
    _insert(connection, asked)
    log.append(
        connection,
        "sweep-approval-asked",
        [log.Item(asked.id, {"reason": reason}) for reason in reasons],
        at=now,
        ids=_ids(asked),
        counts={"objects": asked.total},
    )
    return asked.id


def standing(
    connection: sa.Connection, plan_hash: str, reasons: Collection[str], now: datetime
) -> Approval | None:
    """What was decided on a plan, if it counts now: a rejection, or else an approval.

    An approval counts until it expires, and for no reason that the approver has not seen.
    """
    found = _find(
        connection,
        _approvals.plan_hash == plan_hash,
        _approvals.state.in_(("approved", "rejected")),
    )
    rejected = [one for one in found if one.state == "rejected"]
    approved = [one for one in found if now < one.expires_at and set(reasons) <= set(one.reasons)]
    return next(iter(rejected + approved), None)


def decide(
    instance: Instance,
    approval_id: str,
    *,
    approve: bool,
    by: str,
    reason: str,
    through: Through = "terminal",
) -> Approval:
    """Enter a person's decision; who and why is sealed. Returns the approval as it is now.

    A decision not used yet may be changed; approving gives a sweep ``approval_hours``
    from now. Raises SettingsError without name or reason, NotFoundError,
    UndecidableError; then nothing has changed (but what has expired is entered so).
    """
    note = _note(by, reason)
    state, now = "approved" if approve else "rejected", instance.clock.now()
    keep_until = due_day(today(instance.clock), CEILING)
    with instance.unit() as connection:
        log.lock(connection)
        expire(connection, now, _expired(now))
    with instance.unit() as connection:
        # Instance and page before the ledger's head, as a turn of the root takes them.
        note_id = seal_note(connection, instance, ADMINISTRATION, NOTE, note, due_day=keep_until)
        log.lock(connection)  # of two who decide at once the second sees the first
        known = get(connection, approval_id).at(now)
        if known.state not in (*_OPEN, "rejected") or known.state == state:
            raise UndecidableError(f"approval {approval_id} is {known.state}")
        return _decided(connection, instance, known, state, note_id, through)


def use(
    connection: sa.Connection, plan_hash: str, sweep_id: str, at: datetime, *, needed: bool
) -> None:
    """In the transaction that begins a sweep: its plan's approvals are of no other one.

    RejectedError if one is ``needed`` and somebody has taken it back meanwhile.
    """
    mine = _approvals.plan_hash == plan_hash
    expire(connection, at, mine, _approvals.state == "waiting")
    used = _move(connection, "used", mine, _approvals.state == "approved")
    if used:
        items = [log.Item(one, {}) for one in used]
        ids = {"plan": plan_hash, "sweep": sweep_id}
        log.append(connection, "sweep-approval-used", items, at=at, ids=ids)
    elif needed:
        raise RejectedError("nothing was destroyed: the approval was taken back")


def expire(
    connection: sa.Connection,
    at: datetime,
    *which: sa.ColumnElement[bool],
    states: Sequence[str] = _OPEN,
) -> None:
    """Enter that nobody can answer, or use, some approvals any more."""
    gone = _move(connection, "expired", _approvals.state.in_(states), *which)
    if gone:
        log.append(connection, "sweep-approval-expired", [log.Item(one, {}) for one in gone], at=at)


def awaiting(connection: sa.Connection, run: Run) -> Approval | None:
    """The approval that the run's scope waits for."""
    found = _find(connection, _in_scope(run), _approvals.state == "waiting")
    return found[0] if found else None


def get(connection: sa.Connection, approval_id: str) -> Approval:
    """One approval; NotFoundError."""
    found = _find(connection, _approvals.id == approval_id)
    if not found:
        raise NotFoundError(f"no approval {approval_id}")
    return found[0]


def list_approvals(connection: sa.Connection, now: datetime) -> list[Approval]:
    """All of them as they are now, newest first."""
    return [one.at(now) for one in _find(connection)]


def _take_word(
    connection: sa.Connection, instance: Instance, run: Run, plan: SweepPlan, reasons: Sequence[str]
) -> None:
    """``--approve HASH``: an approval by whoever is at the terminal, entered once."""
    now = instance.clock.now()
    verdict = standing(connection, plan.hash, reasons, now)
    if verdict is not None and verdict.state == "approved":
        return
    expire(connection, now, _approvals.plan_hash == plan.hash, states=(*_OPEN, "rejected"))
    word = replace(_new(instance, run, plan, reasons, "approved", now), decided_at=now)
    _insert(connection, word)
    log.append(
        connection,
        "sweep-approval-approved",
        [log.Item(word.id, {"by": OPERATOR})],
        at=now,
        ids=_ids(word),
        counts={"objects": word.total},
    )


def _decided(
    connection: sa.Connection,
    instance: Instance,
    known: Approval,
    state: str,
    note_id: str,
    through: Through,
) -> Approval:
    now = instance.clock.now()
    changed = {
        "state": state,
        "decided_at": now,
        "note_id": note_id,
        "expires_at": now + _lifetime(instance) if state == "approved" else known.expires_at,
    }
    connection.execute(t.approvals.update().where(_approvals.id == known.id).values(**changed))
    log.append(
        connection,
        f"sweep-approval-{state}",
        [log.Item(known.id, {"note_id": note_id})],
        at=now,
        ids={**_ids(known), "through": through},
        counts={"objects": known.total},
    )
    return get(connection, known.id)


def _note(by: str, reason: str) -> str:
    """Who and why, to be sealed. SettingsError unless a person says both."""
    by, reason = by.strip(), reason.strip()
    if not any(one.isalpha() for one in by) or not reason:
        raise SettingsError("a decision needs the name of who decides, and a reason")
    if len(by) > MAX_NAME or len(reason) > MAX_REASON:
        raise SettingsError(f"a name has {MAX_NAME} characters at most, a reason {MAX_REASON}")
    return json.dumps({"by": by, "reason": reason}, ensure_ascii=False)


def _new(
    instance: Instance,
    run: Run,
    plan: SweepPlan,
    reasons: Sequence[str],
    state: str,
    now: datetime,
) -> Approval:
    counts = Counter((one.controller, one.kind) for one in plan.due)
    return Approval(
        id=token_hex(16),
        plan_hash=plan.hash,
        as_of=plan.as_of,
        controller=run.controller,
        reasons=tuple(reasons),
        plan=tuple((*key, counts[key]) for key in sorted(counts)),
        state=state,
        asked_at=now,
        expires_at=now + _lifetime(instance),
        decided_at=None,
        note_id=None,
    )


def _lifetime(instance: Instance) -> timedelta:
    return timedelta(hours=instance.settings.approval_hours)


def _insert(connection: sa.Connection, one: Approval) -> None:
    row = {column.name: getattr(one, column.name) for column in t.approvals.c}
    row |= {"reasons": list(one.reasons), "plan": [list(line) for line in one.plan]}
    connection.execute(t.approvals.insert().values(**row))


def _find(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Approval]:
    query = sa.select(t.approvals).where(*which)
    rows = connection.execute(query.order_by(_approvals.asked_at.desc(), _approvals.id))
    return [
        Approval(
            **{
                **row._mapping,  # noqa: SLF001 - SQLAlchemy's public name for it
                "reasons": tuple(row.reasons),
                "plan": tuple((one[0], one[1], one[2]) for one in row.plan),
            }
        )
        for row in rows
    ]


def _move(connection: sa.Connection, state: str, *which: sa.ColumnElement[bool]) -> list[str]:
    """Put approvals into another state; their ids, sorted."""
    moved = t.approvals.update().where(*which).values(state=state).returning(_approvals.id)
    return sorted(connection.scalars(moved))


def _expired(now: datetime) -> sa.ColumnElement[bool]:
    return _approvals.expires_at <= now


def _in_scope(run: Run) -> sa.ColumnElement[bool]:
    return _approvals.controller.is_not_distinct_from(run.controller)


def _ids(one: Approval) -> dict[str, str]:
    return {"plan": one.plan_hash, "scope": one.controller or EVERYBODY}
