"""Replacing the signing key: always one in force, and nothing old is lost."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue.guard import BusyError, exclusive
from callward.catalogue.tables import ledger_checkpoints, ledger_keys, ledger_leaves
from callward.errors import IntegrityError, SettingsError
from callward.instance import SIGNING_KEY, VERIFIER_FILE, Instance, open_instance
from callward.ledger import keybook, log, notes, rotation
from callward.ledger.keybook import KeyRetiredError
from callward.ledger.keys import History
from callward.ledger.log import Item
from callward.ledger.proofs import verify_proof
from callward.ledger.signing import Signer
from tests.support import rows

SUBJECT = "5" * 32


def _rotate(instance: Instance) -> Signer:
    return rotation.rotate(instance.engine, _key(instance), instance.clock)


def _key(instance: Instance) -> Path:
    return instance.settings.keys / SIGNING_KEY


def _reopened(instance: Instance) -> Instance:
    return open_instance(instance.settings.home, instance.clock)


def _append(instance: Instance, signer: Signer | None = None) -> str:
    """One more leaf about the subject, under a checkpoint."""
    with instance.unit() as connection:
        log.append(connection, "touched", [Item(SUBJECT)], at=instance.clock.now())
        return log.checkpoint(connection, signer or instance.signer, instance.clock.now())


def _verified(instance: Instance) -> int:
    with instance.unit() as connection:
        return log.verify(connection, [instance.signer.verifier]).checkpoints


def _published(instance: Instance) -> str:
    return (instance.settings.data / VERIFIER_FILE).read_text()


def test_the_first_key_is_number_one(instance: Instance) -> None:
    """It is entered with the first head it signs, for all sizes."""
    assert rows(instance, "ledger_keys") == []
    _append(instance)
    _append(instance)
    found = rows(instance, "ledger_keys", "number", "verifier", "since_size")
    assert found == [(1, instance.signer.verifier, 0)]


def test_a_new_key_takes_over(instance: Instance) -> None:
    """Leaf, doubly signed checkpoint, key file, list of keys; the name stays."""
    old, before = instance.signer, _append(instance)
    new = _rotate(instance)
    assert new.name == old.name
    assert new.verifier != old.verifier
    with instance.unit() as connection:
        size = log.head(connection).size
        meeting = log.checkpoint(connection, old, instance.clock.now())
        (body,) = log.slice_of(connection, size - 1, size)
    assert '"event":"signing-key-rotated"' in body
    assert old.verifier in body
    assert new.verifier in body
    for one in (old, new):
        assert notes.verify_checkpoint(meeting, [one.verifier]).size == size
    opened = _reopened(instance)
    assert opened.signer.verifier == new.verifier
    known = History.parse(_published(opened))
    assert str(known) == f"{new.verifier}\n{old.verifier} until {size}\n"
    after = _append(opened)
    for note in (before, meeting, after):
        known.verify_checkpoint(note)
    assert _verified(opened) == 3


def test_the_old_private_key_is_gone(instance: Instance) -> None:
    """No file of the instance holds it, not even what its file was."""
    inode = _key(instance).stat().st_ino
    handle = os.open(_key(instance), os.O_RDONLY)
    secret = instance.signer.key.private_bytes_raw()
    try:
        _rotate(instance)
        assert _key(instance).stat().st_ino != inode
        assert b"PRIVATE" not in os.read(handle, 4096)
    finally:
        os.close(handle)
    assert sorted(path.name for path in _key(instance).parent.glob("*signing*")) == [SIGNING_KEY]
    assert Signer.from_file(_key(instance)).key.private_bytes_raw() != secret
    assert _key(instance).stat().st_mode & 0o777 == 0o600


def test_old_proofs_still_verify_and_each_key_only_for_its_own(instance: Instance) -> None:
    """Proofs of before hold with the key of then; the list of keys checks both."""
    old = instance.signer
    _append(instance)
    with instance.unit() as connection:
        (early,) = log.prove(connection, SUBJECT)
    _rotate(instance)
    opened = _reopened(instance)
    _append(opened)
    with opened.unit() as connection:
        late = log.prove(connection, SUBJECT)[-1]
    keys = _published(opened)
    verify_proof(early, old.verifier)
    verify_proof(early, keys)
    verify_proof(late, opened.signer.verifier)
    verify_proof(late, keys)
    with pytest.raises(IntegrityError):
        verify_proof(late, old.verifier)
    with pytest.raises(IntegrityError):
        verify_proof(early, opened.signer.verifier)


def test_many_rotations_make_a_chain(instance: Instance) -> None:
    """Each endorsed by the one before; the whole log verifies."""
    opened = instance
    for _ in range(3):
        _append(opened)
        _rotate(opened)
        opened = _reopened(opened)
    _append(opened)
    assert _verified(opened) == 7
    assert len(_published(opened).splitlines()) == 4
    since = [since for _, since in rows(opened, "ledger_keys", "number", "since_size")]
    assert since == sorted(set(since))


def test_a_retired_key_signs_no_more(instance: Instance) -> None:
    """Whoever still has it in memory is told to start again, and nothing is written."""
    _rotate(instance)
    kept = rows(instance, "ledger_checkpoints")
    with pytest.raises(KeyRetiredError):
        _append(instance)
    assert rows(instance, "ledger_checkpoints") == kept


def test_a_head_signed_by_a_retired_key_is_found(instance: Instance) -> None:
    """Put into the database by hand it fails the verification."""
    old = instance.signer
    _rotate(instance)
    opened = _reopened(instance)
    note = _append(opened)
    found = notes.parse_checkpoint(notes.note_text(note))
    forged = old.sign_checkpoint(found.size, found.root)
    with opened.unit() as connection:
        where = ledger_checkpoints.c.size == found.size
        connection.execute(sa.update(ledger_checkpoints).where(where).values(note=forged))
    with pytest.raises(IntegrityError, match="not in force"):
        _verified(opened)


def _forge_key(connection: sa.Connection, other: str) -> None:
    connection.execute(
        sa.update(ledger_keys).where(ledger_keys.c.number == 1).values(verifier=other)
    )


def _forget_key(connection: sa.Connection, _other: str) -> None:
    connection.execute(sa.delete(ledger_keys).where(ledger_keys.c.number == 2))


def _move_key(connection: sa.Connection, _other: str) -> None:
    moved = {"since_size": ledger_keys.c.since_size + 1}
    connection.execute(sa.update(ledger_keys).where(ledger_keys.c.number == 2).values(moved))


def _add_key(connection: sa.Connection, other: str) -> None:
    row = dict(connection.execute(sa.select(ledger_keys)).mappings().all()[-1])
    row |= {"number": 3, "since_size": row["since_size"] + 1}
    connection.execute(sa.insert(ledger_keys), row | {"verifier": other})


def _rename_leaf(connection: sa.Connection, _other: str) -> None:
    where = ledger_leaves.c.event == "signing-key-rotated"
    connection.execute(sa.update(ledger_leaves).where(where).values(event="other"))


@pytest.mark.parametrize("tamper", [_forge_key, _forget_key, _move_key, _add_key, _rename_leaf])
def test_a_list_of_keys_that_the_leaves_do_not_say_is_found(
    instance: Instance, tmp_path: Path, tamper: Callable[[sa.Connection, str], None]
) -> None:
    """Keys cannot be slipped in, taken out or moved in the database."""
    other = Signer.create(tmp_path / "other", instance.signer.name).verifier
    _append(instance)
    _rotate(instance)
    opened = _reopened(instance)
    _append(opened)
    assert _verified(opened)
    with opened.unit() as connection:
        tamper(connection, other)
    with pytest.raises(IntegrityError):
        _verified(opened)


def test_the_table_can_be_made_again_from_the_leaves(instance: Instance) -> None:
    """As a restore must; and not for a key that they do not lead to."""
    old = instance.signer
    _append(instance)
    _rotate(instance)
    opened = _reopened(instance)
    kept = rows(opened, "ledger_keys", "number", "verifier", "since_size")
    with opened.unit() as connection:
        connection.execute(sa.delete(ledger_keys))
        keybook.rebuild(connection, opened.signer.verifier, opened.clock.now())
    assert rows(opened, "ledger_keys", "number", "verifier", "since_size") == kept
    with pytest.raises(IntegrityError), opened.unit() as connection:
        keybook.rebuild(connection, old.verifier, opened.clock.now())
    assert rows(opened, "ledger_keys", "number", "verifier", "since_size") == kept


def test_not_while_a_run_is_at_work(instance: Instance) -> None:
    """A stage signs with one key from beginning to end."""
    before = _key(instance).read_bytes()
    with exclusive(instance.engine), pytest.raises(BusyError):
        _rotate(instance)
    assert _key(instance).read_bytes() == before
    assert not rotation.unsettled(_key(instance))


class _StopError(BaseException):
    """The process dies here: nothing after it runs, nothing catches it."""


_STEPS = (
    ("callward.ledger.rotation", "log.lock"),
    ("callward.ledger.rotation", "Signer.create"),
    ("callward.ledger.rotation", "log.append"),
    ("callward.ledger.rotation", "keybook.enter"),
    ("callward.ledger.rotation", "_enter"),
    ("callward.ledger.rotation", "os.link"),
    ("callward.ledger.rotation", "sync_folder"),
    ("callward.ledger.rotation", "Path.replace"),
    ("callward.ledger.rotation", "_destroy"),
    ("callward.ledger.rotation", "Path.unlink"),
    ("callward.ledger.rotation", "os.fsync"),
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "name"), _STEPS)
@pytest.mark.parametrize("time", [1, 2])
def test_cut_short_anywhere_one_key_is_in_force(
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    when: str,
    time: int,
) -> None:
    """The instance opens, signs and verifies, with the old key or the new; then rotates."""
    old, calls = instance.signer.verifier, [0]
    _append(instance)
    target = sys.modules[module]
    holder, _, attribute = name.rpartition(".")
    owner = getattr(target, holder) if holder else target
    real = getattr(owner, attribute)

    def stopping(*arguments: object, **more: object) -> object:
        calls[0] += 1
        if calls[0] == time and when == "before":
            raise _StopError
        result = real(*arguments, **more)
        if calls[0] == time:
            raise _StopError
        return result

    with monkeypatch.context() as patch, contextlib.suppress(_StopError):
        patch.setattr(owner, attribute, stopping)
        _rotate(instance)
    opened = _reopened(instance)
    entered = rows(opened, "ledger_keys", "number", "verifier")
    assert opened.signer.verifier == entered[-1][1]
    assert (opened.signer.verifier == old) == (len(entered) == 1)
    assert [one.name for one in _key(opened).parent.glob(f"{SIGNING_KEY}*")] == [SIGNING_KEY]
    assert History.parse(_published(opened)).current == opened.signer.verifier
    _append(opened)
    assert _verified(opened) >= 2
    again = _rotate(opened)
    final = _reopened(opened)
    assert final.signer.verifier == again.verifier
    assert _verified(final) >= 3


_KILLED = """
import os, signal, sys
from pathlib import Path
from callward.clock import SystemClock
from callward.instance import open_instance
from callward.ledger import rotation

