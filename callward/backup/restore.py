"""Restoring a backup into a home: load, lead on, destroy again, and only then open.

Everything until the last transaction can be cut short and done again from the
start; the mark set before anything is loaded keeps the instance shut until then.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from callward.backup.archive import OBJECTS, Backup, read_backup
from callward.backup.load import load
from callward.backup.replay import Replayed, Today, chain, replay
from callward.catalogue import tables as t
from callward.catalogue.engine import open_engine, settle, unit_of_work
from callward.catalogue.guard import exclusive
from callward.catalogue.pending import clear_pending
from callward.clock import Clock, SystemClock
from callward.durable import sync_file, sync_folder
from callward.errors import IntegrityError, SettingsError
from callward.instance import SIGNING_KEY, VERIFIER_FILE, Instance, vault_of
from callward.ledger import log
from callward.ledger.keys import History
from callward.ledger.signing import Signer
from callward.retention.due import RESTORED, set_mark
from callward.settings import Settings, load_settings
from callward.vault import journal

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore came to: as ``Replayed``, and the ciphertexts.

    ``missing``: ids of live objects whose ciphertext the object store does not hold.
    """

    backup: str
    generation: int
    journals: tuple[int, ...]
    counts: Mapping[str, int]
    missing: tuple[str, ...]


def restore(
    folder: Path,
    home: Path,
    *,
    journals: Path | None = None,
    keys: Sequence[str] = (),
    abandon: int | None = None,
    clock: Clock | None = None,
) -> Restored:
    """Restore the backup in ``folder`` into ``home``, which has its settings and its keys.

    ``journals``: where the lost instance's journal is, if not in the home's own place.
    ``keys``: verifier keys that backup and journals may be signed with, beside the
    home's. ``abandon``: a generation that the key cells hold and that never came to be
    in force. Raises NotEmptyError, IntegrityError, KeyMissingError or SchemaError; then
    nothing can be opened, and the restore may be run again.
    """
    clock = clock or SystemClock()
    settings = load_settings(home)
    signer = _signer(settings)
    trusted = [signer.verifier, *_published(settings, signer), *keys]
    backup = read_backup(folder, trusted)
    if signer.name != f"callward/{backup.instance}":
        raise IntegrityError("the backup is of another instance than the home's signing key")
    for one in settings.folders:
        one.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.catalogue_url)
    try:
        instance = Instance(settings, clock, engine, vault_of(settings), signer)
        with exclusive(engine):
            today = Today(instance.vault, trusted, clock.now(), abandon)
            return _restore(instance, backup, journals or settings.journal, today)
    finally:
        engine.dispose()


def _restore(instance: Instance, backup: Backup, journals: Path, today: Today) -> Restored:
    load(instance.engine, backup, instance.clock.now())
    with unit_of_work(instance.engine) as connection:
        done = replay(connection, chain(journals, backup), backup, today)
        log.verify(connection, [instance.signer.verifier])
        _enter_backup(connection, backup)
    settle(instance.engine)
    _bring_journals(journals, instance.settings.journal)
    deleted = _delete_ciphertexts(instance)
    copied, missing = _complete_store(instance, backup)
    return _finish(
        instance, backup, done, {"ciphertexts_deleted": deleted, "copied": copied}, missing
    )


def _signer(settings: Settings) -> Signer:
    path = settings.keys / SIGNING_KEY
    if not path.exists():
        raise SettingsError("the home to restore into has no signing key in its folder of keys")
    return Signer.from_file(path)


def _published(settings: Settings, signer: Signer) -> list[str]:
    """The home's earlier signing keys, if its own list of them is of the key in force."""
    path = settings.data / VERIFIER_FILE
    if not path.exists():
        return []
    known = History.parse(path.read_text(encoding="utf-8"))
    if known.current != signer.verifier:
        return []
    return [one.verifier for one in known.periods]


