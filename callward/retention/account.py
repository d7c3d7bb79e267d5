"""What the catalogue says of a sweep, put together for its certificates."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import held
from callward.evidence.grounds import figures
from callward.evidence.predicate import LOOKED
from callward.ledger.leaves import parse_leaf
from callward.retention.due import KEPT
from callward.retention.standing import Root, Situation

_CHECKS = ("survivors_opened", "old_wraps_tried", "old_wraps_opened")
_PART = 5_000


@dataclass(slots=True)
class Destroyed:
    """What a sweep destroyed of one controller's: ids and digests, and what they were."""

    subjects: list[tuple[str, str]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    due_days: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the catalogue has about a sweep that concerns all its certificates."""

    sweep: sa.Row[Any]
    keys_destroyed: Mapping[str, int]
    """Position of the keys-destroyed leaf of each controller."""
    gate: sa.Row[Any] | None
    """The result of the gate in front of it."""
    answers: Sequence[sa.Row[Any]]
    roots: tuple[Root, ...]
    scan: sa.Row[Any] | None
    drill: sa.Row[Any] | None
    backups: int
    able: int
    oldest: sa.Row[Any] | None
    spared: Mapping[str, int]

    @property
    def checks(self) -> dict[str, int]:
        """What was tried after the turn."""
        facts = self.sweep.facts or {}
        return {name: int(facts[name]) for name in _CHECKS if name in facts}

    @property
    def stores(self) -> dict[str, dict[str, int]]:
        """Per store searched, what was found of the sweep's objects; empty before the scan."""
        counts = self.scan.counts if self.scan is not None else {}
        return {name: dict(found) for name, found in counts.items()}


def read_account(connection: sa.Connection, sweep_id: str) -> Account:
    """Read all that but the objects themselves."""
    sweep = connection.execute(sa.select(t.sweeps).where(t.sweeps.c.id == sweep_id)).one()
    before = -1 if sweep.generation_before is None else sweep.generation_before
    keys_destroyed = _keys_destroyed(connection, sweep_id)
    first = min(keys_destroyed.values(), default=None)
    answers = connection.execute(
        sa.select(t.cell_answers)
        .where(t.cell_answers.c.generation <= before)
        .order_by(t.cell_answers.c.generation, t.cell_answers.c.cell)
    ).all()
    roots = _roots(connection, before, answers)
    shown = {before, *(root.generation for root in roots if not root.destroyed)}
    oldest = connection.execute(
        sa.select(t.backups).order_by(t.backups.c.at, t.backups.c.id)
    ).first()
    return Account(
        sweep=sweep,
        keys_destroyed=keys_destroyed,
        gate=_gate(connection, sweep),
        answers=[one for one in answers if one.generation in shown],
        roots=roots,
        scan=_scan(connection, sweep),
        drill=_newest(connection, t.drills, sa.true()),
        backups=int(connection.scalar(sa.select(sa.func.count()).select_from(t.backups)) or 0),
        able=_able(connection, first),
        oldest=oldest,
        spared=_spared(connection, sweep_id, first),
    )


def read_destroyed(connection: sa.Connection, sweep_id: str) -> dict[str, Destroyed]:
    """What the sweep destroyed, by controller."""
    objects = t.objects.c
    rows = connection.execute(
        sa.select(
            objects.controller,
            objects.id,
            objects.ciphertext_digest,
            objects.kind,
            objects.retention_class,
            objects.due_day,
        )
        .where(objects.sweep_id == sweep_id, objects.state == "shredded")
        .order_by(objects.controller, objects.id)
        .execution_options(yield_per=_PART)
    )
    found: dict[str, Destroyed] = defaultdict(Destroyed)
    for row in rows:
        one = found[row.controller]
        one.subjects.append((row.id, row.ciphertext_digest))
        one.kinds[row.kind] += 1
        one.due_days[row.retention_class][row.due_day.isoformat()] += 1
    return dict(found)


def on_hold(connection: sa.Connection, account: Account, controller: str) -> int:
    """How many of a controller's objects were due for the sweep and are here, on hold."""
    objects = t.objects.c
    query = sa.select(sa.func.count()).where(
        objects.controller == controller,
        objects.state.in_(KEPT),
        objects.due_day <= account.sweep.as_of,
        held(),
    )
    return int(connection.scalar(query) or 0)


def situation(connection: sa.Connection, account: Account) -> Situation:
    """What the state of the sweep's statements is decided by."""
    objects, stores = t.objects.c, account.stores
    counts: dict[str, int] = {
        row[0]: row[1]
        for row in connection.execute(
            sa.select(objects.state, sa.func.count())
            .where(objects.sweep_id == account.sweep.id)
            .group_by(objects.state)
        )
    }
    return Situation(
        gone=counts.get("shredded", 0),
        left=counts.get("marked", 0),
        waiting=sum(account.spared.values()),
        checked=account.sweep.state in {"checked", "complete"},
        residue=_findings(stores) if stores else None,
        opened=account.checks.get("old_wraps_opened", 0),
        able=account.able,
        roots=account.roots,
    )


def _findings(stores: Mapping[str, Mapping[str, int]]) -> int:
    return sum(count for name, count in figures(stores) if name != LOOKED)


def _roots(
    connection: sa.Connection, before: int, answers: Sequence[sa.Row[Any]]
) -> tuple[Root, ...]:
    """Every root up to the one that was turned: each wrapped something of it, or may have.

    Later ones never did, so it is not their end that this sweep waits for.
    """
    said: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for one in answers:
        said[one.generation].append((one.answer, one.until))
    rows = connection.execute(
        sa.select(t.generations.c.number, t.generations.c.state)
        .where(t.generations.c.number <= before)
        .order_by(t.generations.c.number)
    )
    return tuple(Root(row.number, row.state == "retired", tuple(said[row.number])) for row in rows)


def _scan(connection: sa.Connection, sweep: sa.Row[Any]) -> sa.Row[Any] | None:
    """The scan that the sweep was checked with; the newest one of it, if it does not say."""
    named = (sweep.facts or {}).get("scan")
    which = t.scans.c.id == named if named else t.scans.c.sweep_id == sweep.id
    return _newest(connection, t.scans, which)


def _keys_destroyed(connection: sa.Connection, sweep_id: str) -> dict[str, int]:
    leaf, item, objects = t.ledger_leaves.c, t.ledger_items.c, t.objects.c
    ones = (
        sa.select(objects.controller, sa.func.min(objects.id).label("id"))
        .where(objects.sweep_id == sweep_id, objects.state == "shredded")
        .group_by(objects.controller)
        .subquery()
    )
    rows = connection.execute(
        sa.select(ones.c.controller, sa.func.max(leaf.position))
        .join_from(ones, t.ledger_items, item.subject == ones.c.id)
        .join(t.ledger_leaves, item.leaf == leaf.position)
        .where(leaf.event == "keys-destroyed")
        .group_by(ones.c.controller)
    )
    return {controller: position for controller, position in rows}  # noqa: C416 - rows are no pairs to mypy


def _gate(connection: sa.Connection, sweep: sa.Row[Any]) -> sa.Row[Any] | None:
    leaf, results = t.ledger_leaves.c, t.gate_results
    body = connection.scalar(sa.select(leaf.body).where(leaf.position == sweep.intent_leaf))
    if body is None:
        return None
    night = parse_leaf(body).ids.get("night", "")
    here = sa.and_(
        results.c.night == night,
        results.c.suite == "retention_entry",
        results.c.at <= sweep.started_at,
    )
    return _newest(connection, results, here)


def _newest(
    connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]
) -> sa.Row[Any] | None:
    query = sa.select(table).where(which).order_by(table.c.at.desc(), table.c.id.desc())
    return connection.execute(query.limit(1)).first()


