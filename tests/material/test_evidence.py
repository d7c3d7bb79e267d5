"""Material changes as evidence, judged, and seen from a terminal."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from rich.console import Console

from callward import cli_run
from callward.evidence.clauses.deciding import decide
from callward.evidence.clauses.model import Clause, Context, Item, Need, Period, State
from callward.evidence.collectors import COLLECTORS
from callward.evidence.collectors.base import Collected
from callward.evidence.gathering import source_of
from callward.evidence.judges import JUDGES, sentence
from callward.instance import Instance
from tests.commands import callward
from tests.material.world import dealt, furnish, later, look, write_notice
from tests.support import instruct, run_night

KIND = "material-changes"
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def two(instance: Instance) -> Instance:
    """An instance that has seen a law change on 21 November, and an instruction a day later."""
    furnish(instance)
    look(instance)
    later(instance, days=1)
    write_notice(instance, "as_of: 2026-02-05", "as_of: 2026-11-20")
    look(instance)
    later(instance, days=1)
    instruct(instance, recordings="30 days")
    look(instance)
    return instance


def collected(instance: Instance, period: Period) -> Collected:
    """What the collector brings of a period."""
    with instance.reading() as connection:
        return COLLECTORS[KIND](source_of(instance, connection, period))


def test_what_waits_and_what_is_dealt_with(two: Instance) -> None:
    """In numbers by kind, with the days each has waited by the last day that counts."""
    later(two, days=3)
    dealt(two, datetime(2026, 11, 22, tzinfo=UTC))
    found = collected(two, NOVEMBER)
    assert found.facts == {
        "found": 2,
        "dealt": 1,
        "dealt_by_kind": {"law": 1},
        "waiting": 1,
        "waiting_days": {"instruction": [3]},
        "dealt_days": {"law": [4]},
    }
    assert [one["kind"] for one in found.details["changes"]] == ["law", "instruction"]
    assert found.newest == two.clock.now()


def test_a_period_is_told_as_it_stood(two: Instance) -> None:
    """What was dealt with later was waiting then; what was found later was not there."""
    period = Period(date(2026, 11, 21), date(2026, 11, 21))
    later(two, days=1)
    before = collected(two, period)
    assert before.facts["waiting_days"] == {"law": [0]}
    later(two, days=20)
    dealt(two)
    assert collected(two, period) == before
    assert collected(two, NOVEMBER).facts["waiting"] == 2


def test_what_was_found_before_waits_on(two: Instance) -> None:
    """A later period holds it until that in which a review has dealt with it, and none after."""
    later(two, days=30)
    december = Period(date(2026, 12, 1), date(2026, 12, 31))
    facts = collected(two, december).facts
    assert (facts["found"], facts["waiting_days"]) == (0, {"law": [31], "instruction": [30]})
    dealt(two)
    later(two, days=20)
    facts = collected(two, december).facts
    assert (facts["found"], facts["dealt"], facts["waiting"]) == (0, 2, 0)
    assert facts["dealt_days"] == {"law": [31], "instruction": [30]}
    january = Period(date(2027, 1, 1), date(2027, 1, 31))
    later(two, days=10)
    found = collected(two, january)
    assert (found.facts["dealt"], found.facts["waiting"], found.newest) == (0, 0, None)


def verdict(facts: dict[str, Any]) -> tuple[State, list[str]]:
    """What becomes of a clause that rests on these facts alone, in words."""
    at = datetime(2026, 12, 1, tzinfo=UTC)
    item = Item("i", KIND, NOVEMBER, at, "tables", None, "data/evidence/x.json", "00", facts)
    need = Need(KIND, None, "changes-reviewed")
    clause = Clause("N16.2", "N16", "t", "d", (), (), (), "Board", (need,))
    (one,) = decide([clause], {KIND: item}, Context(NOVEMBER, date(2026, 11, 30)), JUDGES)
    return one.state, [sentence(finding) for finding in one.findings]


def test_verdicts() -> None:
    """Nothing is as promised; what waits is partly, what waits too long is a gap."""
    nothing: dict[str, Any] = {
        "dealt": 0,
        "dealt_by_kind": {},
        "waiting_days": {},
        "dealt_days": {},
    }
    assert verdict(nothing) == (State.MET, [])
    assert verdict({**nothing, "dealt": 2, "dealt_by_kind": {"law": 2}}) == (
        State.MET,
        ["a review has dealt with 2 material changes: law"],
    )
    assert verdict({**nothing, "dealt_days": {"law": [90]}}) == (State.MET, [])
    assert verdict({**nothing, "dealt_days": {"law": [91, 2], "engine": [400]}}) == (
        State.PARTLY,
        ["a review has dealt with 2 material changes only after more than 90 days: engine, law"],
    )
    assert verdict({**nothing, "waiting_days": {"law": [90, 3], "engine": [1]}}) == (
        State.PARTLY,
        ["3 material changes wait for a review: engine, law"],
    )
    assert verdict({**nothing, "waiting_days": {"law": [91, 3]}}) == (
        State.GAP,
        [
            "1 material change has waited longer than 90 days for a review: law",
            "1 material change waits for a review: law",
        ],
    )


def test_from_a_terminal(two: Instance) -> None:
    """Listed with what it was and became until a review has dealt with it, then with --all."""
    home = two.settings.home
    (law, instruction) = callward(home, "changes", "list", "--json").json
    assert (law["kind"], law["about"]) == ("law", "pecr-2003")
    assert (instruction["about"], instruction["review"]) == ("acorn/retention", None)
    assert "acorn/retention" in callward(home, "changes", "list").out
    assert callward(home, "status", "--json").json["material_changes"] == {
        "waiting": 2,
        "by_kind": {"instruction": 1, "law": 1},
        "oldest": "2026-11-21",
    }
    assert "material changes" in callward(home, "status").out
    later(two, days=1)
    dealt(two)
    assert callward(home, "changes", "list").out == "no material change waits for a review\n"
    assert len(callward(home, "changes", "list", "--all", "--json").json) == 2


def test_the_night_tells_it_in_the_terminal(two: Instance) -> None:
    """Behind the counts, until a review has dealt with it."""
    later(two, days=1)
    reports = run_night(two)
    with pytest.MonkeyPatch.context() as patch:
        said = io.StringIO()
        patch.setattr(cli_run, "console", Console(file=said, width=200))
        cli_run.show_night(two, "0" * 16, reports, failed=False)
    assert "2 (instruction 1, law 1), the oldest seen 2026-11-21\n" in said.getvalue()
