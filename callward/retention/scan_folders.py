"""The residual scan of what lies about: halves of files, Prefect's results, journal, backups."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from re import compile as pattern
from typing import Any, TypeVar

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import reading
from callward.catalogue.guard import spooled_by_dead
from callward.instance import Instance
from callward.retention.findings import Finding, Tally

OF_SWEEP = (Finding.TEMPORARY_LEFT, Finding.RESULT_KEPT, Finding.BACKUP_OPENS_SHREDDED)
OF_ALL = (
    *OF_SWEEP,
    Finding.JOURNAL_OPENS_SHREDDED,
    Finding.JOURNAL_ERASED_LIVES,
    Finding.JOURNAL_PAGES_KEPT,
    Finding.JOURNAL_UNREADABLE,
    Finding.BACKUP_UNREADABLE,
)
BEING_WRITTEN = timedelta(hours=1)
"""A half that was touched later than this before the scan may still become a whole."""
_AT_ONCE = 5_000
_MAX_DESCRIPTION = 4 * 1024 * 1024
_MAX_LINE = 256 * 1024 * 1024
_PLAIN = pattern(r"[A-Za-z0-9._/-]{1,200}")
_T = TypeVar("_T")
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError)


def scan_temporary(instance: Instance, tally: Tally) -> None:
    """Count halves of files that killed writers of ours left in the instance's folders."""
    settings = instance.settings
    # Suppliers' own; read as a store; copies of a store may be long.
    others = {settings.landing, settings.data / "objects", settings.backups, settings.spool}
    before = instance.clock.now() - BEING_WRITTEN
    for path in chain(_below(settings.home, others), settings.backups.glob(".partial-*")):
        tally.looked(Finding.TEMPORARY_LEFT.store)
        if path.name.startswith(".partial-") and _touched(path) < before:
            about = path.relative_to(settings.home).as_posix()
            plain = _PLAIN.fullmatch(about)
            tally.add(
                Finding.TEMPORARY_LEFT,
                about if plain else sha256(about.encode()).hexdigest()[:32],
            )


def scan_spool(instance: Instance, tally: Tally) -> None:
    """Count the folders in which drops lie that killed workers were taking in."""
    if not instance.settings.spool.is_dir():
        return
    with reading(instance.engine) as connection:
        for path in spooled_by_dead(connection, instance.settings.spool):
            tally.looked(Finding.TEMPORARY_LEFT.store)
            tally.add(Finding.TEMPORARY_LEFT, sha256(path.name.encode()).hexdigest()[:32])


def scan_results(instance: Instance, tally: Tally) -> None:
    """Count what Prefect has stored of what flows and tasks returned: none of ours lets it."""
    for path in _below(instance.settings.prefect / "storage", set()):
        tally.looked(Finding.RESULT_KEPT.store)
        if not path.is_dir():
            tally.add(Finding.RESULT_KEPT, sha256(path.name.encode()).hexdigest()[:32])


def scan_journal(instance: Instance, tally: Tally) -> None:
    """Count wraps in the journal that would open again, and erasures that were undone."""
    folders = sorted(instance.settings.journal.glob("g-*"))
    for folder in folders:
        tally.looked(Finding.JOURNAL_UNREADABLE.store)
        try:
            for lines in _in_parts(_lines(folder / "moved.jsonl")):
                moved = {str(one["object"]): str(one["page"]) for one in lines}
                _scan_moved(instance, tally, moved)
            for lines in _in_parts(_lines(folder / "erased.jsonl")):
                _scan_erased(instance, tally, [str(one["object"]) for one in lines])
        except _UNREADABLE:
            tally.add(Finding.JOURNAL_UNREADABLE, folder.name)
        if folder != folders[-1] and (folder / "pages.jsonl").exists():
            tally.add(Finding.JOURNAL_PAGES_KEPT, folder.name)


def scan_backups(instance: Instance, tally: Tally, sweep_id: str | None = None) -> None:
    """Count backups that hold a shredded object's wrap under a root that can still be used."""
    usable = {number for cell in instance.vault.cells for number in cell.generations()}
    settings = instance.settings
    for folder in (settings.backups, *settings.backup_folders):
        for description in sorted((settings.home / folder).glob("*/backup.json")):
            tally.looked(Finding.BACKUP_UNREADABLE.store)
            try:
                backup, generation = _describe(description)
                if generation in usable and _holds_shredded(instance, description, sweep_id):
                    tally.add(Finding.BACKUP_OPENS_SHREDDED, backup)
            except _UNREADABLE:
                if sweep_id is None:
                    about = sha256(description.parent.name.encode()).hexdigest()[:32]
                    tally.add(Finding.BACKUP_UNREADABLE, about)


def _below(folder: Path, others: set[Path]) -> Iterator[Path]:
    """Everything below a folder; of a half only its own name."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((Path(one.path), one.is_dir(follow_symlinks=False)) for one in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for path, is_folder in found:
        if path in others:
            continue
        yield path
        if is_folder and not path.name.startswith(".partial-"):
            yield from _below(path, others)


def _touched(path: Path) -> datetime:
    """When it was last written to; if it has gone by now, not long ago."""
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)


def _scan_moved(instance: Instance, tally: Tally, pages: Mapping[str, str]) -> None:
    objects = t.objects.c
    gone = sa.select(objects.id).where(objects.id.in_(pages), objects.state == "shredded")
    with reading(instance.engine) as connection:
        shredded = set(connection.scalars(gone))
        living = sa.select(t.pages.c.id).where(t.pages.c.id.in_({pages[one] for one in shredded}))
        open_pages = set(connection.scalars(living)) if shredded else set()
    for one in shredded:
        if pages[one] in open_pages:
            tally.add(Finding.JOURNAL_OPENS_SHREDDED, one)


def _scan_erased(instance: Instance, tally: Tally, erased: Iterable[str]) -> None:
    objects = t.objects.c
    lives = sa.select(objects.id).where(objects.id.in_(list(erased)), objects.state != "shredded")
    with reading(instance.engine) as connection:
        for one in connection.scalars(lives):
            tally.add(Finding.JOURNAL_ERASED_LIVES, one)


def _describe(description: Path) -> tuple[str, int]:
    """A backup's id and generation; that its signature holds is for a restore to check."""
    if description.stat().st_size > _MAX_DESCRIPTION:
        raise ValueError
    body = json.loads(description.read_bytes())["body"]
    return str(body["id"])[:64], int(body["generation"])


def _holds_shredded(instance: Instance, description: Path, sweep_id: str | None) -> bool:
    objects = t.objects.c
    for ids in _in_parts(_keyed(description.parent / "catalogue" / "object_keys.jsonl.gz")):
        query = sa.select(objects.id).where(objects.id.in_(ids), objects.state == "shredded")
        if sweep_id is not None:
            query = query.where(objects.sweep_id == sweep_id)
        with reading(instance.engine) as connection:
            if connection.scalar(query.limit(1)) is not None:
                return True
    return False


def _keyed(path: Path) -> Iterator[str]:
    """The objects whose wrapped keys a backup holds."""
    with gzip.open(path, "rb") as file:
        columns = [name for name, _ in json.loads(file.readline(_MAX_LINE))["columns"]]
        column = columns.index("object_id")
        while line := file.readline(_MAX_LINE):
            yield str(json.loads(line)[column])


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a file of JSON lines."""
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE):
            yield json.loads(line)


def _in_parts(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Parts that a statement takes."""
    iterator = iter(items)
    while part := list(islice(iterator, _AT_ONCE)):
        yield part
