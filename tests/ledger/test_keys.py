"""The log's keys through time."""

from pathlib import Path

import pytest

from callward.errors import IntegrityError
from callward.ledger import notes
from callward.ledger.keys import History, Period, endorse, parse_rotation
from callward.ledger.leaves import Leaf
from callward.ledger.merkle import EMPTY_ROOT
from callward.ledger.signing import Signer

ORIGIN = "callward.example/log"


@pytest.fixture
def signers(tmp_path: Path) -> list[Signer]:
    """Three keys of one log, oldest first."""
    return [Signer.create(tmp_path / f"key-{n}", ORIGIN) for n in range(3)]


@pytest.fixture
def history(signers: list[Signer]) -> History:
    """The first signs to 10, the second to 20, the third from there on."""
    first, second, third = (one.verifier for one in signers)
    return History((Period(third, 20), Period(second, 10, 20), Period(first, 0, 10)))


def _note(size: int, *signers: Signer) -> str:
    note = signers[0].sign_checkpoint(size, bytes(32))
    for one in signers[1:]:
        note = notes.add_signature(note, one.name, one.key)
    return note


def test_written_and_read_it_is_the_same(history: History) -> None:
    """One key a line, the one in force first; empty lines do not matter."""
    text = str(history)
    assert text.splitlines()[0] == history.current
    assert History.parse(text) == history
    assert History.parse(f"\n{text}\n\n") == history


def test_one_key_is_a_list_too(signers: list[Signer]) -> None:
    """A verifier key by itself, with or without a newline, signs everything."""
    for text in (signers[0].verifier, signers[0].verifier + "\n"):
        assert History.parse(text) == History.of([signers[0].verifier])


def test_keys_of_several_logs_do_not_mix(signers: list[Signer], tmp_path: Path) -> None:
    """Another log's retired key does not say where this log's begins."""
    other = Signer.create(tmp_path / "other", "callward.example/other")
    found = History.parse(f"{signers[0].verifier}\n{other.verifier} until 7\n")
    assert [one.since for one in found.periods] == [0, 0]


@pytest.mark.parametrize(
    "text",
    ["", "\n", "nonsense", "{key} until", "{key} until x", "{key} until 007", "{key} since 1"],
)
def test_malformed_lists(signers: list[Signer], text: str) -> None:
    """What is no list of keys is refused whole."""
    with pytest.raises(IntegrityError):
        History.parse(text.format(key=signers[0].verifier))


def test_lists_out_of_order(signers: list[Signer]) -> None:
    """The older key cannot have ended after the newer one."""
    first, second, third = (one.verifier for one in signers)
    with pytest.raises(IntegrityError, match="order"):
        History.parse(f"{third}\n{second} until 10\n{first} until 20\n")


def test_each_key_signs_its_own_sizes(history: History, signers: list[Signer]) -> None:
    """Heads by the key then in force verify; by an earlier or later one they do not."""
    first, second, third = signers
    for size, right in ((0, first), (5, first), (15, second), (21, third), (10**6, third)):
        assert history.verify_checkpoint(_note(size, right)).size == size
        for wrong in {one.verifier: one for one in signers if one is not right}.values():
            with pytest.raises(IntegrityError, match="not in force"):
                history.verify_checkpoint(_note(size, wrong))
            assert history.verify_checkpoint(_note(size, wrong, right)).size == size


def test_where_keys_meet_both_sign(history: History, signers: list[Signer]) -> None:
    """One alone is not enough there."""
    first, second, _ = signers
    assert history.verify_checkpoint(_note(10, first, second)).size == 10
    for one in (first, second):
        with pytest.raises(IntegrityError):
            history.verify_checkpoint(_note(10, one))


def test_require(history: History, signers: list[Signer]) -> None:
    """For documents that name a size: unknown keys and other ranges are refused."""
    first, second, third = (one.verifier for one in signers)
    for verifier, size in ((first, 0), (first, 10), (second, 10), (second, 20), (third, 99)):
        history.require(verifier, size)
    for verifier, size in ((first, 11), (second, 9), (second, 21), (third, 19)):
        with pytest.raises(IntegrityError, match="not in force"):
            history.require(verifier, size)
    with pytest.raises(IntegrityError, match="not this log's"):
        history.require("other", 1)


def test_a_rotation_is_endorsed_by_the_old_key(signers: list[Signer]) -> None:
    """The leaf names both keys; no other key can have replaced the old one."""
    old, new, other = signers
    ids = endorse(old, new.verifier)

    def leaf(**changes: str) -> str:
        at = "2026-03-29T01:30:00.000000Z"
        return Leaf("signing-key-rotated", at, 0, EMPTY_ROOT, ids={**ids, **changes}).encoded()

    assert parse_rotation(leaf()) == (old.verifier, new.verifier)
    for change in (
        {"new": other.verifier},
        {"old": other.verifier},
        {"signature": "00" * 64},
        {"signature": "zz"},
    ):
        with pytest.raises(IntegrityError):
            parse_rotation(leaf(**change))
