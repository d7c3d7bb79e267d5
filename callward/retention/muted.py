"""Originals of muted recordings: they go tonight, whatever else keeps the sweep waiting.

The brake asks a person about other things: somebody's share, a clock that jumped, a
restored backup. Nothing is lost with an original that a kept version stands in for,
and card numbers are not to stay for it. docs/decisions/0024-muted-originals.md
"""

from dataclasses import replace

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.clock import today
from callward.instance import Instance
from callward.retention.approvals import standing
from callward.retention.plan import is_due, is_replaced
from callward.retention.stage import Prepared, prepare
from callward.run import Run


def waiting_originals(instance: Instance, run: Run) -> Run | None:
    """A run for the originals alone that the general sweep would leave, dated today.

    With their transcripts, as far as muted versions that are kept stand in for them and
    none is held. None where there are none, or the general sweep takes them anyway.
    """
    if run.dry_run or run.only is not None:
        return None
    now = replace(run, as_of=today(instance.clock), approve=None)
    if not _originals(instance, now):
        return None
    prepared = prepare(instance, run)  # due days and holds as they are now
    ids = _originals(instance, now)
    planned = {one.id for one in prepared.plan.due}
    if not ids or (ids <= planned and _goes_on(instance, run, prepared)):
        return None
    return replace(now, only=frozenset(ids))


def _originals(instance: Instance, run: Run) -> set[str]:
    query = sa.select(t.objects.c.id).where(t.objects.c.early, is_due(run), ~held(), is_replaced())
    with instance.reading() as connection:
        return set(connection.scalars(query))


def _goes_on(instance: Instance, run: Run, prepared: Prepared) -> bool:
    """Whether nothing stops the general sweep, or a person has said that it may go on."""
    plan = prepared.plan
    if not prepared.brake or run.approve == plan.hash:
        return True
    with instance.reading() as connection:
        verdict = standing(connection, plan.hash, prepared.brake, instance.clock.now())
    return verdict is not None and verdict.state == "approved"
