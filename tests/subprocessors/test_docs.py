"""What the documentation shows and lists is what the code takes and says."""

import re
from pathlib import Path

import pytest

from callward.instructions.model import EXPECTED as INSTRUCTED
from callward.instructions.strict import Strict
from callward.instructions.transcription import Transcription
from callward.strictyaml import Form, read_file
from callward.subprocessors.checking import Forbids, NotThere, Warns, standing
from callward.subprocessors.model import EXPECTED
from callward.subprocessors.reader import RegisterError
from tests.subprocessors.entries import DAY, read

TEXT = (Path(__file__).parents[2] / "docs" / "subprocessors.md").read_text(encoding="utf-8")
ENTRY, INSTRUCTION = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


class _Said(Strict):
    """The part of an instruction that is shown."""

    transcription: Transcription


def test_the_entry_shown_is_a_good_one(tmp_path: Path) -> None:
    """Every key is in it, and nothing forbids the use of its sub-processor."""
    assert standing(read(tmp_path, ENTRY), DAY) == []
    keys = {key.rpartition(".")[2] for key in EXPECTED} - {"", "*"}
    assert {key for key in keys if f"{key}:" not in ENTRY} == set()


def test_the_instruction_shown_is_a_good_one(tmp_path: Path) -> None:
    """It says something of everything but the language."""
    path = tmp_path / "acorn.yaml"
    path.write_text(INSTRUCTION)
    said = read_file(path, Form(_Said, INSTRUCTED, RegisterError, "", "")).value.transcription
    assert said.model_fields_set == set(Transcription.model_fields) - {"language"}


@pytest.mark.parametrize("code", [*Forbids, *Warns, *NotThere])
def test_every_code_is_in_it(code: str) -> None:
    """In the form in which it is met."""
    assert f"`{code}`" in TEXT
