"""Reading what a pack is made of from the catalogue and the ledger."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from callward import __version__
from callward.catalogue import tables as t
from callward.clock import LONDON
from callward.evidence.model import (
    Anchor,
    CertificateRow,
    DisclosureRow,
    GateRow,
    InstructionRow,
    LedgerSlice,
    PackContents,
    PackKind,
    Period,
    StageRow,
)
from callward.evidence.packbook import previous_of
from callward.evidence.proving import prove
from callward.evidence.runs import kept_runs, run_leaves
from callward.flowruns.comparing import Compared
from callward.instance import Instance
from callward.ledger import attesting, log, proofs, timestamps
from callward.ledger.leaves import body_hash


def bounds(period: Period) -> tuple[datetime, datetime]:
    """The period's first moment and the first one after it, UTC (days are London's)."""
    start = datetime.combine(period.from_day, time(), LONDON)
    end = datetime.combine(period.to_day + timedelta(days=1), time(), LONDON)
    return start.astimezone(UTC), end.astimezone(UTC)


def collect(
    instance: Instance,
    period: Period,
    compared: Compared | None = None,
    kind: PackKind = "nightly",
    review: Mapping[str, Any] | None = None,
) -> PackContents:
    """Gather a period's evidence under a checkpoint signed now."""
    start, end = bounds(period)
    now = instance.clock.now()
    with instance.unit() as connection:
        log.checkpoint(connection, instance.signer, now)
        certificates = _certificates(connection, start, end)
        return PackContents(
            instance=str(connection.scalar(sa.select(t.instance.c.id))),
            callward_version=__version__,
            made_at=now,
            period=period,
            stages=_stages(connection, start, end),
            gates=_gates(connection, start, end),
            instructions=_instructions(connection, end),
            certificates=certificates,
            flow_runs=kept_runs(connection, start, end),
            ledger=_ledger(connection, instance, start, certificates),
            disclosures=_disclosures(connection, start, end),
            compared=compared,
            kind=kind,
            proof=prove(instance, connection, period),
            previous=previous_of(connection, kind, period),
            review=review,
        )


def _stages(connection: sa.Connection, start: datetime, end: datetime) -> tuple[StageRow, ...]:
    row = t.stage_counts.c
    found = connection.execute(
        sa.select(row.night, row.stage, row.controller, row.counts, row.at)
        .where(row.at >= start, row.at < end)
        .order_by(row.id)
    )
    return tuple(StageRow(*one) for one in found)


def _gates(connection: sa.Connection, start: datetime, end: datetime) -> tuple[GateRow, ...]:
    row = t.gate_results.c
    found = connection.execute(
        sa.select(t.gate_results).where(row.at >= start, row.at < end).order_by(row.id)
    )
    return tuple(
        GateRow(
            night=one.night,
            suite=one.suite,
            outcome=one.outcome,
            rows=one.rows,
            failed_rows=one.failed_rows,
            checks=tuple(one.body["checks"]),
            at=one.at,
        )
        for one in found
    )


def _instructions(connection: sa.Connection, end: datetime) -> tuple[InstructionRow, ...]:
    """Every version loaded before the period's end: earlier ones were in force in it."""
    row = t.instructions.c
    found = connection.execute(
        sa.select(t.instructions).where(row.loaded_at < end).order_by(row.controller, row.version)
    )
    return tuple(
        InstructionRow(
            controller=one.controller,
            version=one.version,
            digest=one.digest,
            effective_from=one.effective_from,
            approved_by=one.approved_by,
            reference=one.reference,
            lawful_basis=one.body["lawful_basis"],
            retention=one.body["retention"],
            transcription=_transcription(one.body["transcription"]),
        )
        for one in found
    )


def _transcription(body: dict[str, object]) -> str:
    return f"on, {body['language']}" if body["enabled"] else "off"


def _certificates(
    connection: sa.Connection, start: datetime, end: datetime
) -> tuple[CertificateRow, ...]:
    row = t.certificates.c
    found = connection.execute(
        sa.select(row.id, row.controller, row.objects, row.body, row.issued_at)
        .where(row.issued_at >= start, row.issued_at < end)
        .order_by(row.id)
    )
    return tuple(CertificateRow(*one) for one in found)


def _disclosures(
    connection: sa.Connection, start: datetime, end: datetime
) -> tuple[DisclosureRow, ...]:
    row = t.disclosures.c
    columns = [row[name] for name in DisclosureRow.__slots__]
    query = sa.select(*columns).where(row.begun_at >= start, row.begun_at < end)
    found = connection.execute(query.order_by(row.begun_at, row.id))
    return tuple(DisclosureRow(*one) for one in found)


def _ledger(
    connection: sa.Connection,
    instance: Instance,
    start: datetime,
    certificates: Sequence[CertificateRow],
) -> LedgerSlice:
    leaf = t.ledger_leaves.c
    size = log.head(connection).size
    note = log.checkpoint(connection, instance.signer, instance.clock.now())
    first = connection.scalar(sa.select(sa.func.min(leaf.position)).where(leaf.at >= start))
    from_position = size if first is None else int(first)
    return LedgerSlice(
        first=from_position,
        leaves=tuple(log.slice_of(connection, from_position, size)),
        size=size,
        checkpoint=attesting.cosigned_note(connection, size, note),
        before=tuple(one.hex() for one in log.frontier_at(connection, from_position).hashes),
        anchors=tuple(_anchor(connection, one) for one in certificates),
        stamp=timestamps.stamp_of(connection, size),
        runs=run_leaves(connection, from_position, size),
    )


def _anchor(connection: sa.Connection, certificate: CertificateRow) -> Anchor:
    """Where the ledger holds the certificate's digest."""
    item = t.ledger_items.c
    leaf = connection.scalar(
        sa.select(sa.func.max(item.leaf)).where(item.subject == certificate.id)
    )
    rows = connection.execute(
        sa.select(item.subject, item.body).where(item.leaf == leaf).order_by(item.position)
    ).all()
    position = [row.subject for row in rows].index(certificate.id)
    bodies = [row.body for row in rows]
    part = proofs.included(bodies[position], position, [body_hash(body) for body in bodies])
    return Anchor(
        leaf=int(leaf or 0),
        body=part["body"],
        position=part["position"],
        path=tuple(part["path"]),
    )
