"""The residual scan: what is left of shredded objects, asked of each store itself.

A reader of its own: it uses nothing that a sweep deletes or lists with. Behind a
sweep it asks for that sweep's objects; weekly for every contradiction there is.
What it finds is counted in the catalogue and the ledger; ids stay in its answer.
"""

from secrets import token_hex

from callward.catalogue import tables as t
from callward.catalogue.engine import reading
from callward.instance import Instance
from callward.ledger import log
from callward.retention import scan_folders, scan_rows, scan_store
from callward.retention.findings import LOOKED, Finding, Scan, Tally
from callward.run import EVERYBODY, StageReport

__all__ = ["STAGE", "Finding", "Scan", "report_of", "scan_sweep", "scan_whole"]

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
    scan_folders.scan_spool(instance, tally)
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
    scan_folders.scan_spool(instance, tally)
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
