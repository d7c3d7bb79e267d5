"""Instructions and the record of processing: what is told of controllers, and what is missing."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from callward.assurance.load import load_assurance
from callward.catalogue import tables as t
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.subprocessors.load import load_register
from tests.assurance import items
from tests.evidence.governing import LATER, at, changing, collected, keep, seen
from tests.subprocessors import entries
from tests.support import NOW, instruct

_SPEECH = """\
  sub_processors: [northwind, unheard-of]
  transfers:
    - {sub_processor: northwind, country: US, safeguard: IDTA, reference: T/1}
    - {sub_processor: unheard-of, country: CA, safeguard: IDTA, reference: T/2}
"""


def _speech(instance: Instance, controller: str = "acorn") -> None:
    """An instruction to transcribe, at two sub-processors' and abroad."""
    instruct(instance, controller, transcription=True)
    path = instance.settings.instructions / f"{controller}.yaml"
    path.write_text(path.read_text() + _SPEECH)
    load_folder(instance)


def test_nobody_has_told_us_anything(instance: Instance) -> None:
    """Then there is nothing to judge, and no record that could be incomplete."""
    at(instance, LATER)
    idle = ("not-applicable", "no-controllers")
    assert seen(instance, "instructions", "instructions-approved") == [idle]
    assert seen(instance, "instructions", "within-ceiling") == [idle]
    assert seen(instance, "processing-record", "lawful-basis") == [idle]


def test_every_version_is_told(instance: Instance) -> None:
    """With who approved it and which has changed in the period; what came after it is not."""
    instruct(instance)
    load_folder(instance)
    at(instance, NOW + timedelta(days=10))
    instruct(instance, recordings="30 days")
    load_folder(instance)
    at(instance, LATER)
    instruct(instance, "birch")
    load_folder(instance)
    facts, content = collected(instance, "instructions")
    assert (facts["controllers"], facts["versions"], facts["in_force"]) == (1, 2, 1)
    assert facts["changed"] == ["acorn"]
    told = json.loads(content)["details"]["versions"]
    assert [one["retention"]["recordings"] for one in told] == ["45 days", "30 days"]
    assert {one["approved_by"] for one in told} == {"Head of Data Protection"}
    assert {one["reference"] for one in told} == {"REF/1"}


def test_records_of_a_controller_without_an_instruction(instance: Instance) -> None:
    """Whose data are kept has an instruction in force, or both clauses are broken."""
    instruct(instance)
    load_folder(instance)
    keep(instance)
    assert collected(instance, "instructions")[0]["without"] == []
    with changing(instance) as connection:
        connection.execute(t.instructions.delete())
    assert collected(instance, "instructions")[0]["without"] == ["acorn"]
    gap = ("gap", "controller-without-instruction")
    assert seen(instance, "instructions", "instructions-approved") == [gap]
    assert gap in seen(instance, "processing-record", "article-30")
    assert seen(instance, "processing-record", "lawful-basis") == [gap]


def test_an_instruction_that_is_not_yet_in_force_does_not_count(instance: Instance) -> None:
    """Neither for the period's last day nor for the record of processing."""
    instruct(instance, effective_from="2027-01-01")
    load_folder(instance)
    at(instance, LATER)
    facts, _ = collected(instance, "instructions")
    assert (facts["controllers"], facts["in_force"]) == (1, 0)
    assert collected(instance, "processing-record")[0]["controllers"] == 0


def test_a_version_that_says_what_it_must_not_is_shown(instance: Instance) -> None:
    """However it came into the catalogue: too long, for a time nobody can read, unapproved."""
    instruct(instance)
    instruct(instance, "birch")
    load_folder(instance)
    row = t.instructions.c
    with changing(instance) as connection:
        body = connection.execute(sa.select(row.body).where(row.controller == "acorn")).scalar_one()
        kept = {**body["retention"], "messages": "4 years", "recordings": "for ever"}
        change = t.instructions.update().where(row.controller == "acorn")
        connection.execute(change.values(body={**body, "retention": kept}))
        blank = t.instructions.update().where(row.controller == "birch")
        connection.execute(blank.values(approved_by=" "))
    facts, _ = collected(instance, "instructions")
    assert facts["beyond"] == {"acorn": ["messages", "recordings"]}
    assert facts["unapproved"] == ["birch/1"]
    assert seen(instance, "instructions", "within-ceiling") == [("gap", "period-beyond-ceiling")]
    told = seen(instance, "instructions", "instructions-approved")
    assert ("gap", "instruction-unapproved") in told


def test_the_record_of_processing_is_whole(instance: Instance) -> None:
    """All that Art 30(2) wants, by controller, and our own name and officer from the register."""
    items.enter_all(instance)
    load_assurance(instance)
    entries.register(instance)
    load_register(instance)
    instruct(instance)
    load_folder(instance)
    keep(instance)
    facts, content = collected(instance, "processing-record")
    assert seen(instance, "processing-record", "article-30") == []
    assert seen(instance, "processing-record", "lawful-basis") == []
    assert facts["lawful_bases"] == {"acorn": "contract"}
    record = json.loads(content)["details"]
    assert record["processor"]["name"] == "Callward Contact Centres Ltd"
    assert record["processor"]["data_protection_officer"]["office"] == "Data Protection Officer"
    (acorn,) = record["controllers"]
    assert (acorn["name"], acorn["reference"]) == ("Acorn Ltd", "REF/1")
    assert acorn["processing"]["kept"]["agent-accounts"] == "none"
    assert acorn["processing"]["kept"]["recordings"] == "45 days"
    assert acorn["processing"]["kinds"] == ["note"]
    assert acorn["processing"]["transcription"] == {"enabled": False}
    assert (acorn["sub_processors"], acorn["transfers"]) == ([], [])
    assert all(one["measure"] and one["clauses"] for one in record["security"])


def test_what_is_missing_in_the_record_is_named(instance: Instance) -> None:
    """A sub-processor nobody knows, a transfer nothing covers, and who we are."""
    entries.register(instance)
    load_register(instance)
    _speech(instance)
    facts, content = collected(instance, "processing-record")
    assert facts["unknown_sub_processors"] == ["unheard-of"]
    assert facts["without_safeguard"] == ["unheard-of/CA"]
    assert facts["transfers"] == 2
    assert seen(instance, "processing-record", "article-30") == [
        ("gap", "record-without-processor"),
        ("partly", "record-without-officer"),
        ("partly", "record-without-sub-processor"),
        ("partly", "record-without-safeguard"),
    ]
    (acorn,) = json.loads(content)["details"]["controllers"]
    northwind, other = acorn["sub_processors"]
    assert northwind["countries"] == ["GB", "IE", "NO", "US"]
    assert other == {"id": "unheard-of", "name": None, "service": None, "countries": []}
    assert [one["signed"] for one in acorn["transfers"]] == [["IDTA/7"], []]


def test_the_day_is_that_of_the_period(instance: Instance) -> None:
    """A version loaded on the period's last day counts on it; one of the next day does not."""
    instruct(instance)
    at(instance, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    load_folder(instance)
    at(instance, datetime(2027, 1, 1, tzinfo=UTC))
    instruct(instance, interactions="1 year")
    load_folder(instance)
    at(instance, LATER)
    facts, _ = collected(instance, "instructions")
    assert (facts["versions"], facts["in_force"]) == (1, 1)
