"""The log as files that public tools read: c2sp.org/tlog-tiles.

``checkpoint`` is the signed note; ``tile/<L>/<N>`` are hashes, ``tile/entries/<N>``
the leaves' bodies, 256 to a file; what is not whole yet ends in ``.p/<W>``. All
but the checkpoint never change, so an export only adds to the one before it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from callward.durable import sync_file, sync_folder, write_durably
from callward.errors import IntegrityError, OperatorError, SettingsError
from callward.ledger import attesting, notes, proving, rows
from callward.ledger.leaves import MAX_BODY
from callward.ledger.merkle import TILE_HEIGHT, TILE_WIDTH
from callward.ledger.nodes import Tiles

CHECKPOINT: Final = "checkpoint"
_DRAFT: Final = ".partial"
_MODE: Final = 0o644


class OtherLogError(OperatorError):
    """The folder holds the export of another log, or of one that went another way."""

    code = "other-log"


@dataclass(frozen=True, slots=True)
class Exported:
    """The size of the log exported, and how many files were new."""

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Tile:
    """Tile ``number`` of a level (-1: the entries) with ``width`` of 256 hashes or entries."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it lies: 1234067 is ``x001/x234/067``."""
        digits = f"{self.number:03}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        place = "/".join([f"x{part}" for part in parts[:-1]] + parts[-1:])
        end = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level < 0 else self.level}/{place}{end}"


def new_tiles(before: int, size: int) -> Iterator[Tile]:
    """The tiles of a log of ``size`` leaves that one of ``before`` does not have, in order."""
    level = 0
    while size >> level * TILE_HEIGHT:
        was, now = (leaves >> level * TILE_HEIGHT for leaves in (before, size))
        spans = [Tile(level, number) for number in range(was // TILE_WIDTH, now // TILE_WIDTH)]
        if now % TILE_WIDTH and now != was:
            spans.append(Tile(level, now // TILE_WIDTH, now % TILE_WIDTH))
        for tile in spans:
            yield tile
            if level == 0:
                yield Tile(-1, tile.number, tile.width)
        level += 1


def export(connection: sa.Connection, folder: Path) -> Exported:
    """Bring the export in ``folder`` up to the latest checkpoint; the folder is made if need be.

    The checkpoint carries the cosignatures there are. Every file is on disk before
    the checkpoint that needs it, so a reader, and an export cut short, always find a
    whole log. Raises NoCheckpointError if nothing was ever signed, OtherLogError if
    what is there is not the beginning of this log, IntegrityError if the catalogue's
    leaves do not lead to the checkpoint.
    """
    size, note = proving.latest_checkpoint(connection)
    signed = notes.parse_checkpoint(notes.note_text(note))
    tiles = Tiles(connection)
    if tiles.frontier(size).root != signed.root:
        raise IntegrityError(f"checkpoint {size} is not of this ledger")
    before = _exported(folder, signed.origin, size, tiles)
    writer = _Writer(folder)
    for tile in new_tiles(before, size):
        writer.write(tile.path, _content(connection, tiles, tile))
    writer.settle()
    path, content = folder / CHECKPOINT, attesting.cosigned_note(connection, size, note).encode()
    if not path.exists() or path.read_bytes() != content:
        write_durably(path, content, mode=_MODE)
    return Exported(size, writer.files)


def _exported(folder: Path, origin: str, size: int, tiles: Tiles) -> int:
    """How many leaves the folder has whole; OtherLogError unless they are this log's first."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(notes.MAX_NOTE + 1)
        there = notes.parse_checkpoint(notes.note_text(text))
    except (OSError, UnicodeDecodeError, IntegrityError):
        raise SettingsError("the checkpoint in the folder of the export cannot be read") from None
    if there.origin != origin:
        raise OtherLogError("the folder holds the export of another log")
    if there.size > size or tiles.frontier(there.size).root != there.root:
        raise OtherLogError(f"this log is not the one exported at {there.size} leaves")
    return there.size


def _content(connection: sa.Connection, tiles: Tiles, tile: Tile) -> bytes:
    hashes = tiles.tile(max(tile.level, 0), tile.number)[: tile.width]
    if len(hashes) != tile.width:
        raise IntegrityError(f"part of {tile.path} is missing")
    if tile.level >= 0:
        return b"".join(hashes)
    bodies = rows.bodies(connection, tile.number * TILE_WIDTH, tile.width)
    return b"".join(_entry(body.encode()) for body in bodies)


def _entry(body: bytes) -> bytes:
    if len(body) > MAX_BODY:  # the ledger takes none in, so somebody else wrote it
        raise IntegrityError(f"a leaf is longer than {MAX_BODY} bytes")
    return struct.pack(">H", len(body)) + body


class _Writer:
    """Writes files that never change; on disk for certain after ``settle``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._touched: set[Path] = set()
        self.files = 0

    def write(self, name: str, content: bytes) -> None:
        """Write a file, unless an export cut short has left it there."""
        path = self._folder / name
        for parent in [path.parent, *path.parent.parents]:
            self._touched.add(parent)
            if parent == self._folder:
                break
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() != content:
                raise OtherLogError(f"{name} is there with another content")
            return
        draft = path.with_name(_DRAFT)
        draft.write_bytes(content)
        draft.chmod(_MODE)
        sync_file(draft)
        draft.replace(path)
        self.files += 1

    def settle(self) -> None:
        """Flush every folder that has new entries."""
        for folder in self._touched:
            sync_folder(folder)
