"""What the judges of kept records make of facts: each code, its weight, and its sentence."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import pytest

from callward.evidence.clauses.model import Context, Finding, Period, Weight
from callward.evidence.judges import (
    JUDGES,
    MEANS,
    arriving,
    destroying,
    running,
    sentence,
    transcribing,
)
from tests.evidence.collectors.kept import Shelf

GAP, PARTLY, NOTE, IDLE = Weight.GAP, Weight.PARTLY, Weight.NOTE, Weight.NOT_APPLICABLE
_PERIOD = Period(date(2026, 1, 1), date(2026, 12, 31))
_OF_RECORDINGS = {"classes": "recordings voicemail"}

WELL: Mapping[str, dict[str, Any]] = {
    "categories": {"by_kind": {"recording": 9}, "by_month": {"2026-01": {}}},
    "quarantine-decided": {
        "quarantine": {"held": 0, "oldest_days": 0, "by_reason": {}, "expired": {}}
    },
    "gates-held": {"asked": 9, "stops": 0, "stopped": [], "standing": [], "in_a_row": {}},
    "card-data": {
        **dict.fromkeys(("unheard", "failed", "unscannable", "originals", "originals_held"), 0),
        **dict.fromkeys(("numbers_muted", "text_masked", "transcripts_masked", "paused"), 0),
    },
    "transcription-instructed": {
        "transcribed": 9,
        "refused": 0,
        "refusals": {},
        "uninstructed": 0,
    },
    "transcripts-with-recordings": {
        "transcripts": 5,
        "transcribed": 9,
        "orphans": 0,
        "outlived": 0,
    },
    "transfers-refused": {"transfers_refused": 0},
    "timely": {
        "by_class": {
            name: {"destroyed": 9, "late": 0, "early": 0, "excused": 0, "instructed": 0}
            for name in ("recordings", "messages")
        },
        "overdue": {},
        "held": {},
        "hold_not_told": {},
    },
    "certified": {"destroyed": 9, "uncertified": 0, "open_sweeps": 0, "open_days": 0},
    "nothing-left": {
        "standing": {},
        "cleared": {},
        "missing_weeks": [],
        "not_yet_due": False,
    },
    "drills-passed": {
        "last": "passed",
        "failed": 0,
        "empty": 0,
        "missing_weeks": [],
        "not_yet_due": False,
    },
    "holds-reviewed": {
        "overdue": [],
        "late": [],
        "standing": {},
        "lifted": 1,
        "held_destroyed": 0,
    },
    "restrictions-kept": {
        "restrictions": 1,
        "destroyed": 0,
        "transcribed": 0,
        "opened": 0,
        "not_told": 0,
    },
    "erasures-done": {
        "asked": 9,
        "done": 9,
        "held": 0,
        "hold_not_told": 0,
        "waiting": 0,
        "waiting_days": 0,
        "days": {"0": 8, "1": 1},
    },
    "nights-run": {
        "expected": 365,
        "run": 365,
        "missing_days": [],
        "failed_days": [],
        "without_retention": [],
        "last_days": ["2026-12-29", "2026-12-30", "2026-12-31"],
    },
    "flow-runs-fit": {
        "runs": 9,
        "by_state": {"COMPLETED": 9},
        "tampered": 0,
        "lost": 0,
        "deleted": 0,
        "plain": 0,
    },
}
"""By judge, facts with nothing to be said about."""


class Case(NamedTuple):
    """What differs from a year that went well, and all that is said of it."""

    judge: str
    differs: Mapping[str, Any]
    says: tuple[tuple[Weight, str, int], ...]


def _class(**differs: int) -> dict[str, Any]:
    whole = {"destroyed": 9, "late": 0, "early": 0, "excused": 0, "instructed": 0, **differs}
    return {"by_class": {"recordings": whole, "messages": {**whole, "late": 99}}}


_IDLE_CLASS = _class(destroyed=0)
_LAST = list(WELL["nights-run"]["last_days"])
_WAITING = {"held": 3, "by_reason": {"gate": 3}, "expired": {}}
_NONE: Mapping[str, Any] = WELL["quarantine-decided"]["quarantine"]

CASES = [
    Case(
        "quarantine-decided",
        {"quarantine": {**_NONE, "expired": {"4": 3, "14": 1, "15": 1, "45": 2}}},
        ((PARTLY, "quarantine-never-decided", 3),),
    ),
    Case("categories", {"by_kind": {"x-ray": 2, "sms": 1}}, ((GAP, "category-not-named", 2),)),
    Case("categories", {"by_kind": {}, "by_month": {}}, ((IDLE, "nothing-came-in", 0),)),
    *(
        Case("quarantine-decided", {"quarantine": {**_WAITING, "oldest_days": days}}, (says,))
        for days, says in (
            (14, (NOTE, "quarantine-waiting", 3)),
            (15, (PARTLY, "quarantine-undecided", 15)),
            (45, (PARTLY, "quarantine-undecided", 45)),
            (46, (GAP, "quarantine-forgotten", 46)),
        )
    ),
    Case("gates-held", {"asked": 0}, ((GAP, "no-gate-asked", 0),)),
    Case(
        "gates-held",
        {"stops": 2, "stopped": [["n", "a"], ["m", "a"]], "in_a_row": {"a": 3}},
        ((NOTE, "gate-stopped", 2),),
    ),
    Case(
        "gates-held",
        {"stops": 4, "stopped": [["n", "a"]], "in_a_row": {"a": 4}, "standing": ["a"]},
        ((GAP, "gate-stops-yet", 1), (PARTLY, "gate-stopped-long", 4)),
    ),
    *(
        Case("card-data", {name: 2}, ((weight, code, 2),))
        for name, weight, code in (
            ("unheard", GAP, "cards-not-looked-for"),
            ("originals", GAP, "card-numbers-kept"),
            ("failed", PARTLY, "cards-tried-in-vain"),
            ("unscannable", PARTLY, "cards-unscannable"),
            ("originals_held", NOTE, "card-numbers-on-hold"),
            ("numbers_muted", NOTE, "card-numbers-muted"),
            ("text_masked", NOTE, "card-numbers-masked"),
            ("paused", NOTE, "cards-paused-by-controllers"),
        )
    ),
    Case("transcription-instructed", {"uninstructed": 2}, ((GAP, "transcribed-uninstructed", 2),)),
    Case(
        "transcription-instructed",
        {"refused": 3, "refusals": {"held": 3}},
        ((NOTE, "transcription-refused", 3),),
    ),
    Case("transcription-instructed", {"transcribed": 0}, ((IDLE, "nothing-to-transcribe", 0),)),
    Case(
        "transcripts-with-recordings",
        {"orphans": 2, "outlived": 1},
        ((GAP, "transcript-without-recording", 2), (PARTLY, "transcript-outlived", 1)),
    ),
    Case(
        "transcripts-with-recordings",
        {"transcripts": 0, "transcribed": 0},
        ((IDLE, "no-transcripts", 0),),
    ),
    Case("transfers-refused", {"transfers_refused": 2}, ((NOTE, "transfer-refused", 2),)),
    Case("timely", _class(late=2), ((PARTLY, "destroyed-late", 2),)),
    Case("timely", _class(early=2), ((GAP, "destroyed-early", 2),)),
    Case("timely", _class(excused=2), ((NOTE, "destroyed-when-free", 2),)),
    Case("timely", _class(instructed=2), ((NOTE, "destroyed-on-instruction", 2),)),
    Case("timely", _IDLE_CLASS, ((IDLE, "nothing-due", 0),)),
    Case("timely", {"by_class": {}}, ((IDLE, "nothing-due", 0),)),
    Case("timely", {"overdue": {"voicemail": 2, "messages": 9}}, ((GAP, "overdue", 2),)),
    Case(
        "timely",
        {**_IDLE_CLASS, "held": {"recordings": 2, "messages": 9}},
        ((NOTE, "kept-on-hold", 2),),
    ),
    Case(
        "timely",
        {**_IDLE_CLASS, "hold_not_told": {"recordings": 2, "messages": 9}},
        ((PARTLY, "hold-not-told", 2),),
    ),
    Case("certified", {"uncertified": 2}, ((GAP, "uncertified", 2),)),
    Case("certified", {"open_sweeps": 1, "open_days": 31}, ((NOTE, "sweep-open", 1),)),
    Case("certified", {"open_sweeps": 1, "open_days": 32}, ((PARTLY, "sweep-stuck", 32),)),
    Case("certified", {"destroyed": 0}, ((IDLE, "nothing-destroyed", 0),)),
    Case("nothing-left", {"standing": {"a": 1, "b": 2}}, ((GAP, "residue", 3),)),
    Case("nothing-left", {"cleared": {"a": 2}}, ((PARTLY, "residue-cleared", 2),)),
    Case("nothing-left", {"missing_weeks": ["2026-06-01"]}, ((PARTLY, "scans-missing", 1),)),
    Case("drills-passed", {"last": "failed", "failed": 1}, ((GAP, "drill-failed", 0),)),
    Case("drills-passed", {"failed": 1}, ((PARTLY, "drill-failed-before", 1),)),
    Case("nothing-left", {"not_yet_due": True}, ((IDLE, "not-yet-due", 0),)),
    Case("drills-passed", {"last": None, "not_yet_due": True}, ((IDLE, "not-yet-due", 0),)),
    Case("drills-passed", {"empty": 2}, ((PARTLY, "drill-empty", 2),)),
    Case("drills-passed", {"missing_weeks": ["2026-06-01"]}, ((PARTLY, "drills-missing", 1),)),
    Case(
        "holds-reviewed",
        {"overdue": ["h"], "standing": {"hold": 1}},
        ((GAP, "hold-review-overdue", 1),),
    ),
    Case("holds-reviewed", {"late": ["h"]}, ((PARTLY, "hold-lifted-late", 1),)),
    Case("holds-reviewed", {"standing": {"hold": 2}}, ((NOTE, "holds-standing", 2),)),
    Case("holds-reviewed", {"held_destroyed": 2}, ((GAP, "held-destroyed", 2),)),
    Case("holds-reviewed", {"lifted": 0}, ((IDLE, "no-holds", 0),)),
    Case("restrictions-kept", {"restrictions": 0}, ((IDLE, "no-restrictions", 0),)),
    Case("restrictions-kept", {"destroyed": 2}, ((GAP, "restricted-destroyed", 2),)),
    Case("restrictions-kept", {"transcribed": 2}, ((GAP, "restricted-used", 2),)),
    Case("restrictions-kept", {"not_told": 2}, ((PARTLY, "restriction-not-told", 2),)),
    Case("restrictions-kept", {"opened": 2}, ((NOTE, "restricted-opened", 2),)),
    Case("erasures-done", {"waiting": 2, "waiting_days": 1}, ()),
    Case("erasures-done", {"waiting": 2, "waiting_days": 2}, ((PARTLY, "erasure-waits", 2),)),
    Case("erasures-done", {"waiting": 2, "waiting_days": 31}, ((GAP, "erasure-overdue", 2),)),
    Case("erasures-done", {"days": {"0": 9, "2": 3}}, ((PARTLY, "erased-late", 3),)),
    Case("erasures-done", {"hold_not_told": 2}, ((PARTLY, "hold-not-told", 2),)),
    Case("erasures-done", {"held": 2}, ((NOTE, "erasure-held", 2),)),
    Case("erasures-done", {"asked": 0, "done": 0, "days": {}}, ((IDLE, "no-erasures", 0),)),
    Case("nights-run", {"missing_days": _LAST[1:]}, ((PARTLY, "nights-missing", 2),)),
    Case(
        "nights-run",
        {"missing_days": _LAST},
        ((GAP, "nights-stopped", 3), (PARTLY, "nights-missing", 3)),
    ),
    Case(
        "nights-run",
        {"missing_days": _LAST[1:], "without_retention": _LAST[:1]},
        (
            (GAP, "nights-stopped", 3),
            (PARTLY, "nights-missing", 2),
            (PARTLY, "retention-missing", 1),
        ),
    ),
    Case("nights-run", {"failed_days": ["2026-06-01"]}, ((NOTE, "nights-stopped-by-gates", 1),)),
    Case("nights-run", {"expected": 0, "last_days": []}, ((IDLE, "no-night-expected", 0),)),
    Case("flow-runs-fit", {"tampered": 2}, ((GAP, "flow-runs-altered", 2),)),
    Case("flow-runs-fit", {"lost": 2}, ((GAP, "flow-runs-lost", 2),)),
    Case("flow-runs-fit", {"deleted": 2}, ((PARTLY, "flow-runs-deleted", 2),)),
    Case("flow-runs-fit", {"plain": 2}, ((NOTE, "nights-without-flow-run", 2),)),
    Case(
        "flow-runs-fit",
        {"by_state": {"FAILED": 1, "CRASHED": 1}},
        ((NOTE, "flow-runs-failed", 2),),
    ),
    Case("flow-runs-fit", {"runs": 0, "plain": 9}, ((IDLE, "no-orchestrator", 0),)),
]


def _judged(judge: str, facts: Mapping[str, Any]) -> list[Finding]:
    options = _OF_RECORDINGS if judge == "timely" else {}
    return list(JUDGES[judge](facts, Context(_PERIOD, _PERIOD.to_day, options)))


@pytest.mark.parametrize("judge", WELL)
def test_a_year_that_went_well(judge: str) -> None:
    """There is nothing to say, so that the clause is met."""
    assert _judged(judge, WELL[judge]) == []


@pytest.mark.parametrize("case", CASES, ids=[f"{one.judge}-{one.says}" for one in CASES])
def test_what_is_said(case: Case) -> None:
    """This and nothing else, with its weight, and a sentence that has no holes."""
    found = _judged(case.judge, {**WELL[case.judge], **case.differs})
    assert tuple((one.weight, one.code, one.count) for one in found) == case.says
    for one in found:
        said = sentence(one)
        assert said != one.code
        assert not {"{", "}"} & set(said)


def test_every_code_is_reached_and_has_a_sentence() -> None:
    """No sentence that nothing leads to, no code without one."""
    said = {code for case in CASES for _, code, _ in case.says}
    modules = (arriving, destroying, running, transcribing)
    own = [code for module in modules for code in module.MEANS]
    assert said == set(own)
    assert len(own) == len(set(own))
    assert set(own) <= set(MEANS)


def test_judges_read_what_collectors_bring(shelf: Shelf) -> None:
    """The facts of an empty catalogue, through JSON as in a pack, are readable to each."""
    shelf.made()
    kinds = {
        "categories": "intake",
        "quarantine-decided": "intake",
        "gates-held": "gates",
        "card-data": "cards",
        "transcription-instructed": "transcription",
        "transcripts-with-recordings": "transcription",
        "transfers-refused": "transcription",
        "timely": "deletions",
        "certified": "deletions",
        "nothing-left": "residual-scans",
        "drills-passed": "restore-drills",
        "holds-reviewed": "holds",
        "restrictions-kept": "holds",
        "erasures-done": "erasures",
        "nights-run": "nights",
        "flow-runs-fit": "flow-runs",
    }
    assert kinds.keys() == WELL.keys()
    for judge, kind in kinds.items():
        facts = json.loads(json.dumps(shelf.facts(kind)))
        assert WELL[judge].keys() <= facts.keys()
        for one in _judged(judge, facts):
            assert one.code in MEANS
