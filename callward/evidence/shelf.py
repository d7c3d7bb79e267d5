"""The folder of packs, held against what the catalogue knows of them.

A pack is moved into place before, or after, it is entered; whoever is killed between the two
leaves one where it does not belong. Every run that makes packs puts that right first.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.durable import sync_folder
from callward.instance import Instance

DRAFTS: Final = "drafts"
"""The folder within evidence for packs that wait for approval, and the drafts of old."""
UNRECORDED: Final = "unrecorded"
"""The folder within evidence for packs that neither catalogue nor ledger knows."""
PACKED_EVENT: Final = "evidence-packed"
PUBLISHED: Final = "published"
"""The state of a review whose final pack is out, as its table has it."""


def settle(instance: Instance) -> list[str]:
    """Put every pack where it belongs; what was moved away from evidence, a line each.

    A published review's final pack goes from the drafts to evidence; what nobody has entered
    goes from evidence to ``UNRECORDED``. Whoever calls it holds the catalogue alone.
    """
    evidence = instance.settings.evidence
    if not evidence.is_dir():
        return []
    with instance.reading() as connection:
        for name in _published(connection):
            waiting = evidence / DRAFTS / name
            if waiting.is_file():
                _move(waiting, evidence)
        unknown = _unrecorded(connection, evidence)
    for path in unknown:
        (evidence / UNRECORDED).mkdir(exist_ok=True)
        _move(path, evidence / UNRECORDED)
    return [
        f"a pack that was never entered is in {UNRECORDED} now: {path.name}" for path in unknown
    ]


def _published(connection: sa.Connection) -> list[str]:
    """The names of the final packs of published reviews."""
    query = (
        sa.select(t.packs.c.name)
        .join(t.reviews, t.reviews.c.pack == t.packs.c.id)
        .where(t.reviews.c.state == PUBLISHED)
    )
    return list(connection.scalars(query))


def _unrecorded(connection: sa.Connection, evidence: Path) -> list[Path]:
    """Packs of this instance in evidence that are in no table and no leaf."""
    ours = re.escape(str(connection.scalar(sa.select(t.instance.c.id))))
    name = re.compile(rf"callward-{ours}-[a-z0-9-]+\.zip")
    known = set(connection.scalars(sa.select(t.packs.c.name)))
    found = [
        path
        for path in sorted(evidence.glob("callward-*.zip"))
        if name.fullmatch(path.name) and path.name not in known and path.is_file()
    ]
    if not found:
        return []
    # Packs older than the table of packs are in the ledger only.
    leaf = t.ledger_leaves.c
    bodies = connection.scalars(sa.select(leaf.body).where(leaf.event == PACKED_EVENT))
    entered = {json.loads(body)["ids"].get("sha256") for body in bodies}
    return [path for path in found if _digest(path) not in entered]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move(path: Path, folder: Path) -> None:
    path.replace(folder / path.name)
    sync_folder(folder)
    sync_folder(path.parent)
