"""The residual scan: every finding planted by hand is found, exactly it, and nothing else."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.ledger import log
from callward.retention.findings import LOOKED, STORES, Finding
from callward.retention.residual import report_of, scan_sweep, scan_whole
from callward.vault.stores import ObjectStore
from tests.buckets import TestBucket, new_bucket
from tests.conftest import PostgresqlServer
from tests.retention.shelf import Shelved, object_id, refuse, shelve
from tests.support import new_instance, rows

PAGE = "f" * 32
SWEEP = "e" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Instance]:
    """An instance on SQLite and a local folder."""
    made = new_instance(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def bucket(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> TestBucket:
    """A versioned bucket where AWS would be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    return new_bucket(aws_server)


@pytest.fixture
def cloud(
    tmp_path: Path, bucket: TestBucket, postgresql_server: PostgresqlServer
) -> Iterator[Instance]:
    """An instance on PostgreSQL and a versioned bucket."""
    url = postgresql_server.create(bucket.name.replace("-", "_"), empty=True)
    made = new_instance(tmp_path / "home", database_url=url, store_url=bucket.url)
    yield made
    made.close()


@pytest.fixture(params=["folder", "cloud"])
def shelf(request: pytest.FixtureRequest) -> Instance:
    """The one and the other."""
    found: Instance = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def gone(shelf: Instance) -> Shelved:
    """An interaction whose media a sweep has shredded, beside one that lives."""
    return _gone(shelf)


def _gone(instance: Instance) -> Shelved:
    shelve(instance, "living")
    refuse(instance, "refused")
    one = shelve(instance, "gone", age=50)
    _shred(instance, one)
    return one


def _shred(instance: Instance, one: Shelved, state: str = "checked") -> None:
    """Leave it as a sweep does, without one."""
    objects, keys = t.objects.c, t.object_keys.c
    path = _path(instance, one.recording)
    with instance.unit() as connection:
        connection.execute(
            t.sweeps.insert().values(
                id=SWEEP,
                as_of=date(2026, 11, 20),
                plan_hash="0" * 64,
                approved=False,
                state=state,
                started_at=instance.clock.now(),
            )
        )
        connection.execute(t.object_keys.delete().where(keys.object_id.in_(one.media)))
        empty = ~sa.exists().where(keys.page_id == t.pages.c.id)
        connection.execute(t.pages.delete().where(empty))
        connection.execute(t.payloads.delete().where(t.payloads.c.object_id.in_(one.media)))
        connection.execute(
            t.objects.update()
            .where(objects.id.in_(one.media))
            .values(state="shredded", sweep_id=SWEEP)
        )
    instance.vault.store.delete([path])


def _path(instance: Instance, one: str) -> str:
    return str(dict(rows(instance, "objects", "id", "store_key"))[one])


def _living(kind: str = "recording") -> str:
    """One that lives."""
    return object_id("living", kind)


@pytest.mark.usefixtures("gone")
def test_nothing_is_found_where_nothing_is_left(shelf: Instance) -> None:
    """And what was looked at is said, for every store; nothing changes but the record."""
    whole, sweep = scan_whole(shelf), scan_sweep(shelf, SWEEP)
    assert (whole.found, sweep.found) == ({}, {})
    assert set(whole.counts) == set(STORES)
    assert whole.counts["object-store"][LOOKED] == 2
    assert sweep.counts["object-store"][LOOKED] == 1
    assert sweep.counts["payloads"] == {LOOKED: 2, "payload-of-shredded": 0}
    assert all(name.rpartition("/")[2] in set(Finding) for name in whole.zeros)
    assert len(whole.zeros) == len(Finding)
    assert report_of(whole).failures == []


