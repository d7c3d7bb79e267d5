"""The export, read back by a reader that knows nothing but c2sp.org/tlog-tiles and RFC 6962."""

import struct
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue.tables import ledger_checkpoints, ledger_head, ledger_leaves, ledger_nodes
from callward.durable import sync_file
from callward.errors import IntegrityError, SettingsError
from callward.ledger import log, nodes, tiles
from callward.ledger.log import NoCheckpointError
from callward.ledger.notes import verify_checkpoint
from callward.ledger.signing import Signer
from callward.ledger.tiles import OtherLogError, Tile, export, new_tiles
from tests.ledger.bulk import fill


class Reader:
    """An independent reader: it has the folder, and the spec."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        signed = verify_checkpoint((folder / "checkpoint").read_text(encoding="utf-8"), [key])
        self.size, self.signed_root = signed.size, signed.root

    def path(self, kind: str, number: int, width: int) -> Path:
        """``tile/<L>/<N>[.p/<W>]`` with N in groups of three digits."""
        groups: list[str] = []
        rest = number
        while True:
            groups.insert(0, f"{rest % 1000:03}")
            rest //= 1000
            if not rest:
                break
        place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        return self.folder / f"tile/{kind}/{place}{'' if width == 256 else f'.p/{width}'}"

    def widths(self, level: int) -> Iterator[tuple[int, int]]:
        """Number and width of every tile of a level, by the formula of the spec."""
        count = self.size // 256**level
        for number in range(count // 256):
            yield number, 256
        if count % 256:
            yield count // 256, count % 256

    def hash(self, level: int, index: int) -> bytes:
        """The hash at a level's index, from the tile that holds it."""
        for number, width in self.widths(level):
            if number == index // 256 and index % 256 < width:
                content = self.path(str(level), number, width).read_bytes()
                assert len(content) == 32 * width
                return content[32 * (index % 256) :][:32]
        raise AssertionError

    def entries(self) -> Iterator[bytes]:
        """Every entry, in order."""
        for number, width in self.widths(0):
            content = self.path("entries", number, width).read_bytes()
            for _ in range(width):
                (length,) = struct.unpack(">H", content[:2])
                yield content[2 : 2 + length]
                content = content[2 + length :]
            assert content == b""

    def tree_hash(self, first: int, end: int) -> bytes:
        """MTH of RFC 6962 §2.1 over these leaves, from the highest tiles that have it."""
        count = end - first
        level = 0
        while count == 256 ** (level + 1):
            level += 1
        if count == 256**level and first % count == 0:
            return self.hash(level, first // count)
        half = 1
        while half * 2 < count:
            half *= 2
        left, right = self.tree_hash(first, first + half), self.tree_hash(first + half, end)
        return sha256(b"\x01" + left + right).digest()

    def check(self) -> None:
        """Entries hash to level 0, each level to the next, all to the signed root."""
        hashes = [sha256(b"\x00" + entry).digest() for entry in self.entries()]
        assert hashes == [self.hash(0, index) for index in range(self.size)]
        level = 1
        while self.size >= 256**level:
            for index in range(self.size // 256**level):
                below = [self.hash(level - 1, index * 256 + each) for each in range(256)]
                while len(below) > 1:
                    pairs = zip(below[::2], below[1::2], strict=True)
                    below = [sha256(b"\x01" + one + two).digest() for one, two in pairs]
                assert self.hash(level, index) == below[0]
            level += 1
        assert self.tree_hash(0, self.size) == self.signed_root

    def prove(self, index: int) -> list[bytes]:
        """An inclusion path (RFC 6962 §2.1.1) out of tiles alone."""
        path, first, end = [], 0, self.size
        while end - first > 1:
            half = 1
            while half * 2 < end - first:
                half *= 2
            if index < first + half:
                path.append(self.tree_hash(first + half, end))
                end = first + half
            else:
                path.append(self.tree_hash(first, first + half))
                first += half
        return path[::-1]


def _grow(engine: sa.Engine, signer: Signer, at: datetime, count: int) -> None:
    with engine.begin() as connection:
        if count:
            fill(connection, count, at)
        log.checkpoint(connection, signer, at)


def _export(engine: sa.Engine, folder: Path) -> tiles.Exported:
    with engine.begin() as connection:
        return export(connection, folder)


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file but the checkpoint: when it was written, and what it holds."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != "checkpoint"
    }


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (999, 256, "tile/0/999"),
        (1000, 7, "tile/0/x001/000.p/7"),
        (1234067, 256, "tile/0/x001/x234/067"),
    ],
)
def test_paths_are_those_of_the_spec(number: int, width: int, path: str) -> None:
    """The example of the spec, and where the number of digits changes."""
    assert Tile(0, number, width).path == path


