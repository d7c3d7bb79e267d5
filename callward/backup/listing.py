"""Backups, restores and drills in words."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.backup.archive import find_backups
from callward.backup.drill import DrillReport, Trial
from callward.backup.restore import Restored
from callward.catalogue import tables as t
from callward.instance import Instance


def list_backups(instance: Instance, folder: Path) -> list[dict[str, Any]]:
    """Every backup that the catalogue knows of, newest first, and whether ``folder`` has it."""
    names = {path.name.rpartition("-")[2]: path.name for path in find_backups(folder)}
    with instance.reading() as connection:
        current = instance.vault.generation(connection)
        rows = connection.execute(sa.select(t.backups).order_by(t.backups.c.at.desc())).all()
    return [
        {
            "id": row.id,
            "at": row.at.isoformat(timespec="seconds"),
            "generation": row.generation,
            "turns_since": current - row.generation,
            "ledger_size": row.ledger_size,
            "folder": names.get(row.id),
        }
        for row in rows
    ]


def as_rows(report: DrillReport) -> dict[str, Any]:
    """A drill for machines."""
    return {
        "id": report.id,
        "outcome": report.outcome,
        "trials": [asdict(one) for one in report.trials],
    }


def summary(report: DrillReport) -> Iterator[str]:
    """A drill for people."""
    for one in report.trials:
        yield _trial(one)
    yield f"drill {report.id} {report.outcome}; it is in the ledger"


def _trial(one: Trial) -> str:
    name = f"backup {one.backup} ({one.which}, generation {one.generation})"
    failed = f"could not be restored [{one.error}]; " if one.error else ""
    said = (
        f"{name}: {failed}{one.destroyed_since} destroyed since, {one.targets_tried} tried, "
        f"{one.opened_by_force + one.opened_before_replay} opened, "
        f"{one.not_shredded} not refused as destroyed; "
        f"{one.survivors_tried} others tried, {one.survivors_failed} did not open"
    )
    return said + (f" ({', '.join(one.ids)})" if one.ids else "")


def as_text(done: Restored) -> Iterator[str]:
    """A restore for people."""
    journals = ", ".join(map(str, done.journals)) or "none needed"
    yield f"backup {done.backup} restored; generation {done.generation}, journals: {journals}"
    for name, count in done.counts.items():
        if count:
            yield f"  {name.replace('_', ' ')}: {count}"
    for object_id in done.missing:
        yield f"  no ciphertext in the store: {object_id}"
    yield "holds placed since stand again, without their reasons; instructions are read anew"
