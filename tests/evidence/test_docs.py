"""What docs/evidence.md shows and lists is what the code takes and says."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from callward.evidence.clauses.notice import EXPECTED, read_notice
from callward.evidence.judges.changing import DAYS
from callward.material.model import Kind
from tests.commands import callward
from tests.evidence.lists import PAGE, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_lists_are_those_of_the_code() -> None:
    """Every kind of evidence and every rule; ``python -m tests.evidence.lists`` writes them."""
    assert written(TEXT) == TEXT


def test_the_map_shown_is_good(tmp_path: Path) -> None:
    """It can be read, and every key is in it."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "notice.yaml"
    path.write_text(shown)
    assert [one.id for one in read_notice(path).value.clauses] == ["N10.1"]
    keys = {key.rpartition(".")[2] for key in EXPECTED} - {"", "*"}
    assert {key for key in keys if f"{key}:" not in shown} == set()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_change_is_in_it(kind: Kind) -> None:
    """With what is looked at."""
    assert re.search(rf"^\| `{kind}` \| .{{10}}", TEXT, re.MULTILINE)


def test_the_days_are_the_ones_told() -> None:
    """After which a change that waits is a gap."""
    assert f"after {DAYS} days a gap" in " ".join(TEXT.split())


@pytest.mark.parametrize("command", re.findall(r"^callward (.+)$", TEXT, re.MULTILINE))
def test_commands_shown_are_there(tmp_path: Path, command: str) -> None:
    """With the options shown."""
    words = [word for word in command.split() if word.startswith("--")]
    names = list(takewhile(lambda word: re.fullmatch("[a-z]+", word), command.split()))
    said = callward(tmp_path, *names, "--help")
    assert said.status == 0
    assert all(word in said.out for word in words)
