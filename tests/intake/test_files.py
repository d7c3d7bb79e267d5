"""A drop can be touched in its inside only."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.intake.files import (
    Seen,
    list_drop,
    open_inside,
    read_manifest_file,
    remove_drop,
    remove_inside,
)
from callward.intake.reasons import Reason, Refusal


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A drop of two files beside a secret."""
    drop = tmp_path / "landing" / "drop"
    (drop / "sub").mkdir(parents=True)
    (drop / "a.wav").write_bytes(b"one")
    (drop / "sub" / "b.wav").write_bytes(b"two")
    (tmp_path / "secret").write_bytes(b"secret")
    return drop


@pytest.fixture(autouse=True)
def _no_descriptor_leaks() -> Iterator[None]:
    """Whatever happens, every descriptor is closed again."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def content(drop: Path, name: str) -> bytes:
    """Read a file of the drop."""
    with os.fdopen(open_inside(drop, name), "rb") as file:
        return file.read()


def reason(drop: Path, name: str) -> Reason:
    """Why a file of the drop is not opened."""
    with pytest.raises(Refusal) as caught:
        os.close(open_inside(drop, name))
    assert str(caught.value) == f"[refused] {caught.value.reason}"
    assert caught.value.__cause__ is None
    return caught.value.reason


def test_files_are_opened(drop: Path) -> None:
    """Regular files open, in the drop and in its folders."""
    assert content(drop, "a.wav") == b"one"
    assert content(drop, "sub/b.wav") == b"two"


@pytest.mark.parametrize(
    "name",
    [
        "../../secret",
        "sub/../../../secret",
        "..",
        ".",
        "",
        "/etc/passwd",
        "sub//b.wav",
        "./a.wav",
        "a.wav/",
        "a\0.wav",
        "x" * 256,
        "/".join(["y" * 200] * 6),
        "/".join(["d"] * 40),
        "\ud800.wav",
    ],
)
def test_names_that_leave_the_drop(drop: Path, name: str) -> None:
    """No name reaches further than the drop, or is longer than a name can be."""
    assert reason(drop, name) is Reason.PATH_ESCAPE


def test_links_are_not_followed(drop: Path) -> None:
    """A link is refused as the last component, as a folder, and dangling."""
    (drop / "link").symlink_to("../../secret")
    (drop / "inner").symlink_to("a.wav")
    (drop / "folder").symlink_to("..")
    (drop / "dangling").symlink_to("nowhere")
    for name in ("link", "inner", "folder/drop/a.wav", "dangling"):
        assert reason(drop, name) is Reason.PATH_ESCAPE
    (drop.parent / "other").symlink_to("drop")
    assert reason(drop.parent / "other", "a.wav") in {Reason.PATH_ESCAPE, Reason.FILE_MISSING}


def test_what_is_no_file(drop: Path) -> None:
    """Folders, pipes, sockets and devices are refused at once, without waiting."""
    os.mkfifo(drop / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(drop)  # a socket's path must be short
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        for name in ("sub", "pipe", "socket"):
            assert reason(drop, name) is Reason.NOT_REGULAR
    assert reason(Path("/dev"), "null") is Reason.NOT_REGULAR


def test_a_pipe_swapped_in_is_refused(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes a pipe between looking and opening neither hangs nor opens."""
    real = os.open

    def swap(path: str | Path, flags: int, *args: int, dir_fd: int | None = None) -> int:
        if path == "a.wav":
            (drop / "a.wav").unlink()
            os.mkfifo(drop / "a.wav")
        return real(path, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap)
    assert reason(drop, "a.wav") is Reason.NOT_REGULAR


