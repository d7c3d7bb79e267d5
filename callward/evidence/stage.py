"""Collect evidence: gate, pack, look at the pack as a stranger would, gate."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd

from callward.catalogue import tables as t
from callward.durable import sync_folder
from callward.errors import IntegrityError, OperatorError
from callward.evidence.attest import attest
from callward.evidence.bagit import MANIFEST, TAG_MANIFEST, read_manifest
from callward.evidence.collect import bounds, collect
from callward.evidence.container import open_zip, read_chunks
from callward.evidence.model import PackContents, PackKind, Period
from callward.evidence.pack import build_pack
from callward.evidence.packbook import enter_items, enter_pack
from callward.evidence.shelf import DRAFTS, PACKED_EVENT, settle
from callward.evidence.statement import FILE as STATEMENT
from callward.evidence.verify import verify_pack
from callward.flowruns.stage import Findings, compare_period, failures_of
from callward.gates import require
from callward.instance import Instance
from callward.ledger import log
from callward.run import EVERYBODY, Run, StageReport, Work, record_counts

STAGE = "evidence"
DRAFT = ".draft"
"""The folder within evidence that a pack lies in until it has stood up."""
ASIDE: Final = frozenset({"draft", "annual"})
"""Kinds of packs that are made among the drafts: a final one moves once its review is over."""
SHOWN_DAYS = 31
"""Days of gate results on the Data Docs page, which is written anew every night."""


class EvidenceMissingError(OperatorError):
    """Evidence that a pack for people to decide on must hold could not be collected."""

    code = "evidence-missing"


def collect_evidence(
    instance: Instance,
    work: Work,
    run: Run,
    period: Period,
    runs: Findings | None = None,
    *,
    kind: PackKind = "nightly",
    review: Mapping[str, Any] | None = None,
    accept: Callable[[PackContents], object] | None = None,
) -> tuple[StageReport, Path]:
    """Build the pack of ``period``, verify it, and enter it in the ledger; where it is.

    Whoever calls it holds the catalogue alone. Packs that were never entered are moved away.
    ``runs`` is what reading the flow runs of the period has brought, if they were read;
    ``review`` what the review that the pack ends has decided. ``accept`` looks at the contents
    before anything is written; what it raises stops that.
    Raises GateFailedError or IntegrityError if the pack does not stand up, and
    EvidenceMissingError if a collector failed, unless it is a night's: that tells so. A witness
    or time-stamp authority that fails, or a flow run that the ledger contradicts, is among
    the report's failures; the pack is made.
    """
    moved = settle(instance)
    failures = attest(instance)
    runs = runs or Findings()
    compared = compare_period(instance, run, *bounds(period), runs)
    contents = collect(instance, period, compared, kind, review)
    if accept is not None:  # first: a gate's verdict is kept
        accept(contents)
    _require_evidence(contents)
    require(work.gates.check("evidence_entry", _entry_frame(contents)))
    path, members, digest = _make(instance, work, contents)
    report = StageReport(STAGE, failures=[*failures, *failures_of(compared)])
    report.notes.extend([*moved, *compared.lines()])
    told = {**runs.counts, **compared.counts()}
    counts = {f"flow_runs:{name}": count for name, count in told.items() if count}
    report.add(EVERYBODY, {"packs": 1, "members": members, **counts})
    report.notes.extend(contents.proof.failures.values())
    _record(instance, run, contents, report, path.name, digest)
    return report, path


def _require_evidence(contents: PackContents) -> None:
    missing = contents.proof.failures
    if missing and contents.kind != "nightly":
        raise EvidenceMissingError("; ".join(missing[kind] for kind in sorted(missing)))


def _make(instance: Instance, work: Work, contents: PackContents) -> tuple[Path, int, str]:
    """Write the pack and look at it before it stands in evidence: where, its members, SHA-256."""
    evidence = instance.settings.evidence
    folder = evidence / DRAFTS if contents.kind in ASIDE else evidence
    draft = evidence / DRAFT
    # One cut short may have left something.
    shutil.rmtree(draft, ignore_errors=True)
    try:
        path = build_pack(contents, instance.signer, draft)
        members = _examine(instance, work, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        folder.mkdir(exist_ok=True)
        path = path.replace(folder / path.name)
        sync_folder(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path, members, digest


def _examine(instance: Instance, work: Work, path: Path) -> int:
    """Look at a pack as a stranger would, and hold it to its gate; how many members it has."""
    verification = verify_pack(path, expected_key=instance.signer.verifier)
    frame = _exit_frame(path)
    require(work.gates.check("evidence_exit", frame))
    if not verification.passed:
        failed = [line.what for line in verification.checks if line.ok is False]
        raise IntegrityError(f"the pack does not verify: {', '.join(failed)}")
    return len(frame)


def _record(
    instance: Instance,
    run: Run,
    contents: PackContents,
    report: StageReport,
    name: str,
    digest: str,
) -> None:
    now = instance.clock.now()
    with instance.unit() as connection:
        counts = report.counts[EVERYBODY]
        record_counts(connection, run, STAGE, EVERYBODY, counts, at=now)
        enter_items(connection, run.night, contents.proof.items.values())
        enter_pack(connection, contents, name, digest)
        ids = {
            "kind": contents.kind,
            "night": run.night,
            "from": contents.period.from_day.isoformat(),
            "sha256": digest,
        }
        log.append(connection, PACKED_EVENT, [], at=now, counts=counts, ids=ids)


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
    """One row per member but those that nothing can list: the tag manifest and the statement."""
    file, members = open_zip(path)
    with file:
        inside = {name.partition("/")[2]: one for name, one in members.items()}
        listed = {
            name: digest
            for manifest in (MANIFEST, TAG_MANIFEST)
            for name, digest in read_manifest(
                manifest, b"".join(read_chunks(file, inside[manifest]))
            ).items()
        }
    columns = {"id": "str", "bytes": "int64", "digest_matches": "bool", "in_manifest": "bool"}
    rows = [
        {
            "id": name,
            "bytes": one.size,
            "digest_matches": listed.get(name) == one.sha512,
            "in_manifest": name in listed,
        }
        for name, one in inside.items()
        if name not in {TAG_MANIFEST, STATEMENT}
    ]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def stored_gates(instance: Instance) -> list[dict[str, Any]]:
    """The gate results of the last ``SHOWN_DAYS`` days, oldest first, for the Data Docs."""
    results = t.gate_results
    since = instance.clock.now() - timedelta(days=SHOWN_DAYS)
    query = results.select().where(results.c.at >= since).order_by(results.c.id)
    with instance.unit() as connection:
        rows = connection.execute(query).all()
    return [{"id": str(row.id), "night": row.night, "at": row.at, "body": row.body} for row in rows]
