"""Planning ingest: which drops are complete, and what each of their items is to be."""

import hashlib
import os
import stat
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import SupplierError
from callward.instance import Instance
from callward.intake.arrival import Arrival
from callward.intake.files import Seen, list_drop, read_manifest_file
from callward.intake.manifest import KINDS, ManifestError, ManifestRow, read_manifest
from callward.intake.marker import MARKER
from callward.intake.reasons import Reason, Refusal
from callward.intake.seal import digest_file
from callward.vault.blind import Blinder

MANIFEST = "manifest.csv"
SOURCE = "manifest"
"""The reader that brought an interaction, part of what makes it the same one again."""
FILE_KIND = "media"
"""Kind under which a file is sealed of which no row says what it is."""

_NOT_UTF8 = b"\xff"
"""Stands for a manifest that cannot be opened: no reader takes it."""
_OF_MANIFEST, _OF_FILE = -1, -2
"""Stand for the row's number where there is no row."""

_Entry = tuple[int, str | None, ManifestRow | None, Mapping[str, str] | None, Reason | None]


class DropError(SupplierError):
    """A drop cannot be looked through: too many files, too deep, unreadable, or gone."""

    code = "drop"


@dataclass(frozen=True, slots=True)
class Drop:
    """A complete drop: ``base`` names its folder and manifest, ``id`` this delivery of it."""

    path: Path
    controller: str
    base: str
    id: str
    files: int
    """Files and rows of this delivery, whenever they were seen."""
    manifest: str
    """Digest of the manifest, or of ``drop.json``, as it was read."""
    marker: str = MANIFEST
    """The file that makes the drop complete, and goes last."""
    arrival: Arrival | None = None
    """How it was come by."""
    cut: int = 0
    """Files of which some records are in, and the rest has been changed or taken away since."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file or manifest row; ``key`` is opaque, ``row`` and ``raw`` never leave memory."""

    drop: Drop
    key: str
    name: str | None
    """The file; None if there is none, or it is another row's."""
    row: ManifestRow | None = None
    raw: Mapping[str, str] | None = None
    reason: Reason | None = None
    outcome: str | None = None
    """Set where a run that was cut short has dealt with it."""
    seen: Seen | None = None
    """Then the source, where it is still there and is what was recorded."""

    @property
    def has_media(self) -> bool:
        """Whether there is a file to seal."""
        return self.name is not None

    @property
    def kind(self) -> str:
        """What to seal its file as; a refused row may still say."""
        if self.row is not None:
            return self.row.kind
        told = (self.raw or {}).get("kind", "").strip().lower()
        return told if told in KINDS else FILE_KIND


def find_folders(
    landing: Path, controllers: Container[str], only: str | None
) -> list[tuple[str | None, Path]]:
    """``(controller, folder)`` of all who deliver; None for controllers not known."""
    known = [(path.name if path.name in controllers else None, path) for path in _folders(landing)]
    return [entry for entry in known if only is None or entry[0] == only]


def find_drops(folder: Path) -> list[Path]:
    """A controller's complete drops: folders with a manifest, whatever it turns out to be."""
    return [path for path in _folders(folder) if _has(path, MANIFEST)]


def find_record_drops(folder: Path) -> list[Path]:
    """A controller's complete drops that are no manifest's: folders with a ``drop.json``."""
    return [path for path in _folders(folder) if _has(path, MARKER) and not _has(path, MANIFEST)]


