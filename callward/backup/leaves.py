"""The ledger's leaves since a backup: entered again, and what they say has to be done again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward.backup.forget import Gone
from callward.catalogue import tables as t
from callward.errors import IntegrityError, KeyMissingError
from callward.ledger import log, merkle
from callward.ledger.leaves import Leaf, body_hash, parse_item, parse_leaf
from callward.vault.journal import Journal

LOST = "lost"
"""Stands for the id of a sealed note that came after the backup."""

Turned = tuple[int, int, datetime]


@dataclass(slots=True)
class Told:
    """What the leaves of some journals tell."""

    gone: dict[str, Gone] = field(default_factory=dict)
    rejected: dict[str, datetime] = field(default_factory=dict)
    turned: list[Turned] = field(default_factory=list)
    """(generation before, after, when)"""
    answers: list[Mapping[str, Any]] = field(default_factory=list)
    """Rows of ``cell_answers``."""
    sweeps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Columns of ``sweeps`` by id."""
    filed: set[str] = field(default_factory=set)
    """Objects that came in."""
    placed: list[Mapping[str, Any]] = field(default_factory=list)
    """Rows of ``holds``, as far as the ledger knows them."""
    lifted: dict[str, datetime] = field(default_factory=dict)
    early: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Rows of ``erasures``: instructed, and perhaps not carried out yet."""
    turning: str = ""
    """The sweep whose keys the last leaf said were destroyed."""
    events: Counter[str] = field(default_factory=Counter)
    leaves: int = 0


def enter(connection: sa.Connection, journal: Journal, told: Told) -> None:
    """Append those of a journal's leaves that the ledger lacks; the rest must be the same.

    KeyMissingError names the generation whose journal is missing in between.
    """
    for line in journal.lines("ledger"):
        try:
            position, body, items = int(line["position"]), line["body"], list(line["items"])
        except (KeyError, TypeError, ValueError):
            raise IntegrityError(
                f"the journal of generation {journal.generation} is damaged in ledger"
            ) from None
        size = log.head(connection).size
        if position > size:
            raise KeyMissingError(
                f"the journal of generation {_before(journal)} is missing: "
                f"nothing is known of ledger leaves {size} to {position - 1}"
            )
        leaf = parse_leaf(body)
        at = datetime.fromisoformat(leaf.at)
        _check_items(leaf, items, position)
        told_items = [parse_item(item) for item in items]
        if position < size:
            _compare(connection, position, body)
        else:
            log.append(connection, leaf.event, told_items, at=at, counts=leaf.counts, ids=leaf.ids)
            _compare(connection, position, body)
            told.leaves += 1
            told.events[leaf.event] += 1
        # What the backup has seen already does no harm a second time.
        listen(told, leaf, told_items, position, at)


def _check_items(leaf: Leaf, items: Sequence[str], position: int) -> None:
    """The leaf says what its items are, also where the ledger has it already."""
    if len(items) != leaf.items or merkle.root(map(body_hash, items)) != leaf.items_root:
        raise IntegrityError(
            f"the items of ledger leaf {position} in a journal are not those that were signed"
        )


def _compare(connection: sa.Connection, position: int, body: str) -> None:
    there = connection.scalar(
        sa.select(t.ledger_leaves.c.body).where(t.ledger_leaves.c.position == position)
    )
    if there != body:
        raise IntegrityError(f"the journal and the backup do not agree on ledger leaf {position}")


def _before(journal: Journal) -> int | str:
    """The generation from which the journal's own turn came."""
    for line in journal.lines("ledger"):
        if line["event"] == "root-turned":
            return int(parse_leaf(line["body"]).counts["before"])
    return f"before {journal.generation}"


def listen(told: Told, leaf: Leaf, items: Sequence[log.Item], position: int, at: datetime) -> None:
    """Take one leaf in."""
    if leaf.event.startswith("root-"):
        _listen_to_roots(told, leaf, items, at)
    elif "sweep" in leaf.ids:
        _listen_to_sweeps(told, leaf, items, position, at)
    else:
        _listen_to_decisions(told, leaf, items, at)


def _listen_to_roots(told: Told, leaf: Leaf, items: Sequence[log.Item], at: datetime) -> None:
    if leaf.event == "root-destroyed":
        told.answers.extend({**item.body, "at": at} for item in items)
    if leaf.event == "root-turned":
        before, after = leaf.counts["before"], leaf.counts["after"]
        told.turned.append((before, after, at))
        # In one transaction with the keys' destruction, so it is the very next leaf.
        if told.turning:
            told.sweeps[told.turning] |= {"generation_before": before, "generation_after": after}
        told.turning = ""


def _listen_to_sweeps(
    told: Told, leaf: Leaf, items: Sequence[log.Item], position: int, at: datetime
) -> None:
    sweep = leaf.ids["sweep"]
    columns = told.sweeps.setdefault(sweep, {})
    match leaf.event:
        case "sweep-intent":
            columns |= {
                "plan_hash": leaf.ids.get("plan", ""),
                "approved": leaf.ids.get("approved") == "yes",
                "intent_leaf": position,
                "started_at": at,
            }
            # Leaves of earlier versions say neither.
            if "kind" in leaf.ids:
                columns["kind"] = leaf.ids["kind"]
            if "as_of" in leaf.ids:
                columns["as_of"] = date.fromisoformat(leaf.ids["as_of"])
        case "keys-destroyed":
            told.gone.update({item.subject: Gone(at, sweep) for item in items})
            columns |= {"state": "turned"}
            told.turning = sweep
        case "sweep-complete":
            columns |= {"state": "complete", "completed_at": at}


def _listen_to_decisions(told: Told, leaf: Leaf, items: Sequence[log.Item], at: datetime) -> None:
    match leaf.event:
        case "quarantine-rejected":
            # What becomes of its objects, other leaves say.
            told.rejected[leaf.ids["quarantine"]] = at
        case "hold-placed" | "restriction-placed":
            told.placed.extend(_hold(leaf, item, at) for item in items)
        case "hold-lifted" | "restriction-lifted":
            told.lifted.update({item.subject: at for item in items})
        case "erasure-instructed":
            told.early.update({item.subject: _erasure(leaf, item, at) for item in items})
        case _:
            told.filed.update(item.subject for item in items if "ciphertext" in item.body)


def _erasure(leaf: Leaf, item: log.Item, at: datetime) -> dict[str, Any]:
    return {
        "object_id": item.subject,
        "controller": leaf.ids.get("controller", ""),
        "reason_id": str(item.body.get("reason_id", LOST)),
        "asked_at": at,
    }


def _hold(leaf: Leaf, item: log.Item, at: datetime) -> dict[str, Any]:
    """A person's blind index is not in the ledger: then everything of the controller is held."""
    target = item.body.get("target")
    review = item.body.get("review")
    return {
        "id": item.subject,
        "basis": leaf.ids.get("basis", leaf.event.partition("-")[0]),
        "controller": leaf.ids.get("controller", ""),
        "scope": "controller" if target is None else leaf.ids.get("scope", "controller"),
        "target": target,
        "reason_id": LOST,
        "review_day": date.fromisoformat(str(review)) if review else at.date(),
        "placed_at": at,
    }
