"""What goes under ``data/``: every part of the contents in its file, rows in a fixed order."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from callward.errors import DefectError
from callward.evidence.layout import CERTIFICATES, INDEX, INDEX_COLUMNS, PER_FILE
from callward.evidence.model import CertificateRow, LeafItems, LedgerSlice, PackContents
from callward.evidence.packing.draft import Draft, lines
from callward.evidence.plain import encoded, item_json, moment, verdict_json
from callward.evidence.sources import rules_digest
from callward.ledger.leaves import rfc3339

_END: Final = object()


def write_payload(draft: Draft, contents: PackContents) -> None:
    """Write all of it but what describes the rest."""
    draft.write_all(_small(contents).items())
    draft.write_all(sorted(contents.proof.files.items()))
    _write_ledger(draft, contents.ledger)
    _write_certificates(draft, contents.certificates, contents.bodies)


def _small(contents: PackContents) -> dict[str, bytes]:
    files = {
        "data/counts.csv": _counts(contents),
        "data/gates.json": _rows(contents.gates, "night", "suite", "at"),
        "data/instructions.json": _rows(contents.instructions, "controller", "version"),
        "data/flow-runs.json": _flow_runs(contents),
        "data/disclosures.json": _rows(contents.disclosures, "begun_at", "id"),
        "data/clauses.json": encoded(_clauses(contents)),
        "data/items.json": encoded(
            [
                item_json(one, contents.proof.clauses)
                for _, one in sorted(contents.proof.items.items())
            ]
        ),
    }
    if contents.compared is not None:
        files["data/flow-runs-compared.json"] = encoded(asdict(contents.compared))
    if contents.review is not None:
        files["data/review.json"] = encoded(contents.review)
    return files


def _clauses(contents: PackContents) -> dict[str, Any]:
    proof = contents.proof
    return {
        "notice": proof.notice,
        "notice_sha256": proof.notice_digest,
        "judged_on": proof.day or contents.period.to_day,
        "rules_sha256": rules_digest(),
        "verdicts": [verdict_json(one) for one in proof.verdicts],
        "missing": dict(proof.failures),
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
    return encoded(rows)


def _write_ledger(draft: Draft, ledger: LedgerSlice) -> None:
    bounds = {"first": ledger.first, "size": ledger.size, "before": list(ledger.before)}
    if ledger.stamp:
        draft.write("data/ledger/checkpoint.tsr", (ledger.stamp,))
    draft.write("data/ledger/checkpoint", (ledger.checkpoint.encode(),))
    draft.write("data/ledger/slice.json", (encoded(bounds),))
    draft.write("data/ledger/flow-runs.jsonl", lines(map(_leaf_items, ledger.runs)))
    draft.write("data/ledger/certified.jsonl", lines(map(_leaf_items, ledger.certified)))
    draft.write("data/ledger/leaves.jsonl", lines(ledger.leaves))


def _leaf_items(leaf: LeafItems) -> str:
    return json.dumps({"items": leaf.items, "leaf": leaf.leaf}, separators=(",", ":"))


def _write_certificates(
    draft: Draft, rows: Sequence[CertificateRow], bodies: Iterable[str]
) -> None:
    """One envelope a line, so many to a file, and an index; they come sorted by id."""
    ids = [row.id for row in rows]
    if ids != sorted(set(ids)):
        raise DefectError("certificates are out of order, or one is there twice")
    texts = iter(bodies)
    written = 0
    for number in range(1, -(-len(rows) // PER_FILE) + 1):
        counted = _Counted(islice(texts, PER_FILE))
        draft.write(f"{CERTIFICATES}{number:04}.jsonl", lines(counted))
        written += counted.count
    if written != len(rows) or next(texts, _END) is not _END:
        raise DefectError("there are not as many certificates as there are rows of them")
    if rows:
        draft.write(INDEX, _index(rows))


class _Counted:
    """Counts what passes."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts, self.count = texts, 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.count += 1
            yield text


def _index(rows: Sequence[CertificateRow]) -> Iterator[bytes]:
    table = (
        (
            row.id,
            row.controller,
            row.objects,
            rfc3339(row.issued_at),
            f"{number // PER_FILE + 1:04}.jsonl",
            number % PER_FILE + 1,
        )
        for number, row in enumerate(rows)
    )
    yield _csv([INDEX_COLUMNS])
    while some := list(islice(table, PER_FILE)):
        yield _csv(some)


def _counts(contents: PackContents) -> bytes:
    return _csv(
        [
            ("night", "stage", "controller", "at", "count", "value"),
            *(
                (row.night, row.stage, row.controller, moment(row.at), count, value)
                for row in sorted(
                    contents.stages, key=lambda r: (r.night, r.stage, r.controller, r.at)
                )
                for count, value in sorted(row.counts.items())
            ),
        ]
    )


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _rows(rows: Iterable[Any], *order: str) -> bytes:
    ordered = sorted(rows, key=lambda row: [getattr(row, name) for name in order])
    return encoded([{name: getattr(row, name) for name in row.__slots__} for row in ordered])
