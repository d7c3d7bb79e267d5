"""A sweep, step by step; each step is one transaction and can be taken up where it stopped.

marked → unkeyed → deleted → complete. What was marked is asked about once more in the
transaction that destroys keys, so a hold placed in between still counts.
"""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import settle
from callward.catalogue.held import held
from callward.errors import DefectError
from callward.instance import Instance
from callward.ledger import log
from callward.retention.plan import SweepPlan, is_due
from callward.run import Run
from callward.vault.pages import drop_empty, lock_pages

_QUARANTINED = sa.exists().where(
    t.quarantine.c.state == "held",
    sa.or_(t.quarantine.c.media_id == t.objects.c.id, t.quarantine.c.row_id == t.objects.c.id),
)


def swept(sweep_id: str, state: str) -> sa.ColumnElement[bool]:
    """SQL: objects of a sweep in one state."""
    return sa.and_(t.objects.c.sweep_id == sweep_id, t.objects.c.state == state)


def mark(instance: Instance, run: Run, plan: SweepPlan) -> str:
    """Mark what is due and not held, write the INTENT entry, sign a checkpoint; the sweep's id.

    DefectError, and nothing marked, if that is more than the plan said.
    """
    sweep_id, now = token_hex(16), instance.clock.now()
    with instance.unit() as connection:
        connection.execute(
            t.sweeps.insert().values(
                id=sweep_id,
                as_of=run.as_of,
                plan_hash=plan.hash,
                approved=run.approve == plan.hash,
                state="marked",
                started_at=now,
            )
        )
        connection.execute(
            t.objects.update().where(is_due(run), ~held()).values(state="marked", sweep_id=sweep_id)
        )
        marked = connection.scalars(
            sa.select(t.objects.c.id).where(swept(sweep_id, "marked")).order_by(t.objects.c.id)
        ).all()
        if not set(marked) <= {one.id for one in plan.due}:
            raise DefectError(f"sweep of {run.as_of} would destroy more than its plan says")
        leaf = log.append(
            connection,
            "sweep-intent",
            [log.Item(one, {}) for one in marked],
            at=now,
            ids={
                "sweep": sweep_id,
                "plan": plan.hash,
                "night": run.night,
                "approved": "yes" if run.approve == plan.hash else "not-needed",
            },
        )
        connection.execute(
            t.sweeps.update().where(t.sweeps.c.id == sweep_id).values(intent_leaf=leaf)
        )
        log.checkpoint(connection, instance.signer, now)
    return sweep_id


def destroy_keys(instance: Instance, run: Run, sweep_id: str) -> None:
    """Destroy the keys of everything marked that may still go, and the rows sealed with them."""
    now = instance.clock.now()
    with instance.unit() as connection:
        pages = lock_pages(connection, swept(sweep_id, "marked"))
        log.lock(connection)  # a hold being placed is waited for, and then seen
        _let_go(connection, run, sweep_id, now)
        gone = sa.select(t.objects.c.id).where(swept(sweep_id, "marked"))
        connection.execute(t.object_keys.delete().where(t.object_keys.c.object_id.in_(gone)))
        drop_empty(connection, pages)
        connection.execute(t.payloads.delete().where(t.payloads.c.object_id.in_(gone)))
        _forget_interactions(connection, sweep_id)
        _close_quarantine(connection, gone)
        connection.execute(
            t.transcriptions.delete().where(t.transcriptions.c.recording_id.in_(gone))
        )
        connection.execute(
            t.drop_items.update()
            .where(t.drop_items.c.object_id.in_(gone))
            .values(content_digest=None)
        )
        items = connection.scalars(gone.order_by(t.objects.c.id)).all()
        connection.execute(
            t.objects.update()
            .where(swept(sweep_id, "marked"))
            .values(state="shredded", shredded_at=now, facts=None)
        )
        log.append(
            connection,
            "keys-destroyed",
            [log.Item(one, {}) for one in items],
            at=now,
            ids={"sweep": sweep_id},
        )
        _advance(connection, sweep_id, "unkeyed")


def delete_ciphertexts(instance: Instance, sweep_id: str) -> None:
    """Delete the ciphertexts of a sweep from the object store, and old pages with its keys."""
    settle(instance.engine)  # here, so that a crash after the keys went cannot skip it
    with instance.unit() as connection:
        paths = connection.scalars(
            sa.select(t.objects.c.store_key).where(
                swept(sweep_id, "shredded"), t.objects.c.store_key.is_not(None)
            )
        ).all()
    instance.vault.store.delete(paths)
    with instance.unit() as connection:
        _advance(connection, sweep_id, "deleted")


def unfinished(connection: sa.Connection) -> Mapping[str, str]:
    """Sweeps that were cut short: id to state, oldest first."""
    rows = connection.execute(
        sa.select(t.sweeps.c.id, t.sweeps.c.state)
        .where(t.sweeps.c.state != "complete")
        .order_by(t.sweeps.c.started_at)
    )
    return {row.id: row.state for row in rows}


def _let_go(connection: sa.Connection, run: Run, sweep_id: str, at: datetime) -> None:
    """Give back what since it was marked came on hold, became unclear or is due later."""
    objects = t.objects.c
    as_of = sa.select(t.sweeps.c.as_of).where(t.sweeps.c.id == sweep_id).scalar_subquery()
    spared = sa.or_(held(), objects.controller.in_(sorted(run.unclear)), objects.due_day > as_of)
    before = sa.case((_QUARANTINED, "quarantined"), else_="live")
    ids = connection.scalars(
        t.objects.update()
        .where(swept(sweep_id, "marked"), spared)
        .values(state=before, sweep_id=None)
        .returning(objects.id)
    ).all()
    if ids:
        items = [log.Item(one, {}) for one in sorted(ids)]
        log.append(connection, "sweep-spared", items, at=at, ids={"sweep": sweep_id})


def _forget_interactions(connection: sa.Connection, sweep_id: str) -> None:
    """With the last of its objects an interaction's row goes, and its people's blind indexes."""
    other = t.objects.alias("other")
    kept = sa.exists().where(
        other.c.interaction_id == t.objects.c.interaction_id,
        other.c.state.in_(("live", "quarantined", "marked")),
        sa.or_(other.c.sweep_id.is_(None), other.c.sweep_id != sweep_id),
    )
    gone = sa.select(t.objects.c.interaction_id).where(swept(sweep_id, "marked"), ~kept)
    connection.execute(t.people.delete().where(t.people.c.interaction_id.in_(gone)))
    connection.execute(t.interactions.delete().where(t.interactions.c.id.in_(gone)))


def _close_quarantine(connection: sa.Connection, gone: sa.Select[tuple[str]]) -> None:
    row = t.quarantine.c
    connection.execute(
        t.quarantine.update()
        .where(row.state == "held", sa.or_(row.media_id.in_(gone), row.row_id.in_(gone)))
        .values(state="shredded")
    )


def _advance(connection: sa.Connection, sweep_id: str, state: str) -> None:
    connection.execute(t.sweeps.update().where(t.sweeps.c.id == sweep_id).values(state=state))
