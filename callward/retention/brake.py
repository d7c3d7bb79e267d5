"""The mass-deletion brake: what must have a person's word before it is destroyed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from callward.catalogue import tables as t

CLOCKS_DIFFER = timedelta(minutes=5)
"""Two machines of a site may be so far apart."""
_LATEST_LEAVES = 1000


@dataclass(frozen=True, slots=True)
class BrakeRules:
    """See the settings of the same names."""

    share: float
    floor: int
    clock_jump_days: int


def brake_reasons(
    rules: BrakeRules,
    *,
    due: Mapping[str, int],
    replaced: Mapping[str, int],
    holdings: Mapping[str, int],
    shortened: Collection[str],
    last_sweep: datetime | None,
    now: datetime,
    last_record: datetime | None = None,
    restored: bool = False,
) -> tuple[str, ...]:
    """Why this sweep needs approval, one code and controller each; empty: it does not.

    ``due`` and ``holdings`` count objects per controller. Nothing due needs no approval.
    What was
    ``replaced`` by a version without card numbers is not lost: it adds to no share.
    A clock behind ``last_record``, the ledger's newest moment, was set back. What was
    ``restored`` may lack instructions and holds that came after the backup.
    """
    reasons = [
        f"share:{controller}"
        for controller, count in sorted(due.items())
        if (lost := count - replaced.get(controller, 0)) > rules.floor
        and lost > rules.share * holdings.get(controller, 0)
    ]
    reasons += [
        f"shortened:{controller}" for controller in sorted(shortened) if due.get(controller)
    ]
    if any(due.values()) and _jumped(rules, last_sweep, last_record, now):
        reasons.append("clock-jump")
    if any(due.values()) and restored:
        reasons.append("restored")
    return tuple(reasons)


def latest_record(connection: sa.Connection) -> datetime | None:
    """The newest moment among the ledger's last leaves, UTC.

    Not before the last sweep of everybody's data that a person approved: with it the
    clock was believed as it was then.
    """
    leaf, sweep, approval = t.ledger_leaves.c, t.sweeps.c, t.approvals.c
    believed = connection.scalar(
        sa.select(sa.func.max(sweep.intent_leaf))
        .join(t.approvals, approval.plan_hash == sweep.plan_hash)
        .where(approval.state == "used", approval.controller.is_(None))
    )
    size = connection.scalar(sa.select(t.ledger_head.c.size)) or 0
    since = max(size - _LATEST_LEAVES, -1 if believed is None else believed)
    moments = connection.scalars(sa.select(leaf.at).where(leaf.position >= since))
    return max(moments, default=None)


def _jumped(
    rules: BrakeRules, last_sweep: datetime | None, last_record: datetime | None, now: datetime
) -> bool:
    if last_record is not None and now < last_record - CLOCKS_DIFFER:
        return True
    if last_sweep is None:
        return False
    return now < last_sweep or now - last_sweep > timedelta(days=rules.clock_jump_days)
