"""Key cells: the only places where a root lives, and from which it can be destroyed."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from callward.durable import sync_folder, write_durably
from callward.errors import DefectError, IntegrityError, KeyMissingError, OperatorError

ROOT_BYTES = 32


class CellError(OperatorError):
    """A key cell cannot be reached or refuses; its name and a code, no more.

    ``reason``: the device's or service's own word as a code, such as ``pin-incorrect``.
    """

    code = "key-cell"

    def __init__(self, message: str, reason: str = "failed") -> None:
        super().__init__(message)
        self.reason = reason


def kebab(name: str) -> str:
    """``PinIncorrect`` as ``pin-incorrect``, the form of our codes."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Destruction:
    """A cell's answer to being told to destroy a root.

    ``pending``: the cell keeps the root, unusable, until ``until`` (UTC) and then
    destroys it by itself.
    """

    answer: Literal["destroyed", "pending"]
    until: datetime | None = None


DESTROYED = Destruction("destroyed")


class KeyCell(Protocol):
    """Holds roots by generation; wraps and unwraps keys under them (RFC 3394).

    Every cell holds the same root, so what one has wrapped any other unwraps.
    Whatever fails that is not said below is a CellError.
    """

    name: str
    """Lower case letters, digits and hyphens; unique in an instance, and stable."""

    def hold(self, generation: int, root: bytes) -> None:
        """Keep ``root`` durably as ``generation``; DefectError if another one is there."""
        ...

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Return ``keys`` wrapped; KeyMissingError if the generation is not held."""
        ...

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Return the keys; KeyMissingError, or IntegrityError if one is not of this root."""
        ...

    def destroy(self, generation: int) -> Destruction:
        """Destroy the root for good; asked again it says how things stand.

        A root that was never held, or is gone, is destroyed.
        """
        ...

    def generations(self) -> frozenset[int]:
        """The generations that can be used now."""
        ...


class FileCell:
    """A folder of root files, mode 0600: the embedded default, outside the data folder."""

    def __init__(self, folder: Path, name: str = "file") -> None:
        self.name = name
        self._folder = folder

    def hold(self, generation: int, root: bytes) -> None:
        """Keep ``root`` durably; holding the same one again changes nothing."""
        path = self._path(generation)
        if path.exists():
            if path.read_bytes() != root:
                raise DefectError(f"key cell {self.name} already holds generation {generation}")
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(path, root, mode=0o600)
        except OSError as error:
            raise CellError(
                f"key cell {self.name} cannot write (errno {error.errno})", f"errno-{error.errno}"
            ) from None

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Return ``keys`` wrapped under the root (RFC 3394)."""
        root = self._root(generation)
        return [aes_key_wrap(root, key) for key in keys]

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Return the keys that were wrapped."""
        root = self._root(generation)
        return [unwrap(root, wrapped) for wrapped in wraps]

    def destroy(self, generation: int) -> Destruction:
        """Overwrite and remove the root's file.

        Overwriting is best effort on flash and copy-on-write file systems; where
        that matters the cell is an HSM.
        """
        # A killed ``hold`` may have left the same bytes under another name.
        drafts = self._folder.glob(".partial-*")
        halves = [path for path in drafts if path.stat().st_size <= ROOT_BYTES]
        path = self._path(generation)
        try:
            for one in (*halves, *([path] if path.exists() else [])):
                _overwrite(one)
                one.unlink()
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise CellError(
                f"key cell {self.name} cannot destroy generation {generation} (errno {error.errno})"
            ) from None
        return DESTROYED

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


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(ROOT_BYTES))
        file.flush()
        os.fsync(file.fileno())


def wrap(key_above: bytes, key: bytes) -> bytes:
    """Wrap ``key`` under another key (RFC 3394)."""
    return aes_key_wrap(key_above, key)


def unwrap(key_above: bytes, wrapped: bytes) -> bytes:
    """Undo ``wrap``; IntegrityError if it was not made under ``key_above``."""
    try:
        return aes_key_unwrap(key_above, wrapped)
    except InvalidUnwrap:
        raise IntegrityError("a wrapped key does not open under the key above it") from None
