"""A key cell in a hardware security module, or anything else that speaks PKCS#11."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error

from callward.errors import DefectError, IntegrityError, KeyMissingError
from callward.vault.cells import DESTROYED, ROOT_BYTES, CellError, Destruction, kebab

_KEY = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
_ROOT = {
    **_KEY,
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.WRAP: True,
    Attribute.UNWRAP: True,
    Attribute.ENCRYPT: False,
    Attribute.DECRYPT: False,
}
_PASSING = {
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}
"""A key on its way through the token, to be read by us or wrapped."""

# SoftHSM shows no token, or fails, in the moment that another process logs in; others
# may have no session to spare.
_PAUSES = (0.02, 0.1, 0.3)

# Logging in is per process and token, not per session, and a fork in the midst of a
# call would copy a library that is not whole: one batch at a time, and none while forking.
_turn = threading.RLock()
_known: set[str] = set()
_stale: set[str] = set()


def _forked() -> None:
    """PKCS#11 wants a library to be initialised anew in a child."""
    _stale.update(_known)
    _turn.release()


os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_forked)


class Pkcs11Cell:
    """Roots as objects on a token: brought in from outside, never to be read again.

    ``module`` is the token's library, ``label`` what tells this instance's roots from
    those of others on the same token, and ``pin`` gives the user PIN whenever it is
    needed. A session lasts for one call. CellError, with the device's word for it as
    ``reason``, if the module, the token or the PIN is not right or the device fails.
    """

    def __init__(
        self, module: Path, token: str, label: str, pin: Callable[[], str], name: str = "pkcs11"
    ) -> None:
        self.name = name
        self._module = str(module)
        self._token_label = token
        self._label = f"callward/{label}"
        self._pin = pin
        self._refused_pin: str | None = None

    def hold(self, generation: int, root: bytes) -> None:
        """Import ``root``; DefectError if the token holds another one of this generation."""
        with self._session(writing=True) as session:
            found = self._find(session, generation)
            if not found:
                found = [self._bring_in(session, generation, root)]
            elif not _same(session, found[0], root):
                raise DefectError(f"key cell {self.name} already holds generation {generation}")
            self._check(found[0])

    def wrap(self, generation: int, keys: Sequence[bytes]) -> list[bytes]:
        """Have the token wrap ``keys``."""
        with self._session() as session:
            root = self._root(session, generation)
            return [_wrap(session, root, key) for key in keys]

    def unwrap(self, generation: int, wraps: Sequence[bytes]) -> list[bytes]:
        """Have the token unwrap keys; IntegrityError if one was not wrapped under this root."""
        with self._session() as session:
            root = self._root(session, generation)
            return [self._unwrap(session, root, generation, each) for each in wraps]

    def destroy(self, generation: int) -> Destruction:
        """Delete the root from the token, and look whether it is gone."""
        with self._session(writing=True) as session:
            for found in self._find(session, generation):
                found.destroy()
            if self._find(session, generation):
                raise self._error("still-there")
        return DESTROYED

    def generations(self) -> frozenset[int]:
        """The generations on the token."""
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label}
        with self._session() as session:
            ids = [found[Attribute.ID].decode() for found in session.get_objects(wanted)]
        return frozenset(int(one.rpartition("/")[2]) for one in ids)

    @contextmanager
    def _session(self, *, writing: bool = False) -> Iterator[Any]:
        with _turn:
            try:
                with self._log_in(writing=writing) as session:
                    yield session
            except PKCS11Error as error:
                raise self._error(_word(error)) from None

    def _log_in(self, *, writing: bool) -> Any:
        pin = self._pin()
        if pin == self._refused_pin:
            # Each try counts, and after a few the token locks itself.
            raise self._error("pin-incorrect")
        for pause in _PAUSES:
            with suppress(PKCS11Error):
                return self._open(pin, writing=writing)
            if pin == self._refused_pin:
                raise self._error("pin-incorrect")
            _stale.add(self._module)  # what was plugged in since then is seen from here on
            time.sleep(pause)
        return self._open(pin, writing=writing)

    def _open(self, pin: str, *, writing: bool) -> Any:
        token = self._library().get_token(token_label=self._token_label)
        try:
            return token.open(rw=writing, user_pin=pin)
        except pkcs11.PinIncorrect:
            self._refused_pin = pin
            raise

    def _library(self) -> Any:
        try:
            library = pkcs11.lib(self._module)
        except PKCS11Error:
            raise self._error("module-unusable") from None
        _known.add(self._module)
        if self._module in _stale:
            with suppress(PKCS11Error):  # a forked child's may say that it never was initialised
                library.finalize()
            library.initialize()
            _stale.discard(self._module)
        return library

    def _id(self, generation: int) -> bytes:
        return f"{self._label}/{generation:08d}".encode()

    def _find(self, session: Any, generation: int) -> list[Any]:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: self._id(generation)}
        return list(session.get_objects(wanted))

    def _root(self, session: Any, generation: int) -> Any:
        found = self._find(session, generation)
        if not found:
            raise KeyMissingError(f"key cell {self.name} holds no root of generation {generation}")
        return found[0]

    def _bring_in(self, session: Any, generation: int, root: bytes) -> Any:
        """Make the object, and try it: better refused now than missed after the turn."""
        made = session.create_object(
            {
                **_ROOT,
                Attribute.VALUE: root,
                Attribute.LABEL: self._label,
                Attribute.ID: self._id(generation),
            }
        )
        try:
            if len(self._find(session, generation)) == 1 and _same(session, made, root):
                return made
        except PKCS11Error:
            made.destroy()
            raise
        made.destroy()
        raise self._error("import-failed")

    def _check(self, root: Any) -> None:
        if root[Attribute.EXTRACTABLE] or not root[Attribute.SENSITIVE]:
            raise self._error("root-readable")

    def _unwrap(self, session: Any, root: Any, generation: int, wrapped: bytes) -> bytes:
        try:
            return _unwrap(root, wrapped)
        except PKCS11Error:
            # Tokens call a damaged wrap many things, SoftHSM a general error. If one of
            # today's goes through, the wrap is to blame; otherwise this raises again.
            probe = _wrap(session, root, token_bytes(ROOT_BYTES))
            _unwrap(root, probe)
        raise IntegrityError(
            f"a wrapped key does not open under generation {generation} in key cell {self.name}"
        )

    def _error(self, word: str) -> CellError:
        return CellError(f"key cell {self.name}: {word}", word)


def _wrap(session: Any, root: Any, key: bytes) -> bytes:
    passing = session.create_object({**_KEY, **_PASSING, Attribute.VALUE: key})
    try:
        return bytes(root.wrap_key(passing, mechanism=Mechanism.AES_KEY_WRAP))
    finally:
        passing.destroy()


def _unwrap(root: Any, wrapped: bytes) -> bytes:
    passing = root.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.AES,
        wrapped,
        mechanism=Mechanism.AES_KEY_WRAP,
        template=_PASSING,
    )
    try:
        return bytes(passing[Attribute.VALUE])
    finally:
        passing.destroy()


def _same(session: Any, root: Any, expected: bytes) -> bool:
    """Whether the token's object is this root, and the token wraps by RFC 3394."""
    probe = token_bytes(ROOT_BYTES)
    return _wrap(session, root, probe) == aes_key_wrap(expected, probe)


def _word(error: PKCS11Error) -> str:
    """``PinIncorrect`` as ``pin-incorrect``; never the library's text."""
    name = type(error).__name__
    if name == PKCS11Error.__name__:
        return "unknown-error"
    return kebab(name)
