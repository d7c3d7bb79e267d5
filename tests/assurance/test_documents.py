"""Documents are read where they lie, up to a bound, and told by how they were found alone."""

import os
from pathlib import Path

import pytest

from callward.assurance import documents
from callward.assurance.documents import Seen, look_at
from callward.assurance.model import Document
from tests.assurance.items import PAPER, SHA256

PAPERS = Document(file="paper.pdf", sha256=SHA256)


def test_the_one_that_was_entered(tmp_path: Path) -> None:
    """By its digest; not one byte may be another."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(PAPER)
    assert look_at(tmp_path, PAPERS) is Seen.THERE
    path.write_bytes(PAPER + b"\n")
    assert look_at(tmp_path, PAPERS) is Seen.CHANGED
    path.unlink()
    assert look_at(tmp_path, PAPERS) is Seen.MISSING
    assert look_at(tmp_path / "nowhere", PAPERS) is Seen.MISSING


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """Neither a folder, nor a pipe, nor a link that leads elsewhere."""
    path = tmp_path / "paper.pdf"
    path.mkdir()
    assert look_at(tmp_path, PAPERS) is Seen.UNREADABLE
    path.rmdir()
    os.mkfifo(path)
    assert look_at(tmp_path, PAPERS) is Seen.UNREADABLE
    path.unlink()
    (tmp_path / "other").write_bytes(PAPER)
    path.symlink_to(tmp_path / "other")
    assert look_at(tmp_path, PAPERS) is Seen.UNREADABLE


def test_one_that_is_too_large_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unreadable, however good its digest; one of just the size is read."""
    (tmp_path / "paper.pdf").write_bytes(PAPER)
    monkeypatch.setattr(documents, "MOST_BYTES", len(PAPER))
    assert look_at(tmp_path, PAPERS) is Seen.THERE
    monkeypatch.setattr(documents, "MOST_BYTES", len(PAPER) - 1)
    assert look_at(tmp_path, PAPERS) is Seen.UNREADABLE
