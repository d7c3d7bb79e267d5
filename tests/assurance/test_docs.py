"""What the documentation shows and lists is what the code takes and says."""

import re
from itertools import takewhile
from pathlib import Path
from typing import get_args

import pytest

from callward.assurance.checking import Fails, Warns
from callward.assurance.documents import MOST_BYTES
from callward.assurance.model import EXPECTED, Kind, Status
from callward.sbom import comparing, report
from tests.assurance.items import read
from tests.commands import callward

TEXT = (Path(__file__).parents[2] / "docs" / "assurance.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_what_is_shown_is_good(tmp_path: Path) -> None:
    """Every item can be read, and every key is in one of them."""
    kinds = [read(tmp_path, text).kind for text in SHOWN]
    assert kinds == ["iso-27001", "penetration-test", "dpo"]
    keys = {key.rpartition(".")[2] for key in EXPECTED} - {""}
    assert {key for key in keys if f"{key}:" not in "".join(SHOWN)} == set()


@pytest.mark.parametrize("word", [*get_args(Kind), *get_args(Status)])
def test_every_word_is_in_it(word: str) -> None:
    """Kinds and states, as they are written."""
    assert re.search(rf"(: |, |or |`){word}\b", TEXT)


@pytest.mark.parametrize("code", [*Fails, *Warns, *comparing.Fails, *comparing.Warns])
def test_every_code_is_in_it(code: str) -> None:
    """In the form in which it is met."""
    assert f"`{code}`" in TEXT


def test_the_bound_is_the_one_told() -> None:
    """In MiB, and in levels."""
    assert f"{MOST_BYTES // 1024**2} MiB" in TEXT
    assert f"{report.MOST_BYTES // 1024**2} MiB and {report.MOST_DEPTH} levels" in TEXT
    assert f"made {comparing.MOST_DAYS} days ago" in TEXT


@pytest.mark.parametrize("command", re.findall(r"^callward (.+)$", TEXT, re.MULTILINE))
def test_commands_shown_are_there(tmp_path: Path, command: str) -> None:
    """With the options shown."""
    words = [word for word in command.split() if word.startswith("--")]
    names = list(takewhile(lambda word: re.fullmatch("[a-z]+", word), command.split()))
    said = callward(tmp_path, *names, "--help")
    assert said.status == 0
    assert all(word in said.out for word in words)
