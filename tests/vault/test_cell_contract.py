"""What every kind of key cell does, so that a vault need not know which it has."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from callward.errors import DefectError, IntegrityError, KeyMissingError
from callward.vault.cells import DESTROYED, FileCell, KeyCell
from callward.vault.kms import KmsCell
from callward.vault.pkcs11 import Pkcs11Cell
from tests.cells import MemoryCell
from tests.hsm import HsmToken

_ROOT, _OTHER = bytes(range(32)), bytes(range(1, 33))
_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
_labels = count(1)


@dataclass
class Rig:
    """A kind of cell: ``open`` opens the same one again, as another process would."""

    open: Callable[[], KeyCell]
    waits: bool = False
    """It destroys after a while only."""

    def __post_init__(self) -> None:
        self.cell = self.open()


@pytest.fixture(params=["memory", "file", "pkcs11", "aws-kms"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """An empty cell of each kind in turn."""
    label = f"contract-{next(_labels)}"
    if request.param == "memory":
        memory = MemoryCell()
        return Rig(lambda: memory)
    if request.param == "file":
        return Rig(lambda: FileCell(tmp_path / "keys"))
    if request.param == "pkcs11":
        token: HsmToken = request.getfixturevalue("hsm_token")
        return Rig(lambda: Pkcs11Cell(token.module, token.token, label, lambda: token.pin))
    url: str = request.getfixturevalue("aws_server")
    return Rig(lambda: KmsCell(tmp_path / "kms", label, endpoint_url=url), waits=True)


def test_wraps_are_plain_rfc_3394(rig: Rig) -> None:
    """Whatever one cell wraps, any other that holds the same root unwraps."""
    rig.cell.hold(1, _ROOT)
    wrapped = rig.cell.wrap(1, [_KEY])
    assert wrapped == [aes_key_wrap(_ROOT, _KEY)]
    other = MemoryCell()
    other.hold(1, _ROOT)
    assert other.unwrap(1, wrapped) == rig.cell.unwrap(1, other.wrap(1, [_KEY])) == [_KEY]


def test_batches_keep_their_order(rig: Rig) -> None:
    """Three hundred keys, and none, in one call."""
    rig.cell.hold(1, _ROOT)
    keys = [os.urandom(32) for _ in range(300)]
    wraps = rig.cell.wrap(1, keys)
    assert wraps == [aes_key_wrap(_ROOT, key) for key in keys]
    assert rig.cell.unwrap(1, wraps) == keys
    assert rig.cell.wrap(1, []) == rig.cell.unwrap(1, []) == []


def test_holding_twice_is_holding_once(rig: Rig) -> None:
    """A creation or a turn that was cut short holds the same root again."""
    rig.cell.hold(1, _ROOT)
    rig.cell.hold(1, _ROOT)
    assert rig.cell.generations() == {1}
    rig.cell.destroy(1)
    assert rig.cell.generations() == frozenset()


def test_another_root_is_refused(rig: Rig) -> None:
    """A generation has one root; the first stays and works."""
    rig.cell.hold(1, _ROOT)
    with pytest.raises(DefectError, match="generation 1"):
        rig.cell.hold(1, _OTHER)
    assert rig.cell.wrap(1, [_KEY]) == [aes_key_wrap(_ROOT, _KEY)]


def test_generations_are_told_apart(rig: Rig) -> None:
    """Each has its own root; what is not held is not listed."""
    assert rig.cell.generations() == frozenset()
    rig.cell.hold(1, _ROOT)
    rig.cell.hold(12, _OTHER)
    assert rig.cell.generations() == {1, 12}
    assert rig.cell.wrap(12, [_KEY]) == [aes_key_wrap(_OTHER, _KEY)]
    with pytest.raises(IntegrityError):
        rig.cell.unwrap(1, rig.cell.wrap(12, [_KEY]))


def test_a_generation_not_held_is_named(rig: Rig) -> None:
    """The error names cell and generation, whatever else is held."""
    rig.cell.hold(1, _ROOT)
    for act in (rig.cell.wrap, rig.cell.unwrap):
        with pytest.raises(KeyMissingError, match=rf"{rig.cell.name}.*generation 2"):
            act(2, [aes_key_wrap(_ROOT, _KEY)])


def test_wrong_wraps_are_noticed(rig: Rig) -> None:
    """A flipped byte, another length, another root: an error, and the cell works on."""
    rig.cell.hold(1, _ROOT)
    good = aes_key_wrap(_ROOT, _KEY)
    flipped = [good[:n] + bytes([good[n] ^ 1]) + good[n + 1 :] for n in range(len(good))]
    for bad in [*flipped, b"", good[:-1], good[:-8], good + b"x", bytes(40), bytes(400)]:
        with pytest.raises(IntegrityError):
            rig.cell.unwrap(1, [good, bad])
    assert rig.cell.unwrap(1, [good]) == [_KEY]


def test_what_was_destroyed_opens_nothing(rig: Rig) -> None:
    """From the call on, for good, and nothing else is touched."""
    rig.cell.hold(1, _ROOT)
    rig.cell.hold(2, _OTHER)
    wraps = rig.cell.wrap(1, [_KEY])
    said = rig.cell.destroy(1)
    for cell in (rig.cell, rig.open()):
        assert cell.generations() == {2}
        with pytest.raises(KeyMissingError, match="generation 1"):
            cell.unwrap(1, wraps)
        with pytest.raises(KeyMissingError, match="generation 1"):
            cell.wrap(1, [_KEY])
        assert cell.unwrap(2, cell.wrap(2, [_KEY])) == [_KEY]
    if rig.waits:
        assert said.answer == "pending"
        assert said.until is not None
        assert said.until.tzinfo is UTC
        assert timedelta(days=6) < said.until - datetime.now(UTC) < timedelta(days=8)
    else:
        assert said == DESTROYED


def test_destroying_again_says_the_same(rig: Rig) -> None:
    """Every night may ask until the answer is final."""
    rig.cell.hold(1, _ROOT)
    said = rig.cell.destroy(1)
    assert rig.cell.destroy(1) == said
    assert rig.open().destroy(1) == said


def test_what_was_never_held_is_destroyed(rig: Rig) -> None:
    """A turn cut short destroys what it may never have made."""
    assert rig.cell.destroy(5) == DESTROYED
    assert rig.cell.generations() == frozenset()


def test_a_root_outlives_its_process(rig: Rig) -> None:
    """Opened again it holds what it held."""
    rig.cell.hold(3, _ROOT)
    wraps = rig.cell.wrap(3, [_KEY])
    again = rig.open()
    assert again.name == rig.cell.name
    assert again.generations() == {3}
    assert again.unwrap(3, wraps) == [_KEY]
    again.hold(3, _ROOT)


def test_a_generation_can_be_held_anew(rig: Rig) -> None:
    """After a creation cut short generation 1 is made again, with another root."""
    rig.cell.hold(1, _ROOT)
    wraps = rig.cell.wrap(1, [_KEY])
    rig.cell.destroy(1)
    rig.cell.hold(1, _OTHER)
    assert rig.open().wrap(1, [_KEY]) == [aes_key_wrap(_OTHER, _KEY)]
    with pytest.raises(IntegrityError):
        rig.cell.unwrap(1, wraps)
    rig.cell.destroy(1)
    assert rig.cell.generations() == frozenset()


def test_threads_share_a_cell(rig: Rig) -> None:
    """Several at once, in the same and in another opening of it, do not disturb each other."""
    rig.cell.hold(1, _ROOT)
    cells, right = (rig.cell, rig.open()), []

    def work(cell: KeyCell) -> None:
        for _ in range(5):
            keys = [os.urandom(32) for _ in range(20)]
            right.append(cell.unwrap(1, cell.wrap(1, keys)) == keys)

    threads = [threading.Thread(target=work, args=(cells[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert right == [True] * 20
    assert rig.cell.generations() == {1}


def test_a_forked_child_uses_it_too(rig: Rig) -> None:
    """Even if another thread was in the midst of a batch; the parent goes on."""
    rig.cell.hold(1, _ROOT)
    wraps, stop, opened = [aes_key_wrap(_ROOT, _KEY)], threading.Event(), []

    def work() -> None:
        opened.append(False)
        while not stop.is_set():
            rig.cell.unwrap(1, wraps * 20)
        opened.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(3):
            child = os.fork()
            if not child:
                os._exit(0 if _opens(rig.cell, wraps) else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join(30)
    assert opened == [False, True]
    assert rig.cell.unwrap(1, wraps) == [_KEY]


def _opens(cell: KeyCell, wraps: list[bytes]) -> bool:
    try:
        return cell.unwrap(1, wraps) == [_KEY]
    except BaseException:  # noqa: BLE001 - a child must not come back into pytest
        return False
