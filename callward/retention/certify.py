"""Certificates of destruction: one per controller and sweep, signed, anchored in the ledger."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from callward import __version__
from callward.catalogue import tables as t
from callward.durable import write_durably
from callward.errors import DefectError
from callward.evidence.certificate import build_certificate
from callward.evidence.grounds import lists
from callward.evidence.limits import limits
from callward.evidence.predicate import BY_WORD
from callward.instance import Instance
from callward.ledger import log, proofs
from callward.ledger.canonical import Json
from callward.ledger.leaves import parse_leaf, rfc3339
from callward.ledger.nodes import Tiles
from callward.retention import account as accounts
from callward.retention.account import Account, Destroyed
from callward.retention.standing import Standing, decide
from callward.run import Run, record_counts

STAGE = "retention"
FOLDER = "certificates"
STATEMENTS = "statements"
"""Folder of signed statements about sweeps that cannot be certified yet."""

_SELECTION = "asked in the statement that selected what was due, and counter-checked by the gate"
_AGAIN = "asked once more in the transaction that destroyed the keys"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sweep stands, and how many certificates of it were issued just now."""

    standing: Standing
    certificates: int


@dataclass(frozen=True, slots=True)
class _Issue:
    """One issuing: when, how the sweep stands, and its place in the ledger."""

    at: datetime
    standing: Standing
    size: int
    checkpoint: str
    intent: Mapping[str, Json] | None
    keys_destroyed: Mapping[str, Mapping[str, Json] | None]
    """By controller."""


def state_of(connection: sa.Connection, sweep_id: str) -> Standing:
    """How a sweep stands: complete only if nothing the catalogue knows contradicts it."""
    found = accounts.read_account(connection, sweep_id)
    return decide(accounts.situation(connection, found))


def certify(instance: Instance, run: Run, sweep_id: str) -> Outcome:
    """Sign and keep a sweep's certificates and complete it, in one transaction, if it is complete.

    If it is not, a signed statement per controller says how it stands; it is written to
    ``evidence/statements`` and the sweep stays as it is, to be asked about again. A
    sweep that let go of everything ends without a certificate.
    """
    now = instance.clock.now()
    with instance.unit() as connection:
        log.lock(connection)  # the certificate names the leaf that comes next
        found = accounts.read_account(connection, sweep_id)
        destroyed = accounts.read_destroyed(connection, sweep_id)
        standing = decide(accounts.situation(connection, found))
        issue = _issue(connection, instance, found, standing, now)
        bodies = {
            controller: _sign(connection, instance, found, issue, controller, one)
            for controller, one in destroyed.items()
        }
        done = standing.state == "complete" or not bodies
        if done:
            _complete(connection, run, found, destroyed, bodies, issue)
            log.checkpoint(connection, instance.signer, now)
    _keep_statements(instance, found, {} if done else bodies, destroyed)
    return Outcome(standing, len(bodies) if done else 0)


def write_out(instance: Instance) -> None:
    """Write certificates as files too, those that a stopped run did not get to included."""
    folder = instance.settings.evidence / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.stem for path in folder.glob("*.json")}
    with instance.unit() as connection:
        ids = connection.scalars(sa.select(t.certificates.c.id)).all()
    for one in sorted(set(ids) - there):
        # First, for a certificate that is there already is not looked at again.
        (instance.settings.evidence / STATEMENTS / f"{one}.json").unlink(missing_ok=True)
        write_durably(folder / f"{one}.json", body_of(instance, one).encode())


def body_of(instance: Instance, certificate_id: str) -> str:
    """The signed text of a certificate that was issued."""
    query = sa.select(t.certificates.c.body).where(t.certificates.c.id == certificate_id)
    with instance.unit() as connection:
        return str(connection.execute(query).scalar_one())


def certificate_id(sweep_id: str, controller: str) -> str:
    """The id of the certificate of a controller's part of a sweep."""
    return f"{sweep_id[:16]}-{controller}"


def _issue(
    connection: sa.Connection,
    instance: Instance,
    found: Account,
    standing: Standing,
    now: datetime,
) -> _Issue:
    note = log.checkpoint(connection, instance.signer, now)
    size = log.head(connection).size
    return _Issue(
        at=now,
        standing=standing,
        size=size,
        checkpoint=note,
        intent=_proved(connection, found.sweep.intent_leaf, size),
        keys_destroyed={
            controller: _proved(connection, position, size)
            for controller, position in found.keys_destroyed.items()
        },
    )


def _sign(
    connection: sa.Connection,
    instance: Instance,
    found: Account,
    issue: _Issue,
    controller: str,
    destroyed: Destroyed,
) -> str:
    predicate = {
        "id": certificate_id(found.sweep.id, controller),
        "controller": controller,
        "instance": instance.signer.name,
        "software": f"callward {__version__}",
        **_what(found, destroyed),
        **_checked(found),
        **_standing(found, issue, controller, destroyed),
        "instructions": instructions_of(connection, controller, found.sweep.as_of),
        "holds": holds_of(
            found.gate,
            held=accounts.on_hold(connection, found, controller),
            spared=found.spared.get(controller, 0),
        ),
    }
    return build_certificate(instance.signer, predicate, destroyed.subjects)


def _what(found: Account, destroyed: Destroyed) -> dict[str, Json]:
    sweep = found.sweep
    return {
        "sweep": {
            "id": sweep.id,
            "kind": sweep.kind,
            "as_of": sweep.as_of.isoformat(),
            "started_at": rfc3339(sweep.started_at),
            "plan_sha256": sweep.plan_hash,
            "approved": sweep.approved,
        },
        "objects": {
            "total": len(destroyed.subjects),
            "kinds": dict(destroyed.kinds),
            "due_days": {name: dict(days) for name, days in destroyed.due_days.items()},
        },
    }


