"""Halves of files that killed writers have left: removed once nobody can be writing them."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

PREFIX = ".partial-"
BEING_WRITTEN = timedelta(hours=1)
"""A half that was touched later than this may still become a whole."""


def remove_halves(folders: Iterable[Path], now: datetime) -> int:
    """Remove what is left half-written at any depth of ``folders``; how many there were.

    A half of a key or of an opened recording is as good as the whole to a thief.
    """
    old = [path for folder in folders for path in _halves(folder) if _touched(path) < now]
    for path in old:
        with suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return len(old)


def _halves(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob(f"{PREFIX}*") if folder in path.parents)


def _touched(path: Path) -> datetime:
    """When a half stops being somebody's work in progress."""
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC) + BEING_WRITTEN
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)
