"""The drill: passes on a sound instance, and fails whenever something destroyed would open."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.backup import drill as drilling
from callward.backup.archive import NoBackupError
from callward.backup.drill import SCRATCH, DrillReport, drill
from callward.backup.listing import summary
from callward.backup.load import load
from callward.backup.replay import Replayed, replay
from callward.backup.trial import Target, spread
from callward.catalogue import tables as t
from callward.catalogue.guard import BusyError, exclusive
from callward.instance import Instance
from callward.ledger import log
from callward.retention.holds import place_hold
from tests.backup.lives import Life, begin
from tests.retention.shelf import stored
from tests.support import NOW, rows, snapshot


def _kept(instance: Instance, report: DrillReport) -> None:
    """The result is a row and a leaf, and there is nothing left of the scratch place."""
    assert (report.id, report.outcome) in rows(instance, "drills", "id", "outcome")
    leaf = json.loads(rows(instance, "ledger_leaves", "body")[-1][0])
    bodies = [json.loads(body) for (body,) in rows(instance, "ledger_leaves", "body")]
    leaf = next(one for one in bodies if one["ids"].get("drill") == report.id)
    assert leaf["event"] == "restore-drill"
    assert leaf["ids"]["outcome"] == report.outcome
    assert leaf["counts"] == dict(report.counts())
    assert not (instance.settings.home / SCRATCH).exists()
    assert len(list(summary(report))) == len(report.trials) + 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_sound_instance_passes(
    tmp_path: Path, empty_url: Callable[[str], str], kind: str
) -> None:
    """The newest backup and the one before the turn: targets stay shut, survivors open."""
    life = begin(tmp_path, empty_url(kind))
    place_hold(
        life.instance, "acorn", "interaction", life.shelf["old-1"].interaction, "why", NOW.date()
    )
    older, before = life.back_up(), life.back_up()
    life.sweep(days=2)
    life.shelve("late")
    newest = life.back_up()
    files = stored(life.instance)
    report = drill(life.instance, life.backups)
    assert report.passed
    first, second = report.trials
    assert (first.backup, first.which, first.journals) == (newest.id, "newest", 0)
    assert (second.backup, second.which, second.journals) == (before.id, "before-turn", 1)
    assert older.id not in {first.backup, second.backup}
    assert (first.destroyed_since, first.targets_tried) == (0, 0)
    assert (second.destroyed_since, second.targets_tried) == (4, 4)
    pages = {page for (page,) in rows(life.instance, "object_keys", "page_id")}
    assert first.survivors_tried == len(pages) > 3
    assert second.survivors_tried > 2
    _kept(life.instance, report)
    assert stored(life.instance) == files
    with life.instance.unit() as connection:
        log.verify(connection, [life.instance.signer.verifier])
    life.instance.close()


def test_an_instance_that_never_turned_passes(life: Life) -> None:
    """There is one backup to try, and nothing destroyed."""
    life.back_up()
    report = drill(life.instance, life.backups)
    assert report.passed
    assert [one.which for one in report.trials] == ["newest"]
    assert report.trials[0].survivors_tried == 4


def _plant_page(life: Life, object_id: str) -> None:
    """Keep a destroyed object's page key: as a turn would that forgot to make a fresh page."""
    with life.instance.unit() as connection:
        page = connection.execute(
            sa.select(t.pages)
            .join(t.object_keys, t.object_keys.c.page_id == t.pages.c.id)
            .where(t.object_keys.c.object_id == object_id)
        ).one()
        key = life.instance.vault.unwrap(page.generation, [page.wrapped_key])[0]
    life.sweep(days=2)
    with life.instance.unit() as connection:
        row = {**page._mapping, "generation": 2}
        row["wrapped_key"] = life.instance.vault.wrap(2, [key])[0]
        connection.execute(t.pages.insert().values(row))


def test_a_page_key_that_survives_is_found(life: Life) -> None:
    """The old backup's wrap of the object opens under it, and the drill says which."""
    made = life.back_up()
    _plant_page(life, life.shelf["old-0"].recording)
    report = drill(life.instance, life.backups)
    assert not report.passed
    (trial,) = report.trials
    assert trial.backup == made.id
    assert trial.opened_by_force == 6
    assert life.shelf["old-0"].recording in trial.ids
    assert trial.survivors_failed == 0
    _kept(life.instance, report)


@pytest.mark.parametrize(("held_as", "error"), [(1, ""), (7, "key-missing")])
def test_a_root_that_survives_is_found(life: Life, held_as: int, error: str) -> None:
    """Whatever a cell calls it."""
    life.back_up()
    root = (life.instance.settings.keys / "root-00000001.key").read_bytes()
    life.sweep(days=2)
    assert drill(life.instance, life.backups).passed
    life.instance.vault.cells[0].hold(held_as, root)
    report = drill(life.instance, life.backups)
    assert report.outcome == "failed"
    assert (report.trials[0].opened_by_force, report.trials[0].error) == (6, error)
    _kept(life.instance, report)


