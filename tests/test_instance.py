"""An instance: made once, made again after a crash, opened as it was; keys beside the data."""

import importlib
import os
import signal
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import SettingsError
from callward.instance import SIGNING_KEY, VERIFIER_FILE, Instance, create_instance, open_instance
from callward.settings import load_settings
from callward.vault.filing import NewObject, file_objects, seal_payload
from tests.support import NOW, new_instance, rows, snapshot


def _file(instance: Instance, object_id: str = "one") -> None:
    sealed = seal_payload(instance.vault, "acorn", object_id, "note", b"content of a note")
    new = NewObject(object_id, "acorn", "note", "interactions", date(2026, 1, 1), None, sealed)
    with instance.unit() as connection:
        file_objects(connection, instance.vault, [new], NOW)


def _open(instance: Instance, object_id: str = "one") -> bytes:
    with instance.unit() as connection:
        return b"".join(instance.vault.open(connection, object_id))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_new_instance_is_whole(instance: Instance) -> None:
    """Folders, tables, root, key and first leaf are there, dated by the clock it was given."""
    settings = instance.settings
    assert all(folder.is_dir() for folder in settings.folders)
    assert [created for _, created in rows(instance, "instance")] == [NOW]
    assert rows(instance, "generations", "number", "state", "created_at") == [(1, "current", NOW)]
    assert [event for (event,) in rows(instance, "ledger_leaves", "event")] == ["instance-created"]
    instance_id = rows(instance, "instance")[0][0]
    assert instance.signer.name == f"callward/{instance_id}"
    published = (settings.data / VERIFIER_FILE).read_text()
    assert published == instance.signer.verifier + "\n"
    _file(instance)
    assert _open(instance) == b"content of a note"


def test_opening_finds_what_was_made(instance: Instance) -> None:
    """Opened again, later and at another time of day, it is the same instance."""
    _file(instance)
    before = snapshot(instance)
    clock = FixedClock(NOW)
    again = open_instance(instance.settings.home, clock)
    assert again.signer.verifier == instance.signer.verifier
    assert again.settings == instance.settings
    assert again.clock is clock
    assert snapshot(again) == before
    assert _open(again) == b"content of a note"
    again.close()


def test_two_instances_share_nothing(tmp_path: Path) -> None:
    """Each has an id, a root and a signing key of its own."""
    made = [new_instance(tmp_path / name) for name in ("a", "b")]
    keys = [_files(one.settings.keys) for one in made]
    assert keys[0].keys() == keys[1].keys()
    assert not set(keys[0].values()) & set(keys[1].values())
    assert made[0].signer.name != made[1].signer.name
    for one in made:
        one.close()


def test_making_it_again_is_refused(instance: Instance) -> None:
    """A second creation says so and changes neither keys nor catalogue."""
    _file(instance)
    keys, before = _files(instance.settings.keys), snapshot(instance)
    with pytest.raises(SettingsError, match="already"):
        create_instance(instance.settings.home)
    assert _files(instance.settings.keys) == keys
    assert snapshot(instance) == before
    assert _open(instance) == b"content of a note"


def test_opening_nothing(tmp_path: Path) -> None:
    """Where no instance is, opening says how to make one and makes nothing itself."""
    home = tmp_path / "home"
    with pytest.raises(SettingsError, match="callward init"):
        open_instance(home)
    assert not home.exists()


def test_keys_are_nowhere_in_the_data(instance: Instance) -> None:
    """No file outside ``keys/`` contains the root, the signing key or an object's key."""
    _file(instance)
    settings = instance.settings
    keys = _files(settings.keys)
    with instance.unit() as connection:
        object_key = instance.vault.object_key(connection, "one")
    private = instance.signer.key.private_bytes_raw()
    root = keys["root-00000001.key"]
    assert set(keys) == {SIGNING_KEY, "root-00000001.key"}
    outside = {k: v for k, v in _files(settings.home).items() if not k.startswith("keys/")}
    assert any(name.startswith("data/") for name in outside)
    for name, content in outside.items():
        for secret in (root, private, object_key):
            assert secret not in content, name
            assert secret.hex().encode() not in content, name
        assert b"PRIVATE KEY" not in content, name
    for name in t.metadata.tables:
        assert not any(
            isinstance(value, bytes) and value in (root, private, object_key)
            for row in rows(instance, name)
            for value in row
        )


