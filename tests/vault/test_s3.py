"""Buckets of S3: what is deleted is gone in every version, or it is said that it is not."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.config import Config

from callward.errors import DefectError, SettingsError
from callward.vault import bucket as bucket_module
from callward.vault.sealing import context, new_key, open_chunks, seal_chunks
from callward.vault.stores import ObjectStore
from callward.vault.storing import StoreError, StoreRefusesError
from tests.buckets import TestBucket, new_bucket


@pytest.fixture(autouse=True)
def endpoint(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tests' server is where AWS would be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    return aws_server


@pytest.fixture(params=[True, False], ids=["versioned", "plain"])
def bucket(request: pytest.FixtureRequest, endpoint: str) -> TestBucket:
    """A bucket of each kind in turn."""
    return new_bucket(endpoint, versioned=request.param)


def test_an_object_put_twice_leaves_no_version_and_no_marker(bucket: TestBucket) -> None:
    """Nor does one that others have deleted, or whose upload was never completed."""
    store = ObjectStore(bucket.url)
    for path in ("a/1", "a/1", "a/2", "a/3", "b/1"):
        store.put(path, [b"x"])
    for path in ("a/2", "c/1"):
        bucket.mark_deleted(path)
    bucket.begin_upload("a/3")
    bucket.begin_upload("a/30")
    store.delete(["a/1", "a/2", "a/3", "c/1", "never/was"])
    assert bucket.everything() == [
        (bucket.key("a/30"), "upload"),
        (bucket.key("b/1"), "version"),
    ]


def test_only_what_is_named_goes(bucket: TestBucket) -> None:
    """Not its namesakes: a longer name, another folder, another instance in the same bucket."""
    store, other = ObjectStore(bucket.url), ObjectStore(f"s3://{bucket.name}/an/instance2")
    for path in ("a/1", "a/10", "a1", "b/a/1"):
        store.put(path, [b"x"])
    other.put("a/1", [b"x"])
    store.delete(["a/1"])
    assert sorted(store.list()) == ["a/10", "a1", "b/a/1"]
    assert list(store.list("a")) == ["a/10"]
    assert list(other.list()) == ["a/1"]
    store.delete(["a1", "b/a/1", "a/10"])
    assert bucket.everything() == [("an/instance2/a/1", "version")]


def test_a_bucket_without_a_prefix(bucket: TestBucket) -> None:
    """Is the instance's alone."""
    store = ObjectStore(f"s3://{bucket.name}")
    store.put("a/1", [b"one"])
    store.put("top", [b"two"])
    assert list(store.list()) == ["a/1", "top"]
    assert b"".join(store.get("a/1")) == b"one"
    store.delete(["a/1", "top"])
    assert bucket.everything() == []


def test_2500_objects_go_in_requests_of_a_thousand(endpoint: str) -> None:
    """Every version of them, absent ones among them, and nothing else."""
    bucket = new_bucket(endpoint)
    store = ObjectStore(bucket.url)
    bucket.put_many(f"many/{number:04}" for number in range(2500))
    bucket.put_many(["many/0000", "kept"])
    assert len(list(store.list("many"))) == 2500
    store.delete(f"many/{number:04}" for number in range(3000))
    assert bucket.everything() == [(bucket.key("kept"), "version")]


def test_unfinished_uploads_are_given_up(bucket: TestBucket) -> None:
    """Those under the prefix, whether or not the object is there."""
    store = ObjectStore(bucket.url)
    store.put("a/1", [b"x"])
    for path in ("a/1", "a/2", "b/1"):
        bucket.begin_upload(path)
    store.tidy("a")
    assert bucket.everything() == [
        (bucket.key("a/1"), "version"),
        (bucket.key("b/1"), "upload"),
    ]
    assert b"".join(store.get("a/1")) == b"x"


def test_a_store_that_forbids_deletion_is_not_believed_empty(endpoint: str) -> None:
    """A legal hold on one version: all else goes, and the error says how many did not."""
    bucket = new_bucket(endpoint, lock=True)
    store = ObjectStore(bucket.url)
    bucket.put_many(f"a/{number}" for number in range(20))
    bucket.hold("a/7")
    with pytest.raises(StoreRefusesError, match=r"^\[store-refuses\] .* 1 versions of 20 paths"):
        store.delete(f"a/{number}" for number in range(20))
    assert bucket.everything() == [(bucket.key("a/7"), "version")]


@pytest.mark.parametrize("where", ["no bucket", "no server"])
@pytest.mark.parametrize("what", ["put", "put_whole", "get", "delete", "list", "tidy"])
def test_errors_say_what_and_not_where(
    where: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither path nor answer, and nothing behind them that a log could show."""
    if where == "no server":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setattr(bucket_module, "_CONFIG", Config(retries={"total_max_attempts": 1}))
        monkeypatch.setattr(bucket_module, "_RETRY", {"max_retries": 0})
    store = ObjectStore("s3://no-such-bucket/x")
    acts: dict[str, Callable[[], object]] = {
        "put": lambda: store.put("canary", [b"x" * 5_000_000] * 2),
        "put_whole": lambda: store.put_whole("canary", memoryview(b"x"), 1),
        "get": lambda: list(store.get("canary")),
        "delete": lambda: store.delete(["canary"]),
        "list": lambda: list(store.list("canary")),
        "tidy": lambda: store.tidy("canary"),
    }
    if (what, where) == ("get", "no bucket"):
        with pytest.raises(DefectError, match=r"no ciphertext at canary$"):
            acts[what]()
        return
    with pytest.raises(StoreError, match=r"^\[store\] the object store cannot [a-z ]+ \(\w+\)$"):
        acts[what]()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_ENDPOINT_URL", "http://store.example", "without TLS"),
        ("AWS_DEFAULT_REGION", "", "region"),
        ("AWS_ACCESS_KEY_ID", "", "credentials"),
    ],
)
def test_what_must_be_set(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """A store in the clear elsewhere, no region, nobody to be: said before anything is written."""
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=said):
        ObjectStore("s3://some-bucket/x")


def test_a_recording_streams_through(endpoint: str) -> None:
    """Sealed into parts and opened again, with no part left behind."""
    bucket = new_bucket(endpoint)
    store, key, bound_to = ObjectStore(bucket.url), new_key(), context("acorn", "1" * 32, "note")
    plain = bytes(range(256)) * 4096 * 20
    source = io.BytesIO(plain)
    chunks = iter(lambda: source.read(1_000_000), b"")
    store.put("a/long", seal_chunks(key, bound_to, chunks))
    assert b"".join(open_chunks(key, bound_to, store.get("a/long"))) == plain
    assert bucket.everything() == [(bucket.key("a/long"), "version")]


def test_an_error_of_the_source_is_the_sources(endpoint: str, tmp_path: Path) -> None:
    """Also where it looks like one of the store's; the upload is given up."""
    bucket = new_bucket(endpoint)
    chunks = (
        (tmp_path / "none").read_bytes() if number == 5 else b"x" * 5_000_000 for number in range(9)
    )
    with pytest.raises(FileNotFoundError):
        ObjectStore(bucket.url).put("a/1", chunks)
    assert bucket.everything() == []
