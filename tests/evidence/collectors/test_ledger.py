"""The ledger: heads by month, who signed them, and what must be there under them."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from callward.instance import Instance
from callward.ledger import log
from tests.evidence.governing import LATER, PERIOD, at, changing, collected, seen
from tests.support import NOW

_MONTHS = (NOW, datetime(2026, 12, 2, 3, tzinfo=UTC), datetime(2026, 12, 31, 3, tzinfo=UTC))


def _night(instance: Instance, moment: datetime, *, signed: bool = True) -> int:
    """A night that adds a leaf and, unless told otherwise, has its head signed; its size."""
    night = moment.isoformat()
    counted = {"night": night, "stage": "ingest", "controller": "-", "counts": {}, "at": moment}
    with changing(instance) as connection:
        connection.execute(t.stage_counts.insert().values(**counted))
        log.append(connection, "ingested", [], at=moment)
        if signed:
            log.checkpoint(connection, instance.signer, moment)
        return log.head(connection).size


def _cosign(instance: Instance, size: int, moment: datetime) -> None:
    row = {"size": size, "witness": "w", "line": "-", "at": moment}
    with changing(instance) as connection:
        connection.execute(t.ledger_cosignatures.insert().values(**row))


def _stamp(instance: Instance, size: int, moment: datetime) -> None:
    row = {"size": size, "token": b"-", "at": moment}
    with changing(instance) as connection:
        connection.execute(t.ledger_timestamps.insert().values(**row))


@pytest.fixture
def nights(instance: Instance) -> tuple[Instance, list[int]]:
    """An instance with a night in November and two in December, and the heads' sizes."""
    sizes = [_night(instance, moment) for moment in _MONTHS]
    at(instance, LATER)
    return instance, sizes


def test_nothing_was_signed(instance: Instance) -> None:
    """Without a signed head there is no proof of anything, and nobody outside to ask."""
    _night(instance, NOW, signed=False)
    at(instance, LATER)
    assert seen(instance, "ledger", "ledger-signed") == [("gap", "no-checkpoint")]
    assert seen(instance, "ledger", "ledger-witnessed") == [("partly", "no-witness")]


def test_heads_are_counted_by_month(nights: tuple[Instance, list[int]]) -> None:
    """In London's months, with what strangers signed; what came after the period is not there."""
    instance, sizes = nights
    _night(instance, LATER)
    _cosign(instance, sizes[0], NOW)
    _stamp(instance, sizes[2], _MONTHS[2])
    facts, _ = collected(instance, "ledger")
    assert facts["by_month"] == {
        "2026-11": {"checkpoints": 1, "cosigned": 1, "stamped": 0},
        "2026-12": {"checkpoints": 2, "cosigned": 0, "stamped": 1},
    }
    assert (facts["leaves"], facts["added"], facts["checkpoints"]) == (4, 4, 3)
    assert (facts["witness_set"], facts["stamp_set"]) == (False, False)
    assert seen(instance, "ledger", "ledger-signed") == []
    later, _ = collected(instance, "ledger", Period(PERIOD.to_day, PERIOD.to_day))
    assert (later["leaves"], later["added"]) == (4, 1)


def test_a_month_without_the_witness(nights: tuple[Instance, list[int]]) -> None:
    """Once there has been one, a month in which nights ran without it is told by its name."""
    instance, sizes = nights
    _cosign(instance, sizes[0], NOW)
    assert collected(instance, "ledger")[0]["unwitnessed"] == ["2026-12"]
    assert seen(instance, "ledger", "ledger-witnessed") == [("partly", "months-unwitnessed")]
    _cosign(instance, sizes[1], _MONTHS[1])
    assert seen(instance, "ledger", "ledger-witnessed") == []
    _stamp(instance, sizes[0], NOW)
    assert seen(instance, "ledger", "ledger-witnessed") == [("note", "months-unstamped")]


def test_what_a_witness_signs_after_the_period(nights: tuple[Instance, list[int]]) -> None:
    """It is not in it: collected again, a closed period is the same."""
    instance, sizes = nights
    _cosign(instance, sizes[0], NOW)
    _stamp(instance, sizes[0], NOW)
    at(instance, LATER + timedelta(days=1))
    before = collected(instance, "ledger")
    _cosign(instance, sizes[1], LATER)
    _stamp(instance, sizes[1], LATER)
    assert collected(instance, "ledger") == before
    assert before[0]["unwitnessed"] == before[0]["unstamped"] == ["2026-12"]


def test_a_witness_that_is_set_and_never_answered(nights: tuple[Instance, list[int]]) -> None:
    """Every month is told."""
    instance, _ = nights
    object.__setattr__(instance.settings, "witness_url", "https://witness.example")
    assert collected(instance, "ledger")[0]["unwitnessed"] == ["2026-11", "2026-12"]
    assert seen(instance, "ledger", "ledger-witnessed") == [("partly", "months-unwitnessed")]


def test_a_month_in_which_nothing_was_signed(instance: Instance) -> None:
    """Nights ran, and no head was."""
    _night(instance, NOW)
    _night(instance, _MONTHS[1], signed=False)
    at(instance, LATER)
    assert collected(instance, "ledger")[0]["unsigned"] == ["2026-12"]
    assert seen(instance, "ledger", "ledger-signed") == [("partly", "months-unsigned")]


def test_a_ledger_that_was_cut_back(nights: tuple[Instance, list[int]]) -> None:
    """A head that is smaller than the one before, or counts what is not there, shows it."""
    instance, sizes = nights
    heads, leaf = t.ledger_checkpoints, t.ledger_leaves.c
    with changing(instance) as connection:
        smaller = heads.update().where(heads.c.size == sizes[2])
        connection.execute(smaller.values(at=NOW - timedelta(minutes=1)))
    assert seen(instance, "ledger", "ledger-signed") == [("gap", "heads-shrunk")]
    with changing(instance) as connection:
        connection.execute(heads.update().where(heads.c.size == sizes[2]).values(at=_MONTHS[2]))
        connection.execute(sa.delete(t.ledger_leaves).where(leaf.position == 2))
    assert collected(instance, "ledger")[0]["missing"] == 1
    assert seen(instance, "ledger", "ledger-signed") == [("gap", "leaves-missing")]
