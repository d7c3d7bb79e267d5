"""A sweep, step by step; each step is one transaction and can be taken up where it stopped.

marked → turned → checked → complete. What was marked is asked about once more in the
transaction that destroys keys, so a hold placed in between still counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_hex

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import settle
from callward.catalogue.held import held
from callward.catalogue.refused import in_quarantine
from callward.errors import CallwardError, IntegrityError, KeyMissingError
from callward.instance import Instance
from callward.ledger import log
from callward.retention import approvals, roots
from callward.retention.plan import SweepPlan, is_due
from callward.run import Run
from callward.vault import turning
from callward.vault.cells import CellError
from callward.vault.turning import Witness

_PART = 5_000
_TRIES = 3
"""Survivors of a page that are tried, until one opens."""


def swept(sweep_id: str, state: str) -> sa.ColumnElement[bool]:
    """SQL: objects of a sweep in one state."""
    return sa.and_(t.objects.c.sweep_id == sweep_id, t.objects.c.state == state)


def mark(instance: Instance, run: Run, plan: SweepPlan) -> str:
    """Mark what is due and not held, write the INTENT entry, sign a checkpoint; the sweep's id.

    What has become due since the plan was made waits for the next one: nobody was
    asked about it, and no gate has seen it.
    """
    sweep_id, now = token_hex(16), instance.clock.now()
    kind = "retention" if run.only is None else "erasure"
    with instance.unit() as connection:
        connection.execute(
            t.sweeps.insert().values(
                id=sweep_id,
                kind=kind,
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
        marked = _as_planned(connection, sweep_id, marked, plan)
        leaf = log.append(
            connection,
            "sweep-intent",
            [log.Item(one, {}) for one in marked],
            at=now,
            ids={
                "sweep": sweep_id,
                "plan": plan.hash,
                "night": run.night,
                "kind": kind,
                "as_of": run.as_of.isoformat(),
                "approved": "yes" if run.approve == plan.hash else "not-needed",
            },
        )
        connection.execute(
            t.sweeps.update().where(t.sweeps.c.id == sweep_id).values(intent_leaf=leaf)
        )
        approvals.use(connection, plan.hash, sweep_id, now, needed=run.approve is not None)
        log.checkpoint(connection, instance.signer, now)
    return sweep_id


def _as_planned(
    connection: sa.Connection, sweep_id: str, marked: Sequence[str], plan: SweepPlan
) -> Sequence[str]:
    """Give back what is marked beyond the plan; what is left."""
    planned = {one.id for one in plan.due}
    more = [one for one in marked if one not in planned]
    for start in range(0, len(more), _PART):
        part = t.objects.c.id.in_(more[start : start + _PART])
        _give_back(connection, swept(sweep_id, "marked"), part)
    return [one for one in marked if one in planned]


def turn_root(instance: Instance, run: Run, sweep_id: str) -> None:
    """Destroy the keys of everything marked that may still go, and turn the root with them.

    The new root is in every cell before the transaction; the old one is destroyed
    after it (``retiring.retire``). CellError, and nothing changed, if a cell refuses.
    """
    after = roots.make_ready(instance)
    now = instance.clock.now()
    with instance.unit() as connection:
        turning.lock_all(connection)
        log.lock(connection)  # a hold being placed is waited for, and then seen
        _let_go(connection, run, sweep_id, now)
        gone = sa.select(t.objects.c.id).where(swept(sweep_id, "marked"))
        touched = turning.pages_of(connection, swept(sweep_id, "marked"))
        samples = turning.witnesses(connection, touched, gone)
        _forget(connection, sweep_id, gone)
        by_controller = _by_controller(connection, sweep_id)
        turn = turning.turn(connection, instance.vault, after, touched, now)
        connection.execute(
            t.objects.update()
            .where(swept(sweep_id, "marked"))
            .values(state="shredded", shredded_at=now, facts=None)
        )
        for controller, ids in by_controller.items():
            # A leaf each, so that a controller's certificate can be held against its own.
            items = [log.Item(one, {}) for one in ids]
            told = {"sweep": sweep_id, "controller": controller}
            log.append(connection, "keys-destroyed", items, at=now, ids=told)
        roots.enter(connection, turn, now)
        connection.execute(
            t.sweeps.update()
            .where(t.sweeps.c.id == sweep_id)
            .values(
                state="turned",
                generation_before=turn.before,
                generation_after=turn.after,
                facts={
                    "witnesses": [[one.page_key.hex(), one.object_key.hex()] for one in samples]
                },
            )
        )
        log.checkpoint(connection, instance.signer, now)


def _by_controller(connection: sa.Connection, sweep_id: str) -> dict[str, list[str]]:
    """What goes, sorted, by controller."""
    objects = t.objects.c
    found: dict[str, list[str]] = defaultdict(list)
    for controller, one in connection.execute(
        sa.select(objects.controller, objects.id)
        .where(swept(sweep_id, "marked"))
        .order_by(objects.controller, objects.id)
    ):
        found[controller].append(one)
    return found


def open_survivors(instance: Instance, sweep_id: str) -> tuple[int, list[str]]:
    """Open a survivor of every page that the turn made; how many, and which were damaged.

    To be done before retiring: IntegrityError or KeyMissingError if a survivor's key does
    not unwrap, for then the old root is needed. To damaged content no root is of use.
    """
    with instance.unit() as connection:
        after = sa.select(t.sweeps.c.generation_after).where(t.sweeps.c.id == sweep_id)
        survivors = _survivors(connection, int(connection.scalar(after) or 0))
    _unwrap_all(instance, sweep_id, [one for page in survivors for one in page])
    opened, damaged = 0, list[str]()
    for page in survivors:
        for one in page:
            if _opens(instance, one):
                opened += 1
                break
            damaged.append(one)
    return opened, damaged


def _unwrap_all(instance: Instance, sweep_id: str, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), _PART):
        with instance.unit() as connection:
            try:
                instance.vault.object_keys(connection, ids[start : start + _PART])
            except IntegrityError:
                raise IntegrityError(
                    f"keys of what survived sweep {sweep_id} do not open: the old root is kept"
                ) from None


def _opens(instance: Instance, one: str) -> bool:
    """Whether the content of an object whose key unwraps is whole."""
    try:
        with instance.unit() as connection:
            content = instance.vault.open(connection, one)
        for _ in content:
            pass
    except (KeyMissingError, CellError):  # a cell has gone since
        raise
    except CallwardError:
        return False
    return True


def try_old_wraps(instance: Instance, sweep_id: str) -> tuple[int, int]:
    """Try in vain to open what went, by wraps as old backups have them: tried, opened."""
    with instance.unit() as connection:
        facts = connection.scalar(sa.select(t.sweeps.c.facts).where(t.sweeps.c.id == sweep_id))
    kept = (facts or {}).get("witnesses", [])
    return roots.try_in_vain(instance, [Witness.from_hex(*pair) for pair in kept])


def settle_facts(instance: Instance, sweep_id: str, facts: Mapping[str, int | str]) -> None:
    """The sweep has been checked: keep what was found.

    The old wraps are kept with it until the certificate, to be tried again then.
    """
    with instance.unit() as connection:
        known = connection.scalar(sa.select(t.sweeps.c.facts).where(t.sweeps.c.id == sweep_id))
        connection.execute(
            t.sweeps.update()
            .where(t.sweeps.c.id == sweep_id)
            .values(state="checked", facts={**(known or {}), **facts})
        )


def _survivors(connection: sa.Connection, generation: int) -> list[list[str]]:
    """The smallest objects of every page that the turn to ``generation`` made, page by page."""
    keys, objects = t.object_keys.c, t.objects.c
    place = sa.func.row_number().over(
        partition_by=keys.page_id, order_by=(objects.size, objects.id)
    )
    ranked = (
        sa.select(objects.id, keys.page_id, place.label("place"))
        .join(t.object_keys, keys.object_id == objects.id)
        .join(t.pages, t.pages.c.id == keys.page_id)
        .where(t.pages.c.turned_in == generation, objects.state != "shredded")
        .subquery()
    )
    rows = connection.execute(
        sa.select(ranked.c.page_id, ranked.c.id)
        .where(ranked.c.place <= _TRIES)
        .order_by(ranked.c.page_id, ranked.c.place)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for page, one in rows:
        found[page].append(one)
    return list(found.values())


def _forget(connection: sa.Connection, sweep_id: str, gone: sa.Select[tuple[str]]) -> None:
    """Delete the keys and rows of what goes."""
    connection.execute(t.object_keys.delete().where(t.object_keys.c.object_id.in_(gone)))
    connection.execute(t.payloads.delete().where(t.payloads.c.object_id.in_(gone)))
    _forget_interactions(connection, sweep_id)
    _close_quarantine(connection, gone)
    connection.execute(t.transcriptions.delete().where(t.transcriptions.c.recording_id.in_(gone)))
    connection.execute(t.card_scans.delete().where(t.card_scans.c.object_id.in_(gone)))
    connection.execute(
        t.drop_items.update().where(t.drop_items.c.object_id.in_(gone)).values(content_digest=None)
    )


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
    later = sa.or_(objects.due_day > as_of, objects.due_day.is_(None))  # an account back in use
    spared = sa.or_(held(), objects.controller.in_(sorted(run.unclear)), later)
    ids = _give_back(connection, swept(sweep_id, "marked"), spared)
    if ids:
        items = [log.Item(one, {}) for one in ids]
        log.append(connection, "sweep-spared", items, at=at, ids={"sweep": sweep_id})


def _give_back(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[str]:
    """Put what is marked back to what it was before; its ids, sorted."""
    before = sa.case((in_quarantine(), "quarantined"), else_="live")
    given = t.objects.update().where(*which).values(state=before, sweep_id=None)
    return sorted(connection.scalars(given.returning(t.objects.c.id)))


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
    connection.execute(t.versions.delete().where(t.versions.c.interaction_id.in_(gone)))
    connection.execute(t.interactions.delete().where(t.interactions.c.id.in_(gone)))


def _close_quarantine(connection: sa.Connection, gone: sa.Select[tuple[str]]) -> None:
    row = t.quarantine.c
    connection.execute(
        t.quarantine.update()
        .where(row.state == "held", sa.or_(row.media_id.in_(gone), row.row_id.in_(gone)))
        .values(state="shredded")
    )
