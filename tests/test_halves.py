"""What killed writers leave is removed, and nothing else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callward.halves import remove_halves
from tests.support import NOW, instruct, new_instance, run_stage


def _touch(path: Path, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (at.timestamp(), at.timestamp()))


def test_only_old_halves_go(tmp_path: Path) -> None:
    """One that may still be written stays, and so does every whole file."""
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    old, new = now - timedelta(hours=2), now - timedelta(minutes=5)
    _touch(tmp_path / "keys" / ".partial-old", old)
    _touch(tmp_path / "keys" / ".partial-new", new)
    _touch(tmp_path / "keys" / "root-1.key", old)
    _touch(tmp_path / "journal" / ".partial-1" / "pages.jsonl", old)
    os.utime(tmp_path / "journal" / ".partial-1", (old.timestamp(), old.timestamp()))
    assert remove_halves([tmp_path / "keys", tmp_path / "journal", tmp_path / "none"], now) == 2
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["keys/.partial-new", "keys/root-1.key"]


def test_a_night_begins_by_removing_them(tmp_path: Path) -> None:
    """Else one killed run would leave every later sweep without its certificate."""
    instance = new_instance(tmp_path / "home")
    instruct(instance)
    half = instance.settings.keys / ".partial-x"
    _touch(half, NOW - timedelta(hours=2))
    assert run_stage(instance, "retention").failures == []
    assert not half.exists()
    instance.close()
