"""The object store: streams in and out, and forgives what is already gone."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.errors import DefectError
from callward.vault.stores import ObjectStore
from callward.vault.storing import StoreError
from tests.buckets import new_bucket

_TOP = Path(__file__).parents[2]


@pytest.fixture
def local(tmp_path: Path) -> ObjectStore:
    """A store in a local folder."""
    return ObjectStore((tmp_path / "objects").as_uri())


@pytest.fixture(params=["folder", "plain bucket", "versioned bucket"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """A store of each kind in turn."""
    if request.param == "folder":
        folder: ObjectStore = request.getfixturevalue("local")
        return folder
    endpoint: str = request.getfixturevalue("aws_server")
    request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL", endpoint)
    return ObjectStore(new_bucket(endpoint, versioned=request.param != "plain bucket").url)


def _get(store: ObjectStore, path: str) -> bytes:
    return b"".join(store.get(path))


@given(chunks=st.lists(st.binary(max_size=200_000), max_size=5))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_put_comes_back(store: ObjectStore, chunks: list[bytes]) -> None:
    """Any content in any chunks, over an older one too."""
    store.put("intent/one", chunks)
    assert _get(store, "intent/one") == b"".join(chunks)
    assert list(store.list()) == ["intent/one"]


def test_content_larger_than_a_part(store: ObjectStore) -> None:
    """Content that is sent in several parts arrives whole and in order."""
    chunks = [bytes([n]) * 1_500_001 for n in range(10)]
    store.put("big", iter(chunks))
    assert _get(store, "big") == b"".join(chunks)


def test_missing_is_a_defect_and_named(store: ObjectStore) -> None:
    """A ciphertext that should be there and is not names its path."""
    with pytest.raises(DefectError, match=r"^\[defect\] .*intent/none"):
        _get(store, "intent/none")


def test_deleting(store: ObjectStore) -> None:
    """What is named goes, the rest stays, and what is gone already is no error."""
    for name in ("a/1", "a/2", "b/1"):
        store.put(name, [name.encode()])
    store.delete(["a/0", "a/1", "never/was", "b/1", "z"])
    assert list(store.list()) == ["a/2"]
    store.delete(["a/1"])
    store.delete([])
    assert _get(store, "a/2") == b"a/2"


def test_deleting_more_than_a_batch(local: ObjectStore, tmp_path: Path) -> None:
    """Thousands at once, absent ones among them."""
    folder = tmp_path / "objects" / "many"
    folder.mkdir()
    for n in range(0, 1050, 2):
        (folder / f"{n:04}").write_bytes(b"x")
    local.delete(f"many/{n:04}" for n in range(1049))
    assert list(local.list()) == []


def test_listing_a_prefix(store: ObjectStore) -> None:
    """A prefix is a folder: a name that merely begins alike is not listed."""
    for name in ("ab/1", "ab/2/3", "abc/1"):
        store.put(name, [b"x"])
    assert sorted(store.list("ab")) == ["ab/1", "ab/2/3"]
    assert sorted(store.list()) == ["ab/1", "ab/2/3", "abc/1"]
    assert list(store.list("none")) == []


def test_a_put_cut_short_leaves_nothing(store: ObjectStore) -> None:
    """When the source fails, neither half a ciphertext appears nor does an older one go."""
    store.put("one", [b"old"])

    def failing(chunks: int) -> Iterator[bytes]:
        for _ in range(chunks):
            yield b"x" * 6_000_000
        raise OSError(5, "source failed")

    for name, chunks in (("one", 1), ("two", 4), ("one", 4)):
        with pytest.raises(OSError, match="source failed"):
            store.put(name, failing(chunks))
    assert list(store.list()) == ["one"]
    assert _get(store, "one") == b"old"


def test_put_and_settle_flush(
    local: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``put`` flushes the content, ``settle`` the folders that name it."""
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_ino))
    root = tmp_path / "objects"
    local.put("intent/one", [b"x"])
    assert flushed == [(root / "intent" / "one").stat().st_ino]
    flushed.clear()
    local.settle("intent")
    assert flushed == [(root / "intent").stat().st_ino, root.stat().st_ino]
    flushed.clear()
    local.settle("nothing-was-put-here")
    assert flushed == []


def test_what_a_killed_writer_left_goes(local: ObjectStore, tmp_path: Path) -> None:
    """With the prefix that is tidied, or with the ciphertext that it was to be."""
    for name in ("a/1", "a/2", "b/1"):
        local.put(name, [b"x"])
    halves = [tmp_path / "objects" / name for name in ("a/1#1", "a/2#1", "b/1#2", "b/10#1")]
    for half in halves:
        half.write_bytes(b"half")
    local.delete(["b/1"])
    assert [half.name for half in halves if half.exists()] == ["1#1", "2#1", "10#1"]
    local.tidy("a")
    assert [half.name for half in halves if half.exists()] == ["10#1"]
    assert sorted(local.list()) == ["a/1", "a/2"]


def test_a_full_disk_is_said_without_a_path(
    local: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an error of ours; what the system says names files."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device", f"/secret/{handle}")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"^\[store\] .*ENOSPC\)$"):
        local.put_whole("a/1", memoryview(bytearray(b"whole")), 5)
    with pytest.raises(StoreError, match="ENOSPC"):
        local.put("a/2", [b"x"])


def test_a_folder_that_cannot_be_written_to_refuses(local: ObjectStore, tmp_path: Path) -> None:
    """A file where a folder should be, for both ways of writing."""
    (tmp_path / "objects" / "a").write_bytes(b"")
    with pytest.raises(StoreError, match=r"^\[store\] .* cannot write \([A-Za-z]+\)$"):
        local.put_whole("a/1", memoryview(bytearray(b"whole")), 5)
    with pytest.raises(StoreError, match=r"cannot write \([A-Za-z]+\)$"):
        local.put("a/1", [b"x"])


@pytest.mark.parametrize("name", ["a b", "100%25", "wh?t", "h#sh", "ünï"])
def test_odd_folders_keep_their_name(tmp_path: Path, name: str) -> None:
    """The store lies where its URL says, whatever the folder is called."""
    root = tmp_path / name
    store = ObjectStore(root.as_uri())
    store.put("x/y", [b"content"])
    assert (root / "x" / "y").read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [root]
    assert _get(ObjectStore(store.url), "x/y") == b"content"


_LARGE = """
import hashlib, resource, sys
from callward.vault.stores import ObjectStore
store = ObjectStore(sys.argv[1])
chunk = bytes(range(256)) * 16384
store.put("warm", [chunk] * 4)
list(map(len, store.get("warm")))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put("large", (chunk for _ in range(75)))
digest = hashlib.sha256()
for part in store.get("large"):
    digest.update(part)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, digest.hexdigest())
"""


def test_memory_does_not_grow_with_the_content(tmp_path: Path) -> None:
    """300 MB go in from an iterator and come out as a stream with less than 40 MB more."""
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, tmp_path.as_uri()],
        cwd=_TOP,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (tmp_path / "large").unlink()
    grown, digest = done.stdout.split()
    expected = hashlib.sha256()
    for _ in range(75):
        expected.update(bytes(range(256)) * 16384)
    assert digest == expected.hexdigest()
    assert int(grown) * 1024 < 40_000_000
