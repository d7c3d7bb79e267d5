"""Verdicts as OSCAL assessment results: complete, linked, the same each time; from packs only."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from callward.errors import IntegrityError
from callward.evidence.clauses.deciding import Judge, decide
from callward.evidence.clauses.model import Context, Finding, Item, Period, Weight
from callward.evidence.clauses.notice import DELIVERED, as_json, read_notice
from callward.evidence.conform.assessed import assessed, of_files
from callward.evidence.conform.oscal import Assessed, assessment_results
from callward.evidence.proving import item_json, verdict_json
from tests.commands import callward
from tests.evidence.packs import Maker, make_signer

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
PERIOD = Period(date(2026, 3, 1), date(2026, 3, 2))
UUID5 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")


def saying(found: list[Finding]) -> Judge:
    """A rule that finds this, whatever the evidence."""
    return lambda _facts, _context: found


NOTICE = read_notice(DELIVERED).value
CLAUSES = tuple(one.clause for one in NOTICE.clauses)
KINDS = sorted({need.kind for one in CLAUSES for need in one.needs} - {"keys"})


@pytest.fixture(scope="module")
def made() -> Assessed:
    """What a pack says with the notice as delivered: clauses of every state."""
    items = {
        kind: Item(
            kind, kind, PERIOD, AT, "tables", AT, f"data/evidence/{kind}.json", "ab" * 32, {}
        )
        for kind in KINDS
    }
    by_name = {
        "card-data": [Finding(Weight.PARTLY, "held-up", 3)],
        "regions": [Finding(Weight.NOT_APPLICABLE, "no-sub-processor")],
        "erasures-done": [Finding(Weight.NOTE, "erased", 2)],
    }
    judges = {
        need.judge: saying(by_name.get(need.judge, [])) for one in CLAUSES for need in one.needs
    }
    verdicts = decide(CLAUSES, items, Context(PERIOD, PERIOD.to_day), judges)
    clauses = {"notice": as_json(NOTICE), "verdicts": [verdict_json(one) for one in verdicts]}
    info = {
        "Callward-Instance": "0123456789abcdef",
        "Bag-Software-Agent": "callward 0.1.0",
        "Callward-Made-At": "2026-03-02T01:09:00Z",
        "Callward-Period-From": "2026-03-01",
        "Callward-Period-To": "2026-03-02",
    }
    return of_files([item_json(one) for one in items.values()], clauses, info)


@pytest.fixture(scope="module")
def results(made: Assessed) -> Any:
    """The assessment results of that pack."""
    return json.loads(assessment_results(made))["assessment-results"]


def every(value: Any, name: str) -> Iterator[Any]:
    """Whatever stands under a name, anywhere."""
    if isinstance(value, dict):
        yield from (value[name] for _ in range(name in value))
        yield from (one for each in value.values() for one in every(each, name))
    elif isinstance(value, list):
        yield from (one for each in value for one in every(each, name))


def test_the_whole(results: Any) -> None:
    """Which form of OSCAL, of whom, of which time, and where the plan would be."""
    assert results["metadata"]["oscal-version"] == "1.1.3"
    assert results["metadata"]["last-modified"] == "2026-03-02T01:09:00Z"
    (resource,) = results["back-matter"]["resources"]
    assert results["import-ap"] == {"href": f"#{resource['uuid']}"}
    (result,) = results["results"]
    assert (result["start"], result["end"]) == ("2026-03-01T00:00:00Z", "2026-03-02T01:09:00Z")


def test_identifiers(results: Any) -> None:
    """UUIDs of version 5, each once; what is referred to is there."""
    uuids = list(every(results, "uuid"))
    assert all(UUID5.fullmatch(one) for one in uuids)
    assert len(set(uuids)) == len(uuids) > 50
    assert set(every(results, "observation-uuid")) <= set(uuids)
    ids = [
        *every(results, "control-id"),
        *every(results, "objective-id"),
        *every(results, "target-id"),
    ]
    assert all(TOKEN.fullmatch(one) for one in ids)


def test_controls_and_objectives(results: Any) -> None:
    """The Annex A controls as the map gives them, each once; every clause is an objective."""
    reviewed = results["results"][0]["reviewed-controls"]
    (selection,) = reviewed["control-selections"]
    controls = [one["control-id"] for one in selection["include-controls"]]
    assert controls == sorted({control for one in CLAUSES for control in one.iso27001})
    assert "A.8.10" in controls
    (chosen,) = reviewed["control-objective-selections"]
    objectives = [one["objective-id"] for one in chosen["include-objectives"]]
    assert objectives == [one.id for one in CLAUSES]
    local = results["local-definitions"]["objectives-and-methods"]
    assert [one["parts"][0]["id"] for one in local] == objectives
    assert local[0]["parts"][0]["prose"] == CLAUSES[0].duty


def test_observations(results: Any) -> None:
    """One for each evidence item, with the file that is in the pack."""
    observations = results["results"][0]["observations"]
    evidence = [one for each in observations for one in each["relevant-evidence"]]
    assert [one["href"] for one in evidence] == [f"data/evidence/{kind}.json" for kind in KINDS]
    assert all("ab" * 32 in one["description"] for one in evidence)
    assert {method for each in observations for method in each["methods"]} == {"EXAMINE"}


def test_findings(results: Any) -> None:
    """One for each clause: satisfied or not, why, and by which evidence."""
    found = {one["target"]["target-id"]: one for one in results["results"][0]["findings"]}
    assert list(found) == [one.id for one in CLAUSES]

    def told(clause: str) -> tuple[Any, ...]:
        target = found[clause]["target"]
        status, how = target["status"], target.get("implementation-status", {}).get("state")
        return status["state"], status["reason"], how, status["remarks"].partition(":")[0]

    assert told("N2.1") == ("not-satisfied", "other", "partial", "partly")
    assert told("N4.2") == ("not-satisfied", "fail", None, "gap")
    assert told("N5.1") == ("satisfied", "other", "not-applicable", "not applicable")
    assert told("N14.2") == ("satisfied", "pass", "implemented", "met")
    assert "the evidence for it was not collected" in found["N4.2"]["description"]
    assert "related-observations" not in found["N4.2"]
    observed = {one["uuid"]: one["title"] for one in results["results"][0]["observations"]}
    (link,) = found["N2.1"]["related-observations"]
    assert observed[link["observation-uuid"]] == "Evidence: cards"


def test_no_empty_lists(results: Any, made: Assessed) -> None:
    """OSCAL has none; without clauses and evidence there is no key for them, or it says all."""
    bare = replace(made, clauses=[], items=[], verdicts=[])
    without = json.loads(assessment_results(bare))["assessment-results"]
    assert "findings" not in without["results"][0]
    assert "local-definitions" not in without
    (selection,) = without["results"][0]["reviewed-controls"]["control-selections"]
    assert selection["include-all"] == {}
    for document in (results, without):
        assert "[]" not in json.dumps(document)


def test_ids_of_another_map() -> None:
    """What OSCAL would not take as an id is made one."""
    clause = {
        "id": "N1", "promise": "N1", "title": "t", "duty": "d", "legal_basis": [],
        "iso27001": ["27001 A.5.9"], "evidence": [],
    }  # fmt: skip
    pack = Assessed("i", "callward 1", AT, AT.date(), AT.date(), "Notice", [clause], [], [])
    document = json.loads(assessment_results(pack))["assessment-results"]
    assert set(every(document, "control-id")) == {"_27001_A.5.9"}


def test_identifiers_are_of_the_pack(made: Assessed) -> None:
    """The same gives the same bytes; another pack has others throughout."""
    assert assessment_results(made) == assessment_results(replace(made))
    other = replace(made, made_at=AT)
    first, second = (json.loads(assessment_results(one)) for one in (made, other))
    assert set(every(first, "uuid")).isdisjoint(every(second, "uuid"))


def test_out_of_a_pack(maker: Maker) -> None:
    """Its instance, days and verdicts, from its own files."""
    contents = maker.contents
    found = assessed(maker.build(), expected_key=maker.signer.verifier)
    assert (found.instance, found.made_at) == (contents.instance, contents.made_at)
    assert (found.from_day, found.to_day) == (contents.period.from_day, contents.period.to_day)
    assert [one["clause"] for one in found.verdicts] == [
        one.clause for one in contents.proof.verdicts
    ]
    assert [one["kind"] for one in found.items] == sorted(contents.proof.items)


def test_a_pack_that_does_not_verify_gives_nothing(maker: Maker) -> None:
    """Another's signature; a bit of it."""
    pack = maker.build()
    with pytest.raises(IntegrityError):
        assessed(pack, expected_key=make_signer(2).verifier)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    with pytest.raises(IntegrityError):
        assessed(pack, expected_key=maker.signer.verifier)


def test_from_a_terminal(maker: Maker, tmp_path: Path) -> None:
    """Without an instance: into a file, or printed; refused for a pack that another signed."""
    pack, out, key = maker.build(), tmp_path / "results.json", maker.signer.verifier
    said = callward(tmp_path, "evidence", "oscal", str(pack), "--key", key, "--out", str(out))
    assert said.status == 0
    assert said.out == f"{len(maker.contents.proof.verdicts)} verdicts written\n"
    printed = callward(tmp_path, "evidence", "oscal", str(pack))
    assert printed.json == json.loads(out.read_bytes())
    out.unlink()
    other = make_signer(2).verifier
    said = callward(tmp_path, "evidence", "oscal", str(pack), "--key", other, "--out", str(out))
    assert said.status != 0
    assert not out.exists()
