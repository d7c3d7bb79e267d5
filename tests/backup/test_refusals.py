"""A restore that cannot be trusted or is not whole says why, and nothing opens."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from callward.backup import load
from callward.backup import restore as restoring
from callward.backup.archive import Backup, describe
from callward.backup.restore import restore
from callward.backup.rows import read_lines
from callward.catalogue.engine import open_engine
from callward.catalogue.pending import RestorePendingError
from callward.clock import FixedClock
from callward.errors import CallwardError, IntegrityError, KeyMissingError
from callward.instance import open_instance, vault_of
from callward.ledger.rotation import rotate
from callward.settings import load_settings
from tests.backup.lives import Life, begin, restored
from tests.retention.shelf import openable
from tests.support import NOW, rows, snapshot


def _refused(
    folder: Path, home: Path, kind: type[CallwardError], match: str | None, **told: Any
) -> None:
    """A restore that is refused leaves a home where nothing opens."""
    with pytest.raises(kind, match=match):
        restore(folder, home, clock=FixedClock(NOW), **told)
    _assert_shut(home)


def _assert_shut(home: Path) -> None:
    if not (home / "data" / "catalogue.sqlite").exists():
        return  # nothing there that could be opened
    with pytest.raises(CallwardError) as raised:
        open_instance(home)
    assert raised.value.code in {"restore-pending", "schema"}


def _turned(life: Life, times: int) -> Backup:
    """A backup, and turns of the root after it; ``old-…`` goes with the first."""
    made = life.back_up()
    for number in range(times):
        life.shelve(f"more-{number}", age=44)
        life.sweep(days=2)
    return made


def test_a_missing_journal_is_named(life: Life, tmp_path: Path) -> None:
    """Whether in the middle, at the end, or all of them; with them it works."""
    made = _turned(life, 3)
    for missing in (2, 3, 4):
        home = life.home_after(tmp_path / f"without-{missing}")
        shutil.rmtree(home / "data" / "journal" / f"g-0000000{missing}")
        _refused(made.folder, home, KeyMissingError, f"journal of generation {missing} is missing")
    home = life.home_after(tmp_path / "none", journal=False)
    _refused(made.folder, home, KeyMissingError, "journal of generation 4 is missing")
    instance, done = restored(made.folder, life.home_after(tmp_path / "whole"))
    assert done.journals == (2, 3, 4)
    instance.close()


def test_a_root_that_no_cell_holds_is_named(life: Life, tmp_path: Path) -> None:
    """Not an empty answer later on; put back, the restore can be run again."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    root = home / "keys" / "root-00000002.key"
    content = root.read_bytes()
    root.unlink()
    _refused(made.folder, home, KeyMissingError, "no key cell holds the root of generation 2")
    root.write_bytes(content)
    instance, _ = restored(made.folder, home)
    assert openable(instance, life.shelf["young-0"].all) == life.shelf["young-0"].all
    instance.close()


def test_a_newer_root_than_anybody_knows_is_named(life: Life, tmp_path: Path) -> None:
    """Unless the operator knows that it never was in force: then it is to be destroyed."""
    made = _turned(life, 1)
    life.instance.vault.make_root(3)  # what a turn does first, and then the disk is lost
    home = life.home_after(tmp_path / "new")
    _refused(made.folder, home, KeyMissingError, "hold generation 3, .* end at 2")
    _refused(made.folder, home, KeyMissingError, "hold generation 3", abandon=4)
    instance, done = restored(made.folder, home, abandon=3)
    assert done.generation == 2
    found = dict(rows(instance, "generations", "number", "state"))
    assert found == {1: "retiring", 2: "current", 3: "retiring"}
    instance.close()


@pytest.mark.parametrize("name", ["ledger", "erased", "pages", "moved", "controllers"])
def test_a_journal_without_a_file_is_refused(life: Life, tmp_path: Path, name: str) -> None:
    """By the generation it belongs to."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    (home / "data" / "journal" / "g-00000002" / f"{name}.jsonl").unlink()
    _refused(made.folder, home, KeyMissingError, "generation 2")


def _change_ledger(line: dict[str, Any]) -> None:
    line["body"] = line["body"].replace('"items":0', '"items":1')


def _change_item(line: dict[str, Any]) -> None:
    line["items"] = line["items"][1:]


def _change_wrap(line: dict[str, Any]) -> None:
    line["wrapped_key"] = "00" * 40


@pytest.mark.parametrize(
    ("name", "change"),
    [("ledger", _change_ledger), ("ledger", _change_item)],
)
def test_a_journal_that_was_changed_is_refused(
    life: Life, tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Its ledger must lead to the checkpoint that was signed."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / f"{name}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _refused(made.folder, home, IntegrityError, None)


def test_a_journal_cannot_have_more_destroyed_than_the_ledger_says(
    life: Life, tmp_path: Path
) -> None:
    """An object added to its list is not destroyed: the journal is refused."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "erased.jsonl"
    line = json.dumps({"object": life.shelf["young-0"].recording})
    path.write_text(f"{path.read_text()}{line}\n")
    _refused(made.folder, home, IntegrityError, "of which the ledger says nothing")


