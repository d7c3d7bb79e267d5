"""What the judges of governance say of facts: every code of theirs, with its weight."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from callward.evidence.clauses.model import Context, Finding, Weight
from callward.evidence.judges import JUDGES, assuring, instructing, securing, sentence, suppliers
from tests.evidence.governing import PERIOD, judged

_INSTRUCTIONS = {
    "controllers": 1,
    "in_force": 1,
    "versions": 1,
    "changed": [],
    "unapproved": [],
    "without": [],
    "beyond": {},
}
_RECORD = {
    "controllers": 1,
    "lawful_bases": {"acorn": "contract"},
    "without_instruction": [],
    "unknown_sub_processors": [],
    "without_safeguard": [],
    "processor_named": True,
    "officer_named": True,
    "measures": 11,
}
_REGISTER = {
    "active": ["northwind"],
    "used": {"northwind": 5},
    "unusable": {},
    "expiring": {},
    "history": {},
    "outside": {},
    "elsewhere": {},
}
_DISCLOSURES = {
    "disclosures": 2,
    "uninstructed": [],
    "rowless": [],
    "unended": 0,
    "outside": 0,
    "uncovered": 0,
    "uncovered_why": {},
    "uncovered_countries": [],
}
_KEYS = {
    "roots": {"turned": 1, "retired": 1, "alive": [], "pending": [], "late": {}, "by_word": []},
    "sweeps": {"complete": 1, "unturned": [], "over_living_roots": []},
    "cells": {"named": 2, "lacking": [], "unreachable": [], "found_again": {}},
    "objects": {"kept": 3, "without_key": 0, "elsewhere": 0},
}
_OPENINGS = {
    "openings": 1,
    "unreasoned": [],
    "unentered": [],
    "rowless": [],
    "despite_restriction": 0,
}
_LEDGER = {
    "checkpoints": 3,
    "unsigned": [],
    "shrunk": 0,
    "missing": 0,
    "witnessed": True,
    "unwitnessed": [],
    "unstamped": [],
}
_SOFTWARE = {"packages": 9, "without_digest": 0}
_VULNERABILITIES = {
    "reports": 1,
    "open": {"critical": 0, "high": 0, "medium": 0, "low": 0, "not told": 0},
    "open_ids": {"critical": ["A"], "high": ["B"], "medium": ["C"], "not told": ["D"]},
    "not_looked_at": 0,
    "months_without": [],
    "coverage_told": True,
}
_HELD = {"id": "iso", "kind": "iso-27001", "first_day": "2025-01-01", "last_day": "2027-01-01"}
_ASSURANCE = {"items": [_HELD], "findings": [], "lapsed": {}, "missing": []}

_BASE: Mapping[str, Mapping[str, Any]] = {
    "instructions-approved": _INSTRUCTIONS,
    "within-ceiling": _INSTRUCTIONS,
    "lawful-basis": _RECORD,
    "article-30": _RECORD,
    "commitments": _REGISTER,
    "due-diligence": _REGISTER,
    "regions": _REGISTER,
    "disclosures-instructed": _DISCLOSURES,
    "transfers-covered": _DISCLOSURES,
    "keys-sound": _KEYS,
    "roots-destroyed": _KEYS,
    "openings-reasoned": _OPENINGS,
    "ledger-signed": _LEDGER,
    "ledger-witnessed": _LEDGER,
    "software-known": _SOFTWARE,
    "vulnerabilities-handled": _VULNERABILITIES,
    "assured": _ASSURANCE,
}
"""Facts of which each judge has nothing to say."""


def _failing(code: str, *, fails: bool = True) -> dict[str, Any]:
    one = {"item": "iso", "kind": "iso-27001", "code": code, "about": "x", "day": None}
    return {"findings": [{**one, "fails": fails}]}


def _outside(used: list[str], uncovered: list[str]) -> dict[str, Any]:
    return {"outside": {"northwind": {"countries": ["US"], "used": used, "uncovered": uncovered}}}


_WENT = {"disclosures": 1, "from": "2026-12-01", "to": "2026-12-01"}
_CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("instructions-approved", {"controllers": 0}, "not-applicable", "no-controllers"),
    ("instructions-approved", {"without": ["a"]}, "gap", "controller-without-instruction"),
    ("instructions-approved", {"unapproved": ["a/1"]}, "gap", "instruction-unapproved"),
    ("instructions-approved", {"changed": ["a"]}, "note", "instructions-changed"),
    ("within-ceiling", {"controllers": 0}, "not-applicable", "no-controllers"),
    ("within-ceiling", {"beyond": {"a": ["messages"]}}, "gap", "period-beyond-ceiling"),
    ("lawful-basis", {"controllers": 0}, "not-applicable", "no-controllers"),
    ("lawful-basis", {"without_instruction": ["a"]}, "gap", "controller-without-instruction"),
    ("lawful-basis", {"lawful_bases": {"a": ""}}, "gap", "lawful-basis-missing"),
    ("article-30", {"controllers": 0}, "not-applicable", "no-controllers"),
    ("article-30", {"without_instruction": ["a"]}, "gap", "controller-without-instruction"),
    ("article-30", {"processor_named": False}, "gap", "record-without-processor"),
    ("article-30", {"officer_named": False}, "partly", "record-without-officer"),
    ("article-30", {"measures": 0}, "partly", "record-without-security"),
    ("article-30", {"unknown_sub_processors": ["x"]}, "partly", "record-without-sub-processor"),
    ("article-30", {"without_safeguard": ["x/US"]}, "partly", "record-without-safeguard"),
    ("commitments", {"active": [], "used": {}}, "not-applicable", "no-sub-processors"),
    (
        "commitments",
        {"history": {"northwind": {"training-not-excluded": _WENT}}},
        "gap",
        "used-without-commitment",
    ),
    (
        "commitments",
        {"unusable": {"northwind": ["training-not-excluded"]}},
        "partly",
        "commitment-gone",
    ),
    (
        "commitments",
        {"unusable": {"other": ["onward-use-not-excluded"]}},
        "note",
        "commitment-missing",
    ),
    ("due-diligence", {"active": [], "used": {}}, "not-applicable", "no-sub-processors"),
    (
        "due-diligence",
        {"history": {"northwind": {"dpa-expired": _WENT}}},
        "gap",
        "used-without-due-diligence",
    ),
    ("due-diligence", {"unusable": {"northwind": ["dpa-expired"]}}, "partly", "due-diligence-gone"),
    ("due-diligence", {"unusable": {"other": ["dpa-missing"]}}, "note", "due-diligence-missing"),
    ("due-diligence", {"expiring": {"x": [{"code": "dpa-expiring"}]}}, "note", "due-diligence-due"),
    ("regions", {"active": [], "used": {}}, "not-applicable", "no-sub-processors"),
    ("regions", _outside(["US"], ["US"]), "gap", "region-uncovered"),
    ("regions", _outside(["US"], []), "note", "region-outside"),
    ("regions", _outside([], ["US"]), "note", "region-unused"),
    ("regions", {"elsewhere": {"northwind": ["FR"]}}, "gap", "region-not-registered"),
    ("disclosures-instructed", {"disclosures": 0}, "not-applicable", "nothing-disclosed"),
    ("disclosures-instructed", {"uninstructed": ["1"]}, "gap", "disclosure-uninstructed"),
    ("disclosures-instructed", {"rowless": ["1"]}, "gap", "disclosure-row-missing"),
    ("disclosures-instructed", {"unended": 1}, "note", "disclosure-unended"),
    ("transfers-covered", {"disclosures": 0}, "not-applicable", "nothing-disclosed"),
    (
        "transfers-covered",
        {"outside": 1, "uncovered": 1, "uncovered_countries": ["US"]},
        "gap",
        "transfer-uncovered",
    ),
    ("transfers-covered", {"outside": 1}, "note", "transfer-covered"),
    ("keys-sound", {"objects.kept": 0}, "not-applicable", "nothing-kept"),
    ("keys-sound", {"objects.without_key": 1}, "gap", "object-without-key"),
    ("keys-sound", {"objects.elsewhere": 1}, "gap", "key-under-old-root"),
    ("keys-sound", {"cells.lacking": ["a"]}, "partly", "cell-without-root"),
    ("keys-sound", {"cells.unreachable": ["a"]}, "partly", "cell-unreachable"),
    ("keys-sound", {"cells.named": 1}, "note", "single-cell"),
    ("roots-destroyed", {"roots.alive": [1]}, "gap", "root-alive"),
    ("roots-destroyed", {"roots.pending": [1]}, "note", "root-pending"),
    ("roots-destroyed", {"roots.late": {"1": 3}}, "partly", "root-late"),
    ("roots-destroyed", {"roots.by_word": [1]}, "note", "root-by-word"),
    ("roots-destroyed", {"cells.found_again": {"a": [1]}}, "gap", "root-found-again"),
    ("roots-destroyed", {"sweeps.unturned": ["s"]}, "gap", "sweep-without-turn"),
    ("roots-destroyed", {"sweeps.over_living_roots": ["s"]}, "gap", "sweep-over-living-root"),
    ("openings-reasoned", {"openings": 0}, "not-applicable", "no-opening"),
    ("openings-reasoned", {"unreasoned": ["o"]}, "gap", "opening-unreasoned"),
    ("openings-reasoned", {"unentered": ["o"]}, "gap", "opening-unentered"),
    ("openings-reasoned", {"rowless": ["r"]}, "gap", "opening-row-missing"),
    ("openings-reasoned", {"despite_restriction": 1}, "note", "opened-despite-restriction"),
    ("ledger-signed", {"checkpoints": 0}, "gap", "no-checkpoint"),
    ("ledger-signed", {"unsigned": ["2026-12"]}, "partly", "months-unsigned"),
    ("ledger-signed", {"shrunk": 1}, "gap", "heads-shrunk"),
    ("ledger-signed", {"missing": 1}, "gap", "leaves-missing"),
    ("ledger-witnessed", {"witnessed": False}, "partly", "no-witness"),
    ("ledger-witnessed", {"unwitnessed": ["2026-12"]}, "partly", "months-unwitnessed"),
    ("ledger-witnessed", {"unstamped": ["2026-12"]}, "note", "months-unstamped"),
    ("software-known", {"packages": 0}, "gap", "software-unknown"),
    ("software-known", {"without_digest": 1}, "note", "packages-without-digest"),
    ("vulnerabilities-handled", {"reports": 0}, "gap", "no-vulnerability-report"),
    ("vulnerabilities-handled", {"open.critical": 1}, "gap", "vulnerabilities-grave"),
    ("vulnerabilities-handled", {"open.high": 1}, "gap", "vulnerabilities-grave"),
    ("vulnerabilities-handled", {"open.medium": 1}, "partly", "vulnerabilities-open"),
    ("vulnerabilities-handled", {"open.not told": 1}, "partly", "vulnerabilities-open"),
    ("vulnerabilities-handled", {"not_looked_at": 1}, "partly", "packages-not-looked-at"),
    ("vulnerabilities-handled", {"months_without": ["2026-12"]}, "partly", "months-without-report"),
    ("vulnerabilities-handled", {"coverage_told": False}, "note", "coverage-not-told"),
    *(
        ("assured", _failing(code), "gap", code)
        for code in (
            "required-missing",
            "expired",
            "not-yet-valid",
            "test-older-than-a-year",
            "tester-without-crest",
            "findings-overdue",
        )
    ),
    *(
        ("assured", _failing(code), "partly", code)
        for code in (
            "item-unreadable",
            "dpo-review-overdue",
            "document-missing",
            "document-changed",
            "document-unreadable",
        )
    ),
    *(
        ("assured", _failing(code, fails=False), "note", code)
        for code in ("expiring", "test-due", "dpo-review-due", "findings-due")
    ),
    (
        "assured",
        {"lapsed": {"iso-27001": {"days": 30, "from": "2026-12-01", "to": "2026-12-30"}}},
        "partly",
        "lapsed-for-a-time",
    ),
]
_MORE: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "roots-destroyed",
        {"sweeps.complete": 0, "roots.turned": 0, "roots.retired": 0},
        [("not-applicable", "no-root-turned")],
    ),
    (
        "keys-sound",
        {"cells.lacking": ["a"], "cells.unreachable": ["b"]},
        [
            ("gap", "no-cell-has-root"),
            ("partly", "cell-without-root"),
            ("partly", "cell-unreachable"),
        ],
    ),
    ("roots-destroyed", {"roots.late": {"1": 2}}, []),
    # What the ledger knows of was opened, and went, whatever has become of the rows.
    (
        "openings-reasoned",
        {"openings": 0, "rowless": ["r"]},
        [("gap", "opening-row-missing")],
    ),
    (
        "disclosures-instructed",
        {"disclosures": 0, "rowless": ["1"]},
        [("gap", "disclosure-row-missing")],
    ),
    ("transfers-covered", {"disclosures": 0, "rowless": ["1"]}, []),
    # What was wrong while it was used is told once, not again as having gone since.
    (
        "due-diligence",
        {
            "history": {"northwind": {"dpa-expired": _WENT}},
            "unusable": {"northwind": ["dpa-expired"]},
        },
        [("gap", "used-without-due-diligence")],
    ),
    # Over at the end: the gap is told, not the days as well.
    (
        "assured",
        {**_failing("expired"), "lapsed": {"iso-27001": {"days": 1, "from": "x", "to": "x"}}},
        [("gap", "expired")],
    ),
    # Of another kind: nothing of it.
    (
        "assured",
        {"lapsed": {"iso-9001": {"days": 1, "from": "x", "to": "x"}}},
        [],
    ),
]


def _facts(judge: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of which it has nothing to say, but for what is said; ``a.b`` is b within a."""
    facts = deepcopy(dict(_BASE[judge]))
    for name, value in changes.items():
        outer, _, inner = name.partition(".")
        if inner:
            assert inner in facts[outer]
            facts[outer][inner] = value
        else:
            assert name in facts
            facts[name] = value
    return facts