def _checked(found: Account) -> dict[str, Json]:
    scan, oldest, drill = found.scan, found.oldest, found.drill
    return {
        "generations": {
            "before": found.sweep.generation_before,
            "after": found.sweep.generation_after,
            "unsettled": sum(not root.destroyed for root in found.roots),
            "cells": [_answer(one) for one in found.answers],
        },
        "checks": found.checks,
        "residual": {
            "scan": scan.id if scan else None,
            "at": rfc3339(scan.at) if scan else None,
            "stores": found.stores,
        },
        "backups": {
            "known": found.backups,
            "able": found.able,
            "oldest": {"id": oldest.id, "generation": oldest.generation, "at": rfc3339(oldest.at)}
            if oldest
            else None,
        },
        "drill": {"id": drill.id, "outcome": drill.outcome, "at": rfc3339(drill.at)}
        if drill
        else None,
    }


def _standing(
    found: Account, issue: _Issue, controller: str, destroyed: Destroyed
) -> dict[str, Json]:
    standing, gone = issue.standing, issue.keys_destroyed.get(controller)
    by_word = [one.cell for one in found.answers if one.code == BY_WORD]
    drilled = found.drill is not None
    exactly = gone is not None and lists(parse_leaf(str(gone["body"])), destroyed.subjects)
    return {
        "state": standing.state,
        "pending_until": rfc3339(standing.until) if standing.until else None,
        "issued_at": rfc3339(issue.at),
        "ledger": {
            "checkpoint": issue.checkpoint,
            "intent": issue.intent,
            "keys_destroyed": gone,
            "exactly": exactly,
            "complete": issue.size if standing.state == "complete" else None,
        },
        "limits": list(limits(exactly=exactly, drilled=drilled, by_word=by_word)),
    }


def _answer(one: sa.Row[Any]) -> dict[str, Json]:
    return {
        "generation": one.generation,
        "cell": one.cell,
        "answer": one.answer,
        "until": rfc3339(one.until) if one.until else None,
        "code": one.code,
        "at": rfc3339(one.at),
    }


def holds_of(gate: sa.Row[Any] | None, *, held: int, spared: int) -> dict[str, Json]:
    """What a statement says of holds: how they were asked about, and what was kept for them."""
    return {
        "selection": _SELECTION,
        "again": _AGAIN,
        "gate": {
            "suite": gate.suite,
            "outcome": gate.outcome,
            "rows": gate.rows,
            "failed_rows": gate.failed_rows,
            "at": rfc3339(gate.at),
        }
        if gate
        else None,
        "held": held,
        "spared": spared,
    }


def instructions_of(connection: sa.Connection, controller: str, day: date) -> list[Json]:
    """The version in force on the sweep's day, as ``registry.in_force`` has it."""
    row = connection.execute(
        sa.select(t.instructions)
        .where(t.instructions.c.controller == controller, t.instructions.c.effective_from <= day)
        .order_by(t.instructions.c.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return []
    retention = {name: str(period) for name, period in row.body["retention"].items()}
    return [
        {
            "version": row.version,
            "sha256": row.digest,
            "effective_from": row.effective_from.isoformat(),
            "retention": retention,
        }
    ]


def _proved(
    connection: sa.Connection, position: int | None, size: int
) -> Mapping[str, Json] | None:
    """The leaf at ``position`` and its path to the root of the log of ``size`` leaves."""
    if position is None:
        return None
    leaf = t.ledger_leaves.c
    body = connection.execute(sa.select(leaf.body).where(leaf.position == position)).scalar_one()
    return proofs.part(body, position, Tiles(connection).inclusion(position, size))


def _complete(
    connection: sa.Connection,
    run: Run,
    found: Account,
    destroyed: Mapping[str, Destroyed],
    bodies: Mapping[str, str],
    issue: _Issue,
) -> None:
    items = []
    for controller, body in sorted(bodies.items()):
        one, count = certificate_id(found.sweep.id, controller), len(destroyed[controller].subjects)
        connection.execute(
            t.certificates.insert().values(
                id=one,
                sweep_id=found.sweep.id,
                controller=controller,
                objects=count,
                body=body,
                issued_at=issue.at,
            )
        )
        digest = hashlib.sha256(body.encode()).hexdigest()
        items.append(log.Item(one, {"sha256": digest, "objects": count}))
        counts = {"shredded": count, "certificates": 1}
        record_counts(connection, run, STAGE, controller, counts, at=issue.at)
    ids = {"sweep": found.sweep.id}
    if log.append(connection, "sweep-complete", items, at=issue.at, ids=ids) != issue.size:
        raise DefectError(f"the ledger moved on while sweep {found.sweep.id} was certified")
    connection.execute(
        t.sweeps.update()
        .where(t.sweeps.c.id == found.sweep.id)
        .values(state="complete", completed_at=issue.at)
    )


def _keep_statements(
    instance: Instance,
    found: Account,
    bodies: Mapping[str, str],
    destroyed: Mapping[str, Destroyed],
) -> None:
    """Write the statements of a sweep that cannot be certified; remove those of one that was."""
    folder = instance.settings.evidence / STATEMENTS
    if bodies:
        folder.mkdir(parents=True, exist_ok=True)
    for controller in destroyed:
        path = folder / f"{certificate_id(found.sweep.id, controller)}.json"
        if controller in bodies:
            write_durably(path, bodies[controller].encode())
        else:
            path.unlink(missing_ok=True)