def test_keys_are_closed_to_others(instance: Instance) -> None:
    """The keys' folder is 0700 and each file in it 0600."""
    folder = instance.settings.keys
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_lost_verifier_file_comes_back(instance: Instance) -> None:
    """The public half is laid out again when it is missing."""
    path = instance.settings.data / VERIFIER_FILE
    before = path.read_text()
    path.unlink()
    open_instance(instance.settings.home).close()
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["a b", "100%25", "wh?t", "h#sh", "ünï"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Catalogue and object store lie inside the home, whatever it is called."""
    made = new_instance(tmp_path / name)
    made.vault.store.put("intent/one", [b"x"])
    _file(made)
    made.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    again = open_instance(tmp_path / name)
    assert _open(again) == b"content of a note"
    assert list(again.vault.store.list()) == ["intent/one"]
    again.close()


@dataclass(frozen=True)
class Point:
    """Where a creation is killed: before or after a call of ``module.attribute``."""

    when: str
    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.when}-{self.module.rpartition('.')[2]}.{self.attribute}"

    def arm(self) -> None:
        """Make the call the last thing this process does."""
        *path, name = self.attribute.split(".")
        owner: Any = importlib.import_module(self.module)
        for part in path:
            owner = getattr(owner, part)
        real = getattr(owner, name)

        def deadly(*args: Any, **kwargs: Any) -> None:
            if self.when == "after":
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, name, deadly)


_POINTS = [
    Point("before", "callward.instance", "upgrade"),
    Point("before", "alembic.command", "upgrade"),
    Point("after", "alembic.command", "upgrade"),
    Point("before", "callward.vault.cells", "write_durably"),
    Point("after", "callward.vault.cells", "write_durably"),
    Point("after", "callward.instance", "_found"),
    Point("before", "callward.instance", "Signer.create"),
    Point("before", "os", "link"),
    Point("after", "callward.instance", "Signer.create"),
    Point("before", "callward.ledger.rotation", "write_durably"),
    Point("before", "callward.durable", "sync_folder"),
]


def _die_creating(home: Path, point: Point) -> int:
    """Create an instance in a child that is killed at ``point``; the signal it died of."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            point.arm()
            create_instance(home, FixedClock(NOW))
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.fixture
def home(tmp_path: Path, empty_database_url: str) -> Path:
    """A home with its settings but no instance, on each database in turn."""
    path = tmp_path / "home"
    path.mkdir()
    if empty_database_url:
        (path / "callward.toml").write_text(f'database_url = "{empty_database_url}"\n')
    return path


@pytest.mark.parametrize(
    ("point", "empty_database_url"),
    [
        *((point, "sqlite") for point in _POINTS),
        # Where the two may differ: what the database had done when the process died.
        *((point, "postgresql") for point in _POINTS if point.when == "after"),
    ],
    ids=str,
    indirect=["empty_database_url"],
)
def test_a_creation_killed_anywhere_can_be_repeated(home: Path, point: Point) -> None:
    """Either it is an instance and opens, or it is none and is made: one, and it works."""
    assert _die_creating(home, point) == signal.SIGKILL
    if (load_settings(home).keys / SIGNING_KEY).exists():
        with pytest.raises(SettingsError, match="already"):
            create_instance(home)
        made = open_instance(home, FixedClock(NOW))
    else:
        with pytest.raises(SettingsError, match="callward init"):
            open_instance(home)
        made = create_instance(home, FixedClock(NOW))
    assert len(rows(made, "instance")) == 1
    assert rows(made, "generations", "number", "state", "created_at") == [(1, "current", NOW)]
    assert [event for (event,) in rows(made, "ledger_leaves", "event")] == ["instance-created"]
    assert made.signer.name == f"callward/{rows(made, 'instance')[0][0]}"
    assert (made.settings.data / VERIFIER_FILE).read_text() == made.signer.verifier + "\n"
    _file(made)
    assert _open(made) == b"content of a note"
    made.close()


def test_a_failed_unit_changes_nothing(instance: Instance) -> None:
    """An instance's unit is one transaction."""
    before = snapshot(instance)

    def fail() -> None:
        with instance.unit() as connection:
            connection.execute(sa.delete(t.instance))
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert snapshot(instance) == before