def _options(judge: str) -> dict[str, str]:
    return {"kind": "iso-27001"} if judge == "assured" else {}


@pytest.mark.parametrize("judge", _BASE)
def test_where_all_is_as_promised_nothing_is_said(judge: str) -> None:
    """Silence is what makes a clause met."""
    assert judged(judge, _facts(judge, {}), **_options(judge)) == []


@pytest.mark.parametrize(("judge", "changes", "weight", "code"), _CASES)
def test_each_fault_has_its_code_and_weight(
    judge: str, changes: dict[str, Any], weight: str, code: str
) -> None:
    """One thing changed, one finding."""
    assert judged(judge, _facts(judge, changes), **_options(judge)) == [(weight, code)]


@pytest.mark.parametrize(("judge", "changes", "expected"), _MORE)
def test_findings_that_go_together(
    judge: str, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """And those that do not."""
    assert judged(judge, _facts(judge, changes), **_options(judge)) == expected


def test_a_certificate_alone_is_never_enough() -> None:
    """What nothing of ours shows is partly kept at best, and a gap once the paper is over."""
    told = {day: judged("covered-by", _ASSURANCE, day, kind="iso-27001") for day in _DAYS}
    alone, over = [("partly", "certificate-alone")], [("gap", "certificate-not-in-force")]
    assert list(told.values()) == [over, alone, alone, over]
    assert judged("covered-by", _ASSURANCE, _DAYS[1], kind="iso-9001") == over


_DAYS = (date(2024, 12, 31), date(2025, 1, 1), date(2027, 1, 1), date(2027, 1, 2))


def test_every_sentence_can_be_reached() -> None:
    """A code that no case reaches would be one that nobody has seen."""
    reached = {code for *_, code in _CASES} | {code for *_, some in _MORE for _, code in some}
    reached |= {"certificate-alone", "certificate-not-in-force"}
    means = {**instructing.MEANS, **suppliers.MEANS, **securing.MEANS, **assuring.MEANS}
    assert reached == means.keys()


@pytest.mark.parametrize(("judge", "changes", "weight", "code"), _CASES)
def test_every_sentence_says_how_many_and_of_what(
    judge: str, changes: dict[str, Any], weight: str, code: str
) -> None:
    """No place in a sentence stays empty: where it counts there is a count, and something named."""
    context = Context(PERIOD, PERIOD.to_day, _options(judge))
    (found,) = JUDGES[judge](_facts(judge, changes), context)
    assert isinstance(found, Finding)
    said = {**instructing.MEANS, **suppliers.MEANS, **securing.MEANS, **assuring.MEANS}[code]
    assert (found.count > 0) or "{count}" not in said
    assert bool(found.about) or ("{about}" not in said and "{words}" not in said)
    assert found.weight is Weight(weight)
    assert "{" not in sentence(found)
