"""Making a backup: whole or not at all, signed, listed, with nothing personal and no root."""

import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callward.backup import create as creating
from callward.backup.archive import (
    NoBackupError,
    check_files,
    describe,
    find_backups,
    read_backup,
)
from callward.backup.create import create_backup
from callward.backup.listing import list_backups
from callward.catalogue.guard import BusyError, exclusive
from callward.errors import CallwardError, IntegrityError, SettingsError
from callward.instance import Instance
from callward.ledger import log
from callward.ledger.keybook import KeyRetiredError
from callward.ledger.rotation import rotate
from callward.ledger.signing import Signer
from tests.backup.lives import Life
from tests.retention.shelf import CALLER, stored
from tests.support import rows, snapshot


def _keys(life: Life) -> list[str]:
    return [life.instance.signer.verifier]


def test_a_backup_says_what_it_holds_and_is_in_the_ledger(life: Life) -> None:
    """Signed, every file by its digest; a row and a leaf of the same numbers."""
    size = len(rows(life.instance, "ledger_leaves"))
    made = life.back_up()
    found = read_backup(made.folder, _keys(life))
    assert found == made
    check_files(found)
    assert (found.generation, found.ledger_size, found.with_objects) == (1, size, False)
    assert found.counts["objects"] == len(rows(life.instance, "objects"))
    assert rows(life.instance, "backups", "id", "generation", "ledger_size") == [(made.id, 1, size)]
    leaves = [json.loads(body) for (body,) in rows(life.instance, "ledger_leaves", "body")]
    (leaf,) = (one for one in leaves if one["event"] == "backup-created")
    digest = hashlib.sha256((made.folder / "backup.json").read_bytes()).hexdigest()
    assert leaf["ids"] == {"backup": made.id, "sha256": digest}
    with life.instance.unit() as connection:
        log.verify(connection, _keys(life))


def test_the_manifest_lists_every_ciphertext(life: Life) -> None:
    """Id, path, size and digest of all that the object store must hold, and nothing else."""
    made = life.back_up()
    lines = gzip.decompress((made.folder / "ciphertexts.jsonl.gz").read_bytes()).splitlines()
    head, *listed = map(json.loads, lines)
    assert [name for name, _ in head["columns"]] == ["id", "store_key", "size", "ciphertext_digest"]
    assert {path for _, path, _, _ in listed} == stored(life.instance)
    for _, path, _, digest in listed:
        sealed = b"".join(life.instance.vault.store.get(path))
        assert hashlib.sha256(sealed).hexdigest() == digest


def test_objects_are_copied_if_asked_for(life: Life) -> None:
    """Byte by byte, under the same paths."""
    made = life.back_up(with_objects=True)
    for path in stored(life.instance):
        sealed = b"".join(life.instance.vault.store.get(path))
        assert (made.folder / "objects" / path).read_bytes() == sealed


def test_nothing_personal_and_no_root_is_in_it(life: Life) -> None:
    """Neither what was said nor a number, and not a byte of the folder of keys."""
    made = life.back_up(with_objects=True)
    content = b""
    for path in made.folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            content += gzip.decompress(raw) if path.suffix == ".gz" else raw
    assert life.shelf["old-0"].recording.encode() in content  # the search can find something
    assert b"said in" not in content
    assert CALLER.replace(" ", "")[1:].encode() not in content
    for key in life.instance.settings.keys.iterdir():
        secret = key.read_bytes()
        for form in (secret, secret.hex().encode()):
            assert form[-32:] not in content


def test_a_backup_that_fails_leaves_nothing(life: Life) -> None:
    """A ciphertext that is not there or not what was sealed: no folder, no row, no leaf."""
    before = snapshot(life.instance)
    path = life.instance.settings.data / "objects" / min(stored(life.instance))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(IntegrityError, match="ciphertext of object"):
        life.back_up(with_objects=True)
    path.unlink()
    with pytest.raises(CallwardError):
        life.back_up(with_objects=True)
    assert list(life.backups.iterdir()) == []
    assert snapshot(life.instance) == before


