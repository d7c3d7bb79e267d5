"""Replacing the signing key: at any point either the old or the new one is in force.

The ledger says which. The new key waits beside the old one until the transaction
that enters it has committed; then it takes its place, and the old one is
destroyed. Whoever opens the instance next finishes what was cut short.
"""

import os
from pathlib import Path

import sqlalchemy as sa

from callward.catalogue.engine import unit_of_work
from callward.catalogue.guard import exclusive
from callward.catalogue.tables import ledger_checkpoints
from callward.clock import Clock
from callward.durable import sync_folder, write_durably
from callward.errors import IntegrityError, SettingsError
from callward.ledger import keybook, log, notes
from callward.ledger.keys import ROTATED, History, endorse
from callward.ledger.signing import Signer


def rotate(engine: sa.Engine, path: Path, clock: Clock) -> Signer:
    """Replace the key at ``path``; returns the new one, in force and durable.

    Leaf ``signing-key-rotated``, and a checkpoint under it signed by both keys.
    Raises BusyError while a run is at work.
    """
    with exclusive(engine):
        settle(engine, path)
        with unit_of_work(engine) as connection:
            log.lock(connection)
            old = Signer.from_file(path)
            keybook.require_in_force(connection, old.verifier, clock.now())
            _enter(connection, old, Signer.create(_coming(path), old.name), clock)
        settle(engine, path)
    return Signer.from_file(path)


def _enter(connection: sa.Connection, old: Signer, new: Signer, clock: Clock) -> None:
    ids, now = endorse(old, new.verifier), clock.now()
    log.append(connection, ROTATED, [], at=now, ids=ids)
    head = log.head(connection)
    keybook.enter(connection, new.verifier, head.size, now)
    note = old.sign_checkpoint(head.size, head.root)
    note = notes.add_signature(note, new.name, new.key)
    row = {"size": head.size, "note": note, "at": now}
    connection.execute(sa.insert(ledger_checkpoints), row)


def unsettled(path: Path) -> bool:
    """Whether a rotation of the key at ``path`` was cut short, or is under way."""
    return _coming(path).exists() or _going(path).exists()


def settle(engine: sa.Engine, path: Path) -> None:
    """Finish or undo a rotation cut short; waits for one under way."""
    if not unsettled(path):
        return
    with unit_of_work(engine) as connection:
        log.lock(connection)
        try:
            _settle(path, keybook.newest(connection))
        except OSError as error:
            message = f"the signing key cannot be replaced (errno {error.errno})"
            raise SettingsError(message) from None


def publish(path: Path, verifier: str, engine: sa.Engine) -> None:
    """Lay the log's verifier keys at ``path``, the one in force first, unless they are there."""
    if path.exists() and path.read_bytes().split(b"\n", 1)[0] == verifier.encode():
        return
    try:
        with unit_of_work(engine) as connection:
            known = keybook.history(connection, [verifier])
    except IntegrityError:
        # Verifying and signing say so; an instance must open to be looked into.
        known = History.of([verifier])
    write_durably(path, str(known).encode(), mode=0o644)


def _settle(path: Path, in_force: str | None) -> None:
    """Hold the log's lock: one rotation or settling at a time."""
    coming, going = _coming(path), _going(path)
    if coming.exists():
        if Signer.from_file(coming).verifier == in_force:
            if not going.exists():
                os.link(path, going)
                sync_folder(path.parent)
            coming.replace(path)
            sync_folder(path.parent)
        else:
            _destroy(coming)
    if going.exists():
        if going.samefile(path):
            going.unlink()
        else:
            _destroy(going)


def _destroy(path: Path) -> None:
    """Overwrite and remove a key; overwriting is best effort on flash."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def _coming(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _going(path: Path) -> Path:
    return path.with_name(f"{path.name}.retired")
