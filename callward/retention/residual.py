"""The residual scan: what is left of shredded objects, asked of each store itself.

A reader of its own: it uses nothing that a sweep deletes or lists with. Behind a
sweep it asks for that sweep's objects; weekly for every contradiction there is.
What it finds is counted in the catalogue and the ledger; ids stay in its answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import reading
from callward.instance import Instance
from callward.ledger import log
from callward.retention import scan_folders, scan_rows, scan_store
from callward.retention.findings import LOOKED, Finding, Scan, Tally
from callward.run import EVERYBODY, StageReport

__all__ = ["STAGE", "Finding", "Residue", "Scan", "report_of", "scan", "scan_sweep", "scan_whole"]

STAGE = "residual-scan"
KEPT_IDS = 1_000
"""A whole scan keeps so many ids of each finding; it counts them all."""


def scan_sweep(instance: Instance, sweep_id: str) -> Scan:
    """Look for what is left of the objects that a sweep has shredded, and record the result.

    StoreError or CellError, and nothing recorded, where a store cannot be read.
    """
    codes = (
        *scan_store.OF_SWEEP,
        *scan_store.UPLOADS,
        *scan_rows.OF_SWEEP,
        *scan_folders.OF_SWEEP,
    )
    tally = Tally(codes)
    scan_store.scan_sweep_store(instance, tally, sweep_id)
    with reading(instance.engine) as connection:
        scan_rows.scan_rows(connection, tally, sweep_id)
    scan_folders.scan_temporary(instance, tally)
    scan_folders.scan_results(instance, tally)
    scan_folders.scan_backups(instance, tally, sweep_id)
    return _record(instance, tally.close(token_hex(16), "sweep", sweep_id))


def scan_whole(instance: Instance) -> Scan:
    """Look for everything that should not be, in every store, and record the result.

    In constant memory. What an intent or a sweep is at work on is not found. Errors
    as for ``scan_sweep``.
    """
    tally = Tally(Finding, keep=KEPT_IDS)
    scan_store.scan_whole_store(instance, tally)
    with reading(instance.engine) as connection:
        scan_rows.scan_rows(connection, tally)
    scan_folders.scan_temporary(instance, tally)
    scan_folders.scan_results(instance, tally)
    scan_folders.scan_journal(instance, tally)
    scan_folders.scan_backups(instance, tally)
    return _record(instance, tally.close(token_hex(16), "whole", None))


def report_of(found: Scan) -> StageReport:
    """A scan as a stage's report; whatever was found is a failure."""
    report = StageReport(STAGE)
    looked = {f"{LOOKED}:{store}": counts[LOOKED] for store, counts in found.counts.items()}
    report.add(EVERYBODY, {**looked, **found.found})
    if not found.clean:
        said = ", ".join(f"{count} {code}" for code, count in sorted(found.found.items()))
        report.failures.append(f"[residue] residual scan {found.id} found {said}")
    return report


def _record(instance: Instance, found: Scan) -> Scan:
    now = instance.clock.now()
    flat = {
        f"{store}/{code}": count
        for store, counts in found.counts.items()
        for code, count in counts.items()
    }
    ids = {"scan": found.id, "scope": found.scope, "sweep": found.sweep_id or ""}
    with instance.unit() as connection:
        connection.execute(
            t.scans.insert().values(
                id=found.id,
                scope=found.scope,
                sweep_id=found.sweep_id,
                outcome="clean" if found.clean else "found",
                counts={store: dict(counts) for store, counts in found.counts.items()},
                at=now,
            )
        )
        log.append(connection, STAGE, [], at=now, counts=flat, ids=ids)
    return found


# What follows is what sweeps have asked so far; ``scan_sweep`` is to take its place.


@dataclass(frozen=True, slots=True)
class Residue:
    """Ids of swept objects of which something is left, by what it is."""

    keys: frozenset[str]
    payloads: frozenset[str]
    ciphertexts: frozenset[str]
    transcripts: frozenset[str]

    def counts(self) -> Mapping[str, int]:
        """How many of each."""
        return {
            "keys": len(self.keys),
            "payloads": len(self.payloads),
            "ciphertexts": len(self.ciphertexts),
            "transcripts": len(self.transcripts),
        }


def scan(instance: Instance, gone: Sequence[tuple[str, str | None]]) -> Residue:
    """Look for what is left of ``gone``: pairs of object id and path in the store."""
    ids = {object_id for object_id, _ in gone}
    with instance.unit() as connection:
        keys = _still(connection, t.object_keys.c.object_id, ids)
        payloads = _still(connection, t.payloads.c.object_id, ids)
        kept = t.objects.c.state != "shredded"
        transcripts = _still(connection, t.objects.c.parent_id, ids, kept)
    return Residue(keys, payloads, _ciphertexts(instance, gone), transcripts)


def _ciphertexts(instance: Instance, gone: Sequence[tuple[str, str | None]]) -> frozenset[str]:
    by_path = {path: object_id for object_id, path in gone if path is not None}
    prefixes = {path.partition("/")[0] for path in by_path}
    found = {path for prefix in sorted(prefixes) for path in instance.vault.store.list(prefix)}
    return frozenset(by_path[path] for path in found & by_path.keys())


def _still(
    connection: sa.Connection,
    column: sa.Column[Any],
    ids: set[str],
    which: sa.ColumnElement[bool] | None = None,
) -> frozenset[str]:
    ordered = sorted(ids)
    found: set[str] = set()
    for start in range(0, len(ordered), 10_000):
        query = sa.select(column).where(column.in_(ordered[start : start + 10_000]))
        found.update(connection.scalars(query if which is None else query.where(which)))
    return frozenset(found)
