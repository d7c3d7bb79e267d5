"""Making a backup: every table out of one snapshot, signed, under its name only when whole."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import sqlalchemy as sa

from callward.backup.archive import (
    CIPHERTEXTS,
    DESCRIPTION,
    OBJECTS,
    PARTIAL,
    Backup,
    describe,
    table_path,
)
from callward.backup.rows import write_query, write_table
from callward.catalogue import migrate
from callward.catalogue import tables as t
from callward.catalogue.guard import exclusive
from callward.durable import sync_folder, write_durably
from callward.errors import IntegrityError, SettingsError
from callward.instance import Instance
from callward.ledger import keybook, log
from callward.ledger.leaves import body_hash, rfc3339
from callward.ledger.merkle import Frontier

_HASH_AT_ONCE = 1_000
_OBJECTS = t.objects.c
Look = Callable[[sa.Row[Any]], None]


def create_backup(instance: Instance, folder: Path, *, with_objects: bool = False) -> Backup:
    """Write a backup into a fresh folder within ``folder``, and enter it in the ledger.

    The ciphertexts of the object store are listed; with ``with_objects`` they are
    copied, too. Runs wait meanwhile (BusyError if one is under way). IntegrityError,
    and no backup, if the ledger or a ciphertext copied is not what it should be;
    KeyRetiredError if the signing key has been replaced.
    """
    if folder.resolve().is_relative_to(instance.settings.keys.resolve()):
        raise SettingsError("a backup does not belong with the keys")
    folder.mkdir(parents=True, exist_ok=True)
    now, backup_id = instance.clock.now(), token_hex(8)
    name = f"{now:%Y%m%dT%H%M%SZ}-{backup_id}"
    draft = folder / f"{PARTIAL}{name}"
    draft.mkdir(mode=0o750)
    try:
        with exclusive(instance.engine), instance.reading() as connection:
            backup = _write(instance, connection, draft, backup_id, with_objects=with_objects)
            # Still guarded: the key that signs must not be replaced in between.
            write_durably(draft / DESCRIPTION, describe(backup, instance.signer))
            backup = replace(backup, folder=draft.rename(folder / name))
            sync_folder(folder)
            _record(instance, backup)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return backup


def _write(
    instance: Instance,
    connection: sa.Connection,
    draft: Path,
    backup_id: str,
    *,
    with_objects: bool,
) -> Backup:
    if keybook.newest(connection) not in (None, instance.signer.verifier):
        raise keybook.KeyRetiredError("the ledger has another signing key by now; start again")
    (draft / "catalogue").mkdir()
    head = log.head(connection)
    generation = instance.vault.generation(connection)
    counts: dict[str, int] = {}
    files: dict[str, str] = {}
    leaves = _Leaves()
    for table in t.metadata.sorted_tables:
        look = leaves.look if table is t.ledger_leaves else _ignore
        counts[table.name], files[table_path(table.name)] = _file(
            draft / table_path(table.name), partial(write_table, connection, table, look=look)
        )
    if leaves.finish() != log.Head(head.size, head.root):
        raise IntegrityError(f"the ledger's leaves do not lead to its head of {head.size}")
    listed = draft / f"{CIPHERTEXTS}.jsonl.gz"
    counts[CIPHERTEXTS], files[listed.name] = _file(listed, partial(_ciphertexts, connection))
    if with_objects:
        _copy_objects(instance, connection, draft / OBJECTS)
    sync_folder(draft / "catalogue")
    return Backup(
        id=backup_id,
        instance=str(connection.scalar(sa.select(t.instance.c.id))),
        at=rfc3339(instance.clock.now()),
        schema=migrate.revision(connection) or "",
        generation=generation,
        checkpoint=instance.signer.sign_checkpoint(head.size, head.root),
        ledger_size=head.size,
        with_objects=with_objects,
        counts=counts,
        files=files,
        folder=draft,
        signed_by=instance.signer.verifier,
    )


class _Leaves:
    """Recomputes the ledger's root from the leaves on their way into the backup."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._waiting: list[bytes] = []

    def look(self, row: sa.Row[Any]) -> None:
        self._waiting.append(body_hash(row.body))
        if len(self._waiting) == _HASH_AT_ONCE:
            self._take()

    def finish(self) -> log.Head:
        self._take()
        return log.Head(self._frontier.size, self._frontier.root)

    def _take(self) -> None:
        self._frontier = self._frontier.extend(self._waiting)
        self._waiting = []


def _ignore(row: sa.Row[Any]) -> None:
    del row


def _file(path: Path, write: Callable[[BinaryIO], int]) -> tuple[int, str]:
    """Have a file written and flush it; its rows and SHA-256."""
    with path.open("xb") as file:
        count = write(file)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        return count, hashlib.file_digest(file, "sha256").hexdigest()


def _ciphertexts(connection: sa.Connection, file: BinaryIO) -> int:
    """List what the object store must hold."""
    columns = [_OBJECTS.id, _OBJECTS.store_key, _OBJECTS.size, _OBJECTS.ciphertext_digest]
    query = sa.select(*columns).where(stored()).order_by(_OBJECTS.id)
    return write_query(connection, CIPHERTEXTS, columns, query, file)


def stored() -> sa.ColumnElement[bool]:
    """SQL: objects whose ciphertext the object store must hold."""
    return sa.and_(_OBJECTS.store_key.is_not(None), _OBJECTS.state != "shredded")


def _copy_objects(instance: Instance, connection: sa.Connection, folder: Path) -> None:
    query = sa.select(_OBJECTS.id, _OBJECTS.store_key, _OBJECTS.ciphertext_digest).where(stored())
    rows = connection.execute(query.execution_options(yield_per=1_000))
    folders = {folder}
    folder.mkdir()
    for row in rows:
        target = folder / row.store_key
        target.parent.mkdir(parents=True, exist_ok=True)
        folders.update(one for one in target.parents if one.is_relative_to(folder))
        _copy(instance, row, target)
    for one in folders:
        sync_folder(one)


def _copy(instance: Instance, row: Any, target: Path) -> None:
    digest = hashlib.sha256()
    with target.open("xb") as file:
        for chunk in instance.vault.store.get(row.store_key):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != row.ciphertext_digest:
        raise IntegrityError(f"the ciphertext of object {row.id} is not what was sealed")


def _record(instance: Instance, backup: Backup) -> None:
    """Say in the catalogue and the ledger that there is a backup, and which."""
    now = instance.clock.now()
    digest = hashlib.sha256((backup.folder / DESCRIPTION).read_bytes()).hexdigest()
    with instance.unit() as connection:
        connection.execute(
            t.backups.insert().values(
                id=backup.id, generation=backup.generation, ledger_size=backup.ledger_size, at=now
            )
        )
        counts = {"generation": backup.generation, "ledger_size": backup.ledger_size}
        ids = {"backup": backup.id, "sha256": digest}
        log.append(connection, "backup-created", [], at=now, counts=counts, ids=ids)
        log.checkpoint(connection, instance.signer, now)
