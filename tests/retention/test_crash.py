"""Killed anywhere in a sweep and run again, it ends as if nothing had happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue.engine import settle
from callward.clock import FixedClock
from callward.durable import write_durably
from callward.evidence.certificate import verify_certificate
from callward.instance import Instance
from callward.ledger import log
from callward.retention import certify, sweep
from tests.retention.crashing import FUSE, Crash, fragile
from tests.retention.shelf import Refused, Shelved, StrictGates, openable, refuse, shelve, stored
from tests.support import instruct, rows, run_stage


@pytest.fixture(name="fragile")
def _fragile(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """An instance that may die at every boundary, on each database in turn."""

    def fragile_settle(engine: sa.Engine) -> None:
        settle(engine)
        FUSE.step()

    def fragile_write(path: Path, content: bytes) -> None:
        write_durably(path, content)
        FUSE.step()

    monkeypatch.setattr(sweep, "settle", fragile_settle)
    monkeypatch.setattr(certify, "write_durably", fragile_write)
    yield fragile(instance)
    FUSE.at = 0


@dataclass(frozen=True)
class Round:
    """What one round puts on the shelf."""

    old: Shelved
    other: Shelved
    young: Shelved
    refused: Refused


def _round(instance: Instance, number: int) -> Round:
    return Round(
        old=shelve(instance, f"old {number}", age=50),
        other=shelve(instance, f"other {number}", age=46, controller="birch"),
        young=shelve(instance, f"young {number}", age=2),
        refused=refuse(instance, f"refused {number}", age=50),
    )


def _sweep(instance: Instance, crash_at: int) -> int:
    """Sweep, dying at a boundary (0: nowhere); how many boundaries there were."""
    FUSE.at, FUSE.steps = crash_at, 0
    try:
        report = run_stage(instance, "retention", StrictGates())
    finally:
        FUSE.at = 0
    assert report.failures == []
    return FUSE.steps


def _check(instance: Instance, rounds: list[Round]) -> None:
    """What an undisturbed sweep leaves."""
    last = rounds[-1]
    gone = last.old.media | last.other.media | {last.refused.media, last.refused.row}
    kept = last.young.all | {last.old.details, last.other.details}
    assert openable(instance, gone | kept) == kept
    assert {state for (state,) in rows(instance, "sweeps", "state")} == {"complete"}
    assert {state for (state,) in rows(instance, "quarantine", "state")} == {"shredded"}
    assert {state for (state,) in rows(instance, "objects", "state")} == {"live", "shredded"}
    assert len(stored(instance)) == len(rounds)
    issued = rows(instance, "certificates", "id", "body", "issued_at")
    folder = instance.settings.evidence / "certificates"
    assert sorted(path.stem for path in folder.glob("*.json")) == sorted(row[0] for row in issued)
    assert len(issued) == 2 * len(rounds)
    newest = [row for row in issued if row[2] == instance.clock.now()]
    for name, body, _ in newest:
        assert (folder / f"{name}.json").read_text() == body
    documents = [verify_certificate(body, instance.signer.verifier) for _, body, _ in newest]
    assert sorted(one.controller for one in documents) == ["acorn", "birch"]
    listed = [one for document in documents for one in document.objects]
    assert sorted(listed) == sorted(gone)


def test_any_boundary(fragile: Instance) -> None:
    """Round after round, dying at another boundary each time.

    At all of them on SQLite, at every fourth on PostgreSQL, where a round takes longer.
    """
    assert isinstance(fragile.clock, FixedClock)
    instruct(fragile)
    instruct(fragile, "birch")
    rounds = [_round(fragile, 0)]
    boundaries = _sweep(fragile, 0)
    _check(fragile, rounds)
    stride = 4 if fragile.engine.dialect.name == "postgresql" else 1
    for number in range(1, boundaries + 1, stride):
        fragile.clock.moment += timedelta(minutes=1)
        rounds.append(_round(fragile, number))
        with pytest.raises(Crash):
            _sweep(fragile, number)
        _sweep(fragile, 0)
        _check(fragile, rounds)
    with fragile.unit() as connection:
        log.verify(connection, [fragile.signer.verifier])
    assert boundaries > 20