def test_a_scan_is_on_record(shelf: Instance, gone: Shelved) -> None:
    """In the catalogue and as a leaf of counts alone."""
    shelf.vault.store.put(_path(shelf, gone.recording), [b"x"])
    found = scan_sweep(shelf, SWEEP)
    assert rows(shelf, "scans", "id", "scope", "sweep_id", "outcome", "counts") == [
        (found.id, "sweep", SWEEP, "found", found.counts)
    ]
    with shelf.unit() as connection:
        log.checkpoint(connection, shelf.signer, shelf.clock.now())
        log.verify(connection, [shelf.signer.verifier])
        (body,) = connection.scalars(
            sa.select(t.ledger_leaves.c.body).where(t.ledger_leaves.c.event == "residual-scan")
        )
    leaf = json.loads(body)
    assert leaf["counts"]["object-store/ciphertext-of-shredded"] == 1
    assert leaf["ids"]["sweep"] == SWEEP
    assert leaf["items"] == 0
    assert gone.recording not in body
    failure = f"[residue] residual scan {found.id} found 1 ciphertext-of-shredded"
    assert report_of(found).failures == [failure]


Plant = Callable[[Instance, Shelved], str]


def _execute(instance: Instance, statement: sa.Executable) -> None:
    with instance.unit() as connection:
        connection.execute(statement)


def _ciphertext(instance: Instance, gone: Shelved) -> str:
    instance.vault.store.put(_path(instance, gone.recording), [b"x"])
    return gone.recording


def _key(instance: Instance, gone: Shelved) -> str:
    page = rows(instance, "pages", "id")[0][0]
    values = {"object_id": gone.transcript, "page_id": page, "wrapped_key": b"w"}
    _execute(instance, t.object_keys.insert().values(values))
    return gone.transcript


def _payload(instance: Instance, gone: Shelved) -> str:
    _execute(instance, t.payloads.insert().values(object_id=gone.transcript, sealed=b"x"))
    return gone.transcript


def _transcript(instance: Instance, gone: Shelved) -> str:
    """A copy that lives, with a key and a payload of its own."""
    living = shelve(instance, "copy").transcript
    _execute(
        instance,
        t.objects.update().where(t.objects.c.id == living).values(parent_id=gone.recording),
    )
    return living


def _quarantine(instance: Instance, gone: Shelved) -> str:
    values = {
        "id": "a" * 32,
        "controller": "acorn",
        "reason": "gate",
        "state": "held",
        "media_id": gone.recording,
        "created_at": instance.clock.now(),
    }
    _execute(instance, t.quarantine.insert().values(values))
    return "a" * 32