def test_a_survivor_that_does_not_open_is_found(life: Life) -> None:
    """Its ciphertext has gone or changed, in the store or in the row."""
    life.back_up()
    objects = life.instance.settings.data / "objects"
    path = next(objects / one for one in sorted(stored(life.instance)) if _is_first(life, one))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    report = drill(life.instance, life.backups)
    assert (report.outcome, report.trials[0].survivors_failed) == ("failed", 1)
    path.unlink()
    assert drill(life.instance, life.backups).trials[0].survivors_failed == 1
    path.write_bytes(content)
    assert drill(life.instance, life.backups).passed


def _is_first(life: Life, path: str) -> bool:
    """Whether the object of a ciphertext is the one of its page that a drill tries."""
    keys, objects = t.object_keys, t.objects
    with life.instance.unit() as connection:
        first = sa.select(sa.func.min(keys.c.object_id)).group_by(keys.c.page_id)
        query = sa.select(objects.c.store_key).where(objects.c.id.in_(first))
        return path in set(connection.scalars(query))


def _keys_gone(connection: sa.Connection) -> None:
    connection.execute(t.object_keys.delete())


def _objects_gone(connection: sa.Connection) -> None:
    connection.execute(t.object_keys.delete())
    connection.execute(t.payloads.delete())
    connection.execute(t.objects.delete())


@pytest.mark.parametrize("lose", [_keys_gone, _objects_gone])
def test_what_the_replay_loses_is_found(
    life: Life, monkeypatch: pytest.MonkeyPatch, lose: Callable[[sa.Connection], None]
) -> None:
    """What must open is chosen before it: it cannot take it off the list."""
    life.back_up()
    life.sweep(days=2)

    def losing(connection: sa.Connection, *told: Any) -> Replayed:
        done = replay(connection, *told)
        lose(connection)
        return done

    monkeypatch.setattr(drilling, "replay", losing)
    report = drill(life.instance, life.backups)
    assert not report.passed
    (trial,) = report.trials
    assert trial.survivors_failed == trial.survivors_tried > 2
    _kept(life.instance, report)


def test_a_backup_without_keys_fails_the_drill(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """No survivor has a page then; that there should be some is not forgotten."""
    life.back_up()

    def losing(engine: sa.Engine, *told: Any) -> None:
        load(engine, *told)
        with engine.begin() as connection:
            _keys_gone(connection)

    monkeypatch.setattr(drilling, "load", losing)
    report = drill(life.instance, life.backups)
    assert not report.passed
    assert report.trials[0].survivors_failed == report.trials[0].survivors_tried == 1


def test_a_journal_that_is_missing_fails_the_drill(life: Life) -> None:
    """As a restore would fail; the code says why."""
    life.back_up()
    life.sweep(days=2)
    shutil.rmtree(life.instance.settings.data / "journal")
    report = drill(life.instance, life.backups)
    assert [one.error for one in report.trials] == ["key-missing"]
    assert not report.passed
    _kept(life.instance, report)


def test_a_backup_that_was_changed_fails_the_drill(life: Life) -> None:
    """It could not be restored."""
    made = life.back_up()
    path = made.table("objects")
    path.write_bytes(path.read_bytes() + b"\0")
    report = drill(life.instance, life.backups)
    assert [one.error for one in report.trials] == ["integrity"]
    _kept(life.instance, report)


def test_a_sample_is_taken_and_all_are_counted(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, a limit is kept; the report has both numbers."""
    for number in range(3):
        life.shelve(f"other-{number}", age=43)
    life.back_up()
    life.sweep(days=3)
    monkeypatch.setattr(drilling, "TARGETS", 4)
    (trial,) = drill(life.instance, life.backups).trials
    assert (trial.destroyed_since, trial.targets_tried) == (12, 4)


def test_a_sample_is_spread_over_pages() -> None:
    """One of every page before a second of any."""
    by_page = {page: [Target(f"{page}{n}", page, b"", b"") for n in range(3)] for page in "ab"}
    assert [one.object_id for one in spread(by_page, 4)] == ["a0", "b0", "a1", "b1"]
    assert len(spread(by_page, 100)) == 6
    assert spread({}, 4) == []


def test_without_a_backup_or_during_a_run_there_is_no_drill(life: Life) -> None:
    """Said so, and nothing entered."""
    before = snapshot(life.instance)
    life.backups.mkdir()
    with pytest.raises(NoBackupError):
        drill(life.instance, life.backups)
    with exclusive(life.instance.engine), pytest.raises(BusyError):
        drill(life.instance, life.backups)
    assert snapshot(life.instance) == before


def test_what_a_drill_cut_short_left_is_cleared(life: Life) -> None:
    """The next one begins afresh, and leaves nothing."""
    life.back_up()
    left = life.instance.settings.home / SCRATCH / "catalogue.sqlite"
    left.parent.mkdir()
    left.write_bytes(b"not a database")
    assert drill(life.instance, life.backups).passed
    assert not left.parent.exists()
