"""Drops that arrive in a bucket: taken in like any other, and gone from there when they are in."""

import csv
import io
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.gates import GateResult
from callward.instance import Instance
from callward.intake import batches, leaving, s3_source, stage
from callward.intake.manifest import COLUMNS
from callward.retention.residual import scan_whole
from callward.vault.bucket import BucketClient, Version
from callward.vault.storing import StoreError
from tests.buckets import TestBucket, new_bucket
from tests.intake.crew import Crew, forking
from tests.intake.support import Desk, lying, quick
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    new_instance,
    rows,
    run_stage,
    write_manifest,
)


@pytest.fixture(autouse=True)
def endpoint(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tests' server is where AWS would be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    return aws_server


@pytest.fixture
def bucket(endpoint: str) -> TestBucket:
    """A versioned bucket."""
    return new_bucket(endpoint)


def _desk(home: Path, bucket: TestBucket, **settings: Any) -> Desk:
    made = quick(new_instance(home, landing_url=bucket.url, **settings))
    instruct(made)
    return Desk(made, "acorn")


@pytest.fixture
def desk(tmp_path: Path, bucket: TestBucket) -> Iterator[Desk]:
    """An instance to which drops come through the bucket."""
    made = _desk(tmp_path / "home", bucket)
    yield made
    made.instance.close()


def _upload(
    bucket: TestBucket, calls: Sequence[Call], place: str = "acorn/drop-1", *, whole: bool = True
) -> None:
    """Put a drop below ``<controller>/<drop>``, the manifest last."""
    for call in calls:
        bucket.put(f"{place}/{call.name}", call.media)
    if whole:
        bucket.put(f"{place}/manifest.csv", _manifest(calls))


def _manifest(calls: Sequence[Call]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(call.cells(NOW) for call in calls)
    return text.getvalue().encode()


def _keys(bucket: TestBucket) -> list[str]:
    return [key.removeprefix(bucket.key("")) for key, _ in bucket.everything()]


def _spooled(instance: Instance) -> list[str]:
    spool = instance.settings.spool
    return lying(spool) if spool.exists() else []


class Meanwhile(PassingGates):
    """Does something once a batch is sealed, before anything is recorded."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Let it through."""
        if suite == "ingest_exit":
            self._act()
        return super().check(suite, frame)


@pytest.mark.parametrize("versioned", [True, False])
def test_what_is_taken_in_is_gone_from_the_bucket(
    tmp_path: Path, endpoint: str, *, versioned: bool
) -> None:
    """Complete drops, in every version, beside those in the folder; what is not complete stays."""
    bucket = new_bucket(endpoint, versioned=versioned)
    desk = _desk(tmp_path / "home", bucket)
    bucket.put("acorn/drop-1/a.wav", b"an earlier version")
    _upload(bucket, [Call("a"), Call("b", file="sub/b.wav"), Call("bad", content=b"none")])
    bucket.put("acorn/drop-1/sub/", b"")  # as a console makes a folder
    _upload(bucket, [Call("c")], "acorn/drop-2")
    _upload(bucket, [Call("d")], "acorn/not-yet", whole=False)
    _upload(bucket, [Call("e")], "stranger/drop-1")
    desk.deliver([Call("f")])
    report = desk.take_in()
    assert report.failures == []
    assert (report.total("ingested"), report.total("quarantined:not-media")) == (4, 1)
    assert not list(desk.landing.iterdir())
    assert _keys(bucket) == ["acorn/not-yet/d.wav", *_stranger()]
    desk.check()
    assert _spooled(desk.instance) == []
    assert desk.instance.settings.spool.stat().st_mode & 0o077 == 0
    assert desk.take_in().outcome == "NothingNew"
    desk.instance.close()


def _stranger() -> list[str]:
    return ["stranger/drop-1/e.wav", "stranger/drop-1/manifest.csv"]


HOSTILE = (
    *("../out.wav", "a/../../out.wav", "./dot.wav", "/absolute.wav", "two//slashes.wav"),
    *("under.wav/neath.wav", ".odd/ours.wav", "x" * 300, "d/" * 20 + "deep.wav", "tail/"),
    *("percent%2e%2e%2fout", "emoji-\U0001f4de.wav", "back\\slash"),
)
PLAIN = ("percent%2e%2e%2fout", "emoji-\U0001f4de.wav", "back\\slash")


def test_keys_that_are_no_names_are_refused_and_kept(
    desk: Desk, bucket: TestBucket, tmp_path: Path
) -> None:
    """Every one is in quarantine with its content and its key; nothing is written elsewhere."""
    before = lying(tmp_path)
    _upload(bucket, [Call("good"), Call("under")])
    for number, name in enumerate(HOSTILE):
        bucket.put(f"acorn/drop-1/{name}", f"content {number}".encode())
    report = desk.take_in()
    assert report.failures == []
    assert report.total("ingested") == 2
    found = {(one.reason, one.media, (one.row or {}).get("key")) for one in desk.quarantined()}
    assert found == {
        ("not-in-manifest", content, None) if name in PLAIN else ("path-escape", content, name)
        for content, name in ((f"content {n}".encode(), name) for n, name in enumerate(HOSTILE))
    }
    assert _keys(bucket) == []
    desk.check()
    assert _spooled(desk.instance) == []
    outside = {name for name in lying(tmp_path) if not name.startswith("home/")}
    assert outside == {name for name in before if not name.startswith("home/")}
    assert {name.partition("/")[0] for name in lying(desk.instance.settings.home)} == {
        *(
            "callward.toml",
            "data",
            "keys",
            "landing",
            "instructions",
            "sub-processors",
            "assurance",
        ),
        *("evidence", "data-docs", "prefect", "spool"),
    }


@pytest.mark.parametrize("drop", ["..", "", ".odd-1"])
def test_a_drop_that_no_folder_can_be_called_is_refused_whole(
    desk: Desk, bucket: TestBucket, drop: str
) -> None:
    """Row and content stay together, and leave the bucket."""
    _upload(bucket, [Call("a")], f"acorn/{drop}")
    assert desk.take_in().failures == []
    (one,) = desk.quarantined()
    assert (one.reason, one.media) == ("path-escape", Call("a").media)
    assert one.row is not None
    assert one.row["external_id"] == "a"
    assert _keys(bucket) == []
    desk.check()


@pytest.mark.parametrize("controller", ["..", "", "x" * 300])
def test_a_controller_that_no_folder_can_be_called_leads_nowhere(
    desk: Desk, bucket: TestBucket, controller: str
) -> None:
    """Neither is anything taken from beside the landing folder, nor is what came lost."""
    home = desk.instance.settings.home
    for place in (home / "trap", home.parent / "trap", home / "landing" / "trap"):
        place.mkdir()
        (place / "trap.wav").write_bytes(b"not a delivery")
        write_manifest(place, [Call("trap").cells(NOW)])
    _upload(bucket, [Call("a")], f"{controller}/drop-1")
    report = run_stage(desk.instance, "ingest")
    assert (report.failures, report.total("quarantined")) == ([], 1)
    assert _keys(bucket) == []
    assert len(list(home.parent.rglob("trap.wav"))) == 3


def test_what_was_changed_meanwhile_stays(desk: Desk, bucket: TestBucket) -> None:
    """With the manifest, for the next night; what was not changed is gone."""
    _upload(bucket, [Call("a"), Call("b")])
    report = desk.take_in(Meanwhile(lambda: bucket.put("acorn/drop-1/a.wav", Call("z").media)))
    assert report.total("ingested") == 2
    assert ["unaccounted" in one for one in report.failures] == [True]
    assert sorted(set(_keys(bucket))) == ["acorn/drop-1/a.wav", "acorn/drop-1/manifest.csv"]
    assert desk.take_in().total("quarantined:digest-mismatch") == 1
    assert _keys(bucket) == []
    desk.check()


def test_what_came_meanwhile_stays(desk: Desk, bucket: TestBucket) -> None:
    """A file that was put after the others were fetched is found the next night."""
    _upload(bucket, [Call("a")])
    report = desk.take_in(Meanwhile(lambda: bucket.put("acorn/drop-1/late.wav", b"late")))
    assert len(report.failures) == 1
    assert _keys(bucket) == ["acorn/drop-1/late.wav", "acorn/drop-1/manifest.csv"]
    assert desk.take_in().total("quarantined:not-in-manifest") == 1
    assert _keys(bucket) == []


def _broken(path: str, what: str) -> Callable[[BucketClient, Version], Iterator[bytes]]:
    real = BucketClient.fetch

    def fetch(self: BucketClient, version: Version) -> Iterator[bytes]:
        if version.path != path:
            yield from real(self, version)
        elif what == "endless":
            while True:
                yield b"x" * 4096
        else:
            yield b"x"
            if what == "breaks":
                raise StoreError("the object store cannot read (ResponseStreamingError)")

    return fetch


@pytest.mark.parametrize("what", ["breaks", "short", "endless"])
def test_a_file_that_cannot_be_fetched_costs_its_drop_alone(
    desk: Desk, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """That one waits, with nothing of it recorded; its neighbours are in."""
    _upload(bucket, [Call("a"), Call("b")])
    _upload(bucket, [Call("c")], "acorn/drop-2")
    with monkeypatch.context() as patch:
        patch.setattr(BucketClient, "fetch", _broken("acorn/drop-1/b.wav", what))
        report = desk.take_in()
    assert [("[store]" in one, "b.wav" in one) for one in report.failures] == [(True, False)]
    assert report.total("files") == report.total("ingested") == 1
    assert len(_keys(bucket)) == 3
    assert _spooled(desk.instance) == []
    assert desk.take_in().total("ingested") == 2
    assert _keys(bucket) == []
    desk.check()


def test_a_file_that_is_too_large_costs_no_neighbour(tmp_path: Path, bucket: TestBucket) -> None:
    """It is not fetched, is said to be too large once, and stays."""
    desk = _desk(tmp_path / "home", bucket, max_file_bytes=20_000)
    _upload(bucket, [Call("a"), Call("big", content=b"x" * 20_001)])
    bucket.put("acorn/drop-1/also/../big", b"x" * 20_001)
    for ingested, refused in ((1, 2), (0, 0)):
        report = desk.take_in()
        assert len(report.failures) == 1
        assert report.total("ingested") == ingested
        assert report.total("quarantined:too-large") == refused
    assert {one.media for one in desk.quarantined()} == {None}
    assert len(_keys(bucket)) == 3
    desk.check()
    desk.instance.close()


def test_a_bucket_out_of_reach_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is taken in; drops that cannot be seen have not vanished."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    desk = quick(new_instance(tmp_path / "home", landing_url="s3://nowhere/at-all"))
    instruct(desk)
    deliver(desk, [Call("a")])
    report = Desk(desk, "acorn").take_in()
    assert report.total("ingested") == 1
    assert ["[settings]" in one for one in report.failures] == [True]
    desk.close()


def test_drops_of_records_arrive_there_too(desk: Desk, bucket: TestBucket) -> None:
    """With ``drop.json``; what no reader knows, or no folder can be called, is refused."""
    bucket.put("acorn/records/what.bin", b"\x00\x01 of no kind")
    bucket.put("acorn/records/../out.bin", b"\x00\x02 of no kind")
    assert desk.take_in().outcome == "NothingNew"
    bucket.put("acorn/records/drop.json", b"{}")
    report = desk.take_in()
    assert report.failures == []
    assert report.total("quarantined:not-recognised") == 1
    assert report.total("quarantined:path-escape") == 1
    assert _keys(bucket) == _spooled(desk.instance) == []
    states = rows(desk.instance, "drops", "state")
    assert states == [("complete",)]


class FakeClient:
    """Objects in memory, so that keys may be whatever S3 allows."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def versions(self, prefix: str) -> Iterator[Version]:
        """Those that begin with ``prefix``."""
        for key, content in sorted(self._objects.items(), key=lambda one: one[0].encode()):
            if key.startswith(prefix):
                yield Version(key, "null", marker=False, latest=True, size=len(content))

    def fetch(self, version: Version) -> Iterator[bytes]:
        """The content."""
        yield self._objects[version.path]


_PARTS = st.sampled_from(["a", "b", "", ".", "..", ".odd", "\0", "\n", "é", "x" * 256])
_NAMES = st.lists(_PARTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=6))


@settings(max_examples=50)
@given(st.sets(_NAMES.map("/".join), max_size=12), st.text(st.characters(codec="utf-8")))
def test_whatever_keys_are_every_object_has_one_file_inside(names: set[str], drop: str) -> None:
    """No two in one place, none outside, none left out."""
    drop = drop.replace("/", "")
    objects = {f"c/{drop}/{name}": f"is {name}".encode() for name in names - {"manifest.csv"}}
    objects[f"c/{drop}/manifest.csv"] = b"manifest"
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_source, "BucketClient", lambda _url: FakeClient(objects))
        source = s3_source.BucketSource("s3://b", Path(folder) / "spool" / "me", 10_000)
        assert source.folders() == ["c"]
        assert source.drops("c", "manifest.csv") == [drop]
        brought = source.bring("c", drop, "manifest.csv")
        assert brought is not None
        inside = {path: path.read_bytes() for path in brought.path.rglob("*") if path.is_file()}
        everywhere = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert len(everywhere) == len(inside)
        assert sorted(inside.values()) == sorted(objects.values())
        assert brought.path.parent.parent == Path(folder) / "spool" / "me"
        for path, content in inside.items():
            name = path.relative_to(brought.path).as_posix()
            told = brought.odd[name].key if name in brought.odd else name
            assert told == "manifest.csv" or f"is {told}".encode() == content
        brought.leave()
        assert not brought.path.exists()


class Cut(Exception):  # noqa: N818 - it is no error
    """The end of a run."""


class Wire:
    """Ends a run at a step."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.steps = at, 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A step before and one after."""

        def stepping(*args: Any, **keywords: Any) -> Any:
            self._step()
            result = function(*args, **keywords)
            self._step()
            return result

        return stepping

    def lay(self, patch: pytest.MonkeyPatch) -> None:
        """Around whatever changes something."""
        for owner, name in (
            (stage, "record_batch"),
            (leaving, "remove_inside"),
            (leaving, "complete_drops"),
            (batches, "complete_drops"),
            (BucketClient, "fetch"),
            (BucketClient, "delete"),
            (s3_source, "remove_tree"),
        ):
            patch.setattr(owner, name, self.around(getattr(owner, name)))

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Cut


def test_cut_anywhere(tmp_path: Path, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure at any step, one more run ends where an undisturbed one does."""
    desk = _desk(tmp_path / "home", bucket)
    monkeypatch.setattr(s3_source, "BucketClient", cache(BucketClient))  # dear to make
    calls = [Call("a"), Call("bad", content=b"none")]

    def life(controller: str, at: int = 0) -> tuple[dict[str, Any], int]:
        instruct(desk.instance, controller)
        mine = Desk(desk.instance, controller)
        _upload(bucket, calls, f"{controller}/drop")
        wire = Wire(at)
        with monkeypatch.context() as patch:
            wire.lay(patch)
            with suppress(Cut):
                mine.take_in()
        if at:
            mine.take_in()
        mine.check()
        mine.forget()
        assert _keys(bucket) == _spooled(desk.instance) == []
        return mine.picture(), wire.steps

    expected, steps = life("undisturbed")
    assert steps >= 16
    for at in range(1, steps + 1, 3):
        assert life(f"cut-{at}", at)[0] == expected, f"cut at step {at}"
    desk.instance.close()


def test_a_killed_worker_leaves_nothing_in_the_spool(desk: Desk, bucket: TestBucket) -> None:
    """What it had fetched is found by the scan, and removed by whatever runs next."""
    _upload(bucket, [Call("a")])
    home = desk.instance.settings.home
    with forking() as program:
        crew = Crew(program, home, home.parent)
        crew.start("one", hold_at=1)
        crew.go("one")
        crew.held("one")
        assert scan_whole(desk.instance).found == {}
        crew.signal("one", signal.SIGKILL)
        assert crew.end("one") == {"signal": signal.SIGKILL}
    assert any(name.endswith("acorn/drop-1/a.wav") for name in _spooled(desk.instance))
    assert scan_whole(desk.instance).found["temporary-left"] == 1
    assert desk.take_in().total("ingested") == 1
    assert _spooled(desk.instance) == _keys(bucket) == []
    assert rows(desk.instance, "leases") == []
    desk.check()