def _able(connection: sa.Connection, keys_destroyed: int | None) -> int:
    """Backups from before the keys' end whose root some cell still has."""
    if keys_destroyed is None:
        return 0
    alive = sa.select(t.generations.c.number).where(t.generations.c.state != "retired")
    query = sa.select(sa.func.count()).where(
        t.backups.c.generation.in_(alive), t.backups.c.ledger_size <= keys_destroyed
    )
    return int(connection.scalar(query) or 0)


def _spared(connection: sa.Connection, sweep_id: str, keys_destroyed: int | None) -> dict[str, int]:
    """Per controller how many objects came on hold between marking and destruction."""
    leaf, item, objects = t.ledger_leaves.c, t.ledger_items.c, t.objects.c
    since = sa.select(t.sweeps.c.intent_leaf).where(t.sweeps.c.id == sweep_id).scalar_subquery()
    query = sa.select(leaf.position, leaf.body).where(
        leaf.event == "sweep-spared", leaf.position > since
    )
    if keys_destroyed is not None:
        query = query.where(leaf.position < keys_destroyed)
    mine = [
        row.position
        for row in connection.execute(query)
        if parse_leaf(row.body).ids.get("sweep") == sweep_id
    ]
    rows = connection.execute(
        sa.select(objects.controller, sa.func.count())
        .join_from(t.ledger_items, t.objects, item.subject == objects.id)
        .where(item.leaf.in_(mine))
        .group_by(objects.controller)
    )
    return {row[0]: row[1] for row in rows}
