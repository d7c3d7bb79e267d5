"""A restore that cannot be trusted or is not whole says why, and nothing opens."""

import base64
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.backup import load
from callward.backup import restore as restoring
from callward.backup.archive import Backup, describe
from callward.backup.drill import drill
from callward.backup.restore import restore
from callward.backup.rows import read_lines
from callward.catalogue.engine import open_engine
from callward.catalogue.pending import RestorePendingError
from callward.clock import FixedClock
from callward.errors import CallwardError, IntegrityError, KeyMissingError
from callward.instance import open_instance, vault_of
from callward.ledger import log, notes
from callward.ledger.canonical import canonical
from callward.ledger.rotation import rotate
from callward.ledger.signing import Signer
from callward.retention.holds import place_hold
from callward.settings import Settings, load_settings
from callward.vault import journal
from callward.vault.cells import CellError
from callward.vault.vault import Vault
from tests.backup.lives import Life, begin, restored
from tests.cells import MemoryCell
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


def _sign_again(folder: Path, signer: Signer, **changes: Any) -> None:
    """Give a journal that was changed the digests and the signature that would fit it."""
    path = folder / "head.json"
    head = {**json.loads(path.read_text()), **changes, "signed_by": signer.verifier}
    del head["signature"]
    for one in folder.glob("*.jsonl"):
        head["files"][one.name] = hashlib.sha256(one.read_bytes()).hexdigest()
    signature = base64.b64encode(signer.sign("journal", canonical(head))).decode()
    path.write_bytes(canonical({**head, "signature": signature}))


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
    _change_lines(path, change)
    _refused(made.folder, home, IntegrityError, f"not what was signed, in {name}.jsonl")
    _sign_again(path.parent, life.instance.signer)
    _refused(made.folder, home, IntegrityError, "ledger leaf")


@pytest.mark.parametrize("name", sorted(journal.FILES))
def test_every_file_of_a_journal_is_signed(life: Life, tmp_path: Path, name: str) -> None:
    """Leaving a line out, or doing one again, is found before anything is made of it."""
    place_hold(
        life.instance, "acorn", "interaction", life.shelf["old-1"].interaction, "why", NOW.date()
    )
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / name
    lines = path.read_text().splitlines(keepends=True)
    assert lines
    for changed in (lines[:-1], [*lines, lines[-1]], []):
        path.write_text("".join(changed))
        _refused(made.folder, home, IntegrityError, f"generation 2 is not what .* in {name}")
    path.write_text("".join(lines))
    instance, _ = restored(made.folder, home)
    instance.close()


def test_a_journal_s_head_is_signed_by_a_key_that_is_known(life: Life, tmp_path: Path) -> None:
    """Not unsigned, not changed, not a stranger's."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    folder = home / "data" / "journal" / "g-00000002"
    head = json.loads((folder / "head.json").read_text())
    changes: list[Any] = [
        {one: head[one] for one in head if one != "signature"},
        {**head, "files": {}},
        {**head, "created_at": "2020-01-01T00:00:00.000000Z"},
        {**head, "ledger_size": "12"},
    ]
    for changed in changes:
        (folder / "head.json").write_text(json.dumps(changed))
        _refused(made.folder, home, IntegrityError, None)
    (folder / "head.json").write_text(json.dumps(head))
    _sign_again(folder, Signer.create(tmp_path / "stranger", life.instance.signer.name))
    _refused(made.folder, home, IntegrityError, "generation 2 is not signed by a key")


def test_items_of_leaves_that_the_backup_has_are_checked(life: Life, tmp_path: Path) -> None:
    """A leaf is the same and its items are not: nothing is done for what those say."""
    place_hold(
        life.instance, "acorn", "interaction", life.shelf["old-1"].interaction, "why", NOW.date()
    )
    made = _turned(life, 1)
    other = life.shelf["young-0"].recording

    def change(line: dict[str, Any]) -> None:
        if line["event"] == "hold-placed":
            assert line["position"] < made.ledger_size
            line["items"] = [json.dumps({"subject": other}, separators=(",", ":"))]

    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "ledger.jsonl"
    _change_lines(path, change)
    _sign_again(path.parent, life.instance.signer)
    _refused(made.folder, home, IntegrityError, "items of ledger leaf")


def test_an_object_whose_page_nobody_has_is_named(life: Life, tmp_path: Path) -> None:
    """However well the journal is signed."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "pages.jsonl"
    page = dict(rows(life.instance, "object_keys", "object_id", "page_id"))[
        life.shelf["young-0"].recording
    ]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if page not in line))
    _sign_again(path.parent, life.instance.signer)
    _refused(made.folder, home, KeyMissingError, "the page key of object [0-9a-f]{32}")


