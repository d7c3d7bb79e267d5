"""What a night makes of real files of records, folder by folder."""

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.gates import Gates
from callward.instance import Instance
from callward.intake.marker import MARKER
from callward.intake.plan import manifest_digest
from data_checks.gate import GreatExpectationsGates
from tests.support import NOW, instruct, new_instance, run_stage

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("CALLWARD_REAL_DATA", _BESIDE))
ROOTS = ("3_cdr", "4_pan", "5_conversations", "6_registers")


def folders() -> list[Path]:
    """Every folder that holds files, below the roots."""
    found = [path for root in ROOTS for path in (DATA / root, *(DATA / root).rglob("*"))]
    return sorted(path for path in found if path.is_dir() and _files(path))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def take_in(home: Path, gates: Gates) -> tuple[Instance, dict[str, str]]:
    """An instance after a night on a drop for every folder; drop ids by folder."""
    instance = new_instance(home)
    instruct(instance)
    for folder in folders():
        drop = instance.settings.landing / "acorn" / _name(folder)
        drop.mkdir(parents=True)
        for path in _files(folder):
            shutil.copyfile(path, drop / path.name)
        (drop / MARKER).write_text("{}")
    report = run_stage(instance, "ingest", gates)
    if report.failures:
        raise AssertionError(report.failures)
    with instance.unit() as connection:
        blinder = instance.vault.blinder(connection, "acorn", NOW)
        rows = connection.execute(sa.select(t.drops.c.base, t.drops.c.id))
        ids = {row.base: row.id for row in rows}
    marker = manifest_digest(b"{}")
    base = {_name(one): blinder.digest("drop", "acorn", _name(one), marker) for one in folders()}
    return instance, {name: ids[digest] for name, digest in base.items()}


def _name(folder: Path) -> str:
    return str(folder.relative_to(DATA)).replace("/", "--")


def counts(instance: Instance, drops: dict[str, str]) -> dict[str, dict[str, Any]]:
    """By folder: files, files taken in, and what was refused, by reason."""
    found: dict[str, dict[str, Any]] = {}
    with instance.reading() as connection:
        for name, drop in drops.items():
            item, row = t.drop_items.c, t.quarantine.c
            items = connection.execute(sa.select(item.outcome).where(item.drop_id == drop))
            reasons = connection.scalars(sa.select(row.reason).where(row.drop_id == drop))
            outcomes = Counter(one.outcome for one in items)
            found[name] = {
                "files": sum(outcomes.values()),
                "taken": outcomes["ingested"],
                "refused": Counter(reasons),
            }
    return found


def kinds(instance: Instance) -> Counter[str]:
    """Records taken in, by reader and kind."""
    row = t.interactions.c
    with instance.reading() as connection:
        query = sa.select(row.source, row.kind, sa.func.count()).group_by(row.source, row.kind)
        return Counter({f"{source} {kind}": n for source, kind, n in connection.execute(query)})


def measure() -> dict[str, Any]:
    """Counts by folder, reasons of refusals, kinds of records by reader."""
    if not all((DATA / root).is_dir() for root in ROOTS):
        return {"skipped": "no real data"}
    with tempfile.TemporaryDirectory(prefix="callward-real-") as home:
        instance, drops = take_in(Path(home) / "home", GreatExpectationsGates())
        found = {
            "folders": counts(instance, drops),
            "records": dict(sorted(kinds(instance).items())),
        }
        instance.close()
    return found
