"""Proofs that stand alone."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.errors import IntegrityError
from callward.ledger import log
from callward.ledger.log import Item, NoCheckpointError
from callward.ledger.proofs import verify_proof, verify_slice
from callward.ledger.signing import Signer

SUBJECT = "5" * 32


@pytest.fixture
def proofs(ledger: sa.Engine, signer: Signer, at: datetime) -> list[dict[str, Any]]:
    """The proofs of a log in which one object was ingested and later shredded."""
    others = [Item(f"{number:032x}", {"size": number}) for number in range(6)]
    with ledger.begin() as connection:
        log.append(connection, "started", [], at=at)
        log.append(connection, "ingested", [*others, Item(SUBJECT, {"size": 1})], at=at)
        log.append(connection, "ingested", others, at=at)
        log.append(connection, "shredded", [others[0], Item(SUBJECT), *others], at=at)
        log.append(connection, "ended", [], at=at)
        log.checkpoint(connection, signer, at)
        return log.prove(connection, SUBJECT)


def test_everything_about_an_object_is_proved(proofs: list[dict[str, Any]], signer: Signer) -> None:
    """There is one proof for each thing that happened, and it survives a trip through JSON."""
    assert [json.loads(proof["leaf"]["body"])["event"] for proof in proofs] == [
        "ingested",
        "shredded",
    ]
    for proof in json.loads(json.dumps(proofs)):
        verify_proof(proof, signer.verifier)


def test_an_object_twice_in_one_leaf(ledger: sa.Engine, signer: Signer, at: datetime) -> None:
    """Two items about one object in one leaf have a proof each."""
    with ledger.begin() as connection:
        items = [Item(SUBJECT, {"step": 1}), Item("a"), Item(SUBJECT, {"step": 2})]
        log.append(connection, "moved", items, at=at)
        log.checkpoint(connection, signer, at)
        found = log.prove(connection, SUBJECT)
    assert [proof["item"]["position"] for proof in found] == [0, 2]
    for proof in found:
        verify_proof(proof, signer.verifier)


def test_nothing_is_proved_of_what_is_not_known(
    proofs: list[dict[str, Any]], ledger: sa.Engine
) -> None:
    """An id the log does not know has no proofs."""
    assert proofs
    with ledger.begin() as connection:
        assert log.prove(connection, "6" * 32) == []


def test_what_is_not_signed_yet_is_not_proved(
    ledger: sa.Engine, signer: Signer, at: datetime
) -> None:
    """A proof needs a checkpoint that covers it; without one the answer is an error."""
    with ledger.begin() as connection:
        log.append(connection, "ingested", [Item(SUBJECT)], at=at)
        with pytest.raises(NoCheckpointError):
            log.prove(connection, SUBJECT)
        log.checkpoint(connection, signer, at)
        assert len(log.prove(connection, SUBJECT)) == 1
        log.append(connection, "shredded", [Item(SUBJECT)], at=at)
        with pytest.raises(NoCheckpointError, match="leaf 1"):
            log.prove(connection, SUBJECT)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, branches and ends alike."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _places(member, (*place, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _places(member, (*place, index))


def _changes(value: Any) -> list[Any]:
    """Other values that could stand in its place."""
    if isinstance(value, str):
        middle = len(value) // 2
        other = "0" if value[middle] != "0" else "1"
        changed = value[:middle] + other + value[middle + 1 :]
        return [changed, value[:-1], value + "0", "", "\ud800", None, 0]
    if isinstance(value, int):
        return [value + 1, value - 1, -1, float(value + 1), str(value), 10**30, None]
    if isinstance(value, list):
        return [value[1:], value[:-1], [*value, "00" * 32], value[::-1], "x", None, [None]]
    return [{}, None, [], {**value, "more": 1}]


def test_every_part_of_a_proof_counts(proofs: list[dict[str, Any]], signer: Signer) -> None:
    """Whatever is changed or left out, the proof does not verify."""
    for proof in proofs:
        for *way, last in _places(proof):
            forged = copy.deepcopy(proof)
            parent: Any = forged
            for step in way:
                parent = parent[step]
            for changed in _changes(parent[last]):
                parent[last] = changed
                with pytest.raises(IntegrityError):
                    verify_proof(forged, signer.verifier)
            del parent[last]
            with pytest.raises(IntegrityError):
                verify_proof(forged, signer.verifier)


def test_parts_of_two_proofs_do_not_mix(proofs: list[dict[str, Any]], signer: Signer) -> None:
    """An item of one leaf is not proved by another."""
    first, second = proofs
    for name in ("item", "leaf"):
        with pytest.raises(IntegrityError):
            verify_proof({**first, name: second[name]}, signer.verifier)


def test_another_log_proves_nothing(
    proofs: list[dict[str, Any]], signer: Signer, tmp_path: Path
) -> None:
    """A proof counts only under the key it is to be checked with."""
    other = Signer.create(tmp_path / "other.pem", signer.name)
    with pytest.raises(IntegrityError):
        verify_proof(proofs[0], other.verifier)


def test_slices_are_checked_whole(proofs: list[dict[str, Any]], ledger: sa.Engine) -> None:
    """A slice with the frontier before it leads to the root after it, or is not all of it."""
    assert proofs
    with ledger.begin() as connection:
        for start in range(6):
            for end in range(start, 6):
                before, bodies = (
                    log.frontier_at(connection, start),
                    log.slice_of(connection, start, end),
                )
                after = log.frontier_at(connection, end)
                assert verify_slice(before, bodies, after.root) == after
                forged = [bodies[1:], bodies[:-1], [*bodies, *bodies]] if bodies else []
                for wrong in [*forged, [*bodies, "{}"]]:
                    with pytest.raises(IntegrityError):
                        verify_slice(before, wrong, after.root)


def test_checking_needs_no_database() -> None:
    """What checks proofs and signatures loads neither SQLAlchemy nor anything heavy."""
    code = (
        "import sys, callward.ledger.proofs, callward.ledger.signing;"
        "print([name for name in ('sqlalchemy', 'prefect', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[]\n"
