"""Gathering evidence: what fails is told and missing, what stays the same has the same digest."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import NotFoundError
from callward.evidence.clauses.model import Finding, Period, State, Weight
from callward.evidence.collectors.base import Collected, Collector, Source
from callward.evidence.gathering import gather, source_of
from callward.evidence.model import Proof
from callward.evidence.packbook import enter_items
from callward.evidence.proving import OF_THE_REVIEW, binding, item_json, prove, verdict_json
from callward.instance import Instance
from tests.support import NOW

PERIOD = Period(date(2026, 11, 1), date(2026, 11, 30))
SEEN = datetime(2026, 11, 19, 1, tzinfo=UTC)


def bringing(value: int = 1) -> Collector:
    """A collector that always finds the same."""

    def collect(source: Source) -> Collected:
        rows = [{"day": source.day, "value": value}]
        return Collected("a table", SEEN, {"value": value, "day": source.day}, {"rows": rows})

    return collect


def failing(error: Exception) -> Collector:
    """A collector that brings nothing."""

    def collect(_: Source) -> Collected:
        raise error

    return collect


def proof(instance: Instance, collectors: Mapping[str, Collector]) -> Proof:
    """What is proved of the period."""
    with instance.reading() as connection:
        return prove(instance, connection, PERIOD, collectors, {})


def test_an_item_says_what_it_is(instance: Instance) -> None:
    """Period, moments, source, and the digest of the very file that goes into the pack."""
    with instance.reading() as connection:
        found = gather(instance, connection, PERIOD, {"gates": bringing()})
    item = found.items["gates"]
    assert (item.kind, item.period, item.source, item.newest) == ("gates", PERIOD, "a table", SEEN)
    assert item.file == "data/evidence/gates.json"
    assert item.digest == hashlib.sha256(found.files[item.file]).hexdigest()
    assert item.facts == {"value": 1, "day": "2026-11-20"}
    told = json.loads(found.files[item.file])
    assert told["details"] == {"rows": [{"day": "2026-11-20", "value": 1}]}
    assert told["facts"] == item.facts
    assert item_json(item)["sha256"] == item.digest


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotFoundError("no such thing"), "gates: [not-found] no such thing"),
        (ValueError("07700 900123 said yes"), "gates: [defect]"),
    ],
)
def test_one_that_fails_is_missing_and_told(
    instance: Instance, error: Exception, said: str
) -> None:
    """The others count all the same, and what a foreign error quotes is not repeated."""
    collectors = {"gates": failing(error), "ledger": bringing()}
    found = proof(instance, collectors)
    assert list(found.items) == ["ledger"]
    assert found.failures["gates"].startswith(said)
    assert "07700" not in str(found.failures)


def test_a_database_that_fails_fails_the_whole(instance: Instance) -> None:
    """A broken transaction must not look like missing evidence."""
    error = sa.exc.OperationalError("SELECT", {}, Exception("gone"))
    with pytest.raises(sa.exc.OperationalError):
        proof(instance, {"gates": failing(error)})


def test_the_period_ends_now_at_the_latest(instance: Instance) -> None:
    """Days are London's; of a period that is not over, today is the last that counts."""
    with instance.reading() as connection:
        source = source_of(instance, connection, PERIOD)
        past = source_of(instance, connection, Period(date(2026, 6, 1), date(2026, 6, 30)))
    assert (source.end - NOW, source.day) == (timedelta(microseconds=1), date(2026, 11, 20))
    assert past.start == datetime(2026, 5, 31, 23, tzinfo=UTC)
    assert (past.end, past.day) == (datetime(2026, 6, 30, 23, tzinfo=UTC), date(2026, 6, 30))


def test_a_draft_is_bound_to_its_evidence(instance: Instance) -> None:
    """Collected again it is the same; with other evidence, map or period it is not."""
    before = proof(instance, {"gates": bringing()})
    again = proof(instance, {"gates": bringing()})
    bound = binding(before, PERIOD)
    assert binding(again, PERIOD) == bound
    others = [
        binding(proof(instance, {"gates": bringing(2)}), PERIOD),
        binding(proof(instance, {"gates": failing(ValueError())}), PERIOD),
        binding(proof(instance, {"gates": bringing(), "ledger": bringing()}), PERIOD),
        binding(replace(before, notice_digest="ab" * 32), PERIOD),
        binding(before, replace(PERIOD, to_day=date(2026, 11, 29))),
    ]
    assert bound not in others
    assert len(set(others)) == len(others)


def test_a_draft_is_bound_to_its_verdicts(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By other rules, or judged otherwise by the same, it is another; a review's own are free."""
    before = proof(instance, {"gates": bringing()})
    bound = binding(before, PERIOD)
    of_review = {
        one.id for one in before.clauses if {need.kind for need in one.needs} & OF_THE_REVIEW
    }
    assert 0 < len(of_review) < len(before.clauses)
    for one in before.verdicts:
        other = State.MET if one.state is not State.MET else State.PARTLY
        judged = [replace(it, state=other) if it is one else it for it in before.verdicts]
        same = binding(replace(before, verdicts=tuple(judged)), PERIOD) == bound
        assert same == (one.clause in of_review)
    monkeypatch.setattr("callward.evidence.proving.rules_digest", lambda: "00" * 32)
    assert binding(before, PERIOD) != bound


@pytest.mark.parametrize("kind", sorted(OF_THE_REVIEW))
def test_a_draft_is_not_bound_to_the_review_itself(instance: Instance, kind: str) -> None:
    """What approving a draft changes does not void the approval."""
    one = proof(instance, {"gates": bringing(), kind: bringing(1)})
    other = proof(instance, {"gates": bringing(), kind: bringing(2)})
    assert binding(one, PERIOD) == binding(other, PERIOD)


def test_the_items_are_in_the_ledger(instance: Instance) -> None:
    """Appending evidence leaves one row and one ledger item each, in one transaction."""
    found = proof(instance, {"gates": bringing(), "ledger": bringing(3)})
    with instance.unit() as connection:
        enter_items(connection, "night-1", found.items.values())
    with instance.reading() as connection:
        rows = connection.execute(sa.select(t.evidence_items).order_by("kind")).all()
        leaf = t.ledger_leaves.c
        query = sa.select(leaf.position).where(leaf.event == "evidence-collected")
        bodies = connection.scalars(
            sa.select(t.ledger_items.c.body).where(t.ledger_items.c.leaf == query.scalar_subquery())
        ).all()
    assert [(row.kind, row.night, row.digest) for row in rows] == [
        (kind, "night-1", found.items[kind].digest) for kind in ("gates", "ledger")
    ]
    assert [json.loads(body)["sha256"] for body in bodies] == [row.digest for row in rows]


def test_verdicts_are_told_in_words(instance: Instance) -> None:
    """Every finding has its sentence beside its code."""
    found = proof(instance, {})
    assert {one.state for one in found.verdicts} == {State.GAP}
    told = verdict_json(found.verdicts[0])
    says: Callable[[Any], bool] = lambda one: one["says"] and one["says"] != one["code"]  # noqa: E731 - read once
    assert all(map(says, told["findings"]))
    assert {one["weight"] for one in told["findings"]} == {Weight.GAP}
    assert Finding(Weight.GAP, "no-judge", kind="intake") in found.verdicts[0].findings