def test_a_link_swapped_in_is_refused(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes a link between looking and opening is not followed."""
    real = os.open

    def swap(path: str | Path, flags: int, *args: int, dir_fd: int | None = None) -> int:
        if path == "a.wav":
            (drop / "a.wav").unlink()
            (drop / "a.wav").symlink_to("../../secret")
        return real(path, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap)
    assert reason(drop, "a.wav") is Reason.PATH_ESCAPE


def test_what_is_not_there(drop: Path) -> None:
    """A missing file, folder or drop, and a file used as a folder."""
    for name in ("none.wav", "none/none.wav", "a.wav/none"):
        assert reason(drop, name) is Reason.FILE_MISSING
    assert reason(drop / "none", "a.wav") is Reason.FILE_MISSING


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(name=st.text(st.sampled_from("./\0a\u00e9 ~\\"), max_size=20))
def test_no_name_reads_the_secret(drop: Path, name: str) -> None:
    """Whatever is put together from dots and slashes stays inside."""
    with pytest.raises(Refusal) as caught:
        content(drop, name)
    refused = {Reason.PATH_ESCAPE, Reason.FILE_MISSING, Reason.NOT_REGULAR}
    assert caught.value.reason in refused


def test_everything_in_a_drop_is_listed(drop: Path) -> None:
    """Files of all depths, links and pipes are listed; folders and what links lead to are not."""
    (drop / "loop").symlink_to(".")
    (drop / "out").symlink_to("../..")
    os.mkfifo(drop / "pipe")
    (drop / "sub" / "c\udcff.wav").touch()
    assert list_drop(drop) == ["a.wav", "loop", "out", "pipe", "sub/b.wav", "sub/c\udcff.wav"]


def test_listing_is_bounded(drop: Path) -> None:
    """Too many entries, or folders too deep, refuse the drop."""
    for number in range(10):
        (drop / f"f{number}").touch()
    with pytest.raises(Refusal) as caught:
        list_drop(drop, max_entries=12)
    assert caught.value.reason is Reason.TOO_LARGE
    assert len(list_drop(drop, max_entries=13)) == 12
    drop.joinpath(*(["d"] * 17)).mkdir(parents=True)
    with pytest.raises(Refusal) as caught:
        list_drop(drop)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_drop_that_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    """A missing drop is an error and not an empty list."""
    with pytest.raises(Refusal) as caught:
        list_drop(tmp_path / "none")
    assert caught.value.reason is Reason.FILE_MISSING


def test_the_deepest_listed_file_opens(drop: Path) -> None:
    """What the listing names can be opened and removed."""
    deep = drop.joinpath(*(["d"] * 16))
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"deep")
    name = list_drop(drop)[1]
    assert content(drop, name) == b"deep"
    assert remove_inside(drop, name)


def test_removing_is_for_what_is_inside(drop: Path) -> None:
    """A link is removed and not what it leads to; nothing outside is."""
    (drop / "link").symlink_to("../../secret")
    (drop / "folder").symlink_to("../..")
    assert remove_inside(drop, "link")
    for name in ("../../secret", "folder/secret", "/etc/passwd"):
        with pytest.raises(Refusal) as caught:
            remove_inside(drop, name)
        assert caught.value.reason is Reason.PATH_ESCAPE
    assert (drop.parent.parent / "secret").read_bytes() == b"secret"
    assert list_drop(drop) == ["a.wav", "folder", "sub/b.wav"]


def test_removing_twice_is_removing_once(drop: Path) -> None:
    """What is gone already is no error."""
    assert remove_inside(drop, "a.wav")
    assert not remove_inside(drop, "a.wav")


def test_a_folder_is_not_removed_as_a_file(drop: Path) -> None:
    """A folder in a file's place stays."""
    with pytest.raises(Refusal) as caught:
        remove_inside(drop, "sub")
    assert caught.value.reason is Reason.NOT_REGULAR
    assert (drop / "sub" / "b.wav").exists()


def test_only_what_was_seen_is_removed(drop: Path) -> None:
    """A file delivered anew under the name of one already taken in stays."""
    fd = open_inside(drop, "a.wav")
    seen = Seen.of(fd)
    os.close(fd)
    (drop / "new").write_bytes(b"new")
    (drop / "new").rename(drop / "a.wav")
    with pytest.raises(Refusal) as caught:
        remove_inside(drop, "a.wav", seen=seen)
    assert caught.value.reason is Reason.CHANGED_WHILE_READ
    assert content(drop, "a.wav") == b"new"
    fd = open_inside(drop, "a.wav")
    seen = Seen.of(fd)
    os.close(fd)
    assert remove_inside(drop, "a.wav", seen=seen)


def test_a_change_shows(drop: Path) -> None:
    """A file that grows while it is read has another identity afterwards."""
    fd = open_inside(drop, "a.wav")
    try:
        before = Seen.of(fd)
        assert Seen.of(fd) == before
        with (drop / "a.wav").open("ab") as file:
            file.write(b"more")
        assert Seen.of(fd) != before
    finally:
        os.close(fd)


def test_an_empty_drop_is_removed(drop: Path) -> None:
    """Folders without files go, deepest first, and then the drop."""
    (drop / "sub" / "deeper").mkdir()
    remove_inside(drop, "a.wav")
    remove_inside(drop, "sub/b.wav")
    assert remove_drop(drop)
    assert not drop.exists()
    assert remove_drop(drop)


def test_a_drop_with_files_stays(drop: Path) -> None:
    """A file that came late keeps its folder and the drop; empty folders go."""
    (drop / "empty").mkdir()
    remove_inside(drop, "a.wav")
    assert not remove_drop(drop)
    assert list_drop(drop) == ["sub/b.wav"]
    assert not (drop / "empty").exists()


def test_removing_a_drop_follows_no_link(drop: Path) -> None:
    """An empty folder that a link leads to stays."""
    outside = drop.parent / "outside"
    (outside / "empty").mkdir(parents=True)
    (drop / "link").symlink_to(outside)
    assert not remove_drop(drop)
    assert (outside / "empty").exists()
    (drop.parent / "second").symlink_to(outside)
    assert not remove_drop(drop.parent / "second")
    assert (outside / "empty").exists()


def test_a_manifest_is_read_up_to_its_limit(drop: Path) -> None:
    """A manifest is a regular file; of a huge one no more is read than shows that it is."""
    assert read_manifest_file(drop / "a.wav") == b"one"
    assert read_manifest_file(drop / "a.wav", limit=1) == b"on"
    (drop / "manifest.csv").symlink_to("a.wav")
    assert read_manifest_file(drop / "manifest.csv") is None
    assert read_manifest_file(drop / "none.csv") is None
