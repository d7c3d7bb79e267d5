"""A signed statement of how a controller's data stands when no sweep has anything to certify."""

from secrets import token_hex

import sqlalchemy as sa

from callward import __version__
from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import NotFoundError, OperatorError
from callward.evidence.certificate import build_certificate
from callward.evidence.limits import limits
from callward.instance import Instance
from callward.ledger import log
from callward.ledger.canonical import Json
from callward.ledger.leaves import rfc3339
from callward.retention.certify import certificate_id, holds_of, instructions_of
from callward.retention.plan import SweepPlan, plan_sweep
from callward.run import Run


class NothingToStateError(OperatorError):
    """Something is due or being destroyed: run the retention stage, or show that sweep's."""

    code = "nothing-to-state"


def state_now(instance: Instance, controller: str) -> str:
    """Sign that nothing of a controller's is due today, or that all of it is on hold.

    The same envelope as a certificate, which it is not; it is kept nowhere. Raises
    NotFoundError if nothing is known of the controller, NothingToStateError if
    something is due, or destroyed and not certified yet.
    """
    now = instance.clock.now()
    run = Run(night=token_hex(16), as_of=today(instance.clock), controller=controller)
    with instance.unit() as connection:
        plan = plan_sweep(connection, run)
        instructions = instructions_of(connection, controller, run.as_of)
        if not instructions and not plan.holdings.get(controller):
            raise NotFoundError("nothing is known of such a controller")
        _require_nothing_due(connection, plan, controller)
        predicate: dict[str, Json] = {
            "id": certificate_id(run.night, controller),
            "state": "blocked-by-hold" if plan.held.get(controller) else "nothing-due",
            "pending_until": None,
            "controller": controller,
            "instance": instance.signer.name,
            "software": f"callward {__version__}",
            "issued_at": rfc3339(now),
            "sweep": {
                "id": run.night,
                "kind": "retention",
                "as_of": run.as_of.isoformat(),
                "started_at": rfc3339(now),
                "plan_sha256": plan.hash,
                "approved": False,
            },
            "instructions": instructions,
            "holds": holds_of(None, held=plan.held.get(controller, 0), spared=0),
            **_nothing(log.checkpoint(connection, instance.signer, now)),
        }
    return build_certificate(instance.signer, predicate, [(run.night, plan.hash)])


def _nothing(checkpoint: str) -> dict[str, Json]:
    """What is said of a destruction that there was none of."""
    return {
        "objects": {"total": 0, "kinds": {}, "due_days": {}},
        "generations": {"before": None, "after": None, "unsettled": 0, "cells": []},
        "checks": {},
        "residual": {"scan": None, "at": None, "stores": {}},
        "backups": {"known": 0, "able": 0, "oldest": None},
        "drill": None,
        "ledger": {
            "checkpoint": checkpoint,
            "intent": None,
            "keys_destroyed": None,
            "exactly": False,
            "complete": None,
        },
        "limits": list(limits(exactly=True, drilled=True)),
    }


def _require_nothing_due(connection: sa.Connection, plan: SweepPlan, controller: str) -> None:
    if plan.due:
        raise NothingToStateError(f"{len(plan.due)} objects of {controller} are due")
    objects = t.objects.c
    waiting = connection.scalar(
        sa.select(t.sweeps.c.id)
        .join(t.objects, objects.sweep_id == t.sweeps.c.id)
        .where(objects.controller == controller, t.sweeps.c.state != "complete")
        .limit(1)
    )
    if waiting is not None:
        one = certificate_id(waiting, controller)
        raise NothingToStateError(f"a sweep of {controller} is not certified yet: {one}")