def test_wraps_that_were_changed_are_refused(life: Life, tmp_path: Path) -> None:
    """They open under no root, and that is found before anything is opened."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "pages.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        _change_wrap(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _refused(made.folder, home, IntegrityError, "does not open")


def _forged(life: Life, made: Backup, table: str, change: Callable[[bytes], bytes]) -> None:
    """Change a table of a backup and sign it again with the instance's own key."""
    path = made.table(table)
    path.write_bytes(change(path.read_bytes()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = str(path.relative_to(made.folder))
    forged = replace(made, files={**made.files, name: digest})
    (made.folder / "backup.json").write_bytes(describe(forged, life.instance.signer))


@pytest.mark.parametrize("table", ["ledger_leaves", "ledger_items", "ledger_head"])
def test_a_tampered_ledger_is_refused_even_if_signed(
    life: Life, tmp_path: Path, table: str
) -> None:
    """The digests are right then; the ledger itself does not verify."""
    life.sweep(days=2)
    made = life.back_up()
    assert list(read_lines(made.table(table), table))

    def change(content: bytes) -> bytes:
        lines = gzip.decompress(content).splitlines(keepends=True)
        del lines[-1]
        return gzip.compress(b"".join(lines))

    counts = {**made.counts, table: made.counts[table] - 1}
    _forged(life, replace(made, counts=counts), table, change)
    _refused(made.folder, life.home_after(tmp_path / "new"), IntegrityError, None)


def test_a_newer_version_s_backup_is_refused(life: Life, tmp_path: Path) -> None:
    """By its revision, before anything is loaded."""
    made = life.back_up()
    newer = replace(made, schema="9999")
    (made.folder / "backup.json").write_bytes(describe(newer, life.instance.signer))
    home = life.home_after(tmp_path / "new")
    with pytest.raises(CallwardError) as raised:
        restore(made.folder, home)
    assert raised.value.code == "schema"
    _assert_shut(home)


def test_a_backup_from_before_the_key_was_replaced(life: Life, tmp_path: Path) -> None:
    """The ledger's own leaves lead from the old key to the one in force."""
    made = life.back_up()
    old = life.instance.signer.verifier
    settings = life.instance.settings
    new = rotate(life.instance.engine, settings.keys / "signing.key", life.clock)
    life.instance = replace(life.instance, signer=new)
    life.sweep(days=2)
    home = life.home_after(tmp_path / "new")
    with pytest.raises(IntegrityError, match="not signed by a key"):
        restore(made.folder, home)
    instance, _ = restored(made.folder, home, keys=[old])
    assert instance.signer.verifier == new.verifier
    instance.close()


_STEPS = [
    (load, "_load_table"),
    (load, "_set_sequences"),
    (load, "_verify_ledger"),
    (restoring, "chain"),
    (restoring, "replay"),
    (restoring, "_enter_backup"),
    (restoring, "settle"),
    (restoring, "_bring_journals"),
    (restoring, "_delete_ciphertexts"),
    (restoring, "_complete_store"),
    (restoring, "_finish"),
    (restoring, "clear_pending"),
]
# After the last step it has ended.
_CUTS = [(*step, False) for step in _STEPS] + [(*step, True) for step in _STEPS[3:-2:2]]
_NAMES = [f"{name}-{'after' if after else 'before'}" for _, name, after in _CUTS]
_TIMES = {"ledger_checkpoints", "ledger_leaves", "ledger_keys"}


@dataclass(frozen=True)
class Wreck:
    """A life, a backup from before its root turned, and what restoring that leads to."""

    life: Life
    backup: Backup
    expected: Mapping[str, object]


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wreck]:
    """One for all the tests that only copy it."""
    folder = tmp_path_factory.mktemp("wreck")
    life = begin(folder)
    made = _turned(life, 1)
    reference, _ = restored(made.folder, life.home_after(folder / "reference"))
    yield Wreck(life, made, snapshot(reference))
    reference.close()
    life.instance.close()


@pytest.mark.parametrize(("module", "name", "after"), _CUTS, ids=_NAMES)
def test_a_restore_cut_short_is_run_again(
    wreck: Wreck,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    after: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Wherever it stops, nothing opens; and the next one ends where an undisturbed one does."""
    home = wreck.life.home_after(tmp_path / "new")
    real = getattr(module, name)

    def stop(*told: Any, **named: Any) -> Any:
        if after:
            real(*told, **named)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(module, name, stop)
        with pytest.raises(ZeroDivisionError):
            restore(wreck.backup.folder, home, clock=FixedClock(NOW))
    with pytest.raises(RestorePendingError):
        open_instance(home)
    _assert_vault_shut(home, wreck.life.shelf["young-0"].recording)
    instance, _ = restored(wreck.backup.folder, home)
    found = snapshot(instance)
    instance.close()
    for table in wreck.expected.keys() - _TIMES:
        assert found[table] == wreck.expected[table], table


def _assert_vault_shut(home: Path, one: str) -> None:
    """Not even with the vault itself, past the instance."""
    settings = load_settings(home)
    engine = open_engine(settings.catalogue_url)
    with engine.begin() as connection, pytest.raises(RestorePendingError):
        vault_of(settings).object_key(connection, one)
    engine.dispose()
