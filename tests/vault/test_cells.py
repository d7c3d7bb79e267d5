"""Key cells: where roots live, and how they end."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import DefectError, IntegrityError, KeyMissingError
from callward.vault.cells import CellError, FileCell, unwrap, wrap

# RFC 3394 §4.3, §4.6 and, with the KEKs of 128 and 192 bits, §4.1, §4.2, §4.4 and §4.5.
_KEK = bytes(range(32))
_DATA = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
_RFC_3394 = {
    "4.1": (16, 16, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"),
    "4.2": (24, 16, "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"),
    "4.3": (32, 16, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"),
    "4.4": (24, 24, "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2"),
    "4.5": (32, 24, "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"),
    "4.6": (
        32,
        32,
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
    ),
}


@pytest.fixture
def cell(tmp_path: Path) -> FileCell:
    """A cell that holds generation 1."""
    made = FileCell(tmp_path / "keys")
    made.hold(1, _KEK)
    return made


def _file(tmp_path: Path, generation: int = 1) -> Path:
    return tmp_path / "keys" / f"root-{generation:08d}.key"


@pytest.mark.parametrize(
    ("kek", "data", "wrapped"), [pytest.param(*v, id=k) for k, v in _RFC_3394.items()]
)
def test_rfc_3394_vectors(kek: int, data: int, wrapped: str) -> None:
    """Wrapping and unwrapping agree with the RFC's own examples."""
    assert wrap(_KEK[:kek], _DATA[:data]) == bytes.fromhex(wrapped)
    assert unwrap(_KEK[:kek], bytes.fromhex(wrapped)) == _DATA[:data]


def test_a_cell_wraps_by_the_same_rfc(cell: FileCell) -> None:
    """A root's wraps are plain RFC 3394, which an HSM makes and undoes as well."""
    assert cell.wrap(1, [_DATA])[0].hex().upper() == _RFC_3394["4.6"][2]
    assert cell.unwrap(1, [cell.wrap(1, [_DATA])[0]])[0] == _DATA


def test_every_flipped_byte_of_a_wrap_is_noticed() -> None:
    """A damaged wrap gives no key."""
    wrapped = wrap(_KEK, _DATA)
    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 1
        with pytest.raises(IntegrityError):
            unwrap(_KEK, bytes(altered))


@given(st.binary(max_size=80))
def test_what_is_no_wrap_is_refused(garbage: bytes) -> None:
    """Bytes of any length that nobody wrapped are refused, not crashed on."""
    with pytest.raises(IntegrityError):
        unwrap(_KEK, garbage)


def test_another_key_above_does_not_open() -> None:
    """A wrap opens under the key that made it only."""
    with pytest.raises(IntegrityError):
        unwrap(bytes(32), wrap(_KEK, _DATA))


def test_files_are_closed_to_others(cell: FileCell, tmp_path: Path) -> None:
    """The folder is 0700 and each root 0600, whatever the umask."""
    before = os.umask(0)
    try:
        cell.hold(2, os.urandom(32))
        FileCell(tmp_path / "more").hold(1, _KEK)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "more").stat().st_mode) == 0o700
    assert [stat.S_IMODE(_file(tmp_path, n).stat().st_mode) for n in (1, 2)] == [0o600, 0o600]


def test_holding_again_changes_nothing(cell: FileCell, tmp_path: Path) -> None:
    """Repeating a hold is harmless: a creation taken up again does so."""
    cell.hold(1, _KEK)
    assert _file(tmp_path).read_bytes() == _KEK
    assert cell.generations() == {1}


def test_another_root_never_overwrites(cell: FileCell, tmp_path: Path) -> None:
    """A second root of the same generation is refused and the first stays."""
    with pytest.raises(DefectError, match="generation 1"):
        cell.hold(1, bytes(32))
    assert _file(tmp_path).read_bytes() == _KEK


def test_a_missing_generation_is_named(cell: FileCell) -> None:
    """Wrapping or unwrapping under a root that is not held names it and the cell."""
    with pytest.raises(KeyMissingError, match=r"file.*generation 7"):
        cell.wrap(7, [_DATA])[0]
    with pytest.raises(KeyMissingError, match=r"file.*generation 7"):
        cell.unwrap(7, [wrap(_KEK, _DATA)])
    assert cell.generations() == {1}


def test_an_empty_cell_holds_nothing(tmp_path: Path) -> None:
    """A folder that is not there yet is an empty cell."""
    assert FileCell(tmp_path / "none").generations() == frozenset()


def test_destroyed_roots_open_nothing(cell: FileCell, tmp_path: Path) -> None:
    """After destroying, what was wrapped is lost; other generations are untouched."""
    other = os.urandom(32)
    cell.hold(2, other)
    wrapped, kept = cell.wrap(1, [_DATA])[0], cell.wrap(2, [_DATA])[0]
    cell.destroy(1)
    assert cell.generations() == {2}
    with pytest.raises(KeyMissingError, match="generation 1"):
        cell.unwrap(1, [wrapped])
    assert cell.unwrap(2, [kept])[0] == _DATA
    assert [path.read_bytes() for path in (tmp_path / "keys").iterdir()] == [other]


def test_destroying_overwrites_the_bytes(cell: FileCell, tmp_path: Path) -> None:
    """Another name of the same file (a careless copy by link) shows zeros, not the root."""
    os.link(_file(tmp_path), tmp_path / "copy")
    cell.destroy(1)
    assert (tmp_path / "copy").read_bytes() == bytes(32)


def test_destroying_what_is_gone_is_fine(cell: FileCell) -> None:
    """Destroying can be repeated after a crash."""
    cell.destroy(1)
    cell.destroy(1)
    cell.destroy(9)
    assert cell.generations() == frozenset()


def test_a_destruction_cut_short_can_be_finished(
    cell: FileCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between overwriting and removing: nothing opens, and destroying again removes."""
    wrapped = cell.wrap(1, [_DATA])[0]

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(CellError, match="errno 5"):
        cell.destroy(1)
    with pytest.raises(IntegrityError):
        cell.unwrap(1, [wrapped])
    monkeypatch.undo()
    cell.destroy(1)
    assert cell.generations() == frozenset()
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_root_is_told_apart(cell: FileCell, tmp_path: Path, size: int) -> None:
    """A root file of the wrong size is damage, not absence."""
    _file(tmp_path).write_bytes(bytes(size))
    with pytest.raises(IntegrityError, match="generation 1"):
        cell.wrap(1, [_DATA])[0]


def test_drafts_are_no_generations(cell: FileCell, tmp_path: Path) -> None:
    """What a killed write left behind does not count as a root."""
    (tmp_path / "keys" / ".partial-x").write_bytes(bytes(32))
    assert cell.generations() == {1}


def test_destroying_removes_what_a_killed_hold_left(cell: FileCell, tmp_path: Path) -> None:
    """A root's bytes under a draft's name are as good as the root; longer files are not roots."""
    (tmp_path / "keys" / ".partial-x").write_bytes(_KEK)
    (tmp_path / "keys" / ".partial-long").write_bytes(bytes(100))
    cell.destroy(1)
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [".partial-long"]