def _enter_backup(connection: sa.Connection, backup: Backup) -> None:
    """The backup itself came after its own snapshot."""
    mine = t.backups.c.id == backup.id
    if connection.scalar(sa.select(t.backups.c.id).where(mine)) is None:
        connection.execute(
            t.backups.insert().values(
                id=backup.id,
                generation=backup.generation,
                ledger_size=backup.ledger_size,
                at=backup.moment,
            )
        )


def _bring_journals(source: Path, target: Path) -> None:
    """The next journal goes on from the last one, so they come along."""
    if source.resolve() == target.resolve():
        return
    target.mkdir(parents=True, exist_ok=True)
    for generation in journal.generations(source):
        folder = journal.read(source, generation).folder
        if not (target / folder.name).exists():
            draft = target / f".partial-{folder.name}"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(folder, draft)
            for path in draft.iterdir():
                sync_file(path)
            sync_folder(draft)
            draft.rename(target / folder.name)
    sync_folder(target)


def _delete_ciphertexts(instance: Instance) -> int:
    """Delete again what is still in the store of objects destroyed; how many there were."""
    deleted = 0
    for part in _store_keys(instance, t.objects.c.state == "shredded"):
        there = _there(instance, part)
        gone = [path for _, path, _ in part if path in there]
        instance.vault.store.delete(gone)
        deleted += len(gone)
    return deleted


def _complete_store(instance: Instance, backup: Backup) -> tuple[int, list[str]]:
    """Put back ciphertexts that the store lacks and the backup has; copied, and ids missing."""
    copied, missing = 0, []
    for part in _store_keys(instance, t.objects.c.state != "shredded"):
        there = _there(instance, part)
        for object_id, path, digest in part:
            if path in there:
                continue
            source = backup.folder / OBJECTS / path
            if backup.with_objects and source.is_file():
                _put_back(instance, source, path, digest)
                copied += 1
            else:
                missing.append(object_id)
    return copied, missing


def _put_back(instance: Instance, source: Path, path: str, digest: str) -> None:
    with source.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise IntegrityError("a ciphertext in the backup is not what was sealed")
        file.seek(0)
        instance.vault.store.put(path, iter(lambda: file.read(1024 * 1024), b""))
    instance.vault.store.settle(os.path.dirname(path))  # noqa: PTH120 - a key, not a path


def _store_keys(
    instance: Instance, which: sa.ColumnElement[bool]
) -> Iterator[Sequence[tuple[str, str, str]]]:
    """Ids, paths and digests of objects with a ciphertext in the store, in parts.

    By path, so that a part lies in a few folders.
    """
    objects, last = t.objects.c, ""
    while True:
        query = (
            sa.select(objects.id, objects.store_key, objects.ciphertext_digest)
            .where(which, objects.store_key > last)
            .order_by(objects.store_key)
            .limit(_AT_ONCE)
        )
        with instance.unit() as connection:
            part = [tuple(row) for row in connection.execute(query)]
        if not part:
            return
        yield part
        last = part[-1][1]


def _there(instance: Instance, part: Sequence[tuple[str, str, str]]) -> set[str]:
    """What the store has in the folders of a part; never all of it at once."""
    folders = {path.partition("/")[0] for _, path, _ in part}
    return {path for folder in sorted(folders) for path in instance.vault.store.list(folder)}


def _finish(
    instance: Instance,
    backup: Backup,
    done: Replayed,
    ciphertexts: Mapping[str, int],
    missing: Sequence[str],
) -> Restored:
    """Say in the ledger what was restored, and let the instance be opened."""
    now = instance.clock.now()
    counts = {**done.counts, **ciphertexts, "ciphertexts_missing": len(missing)}
    with instance.unit() as connection:
        log.append(connection, "restored", [], at=now, counts=counts, ids={"backup": backup.id})
        log.checkpoint(connection, instance.signer, now)
        set_mark(connection, RESTORED, now)
        clear_pending(connection)
        generation = instance.vault.generation(connection)
    return Restored(backup.id, generation, done.journals, counts, tuple(missing))