instance = open_instance(Path(sys.argv[1]))
real = Path.replace
def replace(self, target):
    if self.name.endswith(".next"):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = replace
rotation.rotate(instance.engine, instance.settings.keys / "signing.key", instance.clock)
"""


def test_killed_between_commit_and_file(instance: Instance) -> None:
    """A real kill where it hurts most: the ledger has the new key, the file the old one."""
    old = instance.signer.verifier
    _append(instance)
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(instance.settings.home)], check=False, timeout=60
    )
    assert ended.returncode == -9
    assert Signer.from_file(_key(instance)).verifier == old
    assert rotation.unsettled(_key(instance))
    opened = _reopened(instance)
    assert opened.signer.verifier != old
    assert not rotation.unsettled(_key(opened))
    _append(opened)
    assert _verified(opened) == 3


def test_a_folder_that_cannot_be_written_changes_nothing(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the new key: the old one stays, and no leaf says otherwise."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "full")

    _append(instance)
    kept = rows(instance, "ledger_leaves")
    with monkeypatch.context() as patch:
        patch.setattr("callward.ledger.signing.write_durably", full)
        with pytest.raises(SettingsError):
            _rotate(instance)
    assert rows(instance, "ledger_leaves") == kept
    assert _reopened(instance).signer.verifier == instance.signer.verifier
