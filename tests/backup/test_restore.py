"""Restoring: what was kept opens, what was destroyed does not, on either database."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward import night
from callward.backup import forget
from callward.backup import restore as restoring
from callward.backup.load import NotEmptyError
from callward.backup.restore import restore
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.erasing import reject
from callward.errors import IntegrityError, SettingsError, ShreddedError
from callward.instance import Instance, open_instance
from callward.ledger import log
from callward.ledger.signing import Signer
from callward.retention import sweep
from callward.retention.due import RESTORED
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.retention.stage import prepare
from tests.backup.lives import Life, begin, plaintexts, restored, states, with_a_word
from tests.retention.shelf import openable, read, refuse, shelve, stored
from tests.support import NOW, PassingGates, rows, run_night, run_stage, snapshot

_KINDS = ("sqlite", "postgresql")
_CHANGED_BY_RESTORING = {
    "backups",
    "ledger_checkpoints",
    "ledger_head",
    "ledger_keys",
    "ledger_leaves",
    "ledger_nodes",
}


@pytest.mark.parametrize("target", _KINDS)
@pytest.mark.parametrize("source", _KINDS)
def test_a_backup_is_the_same_from_and_for_every_database(
    tmp_path: Path, empty_url: Callable[[str], str], source: str, target: str
) -> None:
    """Every row of every table comes back; the ledger verifies; numbering goes on."""
    life = begin(tmp_path, empty_url(source))
    run_stage(life.instance, "retention")
    life.sweep(days=2)
    before = snapshot(life.instance)
    made = life.back_up()
    home = life.home_after(tmp_path / "new", url=empty_url(target))
    instance, done = restored(made.folder, home)
    assert instance.engine.dialect.name == target
    after = snapshot(instance)
    after["marks"] = [row for row in after["marks"] if row[0] != RESTORED]
    same = before.keys() - _CHANGED_BY_RESTORING
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert before["ledger_leaves"] == [
        row for row in after["ledger_leaves"] if row[0] < made.ledger_size
    ]
    assert (done.missing, done.counts["ledger_leaves"]) == ((), 0)
    for one in life.shelf.values():
        assert openable(instance, one.all) == openable(life.instance, one.all)
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
        row = {"night": "n", "stage": "s", "controller": "acorn", "counts": {}, "at": NOW}
        connection.execute(t.stage_counts.insert().values(row))
    instance.close()
    life.instance.close()


@pytest.mark.parametrize("kind", _KINDS)
def test_what_was_destroyed_since_is_destroyed_again(
    tmp_path: Path, empty_url: Callable[[str], str], kind: str
) -> None:
    """Keys, payloads, rows, ciphertexts; the survivors of the same pages open."""
    life = begin(tmp_path, empty_url(kind))
    place_hold(
        life.instance, "acorn", "interaction", life.shelf["old-1"].interaction, "why", NOW.date()
    )
    ciphertexts = {one: _stored(life, one) for one in stored(life.instance)}
    made = life.back_up()
    life.sweep(days=2)
    life.shelve("late", age=1)
    life.sweep(days=50)
    held, gone = life.shelf["old-1"], life.shelf["old-0"]
    assert openable(life.instance, held.media) == held.media
    home = life.home_after(tmp_path / "new", url=empty_url(kind))
    for path, content in ciphertexts.items():  # as if somebody had copied them back
        (home / "data" / "objects" / path).parent.mkdir(exist_ok=True)
        (home / "data" / "objects" / path).write_bytes(content)
    instance, done = restored(made.folder, home)
    assert done.journals == (2, 3)
    assert done.generation == 3
    assert done.counts["destroyed_again"] == 10
    assert done.counts["moved"] > 0
    assert done.counts["ciphertexts_deleted"] == 5
    assert done.counts["not_restored"] == 0  # the shelf enters nothing in the ledger
    assert openable(instance, gone.all) == {gone.details}
    assert openable(instance, held.all) == held.all
    assert plaintexts(instance, held.all) == {held.plaintext}
    names = ("objects", "object_keys", "payloads", "interactions", "people", "pages")
    late = life.shelf["late"]
    with life.instance.unit() as connection:
        _forget_late(connection, late.all, late.interaction)
    for name in names:
        assert _ids(instance, name) == _ids(life.instance, name), name
    assert states(instance, gone.media) == {"shredded"}
    assert (3, "file", "held") in rows(instance, "cell_answers", "generation", "cell", "answer")
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
    instance.close()
    life.instance.close()


def _stored(life: Life, path: str) -> bytes:
    return b"".join(life.instance.vault.store.get(path))


def _forget_late(connection: sa.Connection, ids: set[str], interaction: str) -> None:
    """Take out of the lost catalogue what came after the backup."""
    connection.execute(t.objects.delete().where(t.objects.c.id.in_(ids)))
    keys = t.object_keys.c
    connection.execute(t.object_keys.delete().where(keys.object_id.in_(ids)))
    used = sa.exists().where(keys.page_id == t.pages.c.id)
    connection.execute(t.pages.delete().where(~used))
    connection.execute(t.payloads.delete().where(t.payloads.c.object_id.in_(ids)))
    connection.execute(t.people.delete().where(t.people.c.interaction_id == interaction))
    connection.execute(t.interactions.delete().where(t.interactions.c.id == interaction))


def _ids(instance: Instance, table: str) -> list[tuple[object, ...]]:
    """A table's keys, and the wraps where there are any."""
    wanted = {
        "object_keys": ("object_id", "page_id", "wrapped_key"),
        "pages": ("id", "generation", "wrapped_key", "due_day", "filled", "turned_in"),
        "objects": ("id", "state", "sweep_id", "shredded_at"),
        "payloads": ("object_id",),
        "interactions": ("id",),
        "people": ("interaction_id", "role"),
    }
    return rows(instance, table, *wanted[table])


