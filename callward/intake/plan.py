"""Planning ingest: which drops are complete, and what each of their items is to be."""

import hashlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import Clock
from callward.intake.files import list_drop, read_manifest_file
from callward.intake.manifest import ManifestError, ManifestRow, read_manifest
from callward.intake.reasons import Reason
from callward.vault.blind import Blinder

MANIFEST = "manifest.csv"
SOURCE = "manifest"
"""The reader that brought an interaction, part of what makes it the same one again."""

_NOT_UTF8 = b"\xff"
"""Stands for a manifest that cannot be opened: no reader takes it."""

NOT_OURS = frozenset({Reason.DUPLICATE_ROW, Reason.FILE_MISSING})
"""Refusals of rows that name another row's file, or none."""
NO_MEDIA = NOT_OURS | {Reason.PATH_ESCAPE, Reason.NOT_REGULAR}
"""Refusals after which there is nothing that may be read."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A complete drop: ``base`` names its folder and manifest, ``id`` this delivery of it."""

    path: Path
    controller: str
    base: str
    id: str
    files: int


@dataclass(frozen=True, slots=True)
class Item:
    """One file or manifest row; ``key`` is opaque, ``row`` and ``raw`` never leave memory."""

    drop: Drop
    key: str
    name: str | None
    row: ManifestRow | None = None
    raw: Mapping[str, str] | None = None
    reason: Reason | None = None
    outcome: str | None = None
    """Set where a run that was cut short has dealt with it; its source is still there."""
    content_digest: str | None = None

    @property
    def has_media(self) -> bool:
        """Whether there is a file to seal."""
        return self.name is not None and self.reason not in NO_MEDIA


def find_drops(
    landing: Path, controllers: Container[str], only: str | None
) -> Iterator[tuple[str | None, Path]]:
    """Yield ``(controller, folder)`` of complete drops; None for controllers not known."""
    for folder in _folders(landing):
        known = folder.name if folder.name in controllers else None
        if only is not None and known != only:
            continue
        for drop in _folders(folder):
            manifest = drop / MANIFEST
            if manifest.is_file() and not manifest.is_symlink():
                yield known, drop


def plan_drop(
    connection: sa.Connection, path: Path, controller: str, blinder: Blinder, clock: Clock
) -> tuple[Drop, list[Item]]:
    """What is in one drop, item by item; whatever an earlier run recorded is taken over."""
    data = read_manifest_file(path / MANIFEST)
    digest = hashlib.sha256(data).hexdigest() if data is not None else "unreadable"
    base = blinder.digest("drop", path.name, digest)
    drop_id = _delivery(connection, base, blinder)
    entries = list(_entries(path, data, clock))
    drop = Drop(path, controller, base, drop_id, len(entries))
    done = {
        row.item: row
        for row in connection.execute(
            sa.select(t.drop_items).where(t.drop_items.c.drop_id == drop_id)
        )
    }
    items = []
    for number, name, row, raw, reason in entries:
        key = blinder.digest("item", drop_id, str(number), name or "")
        earlier = done.get(key)
        items.append(
            Item(drop, key, name, row, raw, reason)
            if earlier is None
            else Item(drop, key, name, row, raw, reason, earlier.outcome, earlier.content_digest)
        )
    return drop, items


def _entries(
    path: Path, data: bytes | None, clock: Clock
) -> Iterator[tuple[int, str | None, ManifestRow | None, Mapping[str, str] | None, Reason | None]]:
    """Manifest rows first, then the files that no row speaks of."""
    named: set[str] = set()
    unlisted = Reason.NOT_IN_MANIFEST
    try:
        manifest = read_manifest(_NOT_UTF8 if data is None else data, now=clock.now())
        for row in manifest.rows:
            named.add(row.file)
            yield row.number, row.file, row, row.raw, None
        for refused in manifest.refused:
            named.add(refused.file or "")
            yield refused.number, refused.file or None, None, refused.raw, refused.reason
    except ManifestError:
        unlisted = Reason.MANIFEST_UNREADABLE
        yield -1, MANIFEST, None, None, unlisted
    for number, name in enumerate(list_drop(path)):
        if name not in named and name != MANIFEST:
            yield -2 - number, name, None, None, unlisted


def _delivery(connection: sa.Connection, base: str, blinder: Blinder) -> str:
    """The id of the delivery under way, or of a new one if all earlier ones are complete."""
    complete = connection.scalar(
        sa.select(sa.func.count()).where(t.drops.c.base == base, t.drops.c.state == "complete")
    )
    return blinder.object_id("drop", base, str(complete))


def _folders(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
