"""Collect evidence: gate, pack, look at the pack as a stranger would, gate."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from callward.catalogue import tables as t
from callward.errors import IntegrityError
from callward.evidence.bagit import TAG_MANIFEST
from callward.evidence.collect import collect
from callward.evidence.container import open_zip, read_member
from callward.evidence.model import FlowRunRow, PackContents, Period
from callward.evidence.pack import build_pack
from callward.evidence.signature import SIGNATURE
from callward.evidence.verify import verify_pack
from callward.gates import require
from callward.instance import Instance
from callward.ledger import log
from callward.run import EVERYBODY, Run, StageReport, Work, record_counts

STAGE = "evidence"


def collect_evidence(
    instance: Instance, work: Work, run: Run, period: Period, flow_runs: Sequence[FlowRunRow]
) -> tuple[StageReport, Path]:
    """Build the pack of ``period``, verify it, and enter it in the ledger; where it is.

    Raises GateFailedError or IntegrityError if it does not stand up.
    """
    contents = collect(instance, period, flow_runs)
    require(work.gates.check("evidence_entry", _entry_frame(contents)))
    path = build_pack(contents, instance.signer, instance.settings.evidence)
    verification = verify_pack(path, expected_key=instance.signer.verifier)
    frame = _exit_frame(path)
    require(work.gates.check("evidence_exit", frame))
    if not verification.passed:
        failed = [line.what for line in verification.checks if line.ok is False]
        raise IntegrityError(f"the pack does not verify: {', '.join(failed)}")
    report = StageReport(STAGE)
    report.add(EVERYBODY, {"packs": 1, "members": len(frame)})
    _record(instance, run, contents, report)
    return report, path


def _record(instance: Instance, run: Run, contents: PackContents, report: StageReport) -> None:
    now = instance.clock.now()
    with instance.unit() as connection:
        counts = report.counts[EVERYBODY]
        record_counts(connection, run, STAGE, EVERYBODY, counts, at=now)
        ids = {"night": run.night, "from": contents.period.from_day.isoformat()}
        log.append(connection, "evidence-packed", [], at=now, counts=counts, ids=ids)


def _entry_frame(contents: PackContents) -> pd.DataFrame:
    """One row per stage and controller: what went in and what came out."""
    totals: dict[tuple[str, str], dict[str, int]] = {}
    for row in contents.stages:
        counts = totals.setdefault((row.stage, row.controller), {})
        for name, value in row.counts.items():
            counts[name] = counts.get(name, 0) + value
    rows = [_balance(stage, controller, counts) for (stage, controller), counts in totals.items()]
    columns = {
        "id": "str",
        "stage": "str",
        "controller": "str",
        "counted_in": "int64",
        "counted_out": "int64",
        "balanced": "bool",
    }
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _balance(stage: str, controller: str, counts: dict[str, int]) -> dict[str, object]:
    out = sum(counts.get(name, 0) for name in ("ingested", "duplicate", "quarantined"))
    into = counts.get("files", 0)
    if stage != "ingest":
        # Other stages count what they did; there is nothing to balance it against.
        into = out = max(counts.values(), default=0)
    return {
        "id": f"{stage}/{controller}",
        "stage": stage,
        "controller": controller,
        "counted_in": into,
        "counted_out": out,
        "balanced": into == out,
    }


def _exit_frame(path: Path) -> pd.DataFrame:
    """One row per member but those that nothing can list: the tag manifest and its signature."""
    archive, names = open_zip(path)
    with archive:
        members = {name.partition("/")[2]: read_member(archive, name) for name in names}
    listed = {
        name: digest
        for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt")
        for digest, name in (
            line.split("  ", 1) for line in members[manifest].decode().splitlines()
        )
    }
    columns = {"id": "str", "bytes": "int64", "digest_matches": "bool", "in_manifest": "bool"}
    rows = [
        {
            "id": name,
            "bytes": len(content),
            "digest_matches": listed.get(name) == hashlib.sha256(content).hexdigest(),
            "in_manifest": name in listed,
        }
        for name, content in members.items()
        if name not in {TAG_MANIFEST, SIGNATURE}
    ]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def stored_gates(instance: Instance) -> list[dict[str, Any]]:
    """Every gate result kept, oldest first, for the Data Docs."""
    with instance.unit() as connection:
        rows = connection.execute(t.gate_results.select().order_by(t.gate_results.c.id)).all()
    return [{"id": str(row.id), "night": row.night, "at": row.at, "body": row.body} for row in rows]
