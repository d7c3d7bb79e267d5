"""What an instruction says of engines, sub-processors, transfers and phrases."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from callward.errors import InstructionError
from callward.instructions.model import EXPECTED, Instruction, Transcription
from callward.instructions.reader import read_instruction
from callward.instructions.transcription import Transfer

HEAD = """\
controller: acorn
name: Acorn Insurance Ltd
effective_from: 2026-01-01
approved_by: Head of Data Protection
reference: ACORN/1
lawful_basis: contract
"""
FULL = (
    HEAD
    + """\
transcription:
  enabled: true
  engines: [northwind-speech, pocketsphinx]
  sub_processors: [northwind, southwind]
  transfers:
    - sub_processor: northwind
      country: US
      safeguard: IDTA
      reference: ACORN/T/1
    - sub_processor: southwind
      country: GI
      safeguard: UK Addendum
      reference: ACORN/T/2
  phrases:
    - Acorn Home Plus
    - St Mary's Wharf
"""
)


def read(folder: Path, text: str) -> Instruction:
    """Write ``text`` as acorn.yaml and read it."""
    path = folder / "acorn.yaml"
    path.write_text(text)
    return read_instruction(path).instruction


def refusal(folder: Path, text: str) -> str:
    """The sentence with which ``text`` is refused."""
    with pytest.raises(InstructionError) as caught:
        read(folder, text)
    return str(caught.value)


def test_everything_said(tmp_path: Path) -> None:
    """Engines and phrases in their order, transfers with all that is theirs."""
    found = read(tmp_path, FULL).transcription
    assert found.engines == ("northwind-speech", "pocketsphinx")
    assert found.sub_processors == ("northwind", "southwind")
    assert found.transfers == (
        Transfer(sub_processor="northwind", country="US", safeguard="IDTA", reference="ACORN/T/1"),
        Transfer(
            sub_processor="southwind",
            country="GI",
            safeguard="UK Addendum",
            reference="ACORN/T/2",
        ),
    )
    assert found.phrases == ("Acorn Home Plus", "St Mary's Wharf")


@pytest.mark.parametrize("text", [HEAD, HEAD + "transcription:\n  enabled: true\n"])
def test_unless_said_otherwise(tmp_path: Path, text: str) -> None:
    """The embedded engine, nobody else, nowhere else, nothing to expect."""
    found = read(tmp_path, text).transcription
    assert found.engines == ("pocketsphinx",)
    assert (found.sub_processors, found.transfers, found.phrases) == ((), (), ())


def test_json_form_reads_back(tmp_path: Path) -> None:
    """The form stored in the catalogue is the same instruction."""
    instruction = read(tmp_path, FULL)
    assert Instruction.model_validate_json(instruction.model_dump_json()) == instruction


def test_an_older_form_in_the_catalogue_is_still_read(tmp_path: Path) -> None:
    """What was stored before there were engines to choose from."""
    stored = read(tmp_path, HEAD).model_dump(mode="json")
    stored["transcription"] = {"enabled": True, "language": "en-GB"}
    older = Instruction.model_validate_json(json.dumps(stored))
    assert older.transcription == Transcription(enabled=True)


def test_phrases_are_not_shown_in_passing(tmp_path: Path) -> None:
    """They are a controller's own words: logs do not get them."""
    assert "Acorn Home" not in repr(read(tmp_path, FULL).transcription)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[northwind-speech, pocketsphinx]",
            "[]",
            "line 9: transcription.engines: expected a list",
        ),
        ("[northwind-speech,", "[pocketsphinx,", "line 9: transcription.engines: expected a list"),
        ("northwind-speech", "Northwind", "line 9: transcription.engines: expected a list of 1"),
        ("northwind-speech", "-x", "line 9: transcription.engines: expected a list of 1 to 10"),
        ("northwind-speech", "n" * 41, "line 9: transcription.engines: expected a list of 1"),
        ("northwind-speech", "7", "line 9: transcription.engines: expected a list of 1 to 10"),
        ("[northwind-speech, pocketsphinx]", "pocketsphinx", "line 9: transcription.engines: e"),
        ("[northwind-speech, pocketsphinx]", "{a: b}", "line 9: transcription.engines: expected"),
        ("[northwind, southwind]", "[northwind, northwind]", "line 10: transcription.sub_proc"),
        # No transfer to one that is not authorised; the problem is where the transfers are.
        ("[northwind, southwind]", "[northwind]", "line 11: transcription.transfers: expected a"),
        ("country: US", "country: IE", "line 13: transcription.transfers.*.country: expected a c"),
        ("country: US", "country: GB", "line 13: transcription.transfers.*.country: expected a c"),
        ("country: US", "country: UK", "line 13: transcription.transfers.*.country: expected a c"),
        ("country: US", "country: NO", "line 13: transcription.transfers.*.country: expected a c"),
        ("country: GI", "country: Gibraltar", "line 17: transcription.transfers.*.country: exp"),
        ("IDTA", "SCCs", "line 14: transcription.transfers.*.safeguard: expected IDTA or UK Ad"),
        ("ACORN/T/2", "jo@x.example", "line 19: transcription.transfers.*.reference: expected"),
        ("      reference: ACORN/T/2\n", "", "line 16: transcription.transfers.*.reference: ex"),
        ("    - sub_processor: southwind", "    - to: southwind", "line 16: transcription.transf"),
        ("      safeguard: IDTA", "      basis: IDTA", "line 14: transcription.transfers.*: unkn"),
        ("Acorn Home Plus", "jo@acorn.example", "line 21: transcription.phrases: expected a list"),
        ("Acorn Home Plus", "Jo 07700 900123", "line 21: transcription.phrases: expected a list"),
        ("Acorn Home Plus", "p" * 61, "line 21: transcription.phrases: expected a list of at mo"),
        ("Acorn Home Plus", "''", "line 21: transcription.phrases: expected a list of at most"),
        ("Acorn Home Plus", '"two\\nlines"', "line 21: transcription.phrases: expected a list"),
        ("St Mary's Wharf", "12", "line 22: transcription.phrases: expected a list of at most"),
        ("St Mary's Wharf", "[a]", "line 22: transcription.phrases: expected a list of at most"),
        ("  phrases:", "  words:", "line 20: transcription: unknown key; expected enabled, lang"),
    ],
)
def test_refusal_names_line_and_expectation(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each kind of mistake gives its line and what belongs there, also inside lists."""
    assert old in FULL
    sentence = refusal(tmp_path, FULL.replace(old, new, 1))
    assert sentence.startswith("[instruction] acorn.yaml, line ")
    assert expected in sentence


def test_they_are_told_to_name_no_persons() -> None:
    """Phrases stand in the catalogue in the clear."""
    assert "products and places, never of persons" in EXPECTED["transcription.phrases"]


@pytest.mark.parametrize(
    ("key", "most", "one"),
    [
        ("engines", 10, "engine-{}"),
        ("sub_processors", 50, "one-{}"),
        ("phrases", 100, "Product {}"),
    ],
)
def test_lists_have_an_end(key: str, most: int, one: str) -> None:
    """So many, and not one more."""
    many: list[Any] = [one.format(n) for n in range(most)]
    assert len(getattr(Transcription.model_validate({key: many}), key)) == most
    with pytest.raises(ValidationError):
        Transcription.model_validate({key: [*many, one.format("x")]})


def test_values_and_unknown_keys_are_not_repeated(tmp_path: Path) -> None:
    """A canary in a list, in a list's entry or as a key there is not in the message."""
    canary = "canary@example.org"
    text = FULL.replace("- Acorn Home Plus", f"- {canary}").replace("GI", canary)
    text = text.replace("      reference: ACORN/T/1", f"      {canary}: 1")
    sentence = refusal(tmp_path, text.replace("pocketsphinx]", f"{canary}]"))
    assert sentence.count("acorn.yaml, line") == 5
    assert "canary" not in sentence


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.sampled_from(["engines", "sub_processors", "transfers", "phrases"]),
    st.text(alphabet="!?:-#[]{}&*<>=~|>%@`'\"0x1eE_.+, \nabon", max_size=30),
)
def test_no_yaml_gets_past_the_error_tree(tmp_path: Path, key: str, noise: str) -> None:
    """YAML's own odd corners are refused in words, too."""
    sentence = refusal(tmp_path, f"{HEAD}transcription:\n  {key}: {noise}\nx: 1\n")
    assert sentence.startswith("[instruction] acorn.yaml, line ")