def test_a_key_cell_out_of_reach_fails_the_restore(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold a newer root than the others; once it is back the restore goes through."""
    made = _turned(life, 1)
    away = MemoryCell("away")
    away.refuses = {"generations"}

    def with_another(settings: Settings) -> Vault:
        vault = vault_of(settings)
        return Vault((*vault.cells, away), vault.store)

    home = life.home_after(tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "vault_of", with_another)
        _refused(made.folder, home, CellError, "away refuses to generations")
    instance, _ = restored(made.folder, home)
    instance.close()


def _change_lines(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_journal_cannot_have_more_destroyed_than_the_ledger_says(
    life: Life, tmp_path: Path
) -> None:
    """An object added to its list is not destroyed: the journal is refused."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "erased.jsonl"
    line = json.dumps({"object": life.shelf["young-0"].recording})
    path.write_text(f"{path.read_text()}{line}\n")
    _sign_again(path.parent, life.instance.signer)
    _refused(made.folder, home, IntegrityError, "of which the ledger says nothing")


def test_wraps_that_were_changed_are_refused(life: Life, tmp_path: Path) -> None:
    """They open under no root, and that is found before anything is opened."""
    made = _turned(life, 1)
    home = life.home_after(tmp_path / "new")
    path = home / "data" / "journal" / "g-00000002" / "pages.jsonl"
    _change_lines(path, _change_wrap)
    _sign_again(path.parent, life.instance.signer)
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


def _replace_key(life: Life) -> Signer:
    """Replace the signing key; the old one, as a thief may have it."""
    old = life.instance.signer
    path = life.instance.settings.keys / "signing.key"
    life.instance = replace(life.instance, signer=rotate(life.instance.engine, path, life.clock))
    return old


def _head(life: Life) -> log.Head:
    with life.instance.unit() as connection:
        return log.head(connection)


def test_a_backup_signed_by_a_key_retired_by_then_is_refused(life: Life, tmp_path: Path) -> None:
    """By the restore, even if told to trust that key, and by the drill."""
    old = _replace_key(life)
    life.sweep(days=2)
    head = _head(life)
    made = life.back_up()
    assert (made.ledger_size, made.signed_by) == (head.size, life.instance.signer.verifier)
    checkpoint = old.sign_checkpoint(head.size, head.root)
    forged = replace(made, signed_by=old.verifier, checkpoint=checkpoint)
    right = (made.folder / "backup.json").read_bytes()
    (made.folder / "backup.json").write_bytes(describe(forged, old))
    home = life.home_after(tmp_path / "new")
    _refused(made.folder, home, IntegrityError, "not in force at size", keys=[old.verifier])
    (trial,) = drill(life.instance, life.backups).trials
    assert trial.error == "integrity"
    (made.folder / "backup.json").write_bytes(right)
    instance, _ = restored(made.folder, home, keys=[old.verifier])
    instance.close()


@pytest.mark.parametrize("what", ["checkpoint", "journal"])
def test_a_journal_signed_by_a_key_retired_by_then_is_refused(
    life: Life, tmp_path: Path, what: str
) -> None:
    """Its checkpoint or the whole, though it fits the ledger."""
    made = life.back_up()
    old = _replace_key(life)
    life.sweep(days=2)
    home = life.home_after(tmp_path / "new")
    folder = home / "data" / "journal" / "g-00000002"
    before = (folder / "head.json").read_bytes()
    if what == "checkpoint":
        with life.instance.unit() as connection:
            size = json.loads(before)["ledger_size"]
            (note,) = connection.execute(
                sa.text("SELECT note FROM ledger_checkpoints WHERE size = :size"), {"size": size}
            ).one()
        found = notes.parse_checkpoint(notes.note_text(note))
        forged = old.sign_checkpoint(found.size, found.root)
        _sign_again(folder, life.instance.signer, checkpoint=forged)
    else:
        _sign_again(folder, old)
    _refused(made.folder, home, IntegrityError, "not in force at size", keys=[old.verifier])
    (folder / "head.json").write_bytes(before)
    instance, _ = restored(made.folder, home, keys=[old.verifier])
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
