"""Making a pack: the evidence of a period in one signed file."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from callward.durable import write_durably
from callward.errors import DefectError
from callward.evidence.bagit import TAG_MANIFEST, make_bag
from callward.evidence.container import zip_chunks
from callward.evidence.gathering import encoded
from callward.evidence.model import LedgerSlice, PackContents
from callward.evidence.proving import item_json, verdict_json
from callward.evidence.report import render_report
from callward.evidence.signature import SIGNATURE, Signer, sign_bag


def build_pack(contents: PackContents, signer: Signer, folder: Path) -> Path:
    """Write the pack of ``contents`` into ``folder`` and return where it is.

    A BagIt bag in a zip file; the same contents and key give the same bytes. The
    file appears whole and flushed to disk, or not at all.
    """
    name = _name(contents)
    files = make_bag(_payload(contents, signer.verifier), _info(contents))
    files[SIGNATURE] = sign_bag(files[TAG_MANIFEST], signer)
    members = {f"{name}/{path}": content for path, content in files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.zip"
    write_durably(path, b"".join(zip_chunks(members, members.__getitem__)))
    return path


def _name(contents: PackContents) -> str:
    period = contents.period
    if period.to_day < period.from_day:
        raise DefectError("a pack's period ends before it begins")
    made = _moment(contents.made_at).replace("-", "").replace(":", "").lower()
    days = f"{period.from_day.isoformat()}-{period.to_day.isoformat()}"
    return f"callward-{contents.instance}-{days}-{made}"


def _info(contents: PackContents) -> list[tuple[str, str]]:
    return [
        ("Bag-Software-Agent", f"callward {contents.callward_version}"),
        ("Bagging-Date", contents.made_at.astimezone(UTC).date().isoformat()),
        ("External-Identifier", _name(contents)),
        ("Callward-Instance", contents.instance),
        ("Callward-Made-At", _moment(contents.made_at)),
        ("Callward-Period-From", contents.period.from_day.isoformat()),
        ("Callward-Period-To", contents.period.to_day.isoformat()),
    ]


def _payload(contents: PackContents, verifier: str) -> dict[str, bytes]:
    files = {
        "data/counts.csv": _counts(contents),
        "data/gates.json": _rows(contents.gates, "night", "suite", "at"),
        "data/instructions.json": _rows(contents.instructions, "controller", "version"),
        "data/flow-runs.json": _flow_runs(contents),
        "data/disclosures.json": _rows(contents.disclosures, "begun_at", "id"),
        "data/report.html": render_report(contents, verifier).encode(),
        **_proof(contents),
        **_ledger(contents.ledger),
    }
    if contents.compared is not None:
        files["data/flow-runs-compared.json"] = _json(asdict(contents.compared))
    for certificate in contents.certificates:
        path = f"data/certificates/{certificate.id}.json"
        if path in files:
            raise DefectError("two certificates have the same id")
        files[path] = certificate.body.encode()
    return files


def _proof(contents: PackContents) -> dict[str, bytes]:
    proof = contents.proof
    verdicts = {
        "notice": proof.notice,
        "notice_sha256": proof.notice_digest,
        "verdicts": [verdict_json(one) for one in proof.verdicts],
        "missing": dict(proof.failures),
    }
    return {
        **proof.files,
        "data/clauses.json": encoded(verdicts),
        "data/items.json": encoded([item_json(one) for _, one in sorted(proof.items.items())]),
    }


def _flow_runs(contents: PackContents) -> bytes:
    """Each record as it is digested; beside it the digest and where the ledger says so."""
    rows = [
        {
            **row.record,
            "digest": row.digest,
            "leaf": row.leaf,
            "item": row.item,
            "missing_since": row.missing_since,
        }
        for row in sorted(contents.flow_runs, key=lambda row: row.id)
    ]
    return _json(rows)


def _ledger(ledger: LedgerSlice) -> dict[str, bytes]:
    bounds = {"first": ledger.first, "size": ledger.size, "before": list(ledger.before)}
    stamped = {"data/ledger/checkpoint.tsr": ledger.stamp} if ledger.stamp else {}
    return {
        **stamped,
        "data/ledger/leaves.jsonl": "".join(f"{leaf}\n" for leaf in ledger.leaves).encode(),
        "data/ledger/checkpoint": ledger.checkpoint.encode(),
        "data/ledger/slice.json": _json(bounds),
        "data/ledger/anchors.json": _rows(ledger.anchors, "leaf", "position"),
        "data/ledger/flow-runs.json": _rows(ledger.runs, "leaf"),
    }


def _counts(contents: PackContents) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("night", "stage", "controller", "at", "count", "value"))
    writer.writerows(
        (row.night, row.stage, row.controller, _moment(row.at), count, value)
        for row in sorted(contents.stages, key=lambda r: (r.night, r.stage, r.controller, r.at))
        for count, value in sorted(row.counts.items())
    )
    return text.getvalue().encode()


def _rows(rows: Iterable[Any], *order: str) -> bytes:
    ordered = sorted(rows, key=lambda row: [getattr(row, name) for name in order])
    return _json([{name: getattr(row, name) for name in row.__slots__} for row in ordered])


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False, default=_plain)
    return text.encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise DefectError(f"a pack cannot hold a {type(value).__name__}")


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise DefectError("a pack needs moments with an offset")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