def _backup(instance: Instance, gone: Shelved, generation: int = 1) -> str:
    """A backup of before the sweep, and the root of then is still usable."""
    folder = instance.settings.backups / "20261119T010000Z-cafe"
    (folder / "catalogue").mkdir(parents=True)
    (folder / "backup.json").write_text(
        json.dumps({"body": {"id": "cafe", "generation": generation}})
    )
    lines = [{"columns": [["page_id", "text"], ["object_id", "text"]], "table": "object_keys"}]
    wraps = [[PAGE, gone.transcript], [PAGE, "b" * 32]]
    with gzip.open(folder / "catalogue" / "object_keys.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in [*lines, *wraps])
    return "cafe"


def _temporary(instance: Instance, _: Shelved) -> str:
    path = instance.settings.keys / ".partial-abc"
    path.write_bytes(b"half a root")
    _age(instance, path, hours=2)
    return "keys/.partial-abc"


def _age(instance: Instance, path: Path, hours: float) -> None:
    moment = (instance.clock.now() - timedelta(hours=hours)).timestamp()
    os.utime(path, (moment, moment))


OF_SWEEP: dict[Finding, Plant] = {
    Finding.CIPHERTEXT_OF_SHREDDED: _ciphertext,
    Finding.KEY_OF_SHREDDED: _key,
    Finding.PAYLOAD_OF_SHREDDED: _payload,
    Finding.TRANSCRIPT_WITHOUT_RECORDING: _transcript,
    Finding.QUARANTINE_OF_SHREDDED: _quarantine,
    Finding.BACKUP_OPENS_SHREDDED: _backup,
    Finding.TEMPORARY_LEFT: _temporary,
}


@pytest.mark.parametrize("finding", OF_SWEEP)
def test_what_is_left_of_a_shredded_object(folder: Instance, finding: Finding) -> None:
    """Is found behind the sweep and weekly, with its id."""
    about = OF_SWEEP[finding](folder, _gone(folder))
    for found in (scan_sweep(folder, SWEEP), scan_whole(folder)):
        assert found.found == {finding: 1}
        assert found.ids == {finding: {about}}
        assert found.counts[finding.store][finding] == 1


def test_another_sweeps_scan_finds_nothing_of_this_one(shelf: Instance, gone: Shelved) -> None:
    """It asks for its own objects alone."""
    for plant in (_ciphertext, _key, _payload, _transcript, _quarantine, _backup):
        plant(shelf, gone)
    assert scan_sweep(shelf, "d" * 32).found == {}
    assert len(scan_sweep(shelf, SWEEP).found) == 6


def _no_row(instance: Instance, _: Shelved) -> str:
    instance.vault.store.put("0123456789abcdef/000007", [b"x"])
    return "0123456789abcdef/000007"


def _no_object(instance: Instance, _: Shelved) -> str:
    living = _living()
    instance.vault.store.delete([_path(instance, living)])
    return living


def _key_of_nothing(instance: Instance, _: Shelved) -> str:
    page = rows(instance, "pages", "id")[0][0]
    values = {"object_id": "c" * 32, "page_id": page, "wrapped_key": b"w"}
    _execute(instance, t.object_keys.insert().values(values))
    return "c" * 32


def _no_page(instance: Instance, _: Shelved) -> str:
    living = _living()
    own = t.object_keys.c.object_id == living
    _execute(instance, t.object_keys.update().where(own).values(page_id="d" * 32))
    return living


def _no_key(instance: Instance, _: Shelved) -> str:
    """Of an object that shares its page, which stays."""
    living = _living("transcript")
    _execute(instance, t.object_keys.delete().where(t.object_keys.c.object_id == living))
    return living


def _empty_page(instance: Instance, _: Shelved) -> str:
    values = {
        "id": PAGE,
        "controller": "acorn",
        "retention_class": "recordings",
        "generation": 1,
        "wrapped_key": b"w",
        "filled": 3,
    }
    _execute(instance, t.pages.insert().values(values))
    return PAGE


def _payload_of_nothing(instance: Instance, _: Shelved) -> str:
    _execute(instance, t.payloads.insert().values(object_id="c" * 32, sealed=b"x"))
    return "c" * 32


def _no_payload(instance: Instance, _: Shelved) -> str:
    living = _living("transcript")
    _execute(instance, t.payloads.delete().where(t.payloads.c.object_id == living))
    return living


def _result(instance: Instance, _: Shelved) -> str:
    folder = instance.settings.prefect / "storage" / "deep"
    folder.mkdir(parents=True)
    (folder / "result").write_bytes(b"{}")
    return ""


def _journal(instance: Instance, generation: int, **files: list[dict[str, str]]) -> None:
    folder = instance.settings.journal / f"g-{generation:08}"
    folder.mkdir(parents=True)
    for name in ("moved", "erased", "pages"):
        lines = "".join(json.dumps(one) + "\n" for one in files.get(name, []))
        (folder / f"{name}.jsonl").write_text(lines)


def _journal_opens(instance: Instance, gone: Shelved) -> str:
    page = rows(instance, "pages", "id")[0][0]
    moved = [{"object": gone.recording, "page": page}, {"object": gone.transcript, "page": PAGE}]
    _journal(instance, 2, moved=moved, erased=[{"object": gone.recording}])
    return gone.recording


def _undone(instance: Instance, gone: Shelved) -> str:
    living = _living()
    _journal(instance, 2, erased=[{"object": living}, {"object": gone.recording}])
    return living


def _old_pages(instance: Instance, _: Shelved) -> str:
    _journal(instance, 2)
    _journal(instance, 3)
    return "g-00000002"


def _damaged(instance: Instance, _: Shelved) -> str:
    _journal(instance, 2)
    (instance.settings.journal / "g-00000002" / "erased.jsonl").write_text('{"object": "12')
    return "g-00000002"


def _damaged_backup(instance: Instance, gone: Shelved) -> str:
    _backup(instance, gone)
    for path in instance.settings.backups.glob("*/catalogue/*"):
        path.write_bytes(path.read_bytes()[:-20])
    return ""


WEEKLY: dict[Finding, Plant] = {
    Finding.CIPHERTEXT_WITHOUT_ROW: _no_row,
    Finding.CIPHERTEXT_MISSING: _no_object,
    Finding.KEY_WITHOUT_ROW: _key_of_nothing,
    Finding.KEY_WITHOUT_PAGE: _no_page,
    Finding.KEY_MISSING: _no_key,
    Finding.PAGE_WITHOUT_KEY: _empty_page,
    Finding.PAYLOAD_WITHOUT_ROW: _payload_of_nothing,
    Finding.PAYLOAD_MISSING: _no_payload,
    Finding.RESULT_KEPT: _result,
    Finding.JOURNAL_OPENS_SHREDDED: _journal_opens,
    Finding.JOURNAL_ERASED_LIVES: _undone,
    Finding.JOURNAL_PAGES_KEPT: _old_pages,
    Finding.JOURNAL_UNREADABLE: _damaged,
    Finding.BACKUP_UNREADABLE: _damaged_backup,
}


@pytest.mark.parametrize("finding", WEEKLY)
def test_contradictions_are_found_weekly(folder: Instance, finding: Finding) -> None:
    """With the id of what they are about, where it has one."""
    gone = _gone(folder)
    about = WEEKLY[finding](folder, gone)
    found = scan_whole(folder)
    assert found.found == {finding: 1}
    if about:
        assert found.ids == {finding: {about}}
    assert scan_sweep(folder, SWEEP).clean is (finding is not Finding.RESULT_KEPT)


def test_all_at_once(cloud: Instance) -> None:
    """On the other database and store, and with everything else wrong, too."""
    gone = _gone(cloud)
    # One of these at a time: they write the same files.
    once = {code for code in WEEKLY if code.store in {"journal", "backups"}}
    plants = {**OF_SWEEP, **{code: WEEKLY[code] for code in WEEKLY.keys() - once}}
    planted = {code: plant(cloud, gone) for code, plant in plants.items()}
    found = scan_whole(cloud)
    assert found.found == dict.fromkeys(plants, 1)
    assert {code: {about} for code, about in planted.items() if about} == {
        code: ids for code, ids in found.ids.items() if planted[code]
    }
    assert dict(scan_sweep(cloud, SWEEP).found) == dict.fromkeys([*OF_SWEEP, "result-kept"], 1)


@pytest.mark.parametrize("scope", ["sweep", "whole"])
def test_what_a_bucket_hides(cloud: Instance, bucket: TestBucket, scope: str) -> None:
    """Old versions below a marker, markers, and uploads that were never completed."""
    path = _path(cloud, _gone(cloud).recording)

    def found() -> dict[str, int]:
        return dict((scan_sweep(cloud, SWEEP) if scope == "sweep" else scan_whole(cloud)).found)

    bucket.begin_upload(path)
    assert found() == {"upload-left": 1}
    cloud.vault.store.delete([path])
    bucket.put(path)
    bucket.mark_deleted(path)
    assert list(cloud.vault.store.list(path.partition("/")[0])) == [path]
    assert found() == {"ciphertext-of-shredded": 1}
    bucket.remove_versions(path)
    assert found() == {"marker-left": 1}
    cloud.vault.store.delete([path])
    assert found() == {}


def test_a_living_object_below_a_marker_is_missing(cloud: Instance, bucket: TestBucket) -> None:
    """It cannot be read any more; that it has older versions is no finding."""
    living = shelve(cloud, "living").recording
    path = _path(cloud, living)
    bucket.put(path, b"".join(cloud.vault.store.get(path)))
    assert scan_whole(cloud).found == {}
    bucket.mark_deleted(path)
    assert scan_whole(cloud).ids == {Finding.CIPHERTEXT_MISSING: {living}}


def test_intents_and_sweeps_in_progress_are_no_findings(
    shelf: Instance, gone: Shelved, request: pytest.FixtureRequest
) -> None:
    """Ciphertexts still to be catalogued or deleted, halves, uploads, files being written."""
    intent = "0123456789abcdef"
    path = _path(shelf, gone.recording)
    for one in (f"{intent}/000001", path):
        shelf.vault.store.put(one, [b"x"])
    half = f"{intent}/000002"
    if shelf.vault.store.url.startswith("s3:"):
        bucket: TestBucket = request.getfixturevalue("bucket")
        bucket.begin_upload(half)
    else:
        (shelf.settings.data / "objects" / f"{half}#1").write_bytes(b"half")
    draft = shelf.settings.data / ".partial-young"
    draft.write_bytes(b"half")
    _age(shelf, draft, hours=0.5)
    values = {"id": intent, "kind": "seal", "created_at": shelf.clock.now()}
    _execute(shelf, t.intents.insert().values(values))
    _execute(shelf, t.sweeps.update().values(state="turned"))
    assert scan_whole(shelf).found == {}
    _execute(shelf, t.intents.delete())
    _execute(shelf, t.sweeps.update().values(state="checked"))
    _age(shelf, draft, hours=1.5)
    found = scan_whole(shelf)
    code = "upload-left" if shelf.vault.store.url.startswith("s3:") else "partial-left"
    assert found.found == {
        "ciphertext-without-row": 1,
        "ciphertext-of-shredded": 1,
        code: 1,
        "temporary-left": 1,
    }


def test_a_backup_whose_root_is_gone_is_no_finding(shelf: Instance, gone: Shelved) -> None:
    """Its wraps open nothing any more. One in another folder counts where that is named."""
    _backup(shelf, gone, generation=7)
    assert scan_whole(shelf).found == {}
    assert scan_sweep(shelf, SWEEP).found == {}


@pytest.mark.usefixtures("gone")
def test_files_of_others_are_found_and_not_named(shelf: Instance) -> None:
    """What lies in the store and is none of ours may have a telling name."""
    for path in ("Mrs Miller.wav", "calls/07700 900123.wav"):
        shelf.vault.store.put(path, [b"x"])
    found = scan_whole(shelf)
    assert found.found == {"ciphertext-without-row": 2}
    assert all(len(one) == 32 for one in found.ids[Finding.CIPHERTEXT_WITHOUT_ROW])


@pytest.mark.usefixtures("gone")
def test_files_of_our_own_are_named(shelf: Instance) -> None:
    """Of a file, of a slice as it was kept, of a record in it: who looks for it finds it."""
    forms = ("000001", "000001-000002", "000001-000002-000003")
    paths = {f"0123456789abcdef/{form}" for form in forms}
    for path in paths:
        shelf.vault.store.put(path, [b"x"])
    assert set(scan_whole(shelf).ids[Finding.CIPHERTEXT_WITHOUT_ROW]) == paths


def test_the_scan_does_not_trust_the_stores_own_list(shelf: Instance, gone: Shelved) -> None:
    """A store whose ``list`` and ``delete`` do nothing hides nothing from it."""

    class Blind(ObjectStore):
        def list(self, prefix: str = "") -> Iterator[str]:
            return iter(())

    _ciphertext(shelf, gone)
    shelf.vault.store = Blind(shelf.vault.store.url)
    assert scan_sweep(shelf, SWEEP).found == {"ciphertext-of-shredded": 1}
    assert scan_whole(shelf).found == {"ciphertext-of-shredded": 1}