def test_nights_go_on_after_a_restore(life: Life, tmp_path: Path) -> None:
    """The next sweep destroys what is due by then, with certificates, and can be backed up."""
    made = life.back_up()
    life.sweep(days=2)
    home = life.home_after(tmp_path / "new")
    restored(made.folder, home)[0].close()
    clock = FixedClock(NOW + timedelta(days=60))
    instance = open_instance(home, clock)
    with_a_word(instance)
    reports = run_night(instance)
    assert [report.failures for report in reports] == [[]] * len(night.STAGES)
    found = {row[0]: row[1] for row in rows(instance, "generations", "number", "state")}
    assert found == {1: "retired", 2: "retired", 3: "current"}
    again = Life(instance, clock, life.backups, life.shelf)
    assert openable(instance, life.shelf["young-0"].all) == {life.shelf["young-0"].details}
    # The journal was written before the first sweep had come to its certificate: it has now.
    assert len(rows(instance, "certificates")) == 2
    second = again.back_up()
    later = again.home_after(tmp_path / "later")
    instance, done = restored(second.folder, later)
    assert done.generation == 3
    assert openable(instance, life.shelf["young-0"].all) == {life.shelf["young-0"].details}
    instance.close()
    again.instance.close()


def test_a_sweep_that_was_marked_then_ends_as_it_did(life: Life, tmp_path: Path) -> None:
    """A backup between mark and turn: what went is gone, what was spared is back, no sweep open."""
    due = {*life.shelf["old-0"].media, *life.shelf["old-1"].media, *life.shelf["old-2"].media}
    run_stage(life.instance, "retention")
    life.clock.moment += timedelta(days=2)
    run = night.new_run(life.instance)
    sweep.mark(life.instance, run, prepare(life.instance, run).plan)
    assert states(life.instance, due) == {"marked"}
    made = life.back_up()
    spared = life.shelf["old-1"]
    place_hold(life.instance, "acorn", "interaction", spared.interaction, "why", NOW.date())
    life.sweep(days=0)
    instance, _ = restored(made.folder, life.home_after(tmp_path / "new"))
    assert states(instance, spared.media) == {"live"}
    assert states(instance, due - spared.media) == {"shredded"}
    # The journal knows nothing of its certificate: the next night comes to that.
    assert rows(instance, "sweeps", "state") == [("turned",)]
    assert run_stage(instance, "retention").failures == []
    assert rows(instance, "sweeps", "state") == [("complete",)]
    instance.close()


def test_sweeps_since_are_entered_as_they_were(life: Life, tmp_path: Path) -> None:
    """What kind they were and which day they were for, which need not be the day they ran."""
    made = life.back_up()
    life.clock.moment += timedelta(days=3)
    day = (NOW + timedelta(days=1)).date()
    first = run_stage(life.instance, "retention", only=life.shelf["old-0"].media, as_of=day)
    assert first.failures == []
    life.sweep(days=1)
    told = sorted(rows(life.instance, "sweeps", "id", "kind", "as_of"), key=lambda row: row[1])
    assert [row[1] for row in told] == ["erasure", "retention"]
    assert told[0][2] == day
    instance, _ = restored(made.folder, life.home_after(tmp_path / "new"))
    found = rows(instance, "sweeps", "id", "kind", "as_of")
    assert sorted(found, key=lambda row: row[1]) == told
    instance.close()


