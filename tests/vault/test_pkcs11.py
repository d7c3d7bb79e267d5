"""Cells on a PKCS#11 token, tried on SoftHSM2."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag

from callward.errors import KeyMissingError
from callward.vault.cells import CellError
from callward.vault.pkcs11 import Pkcs11Cell, _unwrap, _wrap
from tests.hsm import HsmToken

_ROOT, _KEY = bytes(range(32)), bytes(range(100, 132))
_labels = count(1)


@pytest.fixture
def label() -> str:
    """A label that nobody else on the token has."""
    return f"hsm-{next(_labels)}"


@pytest.fixture
def cell(hsm_token: HsmToken, label: str) -> Pkcs11Cell:
    """A cell that holds generation 1."""
    made = _cell(hsm_token, label)
    made.hold(1, _ROOT)
    return made


def _cell(hsm: HsmToken, label: str, **other: Any) -> Pkcs11Cell:
    said = {"module": hsm.module, "token": hsm.token, "pin": lambda: hsm.pin, **other}
    return Pkcs11Cell(label=label, name="hsm", **said)


def _on_token(token: HsmToken, act: Callable[[Any], Any]) -> Any:
    """Do something on the token past the cell, as its maker's tools would."""
    slot = pkcs11.lib(str(token.module)).get_token(token_label=token.token)
    with slot.open(rw=True, user_pin=token.pin) as session:
        return act(session)


def _stored(session: Any, label: str, generation: int = 1) -> Any:
    wanted = {Attribute.ID: f"callward/{label}/{generation:08d}".encode()}
    return next(iter(list(session.get_objects(wanted))))


def _put(token: HsmToken, label: str, **flags: bool) -> None:
    """Put the root on the token in another way than the cell would."""
    attributes = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.AES,
        Attribute.TOKEN: True,
        Attribute.WRAP: True,
        Attribute.UNWRAP: True,
        Attribute.VALUE: _ROOT,
        Attribute.LABEL: f"callward/{label}",
        Attribute.ID: f"callward/{label}/00000001".encode(),
        **{Attribute[name.upper()]: value for name, value in flags.items()},
    }
    _on_token(token, lambda session: session.create_object(attributes))


@pytest.mark.usefixtures("cell")
def test_a_root_never_leaves_the_token(hsm_token: HsmToken, label: str) -> None:
    """It cannot be read, wrapped out or changed, and only who logged in sees it."""

    def look(session: Any) -> None:
        root = _stored(session, label)
        assert root[Attribute.SENSITIVE]
        assert root[Attribute.PRIVATE]
        assert not root[Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            assert root[Attribute.VALUE]
        with pytest.raises(pkcs11.PKCS11Error):
            root.wrap_key(root, mechanism=Mechanism.AES_KEY_WRAP)
        with pytest.raises(pkcs11.PKCS11Error):
            root[Attribute.EXTRACTABLE] = True

    _on_token(hsm_token, look)


def test_keys_on_their_way_leave_nothing(cell: Pkcs11Cell, hsm_token: HsmToken) -> None:
    """Within a session each is gone before the next comes; the token holds the root alone."""

    def objects(session: Any) -> int:
        return len(list(session.get_objects()))

    before = _on_token(hsm_token, objects)
    with cell._session() as session:
        root = cell._root(session, 1)
        for _ in range(5):
            _unwrap(root, _wrap(session, root, _KEY))
            assert objects(session) == before
    cell.destroy(1)
    assert _on_token(hsm_token, objects) == before - 1


def test_two_instances_share_a_token(cell: Pkcs11Cell, hsm_token: HsmToken, label: str) -> None:
    """Their roots of one generation do not meet, even if one's label begins with the other's."""
    other = _cell(hsm_token, f"{label}-b")
    assert other.generations() == frozenset()
    other.hold(1, bytes(32))
    assert cell.wrap(1, [_KEY]) == [aes_key_wrap(_ROOT, _KEY)]
    other.destroy(1)
    assert cell.generations() == {1}


def test_a_wrong_pin_is_tried_once(cell: Pkcs11Cell, hsm_token: HsmToken, label: str) -> None:
    """It is not said, and not tried again until it is another: tokens lock themselves."""

    def low() -> bool:
        token = pkcs11.lib(str(hsm_token.module)).get_token(token_label=hsm_token.token)
        return bool(token.flags & TokenFlag.USER_PIN_COUNT_LOW)

    pins = ["wrong-sparrow"]
    wrong = _cell(hsm_token, label, pin=lambda: pins[0])
    with pytest.raises(CellError, match="hsm: pin-incorrect") as caught:
        wrong.wrap(1, [_KEY])
    assert caught.value.reason == "pin-incorrect"
    assert "sparrow" not in str(caught.value)
    assert low()
    cell.wrap(1, [_KEY])
    assert not low()
    with pytest.raises(CellError, match="pin-incorrect"):
        wrong.generations()
    assert not low()
    pins[0] = hsm_token.pin
    assert wrong.generations() == {1}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"module": Path("/nowhere/p11.so")}, "module-unusable"),
        ({"module": Path("/etc/passwd")}, "module-unusable"),
        ({"token": "elsewhere"}, "no-such-token"),
    ],
)
def test_what_cannot_be_reached_has_a_word(
    hsm_token: HsmToken, label: str, other: dict[str, Any], reason: str
) -> None:
    """Module and token are told apart; paths, PIN and the library's own text are not quoted."""
    cell = _cell(hsm_token, label, **other)
    for act in (
        lambda: cell.hold(1, _ROOT),
        lambda: cell.wrap(1, [_KEY]),
        lambda: cell.destroy(1),
        cell.generations,
    ):
        with pytest.raises(CellError) as caught:
            act()
        assert str(caught.value) == f"[key-cell] key cell hsm: {reason}"
        assert caught.value.reason == reason


