"""Reading what a pack is made of from the catalogue and the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from callward import __version__
from callward.catalogue import tables as t
from callward.clock import LONDON
from callward.evidence.model import (
    CertificateRow,
    DisclosureRow,
    GateRow,
    InstructionRow,
    LeafItems,
    LedgerSlice,
    PackContents,
    PackKind,
    Period,
    StageRow,
    Stream,
)
from callward.evidence.packbook import previous_of
from callward.evidence.predicate import SWEPT
from callward.evidence.proving import prove
from callward.evidence.runs import kept_runs, run_leaves
from callward.flowruns.comparing import Compared
from callward.instance import Instance
from callward.ledger import attesting, log, rows, timestamps

_AT_ONCE = 1000
"""Certificates that are read with one statement."""


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
    """Gather a period's evidence under a checkpoint signed now.

    Leaves and certificates themselves are read when the pack is written: they do not change.
    """
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
            bodies=_bodies(instance, [one.id for one in certificates]),
            flow_runs=kept_runs(connection, start, end),
            ledger=_ledger(connection, instance, start),
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
    query = sa.select(row.id, row.controller, row.objects, row.issued_at)
    found = connection.execute(query.where(row.issued_at >= start, row.issued_at < end))
    # Here, for databases do not agree about the order of text.
    return tuple(sorted((CertificateRow(*one) for one in found), key=lambda one: one.id))


def _bodies(instance: Instance, ids: Sequence[str]) -> Stream[str]:
    row = t.certificates.c

    def read() -> Iterator[str]:
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            with instance.reading() as connection:
                found = connection.execute(sa.select(row.id, row.body).where(row.id.in_(part)))
                bodies = {one.id: one.body for one in found}
            yield from (bodies[one] for one in part)

    return Stream(len(ids), read)


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
) -> LedgerSlice:
    leaf, line = t.ledger_leaves.c, t.ledger_cosignatures.c
    size = log.head(connection).size
    note = log.checkpoint(connection, instance.signer, instance.clock.now())
    found = connection.scalar(sa.select(sa.func.min(leaf.position)).where(leaf.at >= start))
    first = size if found is None else int(found)
    witnesses = sa.select(line.witness).where(line.size == size).order_by(line.witness)
    return LedgerSlice(
        first=first,
        leaves=_leaves(instance, first, size),
        size=size,
        checkpoint=attesting.cosigned_note(connection, size, note),
        before=tuple(one.hex() for one in log.frontier_at(connection, first).hashes),
        certified=_certified(connection, instance, first, size),
        stamp=timestamps.stamp_of(connection, size),
        runs=run_leaves(connection, first, size),
        witnesses=tuple(connection.scalars(witnesses)),
    )


def _leaves(instance: Instance, first: int, size: int) -> Stream[str]:
    leaf = t.ledger_leaves.c
    query = sa.select(leaf.body).where(leaf.position >= first, leaf.position < size)

    def read() -> Iterator[str]:
        with instance.reading() as connection:
            for (body,) in rows.stream(connection, query.order_by(leaf.position)):
                yield body

    return Stream(size - first, read)


def _certified(
    connection: sa.Connection, instance: Instance, first: int, size: int
) -> Stream[LeafItems]:
    """The leaves of completed sweeps, with the items that enter their certificates."""
    leaf, item = t.ledger_leaves.c, t.ledger_items.c
    within = (leaf.event == SWEPT, leaf.position >= first, leaf.position < size)
    query = (
        sa.select(item.leaf, item.body)
        .join(t.ledger_leaves, leaf.position == item.leaf)
        .where(*within)
        .order_by(item.leaf, item.position)
    )
    counted = sa.select(sa.func.count()).select_from(t.ledger_leaves).where(*within)

    def read() -> Iterator[LeafItems]:
        with instance.reading() as open_now:
            found = rows.stream(open_now, query)
            for position, group in groupby(found, key=lambda row: int(row.leaf)):
                yield LeafItems(position, tuple(row.body for row in group))

    return Stream(int(connection.scalar(counted) or 0), read)