def test_what_a_sweep_spared_goes_back_to_quarantine(life: Life) -> None:
    """Whether or not it had been rejected by then: it has never been on the shelf."""
    rejected, waiting = refuse(life.instance, "bad"), refuse(life.instance, "waiting")
    young = life.shelf["young-0"].media
    life.clock.moment += timedelta(days=2)
    run = night.new_run(life.instance)
    sweep_id = sweep.mark(life.instance, run, prepare(life.instance, run).plan)
    refused = {rejected.media, rejected.row, waiting.media, waiting.row}
    with life.instance.unit() as connection:
        row = t.quarantine.c
        decided = t.quarantine.update().where(row.id == rejected.id)
        connection.execute(decided.values(state="rejected", decided_at=NOW))
        marked = t.objects.update().where(t.objects.c.id.in_(refused | young))
        connection.execute(marked.values(state="marked", sweep_id=sweep_id))
        forget.unmark(connection, [sweep_id])
    assert states(life.instance, refused) == {"quarantined"}
    assert states(life.instance, young) == {"live"}


def test_journals_brought_along_are_durable(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file, and their folder, before the folder has its name."""
    made = life.back_up()
    life.sweep(days=2)
    synced: list[Path] = []

    def sync(path: Path) -> None:
        assert path.exists()  # by this name, so before the folder has its own
        synced.append(path)

    for name in ("sync_file", "sync_folder"):
        monkeypatch.setattr(restoring, name, sync)
    home = life.home_after(tmp_path / "new", journal=False)
    source = life.instance.settings.journal
    instance, _ = restored(made.folder, home, journals=source)
    target = instance.settings.journal
    draft = target / ".partial-g-00000002"
    files = {draft / path.name for path in (source / "g-00000002").iterdir()}
    assert len(files) == 6
    assert files == set(synced[:-2])
    assert synced[-2:] == [draft, target]
    instance.close()


def test_holds_placed_since_stand_again(life: Life, tmp_path: Path) -> None:
    """As they were; one on a person, whom the ledger does not know, holds the controller's all."""
    day = (NOW + timedelta(days=30)).date()
    lifted = place_hold(life.instance, "acorn", "controller", None, "why", day)
    made = life.back_up()
    lift_hold(life.instance, lifted)
    one = place_hold(
        life.instance, "acorn", "interaction", life.shelf["old-1"].interaction, "why", day
    )
    person = place_hold(life.instance, "acorn", "person", "07700 900123", "why", day)
    life.sweep(days=2)
    assert states(life.instance, life.shelf["old-0"].media) == {"live"}
    lift_hold(life.instance, person)
    life.sweep(days=0)
    instance, done = restored(made.folder, life.home_after(tmp_path / "new"))
    assert done.counts["holds_placed_again"] == 2
    found = {row[0]: row[1:] for row in rows(instance, "holds", "id", "scope", "review_day")}
    assert found == {
        lifted: ("controller", day),
        one: ("interaction", day),
        person: ("controller", day),
    }
    standing = {key for key, end in rows(instance, "holds", "id", "lifted_at") if end is None}
    assert standing == {one}
    assert states(instance, life.shelf["old-1"].media) == {"live"}
    assert states(instance, life.shelf["old-0"].media) == {"shredded"}
    instance.close()


def test_a_rejection_since_is_repeated(life: Life, tmp_path: Path) -> None:
    """Decided as it was, and destroyed; what nobody decided on waits as it did."""
    rejected, waiting = refuse(life.instance, "bad"), refuse(life.instance, "waiting")
    made = life.back_up()
    assert reject(life.instance, PassingGates(), rejected.id).failures == []
    instance, _ = restored(made.folder, life.home_after(tmp_path / "new"))
    assert dict(rows(instance, "quarantine", "id", "state")) == {
        rejected.id: "rejected",
        waiting.id: "held",
    }
    assert states(instance, {rejected.media, rejected.row}) == {"shredded"}
    assert states(instance, {waiting.media, waiting.row}) == {"quarantined"}
    assert openable(instance, {rejected.media, waiting.media}) == {waiting.media}
    instance.close()


def test_an_erasure_instructed_since_is_due(life: Life, tmp_path: Path) -> None:
    """If it was not carried out before the disk was lost, the next night does so."""
    made = life.back_up()
    young = life.shelf["young-0"].recording
    instruct_erasure(life.instance, [young], "asked for")
    with life.instance.unit() as connection:
        connection.execute(t.objects.update().where(t.objects.c.id == young).values(early=False))
    life.sweep(days=2)
    assert states(life.instance, {young}) == {"live"}
    instance, done = restored(made.folder, life.home_after(tmp_path / "new"))
    assert done.counts["erasures_instructed"] > 0
    assert states(instance, {young}) == {"live"}
    with_a_word(instance)
    assert states(instance, {young}) == {"shredded"}
    instance.close()


def test_a_sweep_of_which_too_little_is_known_ends(life: Life, tmp_path: Path) -> None:
    """Its due days changed after the backup: no certificate is made up, and no night fails."""
    run_stage(life.instance, "retention")
    made = life.back_up()
    young = life.shelf["young-0"].media
    with life.instance.unit() as connection:
        early = t.objects.update().where(t.objects.c.id.in_(young))
        connection.execute(early.values(due_day=NOW.date()))
    life.sweep(days=2)
    assert states(life.instance, young) == {"shredded"}
    instance, done = restored(made.folder, life.home_after(tmp_path / "new"))
    assert done.counts["sweeps_not_certified"] == 1
    assert rows(instance, "sweeps", "state") == [("complete",)]
    assert states(instance, young) == {"shredded"}
    assert run_stage(instance, "retention").failures == []
    assert rows(instance, "certificates") == []
    assert run_stage(instance, "evidence").failures == []
    instance.close()


def test_a_ciphertext_that_is_not_there_is_named(life: Life, tmp_path: Path) -> None:
    """Unless the backup has a copy: then it is put back."""
    bare, whole = life.back_up(), life.back_up(with_objects=True)
    recording = life.shelf["young-0"].recording
    with life.instance.unit() as connection:
        query = sa.select(t.objects.c.store_key).where(t.objects.c.id == recording)
        path = str(connection.scalar(query))
    first, second = (life.home_after(tmp_path / name) for name in ("first", "second"))
    for home in (first, second):
        (home / "data" / "objects" / path).unlink()
    instance, done = restored(bare.folder, first)
    assert done.missing == (recording,)
    instance.close()
    instance, done = restored(whole.folder, second)
    assert (done.missing, done.counts["copied"]) == ((), 1)
    assert read(instance, recording) == life.shelf["young-0"].plaintext
    instance.close()


def test_a_catalogue_that_holds_something_is_left_alone(life: Life, tmp_path: Path) -> None:
    """Even one row; and the instance goes on as before."""
    made = life.back_up()
    before = snapshot(life.instance)
    with pytest.raises(NotEmptyError):
        restore(made.folder, life.instance.settings.home)
    assert snapshot(life.instance) == before
    home = life.home_after(tmp_path / "new")
    (home / "keys" / "signing.key").unlink()
    with pytest.raises(SettingsError, match="no signing key"):
        restore(made.folder, home)


def test_another_instance_cannot_take_the_backup(life: Life, tmp_path: Path) -> None:
    """Its signing key is another's, so the backup is not one of its own."""
    made = life.back_up()
    home = life.home_after(tmp_path / "new")
    (home / "keys" / "signing.key").unlink()
    Signer.create(home / "keys" / "signing.key", "callward/another")
    with pytest.raises(IntegrityError, match="not signed by a key"):
        restore(made.folder, home)
    with pytest.raises(IntegrityError, match="another instance"):
        restore(made.folder, home, keys=[life.instance.signer.verifier])
    assert not (home / "data" / "catalogue.sqlite").exists()


def test_a_journal_elsewhere_comes_along(life: Life, tmp_path: Path) -> None:
    """``journals`` names its place; the next turn goes on from it."""
    made = life.back_up()
    life.sweep(days=2)
    home = life.home_after(tmp_path / "new", journal=False)
    instance, done = restored(made.folder, home, journals=life.instance.settings.data / "journal")
    assert done.journals == (2,)
    assert [path.name for path in (home / "data" / "journal").iterdir()] == ["g-00000002"]
    with pytest.raises(ShreddedError):
        read(instance, life.shelf["old-0"].recording)
    instance.close()


def test_what_came_after_the_backup_is_counted(life: Life, tmp_path: Path) -> None:
    """By the ledger: such an object is not there, and its ciphertext is nobody's."""
    made = life.back_up()
    late = shelve(life.instance, "late")
    with life.instance.unit() as connection:
        items = [log.Item(one, {"ciphertext": "0" * 64}) for one in sorted(late.all)]
        log.append(connection, "ingested", items, at=NOW)
    life.sweep(days=2)
    instance, done = restored(made.folder, life.home_after(tmp_path / "new"))
    assert done.counts["not_restored"] == 3
    kept = {key for (key,) in rows(instance, "objects", "id")}
    assert not kept & late.all
    leaf = [json.loads(body) for (body,) in rows(instance, "ledger_leaves", "body")][-1]
    assert leaf["event"] == "restored"
    assert leaf["counts"] == dict(done.counts)
    instance.close()
