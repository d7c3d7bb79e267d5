"""Key cells: the only places where a root lives, and from which it can be destroyed."""

import os
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from callward.durable import sync_folder, write_durably
from callward.errors import DefectError, IntegrityError, KeyMissingError

ROOT_BYTES = 32


class KeyCell(Protocol):
    """Holds roots by generation; wraps and unwraps keys under them (RFC 3394)."""

    name: str

    def hold(self, generation: int, root: bytes) -> None:
        """Keep ``root`` durably as ``generation``; DefectError if another one is there."""
        ...

    def wrap(self, generation: int, key: bytes) -> bytes:
        """Return ``key`` wrapped; KeyMissingError if the generation is not held."""
        ...

    def unwrap(self, generation: int, wrapped: bytes) -> bytes:
        """Return the key; KeyMissingError or IntegrityError."""
        ...

    def destroy(self, generation: int) -> None:
        """Forget the root for good; nothing happens if it is not held."""
        ...

    def generations(self) -> frozenset[int]:
        """The generations held."""
        ...


class FileCell:
    """A folder of root files, mode 0600: the embedded default, outside the data folder."""

    name = "file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, generation: int, root: bytes) -> None:
        """Keep ``root`` durably; holding the same one again changes nothing."""
        path = self._path(generation)
        if path.exists():
            if path.read_bytes() != root:
                raise DefectError(f"key cell {self.name} already holds generation {generation}")
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, root, mode=0o600)

    def wrap(self, generation: int, key: bytes) -> bytes:
        """Return ``key`` wrapped under the root (RFC 3394)."""
        return aes_key_wrap(self._root(generation), key)

    def unwrap(self, generation: int, wrapped: bytes) -> bytes:
        """Return the key that was wrapped."""
        return unwrap(self._root(generation), wrapped)

    def destroy(self, generation: int) -> None:
        """Overwrite and remove the root's file.

        Overwriting is best effort on flash and copy-on-write file systems; where
        that matters the cell is an HSM.
        """
        path = self._path(generation)
        if not path.exists():
            return
        with path.open("r+b") as file:
            file.write(bytes(ROOT_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(self._folder)

    def generations(self) -> frozenset[int]:
        """The generations held."""
        return frozenset(int(path.stem.split("-")[1]) for path in self._folder.glob("root-*.key"))

    def _path(self, generation: int) -> Path:
        return self._folder / f"root-{generation:08d}.key"

    def _root(self, generation: int) -> bytes:
        try:
            root = self._path(generation).read_bytes()
        except FileNotFoundError:
            raise KeyMissingError(
                f"key cell {self.name} holds no root of generation {generation}"
            ) from None
        if len(root) != ROOT_BYTES:
            raise IntegrityError(f"root of generation {generation} is damaged in {self.name}")
        return root


def wrap(key_above: bytes, key: bytes) -> bytes:
    """Wrap ``key`` under another key (RFC 3394)."""
    return aes_key_wrap(key_above, key)


def unwrap(key_above: bytes, wrapped: bytes) -> bytes:
    """Undo ``wrap``; IntegrityError if it was not made under ``key_above``."""
    try:
        return aes_key_unwrap(key_above, wrapped)
    except InvalidUnwrap:
        raise IntegrityError("a wrapped key does not open under the key above it") from None
