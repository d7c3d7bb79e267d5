"""Whether what came in adds up."""

import csv
import io

from callward.errors import IntegrityError
from callward.evidence.checks.pack import Pack

_COUNTS = "data/counts.csv"
_OUT = ("ingested", "duplicate", "quarantined")


def check_counts(pack: Pack) -> str:
    """Of every night and controller: files are what was ingested, there already and set aside."""
    batches: dict[tuple[str, ...], dict[str, int]] = {}
    for row in csv.DictReader(io.StringIO(pack.text(_COUNTS), newline=""), strict=True):
        if row["stage"] == "ingest":
            batch = batches.setdefault((row["night"], row["controller"]), {})
            batch[row["count"]] = batch.get(row["count"], 0) + int(row["value"])
    for batch in batches.values():
        out = sum(batch.get(name, 0) for name in _OUT)
        if batch.get("files") != out or min(batch.values()) < 0:
            raise IntegrityError("ingest: files are not ingested + duplicate + quarantined")
    files = sum(batch["files"] for batch in batches.values())
    return f"ingest, {len(batches)} batches: {files} files = ingested + duplicate + quarantined"