def test_the_tiles_of_the_spec_s_example() -> None:
    """70,000 leaves: 273 full level 0 tiles and one of 112, one full level 1, and so on."""
    found = [tile for tile in new_tiles(0, 70_000) if tile.level >= 0]
    assert sum(tile.level == 0 and tile.width == 256 for tile in found) == 273
    assert [tile for tile in found if tile.width != 256 or tile.level] == [
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert [tile for tile in new_tiles(0, 256) if tile.level >= 0] == [Tile(0, 0), Tile(1, 0, 1)]


def test_any_steps_lead_to_the_same_tiles() -> None:
    """What is whole at the end has been new exactly once, wherever exports stopped between."""
    sizes = [0, 1, 255, 256, 256, 300, 65_536, 65_537, 70_000]
    stepwise = [tile for before, size in pairwise(sizes) for tile in new_tiles(before, size)]
    assert len(stepwise) == len(set(stepwise))
    assert set(new_tiles(0, 70_000)) <= set(stepwise)


@pytest.mark.parametrize("steps", [[1], [256], [300], [5, 251, 1, 0, 500]])
def test_an_export_is_read_by_the_spec_alone(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path, steps: list[int]
) -> None:
    """After every step the reader finds a whole log under its checkpoint, and proves from it."""
    folder, before = tmp_path / "public", dict[str, tuple[int, bytes]]()
    for count in steps:
        _grow(ledger, signer, at, count)
        done = _export(ledger, folder)
        after = _files(folder)
        # What was there has not been touched; nothing else is there but what is new.
        assert {name: after[name] for name in before} == before
        assert done.files == len(after) - len(before)
        reader = Reader(folder, signer.verifier)
        assert reader.size == done.size
        reader.check()
        before = after
    with ledger.begin() as connection:
        for index in {0, done.size // 2, done.size - 1}:
            assert reader.prove(index) == nodes.Tiles(connection).inclusion(index, done.size)


def test_nothing_signed_is_nothing_to_export(ledger: sa.Engine, tmp_path: Path) -> None:
    """Without a checkpoint there is no export."""
    with pytest.raises(NoCheckpointError):
        _export(ledger, tmp_path / "public")
    assert not (tmp_path / "public").exists()


def test_an_empty_log_is_a_checkpoint(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path
) -> None:
    """Of no leaves there is only the checkpoint."""
    _grow(ledger, signer, at, 0)
    assert _export(ledger, tmp_path) == tiles.Exported(0, 0)
    assert Reader(tmp_path, signer.verifier).size == 0


def test_an_export_cut_short_goes_on(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it was stopped, the old export stands, and the next one completes it."""
    _grow(ledger, signer, at, 200)
    _export(ledger, tmp_path)
    _grow(ledger, signer, at, 400)
    written = 0

    def stop(path: Path) -> None:
        nonlocal written
        written += 1
        if written == 4:
            raise InterruptedError
        sync_file(path)

    monkeypatch.setattr(tiles, "sync_file", stop)
    with pytest.raises(InterruptedError):
        _export(ledger, tmp_path)
    Reader(tmp_path, signer.verifier).check()
    monkeypatch.undo()
    _export(ledger, tmp_path)
    reader = Reader(tmp_path, signer.verifier)
    assert reader.size == 600
    reader.check()
    assert not list(tmp_path.rglob(".partial*"))


def test_another_history_is_not_written_over_the_first(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path
) -> None:
    """A log that was cut back, rewritten, or is another one leaves the folder as it was."""
    folder = tmp_path / "public"
    _grow(ledger, signer, at, 300)
    _export(ledger, folder)
    before = _files(folder)
    with ledger.begin() as connection:
        for table in (ledger_head, ledger_leaves, ledger_nodes, ledger_checkpoints):
            connection.execute(sa.delete(table))
        connection.execute(sa.text("DELETE FROM ledger_items"))
        log.init(connection)
    for count in (200, 200):  # shorter, then longer and different
        with ledger.begin() as connection:
            fill(connection, count, at, event="rewritten")
            log.checkpoint(connection, signer, at)
        with pytest.raises(OtherLogError):
            _export(ledger, folder)
    named = Signer.create(tmp_path / "other.pem", "another/log")
    (folder / "checkpoint").write_text(named.sign_checkpoint(0, sha256().digest()))
    with pytest.raises(OtherLogError):
        _export(ledger, folder)
    (folder / "checkpoint").write_text("no note")
    with pytest.raises(SettingsError):
        _export(ledger, folder)
    assert _files(folder) == before


def test_a_file_that_was_changed_is_not_passed_over(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path
) -> None:
    """What lies where a tile must go, and is none, is an error."""
    _grow(ledger, signer, at, 10)
    (tmp_path / "tile/0/000.p").mkdir(parents=True)
    (tmp_path / "tile/0/000.p/10").write_bytes(b"else")
    with pytest.raises(OtherLogError, match=r"tile/0/000\.p/10"):
        _export(ledger, tmp_path)


def test_leaves_that_do_not_lead_to_the_checkpoint_are_not_published(
    ledger: sa.Engine, signer: Signer, at: datetime, tmp_path: Path
) -> None:
    """A catalogue that was tampered with exports nothing."""
    _grow(ledger, signer, at, 10)
    with ledger.begin() as connection:
        connection.execute(
            sa.update(ledger_leaves).where(ledger_leaves.c.position == 3).values(body="{}")
        )
    with pytest.raises(IntegrityError, match="checkpoint 10"):
        _export(ledger, tmp_path / "public")
    assert not (tmp_path / "public").exists()
