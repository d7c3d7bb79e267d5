"""From evidence to verdicts: what is missing, stale or unclear never counts for a promise."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.evidence.clauses.deciding import decide
from callward.evidence.clauses.model import (
    Clause,
    Context,
    Facts,
    Finding,
    Item,
    Need,
    Period,
    State,
    Verdict,
    Weight,
)

PERIOD = Period(date(2026, 1, 1), date(2026, 12, 31))
CONTEXT = Context(PERIOD, PERIOD.to_day)
WEIGHTS = {
    Weight.GAP: State.GAP,
    Weight.PARTLY: State.PARTLY,
    Weight.NOT_APPLICABLE: State.NOT_APPLICABLE,
    Weight.NOTE: State.MET,
}


def saying(facts: Facts, _: Context) -> Iterator[Finding]:
    """Say what the facts say."""
    for weight in facts["says"]:
        yield Finding(Weight(weight), f"a-{weight}")


def item(kind: str, *says: str, age: int | None = 0, facts: Any = None) -> Item:
    """An item whose judge says what it is told; ``age`` in days, None if nothing is in it."""
    at = datetime(2026, 12, 31, 1, tzinfo=UTC)
    newest = None if age is None else at - timedelta(days=age)
    told = {"says": list(says)} if facts is None else facts
    return Item(f"{kind}-1", kind, PERIOD, at, "somewhere", newest, f"{kind}.json", "00", told)


def verdict(needs: list[Need], *items: Item) -> Verdict:
    """The verdict on one clause."""
    clause = Clause("N1.1", "N1", "Title", "Duty.", (), (), (), "Office", tuple(needs))
    [found] = decide([clause], {one.kind: one for one in items}, CONTEXT, {"saying": saying})
    return found


def need(kind: str = "gates", fresh: int | None = None, judge: str = "saying") -> Need:
    """What a clause rests on."""
    return Need(kind, fresh, judge)


def codes(found: Verdict) -> list[str]:
    """What the verdict's findings are called."""
    return [one.code for one in found.findings]


def test_nothing_said_is_met() -> None:
    """Where the judge has nothing to say, the promise was kept."""
    found = verdict([need()], item("gates"))
    assert (found.state, found.findings) == (State.MET, ())


@pytest.mark.parametrize(("weight", "state"), WEIGHTS.items())
def test_a_finding_weighs(weight: Weight, state: State) -> None:
    """Each weight has its own consequence, and the finding says of which evidence it is."""
    found = verdict([need()], item("gates", weight))
    assert found.state is state
    assert found.findings == (Finding(weight, f"a-{weight}", kind="gates"),)


@given(st.lists(st.lists(st.sampled_from(sorted(Weight)), max_size=3), min_size=1, max_size=4))
def test_the_gravest_counts(says: list[list[str]]) -> None:
    """Whatever else is said: a gap is a gap; idle is a clause only if all of it is."""
    items = [item(f"kind-{n}", *each) for n, each in enumerate(says)]
    found = verdict([need(one.kind) for one in items], *items)
    said = {weight for each in says for weight in each}
    if Weight.GAP in said:
        assert found.state is State.GAP
    elif Weight.PARTLY in said:
        assert found.state is State.PARTLY
    elif all(Weight.NOT_APPLICABLE in each for each in says):
        assert found.state is State.NOT_APPLICABLE
    else:
        assert found.state is State.MET
    order = [list(Weight).index(one.weight) for one in found.findings]
    assert order == sorted(order)
    assert len(order) == sum(map(len, says))


def test_a_clause_without_evidence_is_a_gap() -> None:
    """A promise that the map proves by nothing is not kept as far as anyone can tell."""
    found = verdict([])
    assert (found.state, codes(found)) == (State.GAP, ["no-evidence-named"])


def test_evidence_not_collected_is_a_gap() -> None:
    """One of two pieces missing leaves a gap whatever the other says."""
    found = verdict([need("gates"), need("ledger")], item("gates"))
    assert (found.state, codes(found)) == (State.GAP, ["no-evidence"])
    assert found.findings[0].kind == "ledger"


def test_an_unknown_rule_is_a_gap() -> None:
    """A map that names a rule nobody knows does not pass for kept."""
    found = verdict([need(judge="nobody")], item("gates"))
    assert (found.state, codes(found)) == (State.GAP, ["no-judge"])


@pytest.mark.parametrize("facts", [{}, {"says": None}, {"says": 7}, {"says": ["bad"]}])
def test_facts_that_do_not_fit_are_a_gap(facts: Facts) -> None:
    """What the rule cannot read proves nothing."""
    found = verdict([need()], item("gates", facts=facts))
    assert (found.state, codes(found)) == (State.GAP, ["facts-unreadable"])


@pytest.mark.parametrize(
    ("age", "state", "said"),
    [
        (0, State.MET, []),
        (7, State.MET, []),
        (8, State.PARTLY, ["evidence-stale"]),
        (None, State.GAP, ["no-evidence"]),
    ],
)
def test_evidence_must_be_fresh(age: int | None, state: State, said: list[str]) -> None:
    """Seven days may pass, not eight; and with nothing in it there is no evidence."""
    found = verdict([need(fresh=7)], item("gates", age=age))
    assert (found.state, codes(found)) == (state, said)


def test_what_is_idle_does_not_age() -> None:
    """Where there was nothing to do, nothing can be too old."""
    found = verdict([need(fresh=7)], item("gates", Weight.NOT_APPLICABLE, age=None))
    assert (found.state, codes(found)) == (State.NOT_APPLICABLE, ["a-not-applicable"])


def test_a_day_is_londons() -> None:
    """In summer half past eleven in the evening UTC is already the next day."""
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    one = Item("x", "gates", PERIOD, late, "-", late, "f", "00", {"says": []})
    clause = Clause("N1", "N1", "T", "D.", (), (), (), "O", (need(fresh=0),))
    for day, state in ((date(2026, 7, 2), State.MET), (date(2026, 7, 3), State.PARTLY)):
        [found] = decide([clause], {"gates": one}, Context(PERIOD, day), {"saying": saying})
        assert found.state is state


def test_judges_are_told_their_options() -> None:
    """The map's options reach the rule, and no other clause's."""
    told: list[dict[str, str]] = []

    def listening(_: Facts, context: Context) -> list[Finding]:
        told.append(dict(context.options))
        return []

    needs = (Need("gates", None, "listening", {"classes": "recordings"}),)
    one = Clause("N1", "N1", "T", "D.", (), (), (), "O", needs)
    other = Clause("N2", "N2", "T", "D.", (), (), (), "O", (Need("gates", None, "listening"),))
    decide([one, other], {"gates": item("gates")}, CONTEXT, {"listening": listening})
    assert told == [{"classes": "recordings"}, {}]
