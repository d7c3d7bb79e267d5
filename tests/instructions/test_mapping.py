"""Column mappings, card data and time zone in an instruction: what is accepted and refused."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callward.errors import InstructionError
from callward.instructions.classes import FOLLOWERS
from callward.instructions.mapping import MappedKind
from callward.instructions.model import EXPECTED, Instruction
from callward.instructions.reader import read_instruction
from callward.intake.categories import KINDS

HEAD = """\
controller: acorn
name: Acorn Insurance Ltd
effective_from: 2026-01-01
approved_by: Head of Data Protection
reference: ACORN/DPA/2026-01
lawful_basis: contract
"""
FULL = (
    HEAD
    + """\
card_data: pause_and_resume
time_zone: Europe/Dublin
mappings:
  acorn-sms:
    format: csv
    kind: sms
    delimiter: ";"
    time_format: "%d/%m/%Y %H:%M"
    words:
      direction: {In: inbound, "0": outbound}
    columns:
      external_id: MessageSid
      started_at: Date sent
      from: From
      to: To
      text: Body
      direction: Direction
  acorn-chat:
    format: json
    kind: chat
    records: data.items
    messages: messages
    always: {started_at: "2026-01-31"}
    columns:
      external_id: id
      message_from: author.name
      message_text: "1"
"""
)


def read(folder: Path, text: str) -> Instruction:
    """Read ``text`` as acorn's instruction."""
    path = folder / "acorn.yaml"
    path.write_text(text)
    return read_instruction(path).instruction


def test_mappings_are_read(tmp_path: Path) -> None:
    """What the file says is in the mapping's dump, under the names it used."""
    instruction = read(tmp_path, FULL)
    sms = instruction.mappings["acorn-sms"].model_dump()
    assert (sms["format"], sms["kind"], sms["delimiter"]) == ("csv", "sms", ";")
    assert sms["columns"]["from"] == "From"
    assert sms["columns"]["ip"] is None
    assert sms["words"]["direction"] == {"In": "inbound", "0": "outbound"}
    chat = instruction.mappings["acorn-chat"].model_dump()
    assert (chat["records"], chat["always"]["started_at"]) == ("data.items", "2026-01-31")
    assert instruction.card_data == "pause_and_resume"
    assert ZoneInfo(instruction.time_zone).key == "Europe/Dublin"


def test_what_older_files_mean(tmp_path: Path) -> None:
    """Cards are looked for, times are London's, nothing is mapped."""
    instruction = read(tmp_path, HEAD)
    assert (instruction.card_data, instruction.time_zone) == ("scan", "Europe/London")
    assert instruction.mappings == {}


def test_what_was_stored_before_is_still_read(tmp_path: Path) -> None:
    """A body without the new keys is the instruction it was; a new one reads back."""
    stored = read(tmp_path, HEAD).model_dump(mode="json")
    for key in ("card_data", "time_zone", "mappings"):
        del stored[key]
    older = Instruction.model_validate_json(json.dumps(stored))
    assert older == read(tmp_path, HEAD)
    full = read(tmp_path, FULL)
    assert Instruction.model_validate_json(full.model_dump_json()) == full


def test_every_kind_but_audio_can_be_mapped() -> None:
    """The instruction's list of kinds is intake's, without what has media."""
    mapped = set(MappedKind.__args__)  # type: ignore[attr-defined]  # typing's own stubs lack it
    assert mapped == {kind for kind, category in KINDS.items() if not category.media}
    assert FOLLOWERS & mapped == {"transcript"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pause_and_resume", "never", "line 7: card_data: expected one of scan, pause_and_resume"),
        ("Europe/Dublin", "Mars/Olympus", "line 8: time_zone: expected a time zone such as"),
        ("Europe/Dublin", "../etc/passwd", "line 8: time_zone: expected a time zone such as"),
        ("acorn-sms", "Acorn SMS", "line 10: mappings.*: expected a name of 1 to 40"),
        ("format: csv", "format: xlsx", "line 11: mappings.*.format: expected one of csv, json"),
        ("    format: csv\n", "", "line 10: mappings.*.format: expected one of csv, json, jsonl;"),
        ("kind: sms", "kind: recording", "line 12: mappings.*.kind: expected one of contact,"),
        ('";"', '";;"', "line 13: mappings.*.delimiter: expected for csv only, one of"),
        ("records: data.items", 'delimiter: ","', "line 27: mappings.*.delimiter: expected for"),
        ('delimiter: ";"', "records: a", "line 13: mappings.*.records: expected for json only"),
        ('delimiter: ";"', "messages: a", "line 13: mappings.*.messages: expected for json and"),
        ("format: json", "format: jsonl", "line 27: mappings.*.records: expected for json only"),
        ("%d/%m/%Y %H:%M", "%H:%M", "line 14: mappings.*.time_format: expected a form such"),
        ("%d/%m/%Y %H:%M", "%Q", "line 14: mappings.*.time_format: expected a form such"),
        ("In: inbound", "In: inward", "line 16: mappings.*.words.direction.*: expected inbound,"),
        ("direction: {In", "mood: {In", "line 16: mappings.*.words: unknown key; expected dir"),
        ('"0": outbound', "0: outbound", "mappings.*.words.direction: expected a key that is a"),
        ('"2026-01-31"', "soon", "line 29: mappings.*.always.started_at: expected a day or"),
        ("text: Body", "body: Body", "line 22: mappings.*.columns: unknown key; expected external"),
        ("text: Body", "text: [Body]", "line 22: mappings.*.columns.text: expected the name of a"),
        ("text: Body", "text: Body\n      text: B", "mappings.*.columns: expected each key only"),
        ("started_at: Date sent", "ip: IP", "line 17: mappings.*.columns: expected at least two"),
        ("always: {st", "# {st", "line 30: mappings.*.columns: expected at least two of our"),
        ("kind: chat", "kind: transcript", "line 30: mappings.*.columns: expected at least two"),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each kind of mistake gives its line and what belongs there."""
    assert old in FULL
    with pytest.raises(InstructionError) as caught:
        read(tmp_path, FULL.replace(old, new, 1))
    assert expected in str(caught.value)


def test_names_in_the_file_are_not_repeated(tmp_path: Path) -> None:
    """Mappings' names, columns and words may hold anything: messages leave them out."""
    text = FULL.replace("acorn-sms", "canary-sms").replace("MessageSid", "[canary]")
    with pytest.raises(InstructionError) as caught:
        read(tmp_path, text.replace("{In: inbound", "{canary: canary"))
    assert "canary" not in str(caught.value)


def test_contacts_may_be_without_times(tmp_path: Path) -> None:
    """A list of people is of the day on which it is delivered; a list of notes is not."""
    undated = FULL.replace("      started_at: Date sent\n", "")
    assert read(tmp_path, undated.replace("kind: sms", "kind: contact")).mappings
    with pytest.raises(InstructionError, match="columns"):
        read(tmp_path, undated.replace("kind: sms", "kind: note"))


def test_every_field_has_its_expectation() -> None:
    """An error can be told of each key there is."""
    fields = Instruction.model_json_schema(by_alias=True)["$defs"]
    for part, prefix in (("ColumnMapping", "mappings.*."), ("Columns", "mappings.*.columns.")):
        for name in fields[part]["properties"]:
            assert prefix + name in EXPECTED
