"""Durable writes: whole or not there, flushed in the right order."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.durable import sync_file, sync_folder, write_durably


@given(content=st.binary(max_size=4096), mode=st.sampled_from([0o600, 0o640, 0o644]))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_content_and_mode_come_back(tmp_path: Path, content: bytes, mode: int) -> None:
    """What was written is what is read, with the mode asked for, over an older file too."""
    path = tmp_path / "file"
    write_durably(path, content, mode=mode)
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - names are all that matters


def test_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    """A lax umask does not open a key to others."""
    before = os.umask(0)
    try:
        write_durably(tmp_path / "key", b"secret", mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """When the disk refuses, the old content stays and no draft is left."""
    path = tmp_path / "file"
    write_durably(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(OSError, match="no space"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_flushed_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content reaches the disk before the folder that names it does."""
    flushed: list[int] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        flushed.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    path = tmp_path / "file"
    write_durably(path, b"content")
    assert flushed == [path.stat().st_ino, tmp_path.stat().st_ino]


def test_sync_flushes_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``sync_file`` and ``sync_folder`` flush that file and that folder, and keep none open."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    flushed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append((fd, os.fstat(fd).st_ino)))
    sync_file(path)
    sync_folder(tmp_path)
    assert [inode for _, inode in flushed] == [path.stat().st_ino, tmp_path.stat().st_ino]
    for handle, _ in flushed:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def test_sync_folder_is_for_folders(tmp_path: Path) -> None:
    """Taking a file for a folder is an error, not a quiet success."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with pytest.raises(NotADirectoryError):
        sync_folder(path)
