"""Thousands of spoilt logs and proofs: every one is found out, and none of the untouched refused.

``CALLWARD_MUTATIONS`` says how many of both together; 10,000 take some minutes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from callward.catalogue.engine import open_engine
from callward.catalogue.tables import metadata
from callward.errors import IntegrityError
from callward.evidence.proof import build_proof, check_proof
from callward.ledger import log
from callward.ledger.log import Item
from callward.ledger.proving import prove_events
from callward.ledger.signing import Signer
from tests.ledger.bulk import fill
from tests.ledger.mutations import LOG_MUTATIONS, Log, spoilt_proof

SEED = 20261123
COUNT = int(os.environ.get("CALLWARD_MUTATIONS", "2000"))
LOGS = COUNT // 5  # a log takes longer than a proof
SUBJECT = "5" * 32
CONTROL = 50  # spoilt ones between two looks at the untouched


@dataclass(frozen=True)
class Kept:
    """A log of 270 leaves, a checkpoint of it kept elsewhere, and another key of its name."""

    engine: sa.Engine
    signer: Signer
    other: Signer
    at: datetime
    note: str

    def verify(self, connection: sa.Connection) -> log.Verified:
        """Verify it as its owner would: the key, and the last checkpoint, kept elsewhere."""
        return log.verify(connection, [self.signer.verifier], [self.note])


@pytest.fixture
def kept(tmp_path: Path, signer: Signer, at: datetime) -> Iterator[Kept]:
    """A log in memory that has nodes, items, checkpoints and a key."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        log.init(connection)
        for count in (100, 100, 60):
            fill(connection, count, at)
            by = {"by": str(count), "for": f"{log.head(connection).size}"}
            others = [Item(f"{number:032x}", {"size": number}) for number in range(4)]
            log.append(connection, "moved", [*others, Item(SUBJECT), *others], at=at, ids=by)
            log.append(connection, "looked", [], at=at, ids=by)
            note = log.checkpoint(connection, signer, at)
        fill(connection, 4, at)
        note = log.checkpoint(connection, signer, at)
    other = Signer.create(tmp_path / "other.pem", signer.name)
    yield Kept(engine, signer, other, at, note)
    engine.dispose()


def _spoil(kept: Kept, connection: sa.Connection, seed: int) -> str:
    """Do something random to the log; what it was, or "" if no database would hold it."""
    chance = Random(seed)
    mutation = LOG_MUTATIONS[seed % len(LOG_MUTATIONS)]
    try:
        mutation(Log(connection, kept.signer, kept.other, kept.at, chance))
    except sa.exc.IntegrityError:
        return ""  # two rows of one key
    return mutation.__name__


def _found_out(kept: Kept, connection: sa.Connection) -> bool:
    try:
        kept.verify(connection)
    except IntegrityError:
        return True
    return False


def test_every_spoilt_log_is_found_out(kept: Kept) -> None:
    """Bits, rows, tails, forks, keys: verification sees each, and the log as it was passes."""
    tried = 0
    for seed in range(SEED, SEED + LOGS * 2):
        with kept.engine.connect() as connection:
            what = _spoil(kept, connection, seed)
            if not what:
                continue
            assert _found_out(kept, connection), f"{what}, seed {seed}"
            connection.rollback()
        tried += 1
        if tried % CONTROL == 0:
            with kept.engine.connect() as connection:
                assert kept.verify(connection).size == 270
        if tried == LOGS:
            break
    assert tried == LOGS


def _proofs(kept: Kept) -> list[bytes]:
    with kept.engine.connect() as connection:
        subjects = [SUBJECT, *(f"{number:032x}" for number in (0, 3, 150, 269))]
        found = [(subject, *prove_events(connection, subject)) for subject in subjects]
    return [build_proof(*one, kept.signer).encode() for one in found]


def test_every_spoilt_proof_is_found_out(kept: Kept) -> None:
    """Whatever is done to a proof file, it does not verify; as it was, it does."""
    whole = _proofs(kept)
    tried = 0
    for seed in range(SEED, SEED + COUNT * 2):
        chance = Random(seed)
        content = chance.choice(whole)
        spoilt = spoilt_proof(content, kept.signer, kept.other, chance)
        if spoilt == content:
            continue
        assert not check_proof(spoilt, kept.signer.verifier).passed, seed
        tried += 1
        if tried % CONTROL == 0:
            assert all(check_proof(one, kept.signer.verifier).passed for one in whole)
        if tried >= COUNT - LOGS:
            break
    assert tried == COUNT - LOGS


def test_untouched_logs_of_any_size_pass(kept: Kept) -> None:
    """Logs that grew as they may, signed wherever, verify; so does every proof from them."""
    chance = Random(SEED)
    with kept.engine.connect() as connection:
        for _ in range(30):
            fill(connection, chance.randrange(1, 40), kept.at)
            note = log.checkpoint(connection, kept.signer, kept.at)
            verified = replace(kept, note=note).verify(connection)
            subject = f"{chance.randrange(270, verified.size):032x}"
            proof = build_proof(subject, *prove_events(connection, subject), kept.signer)
            assert check_proof(proof.encode(), kept.signer.verifier).passed
