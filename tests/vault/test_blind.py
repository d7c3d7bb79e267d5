"""Blind indexes: keyed, apart per controller, and without ambiguity."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import IntegrityError, KeyMissingError
from callward.vault.blind import Blinder
from tests.vault.desk import AT, Desk

_parts = st.lists(st.text(st.sampled_from("a\0b|1"), max_size=4), max_size=4)
_ONE, _OTHER = Blinder(b"k" * 32), Blinder(b"l" * 32)


@given(one=_parts, other=_parts, purposes=st.tuples(*[st.sampled_from(["p", "q", ""])] * 2))
def test_parts_cannot_run_together(
    one: list[str], other: list[str], purposes: tuple[str, str]
) -> None:
    """Two digests are equal only if purpose and every part are."""
    same = _ONE.digest(purposes[0], *one) == _ONE.digest(purposes[1], *other)
    assert same == ((purposes[0], one) == (purposes[1], other))


@given(st.text(max_size=20))
def test_another_key_is_another_digest(text: str) -> None:
    """The same text under two controllers' keys has nothing in common."""
    assert _ONE.digest("person", text) != _OTHER.digest("person", text)
    assert _ONE.digest("person", text) == Blinder(b"k" * 32).digest("person", text)


def test_digest_is_hmac_sha256() -> None:
    """The frozen form: lengths before parts, so that digests in old catalogues stay findable."""
    message = b"\0".join(
        len(part).to_bytes(8, "big") + part for part in (b"person", b"+442079460001")
    )
    expected = hmac.new(b"k" * 32, message, hashlib.sha256).hexdigest()
    assert _ONE.digest("person", "+442079460001") == expected
    assert expected == "11bde2206dc630d2e456c4e38a6c765dc838a7eb4196fab617e1ae93c24cd4b1"


@given(st.text(max_size=20))
def test_ids_and_contents_do_not_meet(text: str) -> None:
    """Purposes are apart: an object id is not the start of a content digest or a person."""
    found = {_ONE.object_id(text), _ONE.content(text)[:32], _ONE.digest("person", text)[:32]}
    assert len(found) == 3
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in found)


def test_undecodable_file_names_have_digests() -> None:
    """Names that are not UTF-8 are told apart, too."""
    first, second = (name.decode(errors="surrogateescape") for name in (b"a\xff", b"a\xfe"))
    assert _ONE.digest("name", first) != _ONE.digest("name", second)


def test_the_digest_of_a_content_needs_the_key() -> None:
    """Guessing a short message and hashing it does not find it."""
    plain = hashlib.sha256(b"yes").hexdigest()
    assert _ONE.content(plain) not in (plain, hashlib.sha256(plain.encode()).hexdigest())


def test_a_controller_keeps_its_key(desk: Desk) -> None:
    """Made once, found again later and by another connection; two controllers differ."""
    with desk.engine.begin() as connection:
        first = desk.vault.blinder(connection, "acorn", AT).digest("person", "x")
        other = desk.vault.blinder(connection, "birch", AT).digest("person", "x")
    with desk.engine.begin() as connection:
        again = desk.vault.blinder(connection, "acorn", AT + timedelta(days=1))
        assert again.digest("person", "x") == first != other


def test_a_swapped_root_gives_no_blinder(desk: Desk) -> None:
    """Under another root the key does not open, and no new one is made in its place."""
    with desk.engine.begin() as connection:
        desk.vault.blinder(connection, "acorn", AT)
    desk.cell.destroy(1)
    with desk.engine.begin() as connection, pytest.raises(KeyMissingError, match="generation 1"):
        desk.vault.blinder(connection, "acorn", AT)
    desk.cell.hold(1, bytes(32))
    with desk.engine.begin() as connection, pytest.raises(IntegrityError):
        desk.vault.blinder(connection, "acorn", AT)
