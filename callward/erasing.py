"""Destruction that does not wait for the night: of what was named, and of nothing else.

The same sweep as every night's, so with its gates, its turn of the root and its
certificates; what is on hold stays, and what a gate stops goes with a later night.
"""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.errors import NotFoundError, OperatorError
from callward.gates import Gates
from callward.instance import Instance
from callward.intake.quarantine import decide, undecided
from callward.retention.erasures import instruct
from callward.run import StageReport

_REJECTED = "rejected out of quarantine"


class HeldError(OperatorError):
    """What is on legal hold is not destroyed, whoever asks."""

    code = "held"


def sweep_only(instance: Instance, gates: Gates, ids: Collection[str]) -> StageReport:
    """Sweep these objects now, as far as they are due and not held."""
    run = replace(night.new_run(instance), only=frozenset(ids))
    return night.retention(instance, night.work_for(instance, gates, run), run)


def reject(instance: Instance, gates: Gates, quarantine_id: str) -> StageReport:
    """Destroy a refused item: its erasure is instructed, and swept at once.

    HeldError, and nothing changed, if it is on hold; NotFoundError if it was decided
    before, or a sweep has it already. Where the report has failures it is rejected all
    the same, and goes with the next night.
    """
    return sweep_only(instance, gates, _reject(instance, quarantine_id))


def _reject(instance: Instance, quarantine_id: str) -> tuple[str, ...]:
    """Enter the rejection; the objects that go."""
    now, objects = instance.clock.now(), t.objects.c
    with instance.unit() as connection:
        row = undecided(connection, quarantine_id)
        # What came in a refused record is filed under the refusal's own id.
        inside = sa.select(objects.id).where(
            objects.interaction_id == row.id, objects.state == "quarantined"
        )
        named = {one for one in (row.media_id, row.row_id) if one is not None}
        ids = sorted(named | set(connection.scalars(inside)))
        mine = objects.id.in_(ids)
        waiting = sa.select(sa.func.count()).where(mine, objects.state == "quarantined")
        if connection.scalar(waiting) != len(ids):
            raise NotFoundError(f"{row.id} is in a sweep already")
        going = instruct(connection, instance, ids, _REJECTED)
        # Holds being placed were waited for, and are seen.
        if connection.scalar(sa.select(objects.id).where(mine, held()).limit(1)) is not None:
            raise HeldError(f"{row.id} is on legal hold, so it cannot be destroyed")
        decide(connection, row.id, "rejected", now)
    return going
