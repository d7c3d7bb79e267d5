"""Backups from the command line and from Prefect; and catalogues of another version."""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward import night
from callward.backup.archive import Backup, describe
from callward.backup.upgrading import upgrade_catalogue
from callward.catalogue import migrate
from callward.catalogue.engine import open_engine, reading, unit_of_work
from callward.catalogue.guard import BusyError, exclusive
from callward.catalogue.tables import metadata
from callward.errors import SettingsError
from callward.instance import Instance, open_instance
from tests.backup.lives import Life, restored, with_a_word
from tests.commands import callward
from tests.retention.shelf import openable
from tests.support import rows, snapshot


@pytest.fixture
def home(life: Life) -> Path:
    """The home of a life, by today's clock."""
    return life.instance.settings.home


def test_backups_from_the_command_line(life: Life, home: Path, tmp_path: Path) -> None:
    """Made, listed, drilled and restored; ids, counts and places are said."""
    said = callward(home, "backup", "create", "--json")
    assert said.status == 0
    made = said.json
    assert Path(made["folder"]).parent == home / "backups"
    said = callward(home, "backup", "create", str(tmp_path / "else"))
    assert "6 ciphertexts are listed, not copied" in said.out
    listed = callward(home, "backup", "list", "--json").json
    assert [one["folder"] is None for one in listed] == [True, False]
    assert made["id"] in callward(home, "backup", "list").out
    for command in ("backup", "keys"):
        said = callward(home, command, "drill")
        assert (said.status, "passed" in said.last) == (0, True)
    new = life.home_after(tmp_path / "new")
    said = callward(home, "restore", made["folder"], "--into", str(new), "--json")
    assert said.status == 0
    assert said.json["backup"] == made["id"]
    assert callward(new, "ledger", "verify").status == 0
    again = callward(home, "restore", made["folder"], "--into", str(new))
    assert (again.status, again.out) == (2, "")
    assert again.err.startswith("callward: [catalogue-not-empty] ")


def test_a_drill_that_fails_says_so(life: Life, home: Path) -> None:
    """In its exit status, in words, and for machines; without a backup there is none."""
    assert callward(home, "backup", "drill").err.startswith("callward: [no-backup] ")
    made = json.loads(callward(home, "backup", "create", "--json").out)
    (Path(made["folder"]) / "catalogue" / "pages.jsonl.gz").write_bytes(b"")
    said = callward(home, "backup", "drill")
    assert (said.status, "could not be restored [integrity]" in said.out) == (4, True)
    said = callward(home, "backup", "drill", "--json")
    assert (said.status, said.json["outcome"]) == (4, "failed")
    report = night.restore_drill(life.instance)
    assert [made["id"] in failure for failure in report.failures] == [True]
    assert len(rows(life.instance, "drills")) == 3


def test_the_drill_as_it_is_run_weekly(life: Life) -> None:
    """Counts of a drill that passed; a failure where there is nothing to try."""
    assert [one[:11] for one in night.restore_drill(life.instance).failures] == ["[no-backup]"]
    life.instance.settings.backups.mkdir()
    life.backups = life.instance.settings.backups
    life.back_up()
    report = night.restore_drill(life.instance)
    assert (report.failures, report.total("survivors_tried")) == ([], 4)


def _old(instance: Instance) -> Path:
    """Make the catalogue one of the first version."""
    home = instance.settings.home
    database = home / "data" / "catalogue.sqlite"
    instance.close()
    for path in database.parent.glob("catalogue.sqlite*"):
        path.unlink()
    engine = open_engine(f"sqlite:///{database}")
    migrate.upgrade(engine, "0001")
    engine.dispose()
    return home


def test_an_older_catalogue_is_brought_up_to_date(life: Life) -> None:
    """One sentence says what to do, and ``upgrade`` does it; again it does nothing."""
    home = _old(life.instance)
    said = callward(home, "status")
    assert said.status == 2
    assert said.err.startswith("callward: [schema] ")
    assert "callward upgrade" in said.err
    said = callward(home, "upgrade")
    assert (said.status, said.last) == (
        0,
        f"the catalogue was of revision 0001 and is of {migrate.HEAD} now",
    )
    assert "which this version works with" in callward(home, "upgrade").last
    open_instance(home).close()


def _as_of_the_first_version(life: Life, made: Backup, tmp_path: Path) -> None:
    """Rewrite a backup as the first version would have made it, and sign it again."""
    engine = open_engine(f"sqlite:///{tmp_path / 'first.sqlite'}")
    migrate.upgrade(engine, "0001")
    looked = sa.inspect(engine)
    columns = {
        name: {column["name"] for column in looked.get_columns(name)}
        for name in looked.get_table_names()
    }
    engine.dispose()
    files, counts = dict(made.files), dict(made.counts)
    for table in metadata.tables:
        path = made.table(table)
        if table not in columns:
            path.unlink()
            del files[str(path.relative_to(made.folder))], counts[table]
            continue
        head, *lines = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        kept = [n for n, (name, _) in enumerate(head["columns"]) if name in columns[table]]
        head["columns"] = [head["columns"][n] for n in kept]
        rows_then = [head, *([line[n] for n in kept] for line in lines)]
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows_then)).encode()))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[str(path.relative_to(made.folder))] = digest
    then = replace(made, schema="0001", files=files, counts=counts)
    (made.folder / "backup.json").write_bytes(describe(then, life.instance.signer))


def test_an_older_version_s_backup_is_brought_up_to_date(life: Life, tmp_path: Path) -> None:
    """Loaded into its own tables first; then everything opens in today's."""
    made = life.back_up()
    _as_of_the_first_version(life, made, tmp_path)
    assert not made.table("ledger_nodes").exists()
    instance, _ = restored(made.folder, life.home_after(tmp_path / "new"))
    with instance.reading() as connection:
        migrate.require_current(connection)
    for one in life.shelf.values():
        assert openable(instance, one.all) == one.all
    with_a_word(instance)
    instance.close()


def test_a_newer_catalogue_is_left_alone(life: Life, home: Path) -> None:
    """Neither opened nor upgraded, and not by a hair changed."""
    with unit_of_work(life.instance.engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = snapshot(life.instance)
    for command in ("status", "upgrade"):
        said = callward(home, command)
        assert (said.status, said.err[:20]) == (2, "callward: [schema] t")
    assert snapshot(life.instance) == before


def test_an_upgrade_waits_for_nobody(life: Life, home: Path, tmp_path: Path) -> None:
    """During a run it is refused; where there is no instance, too."""
    with exclusive(life.instance.engine), pytest.raises(BusyError):
        upgrade_catalogue(home)
    with pytest.raises(SettingsError):
        upgrade_catalogue(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_the_revision_that_the_code_knows_is_the_newest(life: Life) -> None:
    """The constant follows the migrations."""
    with reading(life.instance.engine) as connection:
        assert migrate.revision(connection) == migrate.HEAD
    assert migrate.known("0001")
    assert not migrate.known("9999")


def test_a_catalogue_without_tables_is_said_to_be_that(life: Life, home: Path) -> None:
    """Not an unforeseen error of the database."""
    life.instance.close()
    shutil.rmtree(home / "data")
    (home / "data").mkdir()
    said = callward(home, "status")
    assert said.err.startswith("callward: [schema] the catalogue's tables cannot be read")