def plan_drop(instance: Instance, arrival: Arrival, controller: str) -> tuple[Drop, list[Item]]:
    """What is in one drop, item by item; whatever an earlier run recorded is taken over.

    DropError if it cannot be listed.
    """
    path, now = arrival.path, instance.clock.now()
    data = read_manifest_file(path / MANIFEST)
    digest = manifest_digest(data)
    with instance.unit() as connection:
        blinder = instance.vault.blinder(connection, controller, now)
        # The folder above counts: all unknown controllers share one key.
        base = blinder.digest("drop", path.parent.name, path.name, digest)
        drop_id = delivery(connection, base, blinder)
        done = _recorded(connection, drop_id)
    drop = Drop(path, controller, base, drop_id, 0, digest, arrival=arrival)
    try:
        items = [_item(drop, entry, done, blinder) for entry in _entries(arrival, data, now)]
    except Refusal as refusal:
        raise DropError(f"drop {drop_id} cannot be listed: {refusal.reason}") from None
    drop = replace(drop, files=len(done.keys() | {item.key for item in items}))
    return drop, [replace(item, drop=drop) for item in items]


def manifest_digest(data: bytes | None) -> str:
    """SHA-256 of a manifest's bytes, hex, or what stands for it if it cannot be read."""
    return hashlib.sha256(data).hexdigest() if data is not None else "unreadable"


def _recorded(connection: sa.Connection, drop_id: str) -> dict[str, sa.Row[Any]]:
    """What earlier runs recorded of a drop, by item."""
    query = sa.select(t.drop_items).where(t.drop_items.c.drop_id == drop_id)
    return {row.item: row for row in connection.execute(query)}


def _item(drop: Drop, entry: _Entry, done: Mapping[str, sa.Row[Any]], blinder: Blinder) -> Item:
    number, name, row, raw, reason = entry
    key = blinder.digest("item", drop.id, str(number), name or "")
    item = Item(drop, key, name, row, raw, reason)
    if key not in done:
        return item
    found = digest_file(drop.path, name) if name is not None else None
    if found is None:
        return replace(item, outcome=done[key].outcome)
    sha256, seen = found
    content = blinder.content(sha256)
    if content != done[key].content_digest:
        # It came, was changed or became readable since: what lies there now is not recorded.
        key = blinder.digest("item", drop.id, str(number), name or "", content)
    if key not in done:
        return replace(item, key=key)
    return replace(item, key=key, outcome=done[key].outcome, seen=seen)


def _entries(arrival: Arrival, data: bytes | None, now: datetime) -> Iterator[_Entry]:
    """Manifest rows first, then the files that no row speaks of."""
    named: set[str] = set()
    unlisted = Reason.NOT_IN_MANIFEST
    try:
        manifest = read_manifest(_NOT_UTF8 if data is None else data, now=now)
        for row in manifest.rows:
            named.add(row.file)
            odd = arrival.odd.get(row.file)
            yield row.number, row.file, row, row.raw, odd.reason if odd else None
        for refused in manifest.refused:
            # A file that another row has named is that row's.
            own = refused.file if refused.file not in named else ""
            named.add(refused.file)
            yield refused.number, own or None, None, refused.raw, refused.reason
    except ManifestError:
        unlisted = Reason.MANIFEST_UNREADABLE
        yield _OF_MANIFEST, MANIFEST, None, None, unlisted
    for name in sorted({*list_drop(arrival.path), *arrival.odd}):
        if name in named or name == MANIFEST:
            continue
        odd = arrival.odd.get(name)
        raw = {"key": odd.key} if odd and odd.key is not None else None
        yield _OF_FILE, name, None, raw, odd.reason if odd else unlisted


def delivery(connection: sa.Connection, base: str, blinder: Blinder) -> str:
    """The id of the delivery under way, or of a new one if all earlier ones are complete."""
    complete = connection.scalar(
        sa.select(sa.func.count()).where(t.drops.c.base == base, t.drops.c.state == "complete")
    )
    return blinder.object_id("drop", base, str(complete))


def _folders(folder: Path) -> list[Path]:
    """Its folders, sorted; links are not followed. Raises Refusal: unreadable."""
    try:
        # Not Path.is_dir(): its error would quote the name.
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        raise Refusal(Reason.UNREADABLE) from None
    return [folder / name for name in sorted(names)]


def _has(drop: Path, name: str) -> bool:
    try:
        return not stat.S_ISDIR((drop / name).lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # planning it will say what is wrong