def test_a_ledger_that_does_not_add_up_is_not_backed_up(life: Life) -> None:
    """Its checkpoint would be a signature under something false."""
    with life.instance.unit() as connection:
        connection.exec_driver_sql("UPDATE ledger_leaves SET body = body || ' ' WHERE position = 0")
    with pytest.raises(IntegrityError, match="do not lead to its head"):
        life.back_up()
    assert list(life.backups.iterdir()) == []


def test_a_run_under_way_is_not_disturbed(life: Life) -> None:
    """BusyError; and backups do not go where the keys are."""
    with exclusive(life.instance.engine), pytest.raises(BusyError):
        life.back_up()
    with pytest.raises(SettingsError):
        create_backup(life.instance, life.instance.settings.keys / "backups")
    assert list(life.backups.iterdir()) == []
    assert rows(life.instance, "backups") == []


def test_backups_are_listed_newest_first(life: Life) -> None:
    """With how often the root has turned since, and which of them are still there."""
    first = life.back_up()
    life.sweep(days=2)
    second = life.back_up()
    assert find_backups(life.backups) == [first.folder, second.folder]
    listed = list_backups(life.instance, life.backups)
    assert [(one["id"], one["turns_since"]) for one in listed] == [(second.id, 0), (first.id, 1)]
    shutil.rmtree(first.folder)
    folders = [one["folder"] for one in list_backups(life.instance, life.backups)]
    assert folders == [second.folder.name, None]


def test_changed_files_are_found(life: Life) -> None:
    """Any byte of any file, and a file that is gone."""
    made = life.back_up()
    for name in made.files:
        path = made.folder / name
        content = path.read_bytes()
        for changed in (content[:-1] + bytes([content[-1] ^ 1]), content + b"\0", content[:20]):
            path.write_bytes(changed)
            with pytest.raises(IntegrityError, match=made.id):
                check_files(made)
        path.unlink()
        with pytest.raises(IntegrityError, match=made.id):
            check_files(made)
        path.write_bytes(content)
    check_files(made)


def test_a_changed_description_is_found(life: Life) -> None:
    """Whichever byte; so is one signed by somebody else."""
    made = life.back_up()
    path = made.folder / "backup.json"
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        )
        with pytest.raises(IntegrityError):
            read_backup(made.folder, _keys(life))
    path.write_bytes(content)
    assert read_backup(made.folder, _keys(life)) == made


def test_a_stranger_cannot_sign_a_backup(life: Life, tmp_path: Path) -> None:
    """A description that verifies, but under another key, is refused."""
    made = life.back_up()
    stranger = Signer.create(tmp_path / "key", life.instance.signer.name)
    (made.folder / "backup.json").write_bytes(describe(made, stranger))
    with pytest.raises(IntegrityError, match="not signed by a key"):
        read_backup(made.folder, _keys(life))


def test_where_no_backup_is_that_is_said(instance: Instance, tmp_path: Path) -> None:
    """A folder of backups is not a backup, nor is a file."""
    for place in (tmp_path, tmp_path / "nothing", instance.settings.home / "callward.toml"):
        with pytest.raises(NoBackupError):
            read_backup(place, [instance.signer.verifier])


def test_a_key_that_was_replaced_signs_no_backup(life: Life) -> None:
    """Whoever opened the instance before that has to open it again; nothing is left behind."""
    settings = life.instance.settings
    rotate(life.instance.engine, settings.keys / "signing.key", life.clock)
    before = snapshot(life.instance)
    with pytest.raises(KeyRetiredError):
        life.back_up()
    assert list(life.backups.iterdir()) == []
    assert snapshot(life.instance) == before


@pytest.mark.parametrize("step", ["describe", "_record"])
def test_the_key_is_not_replaced_while_a_backup_is_signed(
    life: Life, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Nobody else can be at work until the backup is entered in the ledger."""
    real, tried = getattr(creating, step), []
    path = life.instance.settings.keys / "signing.key"

    def meanwhile(*told: Any) -> Any:
        with pytest.raises(BusyError):
            rotate(life.instance.engine, path, life.clock)
        tried.append(step)
        return real(*told)

    monkeypatch.setattr(creating, step, meanwhile)
    made = life.back_up()
    assert tried == [step]
    assert read_backup(made.folder, _keys(life)) == made