def test_a_device_taken_away_and_put_back(cell: Pkcs11Cell, hsm_token: HsmToken) -> None:
    """While it is away nothing is destroyed; afterwards the same cell works again."""
    away = hsm_token.folder.rename(hsm_token.folder.with_name("away"))
    try:
        for act in (
            lambda: cell.unwrap(1, cell.wrap(1, [_KEY])),
            lambda: cell.destroy(1),
            cell.generations,
        ):
            with pytest.raises(CellError, match="hsm"):
                act()
    finally:
        away.rename(hsm_token.folder)
    assert cell.unwrap(1, cell.wrap(1, [_KEY])) == [_KEY]


def test_a_root_deleted_by_others_is_missing(
    cell: Pkcs11Cell, hsm_token: HsmToken, label: str
) -> None:
    """Not an error of the device: the generation is not held."""
    _on_token(hsm_token, lambda session: _stored(session, label).destroy())
    with pytest.raises(KeyMissingError, match="generation 1"):
        cell.wrap(1, [_KEY])
    assert cell.generations() == frozenset()


def test_a_root_that_can_be_read_is_refused(hsm_token: HsmToken, label: str) -> None:
    """The same root, put there by somebody in a form that can be copied, does not count."""
    _put(hsm_token, label, private=True, sensitive=False, extractable=True)
    with pytest.raises(CellError, match="root-readable"):
        _cell(hsm_token, label).hold(1, _ROOT)


def test_a_token_that_keeps_the_root_has_not_destroyed_it(hsm_token: HsmToken, label: str) -> None:
    """An object that the token will not delete is a refusal, and stays one when asked again."""
    _put(hsm_token, label, private=True, sensitive=True, extractable=False, destroyable=False)
    cell = _cell(hsm_token, label)
    for _ in range(2):
        with pytest.raises(CellError, match="hsm"):
            cell.destroy(1)
    assert cell.generations() == {1}


def test_every_object_of_a_generation_is_destroyed(hsm_token: HsmToken, label: str) -> None:
    """Were there two of one id, both go."""
    for _ in range(2):
        _put(hsm_token, label, private=True, sensitive=True, extractable=False)
    cell = _cell(hsm_token, label)
    cell.destroy(1)
    assert cell.generations() == frozenset()
