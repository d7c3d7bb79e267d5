"""Certificates of destruction: one per controller and sweep, signed, anchored in the ledger."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.durable import write_durably
from callward.evidence.certificate import build_certificate
from callward.instance import Instance
from callward.ledger import log
from callward.run import Run, record_counts

STAGE = "retention"


@dataclass(frozen=True, slots=True)
class Gone:
    """One object of a sweep, as its tombstone says."""

    id: str
    controller: str
    kind: str
    ciphertext_digest: str
    due_day: date
    store_key: str | None
    state: str


def certify(
    instance: Instance,
    run: Run,
    sweep_id: str,
    gone: Mapping[str, Sequence[Gone]],
    residual: Mapping[str, int],
) -> None:
    """Sign and keep the certificates and complete the sweep, in one transaction."""
    now = instance.clock.now()
    with instance.unit() as connection:
        row = connection.execute(sa.select(t.sweeps).where(t.sweeps.c.id == sweep_id)).one()
        size = log.head(connection).size
        generation = instance.vault.generation(connection)
        items = []
        for controller, objects in sorted(gone.items()):
            certificate_id = f"{sweep_id[:16]}-{controller}"
            body = build_certificate(
                instance.signer,
                id=certificate_id,
                controller=controller,
                sweep_id=sweep_id,
                as_of=row.as_of,
                objects=[(one.id, one.kind, one.ciphertext_digest, one.due_day) for one in objects],
                ledger_size=size,
                intent_leaf=row.intent_leaf,
                residual=residual,
                issued_at=now,
                generation=generation,
            )
            connection.execute(
                t.certificates.insert().values(
                    id=certificate_id,
                    sweep_id=sweep_id,
                    controller=controller,
                    objects=len(objects),
                    body=body,
                    issued_at=now,
                )
            )
            digest = hashlib.sha256(body.encode()).hexdigest()
            items.append(log.Item(certificate_id, {"sha256": digest, "objects": len(objects)}))
            counts = {"shredded": len(objects), "certificates": 1}
            record_counts(connection, run, STAGE, controller, counts, at=now)
        log.append(connection, "sweep-complete", items, at=now, ids={"sweep": sweep_id})
        connection.execute(
            t.sweeps.update()
            .where(t.sweeps.c.id == sweep_id)
            .values(state="complete", completed_at=now)
        )
        log.checkpoint(connection, instance.signer, now)


def write_out(instance: Instance) -> None:
    """Write certificates as files too, those that a stopped run did not get to included."""
    folder = instance.settings.evidence / "certificates"
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.stem for path in folder.glob("*.json")}
    with instance.unit() as connection:
        ids = connection.scalars(sa.select(t.certificates.c.id)).all()
    for one in sorted(set(ids) - there):
        body = sa.select(t.certificates.c.body).where(t.certificates.c.id == one)
        with instance.unit() as connection:
            text = str(connection.scalar(body))
        write_durably(folder / f"{one}.json", text.encode())
