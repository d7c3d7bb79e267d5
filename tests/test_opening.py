"""Opening a sealed object into a file: recorded first, whole or not at all."""

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import IntegrityError, NotFoundError, SettingsError, ShreddedError
from callward.instance import Instance
from callward.ledger import log
from callward.opening import open_to_file
from tests.retention.shelf import Shelved, column, read, shelve
from tests.support import instruct, rows, run_stage, snapshot

REASON = "asked for by Mrs Quill"


def _openings(instance: Instance) -> list[str]:
    return [row[0] for row in rows(instance, "openings", "object_id")]


def _one(instance: Instance, age: int = 1) -> Shelved:
    instruct(instance)
    return shelve(instance, "one", age=age)


@pytest.mark.parametrize("kind", ["recording", "transcript"])
def test_opening(instance: Instance, tmp_path: Path, kind: str) -> None:
    """Out of the store and out of a row: the plaintext, for its owner's eyes only."""
    one, out = _one(instance), tmp_path / "out.wav"
    assert open_to_file(instance, getattr(one, kind), REASON, out) == len(one.plaintext)
    assert out.read_bytes() == one.plaintext
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.wav"]


def test_it_is_recorded_and_why_is_sealed(instance: Instance, tmp_path: Path) -> None:
    """In catalogue and ledger; the reason opens from the vault and is nowhere in the clear."""
    one = _one(instance)
    open_to_file(instance, one.recording, REASON, tmp_path / "out")
    ((object_id, reason_id),) = rows(instance, "openings", "object_id", "reason_id")
    assert object_id == one.recording
    assert read(instance, reason_id) == REASON.encode()
    assert column(instance, "controller", [reason_id]) == {"acorn"}
    assert "Quill" not in repr(snapshot(instance))
    events = sa.select(t.ledger_items.c.subject).join(
        t.ledger_leaves, t.ledger_leaves.c.position == t.ledger_items.c.leaf
    )
    with instance.unit() as connection:
        opened = connection.scalars(events.where(t.ledger_leaves.c.event == "opened")).all()
        log.verify(connection, [instance.signer.verifier])
    assert opened == [one.recording]


def test_it_is_recorded_before_the_first_byte(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When reading starts, the record is committed: seen in another transaction."""
    one = _one(instance)
    seen: list[list[str]] = []
    get = instance.vault.store.get

    def look_and_get(path: str) -> object:
        with instance.engine.connect() as other:
            raw = other.connection.cursor()
            raw.execute("SELECT object_id FROM openings")
            seen.append([row[0] for row in raw.fetchall()])
        return get(path)

    monkeypatch.setattr(instance.vault.store, "get", look_and_get)
    open_to_file(instance, one.recording, REASON, tmp_path / "out")
    assert seen == [[one.recording]]


@pytest.mark.parametrize("how", ["altered", "cut short", "swapped"])
def test_a_ciphertext_that_does_not_verify_leaves_no_file(
    instance: Instance, tmp_path: Path, how: str
) -> None:
    """IntegrityError, neither file nor part of one; the attempt is on record."""
    one, other = _one(instance), shelve(instance, "other")
    store = instance.vault.store
    (path,), (other_path,) = (
        column(instance, "store_key", [each.recording]) for each in (one, other)
    )
    sealed = b"".join(store.get(path))
    damaged = {
        "altered": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "cut short": sealed[:-8],
        "swapped": b"".join(store.get(other_path)),
    }
    store.put(path, [damaged[how]])
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(IntegrityError):
        open_to_file(instance, one.recording, REASON, folder / "file")
    assert list(folder.iterdir()) == []
    assert _openings(instance) == [one.recording]


def test_what_cannot_be_opened_is_not_recorded(instance: Instance, tmp_path: Path) -> None:
    """An id that is none, and one that is shredded: no file, no record."""
    one = _one(instance, age=50)
    run_stage(instance, "retention")
    before = snapshot(instance)
    for object_id, error in ((one.recording, ShreddedError), ("f" * 32, NotFoundError)):
        with pytest.raises(error):
            open_to_file(instance, object_id, REASON, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert snapshot(instance) == before


def test_what_is_there_is_not_overwritten(instance: Instance, tmp_path: Path) -> None:
    """Neither a file nor what a link leads to, not even one made meanwhile."""
    one, out, link = _one(instance), tmp_path / "out", tmp_path / "link"
    out.write_text("mine")
    target = tmp_path / "target"
    link.symlink_to(target)
    for wanted in (out, link):
        with pytest.raises(SettingsError):
            open_to_file(instance, one.recording, REASON, wanted)
    assert out.read_text() == "mine"
    assert not target.exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == [
        "link",
        "out",
    ]


@pytest.mark.parametrize(("reason", "folder"), [("", "."), ("  \n", "."), (REASON, "missing")])
def test_no_reason_or_no_folder_is_refused_first(
    instance: Instance, tmp_path: Path, reason: str, folder: str
) -> None:
    """Before anything is recorded or read."""
    one = _one(instance)
    before = snapshot(instance)
    with pytest.raises(SettingsError):
        open_to_file(instance, one.recording, reason, tmp_path / folder / "out")
    assert snapshot(instance) == before
