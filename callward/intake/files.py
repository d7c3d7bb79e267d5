"""Touching files inside a drop, which a supplier can write to while we look.

Every path component is opened relative to the folder above it and never
followed if it is a symbolic link, so nothing outside the drop can be reached
whatever is swapped underneath.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from callward.intake.manifest import MAX_BYTES
from callward.intake.reasons import Reason, Refusal

MAX_NAME = 1024
"""Longest path inside a drop, in bytes of UTF-8; a component has at most 255."""

MAX_COMPONENT = 255
MAX_ENTRIES = 1_000_000
MAX_DEPTH = 16

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe put in a file's place must not keep us waiting for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Seen:
    """A file's identity and extent at one moment; another value later means it changed."""

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, fd: int) -> Self:
        """The identity of an open file."""
        return cls.from_stat(os.fstat(fd))

    @classmethod
    def from_stat(cls, facts: os.stat_result) -> Self:
        """The identity in a stat result."""
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev)


def open_inside(drop: Path, name: str) -> int:
    """Open a regular file of the drop for reading; the caller closes the descriptor.

    ``name`` is a path relative to the drop, with ``/``. Raises Refusal:
    path-escape, not-regular, file-missing or unreadable.
    """
    with _refusing(), _parent(drop, name) as (folder, last):
        # Opening a device can itself do something, so look before.
        _require_regular(os.stat(last, dir_fd=folder, follow_symlinks=False))
        fd = os.open(last, _FILE, dir_fd=folder)
        try:
            _require_regular(os.fstat(fd))
        except Refusal:
            os.close(fd)
            raise
        return fd


def read_manifest_file(path: Path, *, limit: int = MAX_BYTES) -> bytes | None:
    """The bytes of ``path``, at most ``limit`` + 1 of them; None if it is no readable file."""
    try:
        fd = open_inside(path.parent, path.name)
    except Refusal:
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(limit + 1)


def list_drop(drop: Path, *, max_entries: int = MAX_ENTRIES) -> list[str]:
    """The names of everything in the drop that is not a folder, sorted; no link is followed.

    Links, pipes and devices are listed too, and refused by ``open_inside``.
    Raises Refusal: too-large with more than ``max_entries`` entries, or folders
    deeper than ``MAX_DEPTH``; unreadable; file-missing if there is no drop.
    """
    names: list[str] = []
    with _refusing():
        for count, (name, facts) in enumerate(_walk(drop), start=1):
            if count > max_entries:
                raise Refusal(Reason.TOO_LARGE)
            if not stat.S_ISDIR(facts.st_mode):
                names.append(name)
    return sorted(names)


def remove_inside(drop: Path, name: str, *, seen: Seen | None = None) -> bool:
    """Unlink a file, link or pipe of the drop; False if it is already gone.

    With ``seen``, only if it is still what was seen: raises Refusal
    changed-while-read otherwise, and not-regular for a folder.
    """
    try:
        with _refusing(), _parent(drop, name) as (folder, last):
            _require_removable(os.stat(last, dir_fd=folder, follow_symlinks=False), seen)
            os.unlink(last, dir_fd=folder)
    except Refusal as refusal:
        if refusal.reason is Reason.FILE_MISSING:
            return False
        raise
    return True


def remove_drop(drop: Path) -> bool:
    """Remove the drop's empty folders and then the drop; True if nothing of it is left.

    Never removes a file: what is still there keeps its folders.
    """
    try:
        with _refusing():
            folders = [name for name, facts in _walk(drop) if stat.S_ISDIR(facts.st_mode)]
            for name in sorted(folders, key=lambda each: each.count("/"), reverse=True):
                with _parent(drop, name) as (folder, last):
                    _remove_empty(last, folder)
        _remove_empty(str(drop), None)
    except Refusal as refusal:
        return refusal.reason is Reason.FILE_MISSING and not drop.exists()
    return not drop.exists()


def _remove_empty(path: str, folder: int | None) -> None:
    try:
        os.rmdir(path, dir_fd=folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT}:
            raise


def _walk(drop: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and lstat of everything below the drop."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        if len(parts) > MAX_DEPTH:
            raise Refusal(Reason.TOO_LARGE)
        with _folder(drop, parts) as fd, os.scandir(fd) as entries:
            for entry in entries:
                try:
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # gone again while we looked
                    continue
                here = (*parts, entry.name)
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append(here)
                yield "/".join(here), facts


@contextmanager
def _parent(drop: Path, name: str) -> Iterator[tuple[int, str]]:
    """Open the folder that holds ``name``; yield its descriptor and the last component."""
    *parts, last = _components(name)
    with _folder(drop, tuple(parts)) as fd:
        yield fd, last


@contextmanager
def _folder(drop: Path, parts: tuple[str, ...]) -> Iterator[int]:
    fd = os.open(drop, _FOLDER)
    try:
        for part in parts:
            facts = os.stat(part, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISLNK(facts.st_mode):
                raise Refusal(Reason.PATH_ESCAPE)
            below = os.open(part, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def fits(name: str) -> bool:
    """Whether a name can be a file's below a folder of ours."""
    try:
        return bool(_components(name))
    except Refusal:
        return False


def _components(name: str) -> list[str]:
    try:
        encoded = os.fsencode(name)
    except UnicodeEncodeError:
        raise Refusal(Reason.PATH_ESCAPE) from None
    parts = name.split("/")
    too_long = max(len(part) for part in encoded.split(b"/")) > MAX_COMPONENT
    if b"\0" in encoded or too_long or len(encoded) > MAX_NAME or len(parts) > MAX_DEPTH + 1:
        raise Refusal(Reason.PATH_ESCAPE)
    if not {"", ".", ".."}.isdisjoint(parts):
        raise Refusal(Reason.PATH_ESCAPE)
    return parts


def _flaw(facts: os.stat_result) -> Reason | None:
    if stat.S_ISLNK(facts.st_mode):
        return Reason.PATH_ESCAPE
    return None if stat.S_ISREG(facts.st_mode) else Reason.NOT_REGULAR


def _require_removable(facts: os.stat_result, seen: Seen | None) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise Refusal(Reason.NOT_REGULAR)
    if seen is not None and Seen.from_stat(facts) != seen:
        raise Refusal(Reason.CHANGED_WHILE_READ)


def _require_regular(facts: os.stat_result) -> None:
    flaw = _flaw(facts)
    if flaw:
        raise Refusal(flaw)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn the system's errors, whose text holds names, into refusals."""
    try:
        yield
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        raise Refusal(Reason.FILE_MISSING) from None
    if error.errno == errno.ELOOP:
        raise Refusal(Reason.PATH_ESCAPE) from None
    if error.errno in {errno.ENXIO, errno.EISDIR}:
        raise Refusal(Reason.NOT_REGULAR) from None
    raise Refusal(Reason.UNREADABLE) from None
