"""The instructions folder: what is in it that nobody would read."""

from pathlib import Path

import pytest

from callward.instance import Instance
from callward.instructions.load import load_folder, read_folder
from tests.support import instruct, new_instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance with one good instruction."""
    made = new_instance(tmp_path / "home")
    instruct(made)
    return made


@pytest.mark.parametrize("name", ["birch.yml", "birch.YAML", "birch.txt", "birch"])
def test_a_file_under_another_ending_is_a_problem(instance: Instance, name: str) -> None:
    """It would be overlooked: its controller is unclear, the others are loaded."""
    folder = instance.settings.instructions
    (folder / name).write_text((folder / "acorn.yaml").read_text())
    changed, found = load_folder(instance)
    assert changed == {"acorn": 1}
    assert found.problems.keys() == {"birch"}
    assert f"{name}: instruction files end in .yaml" in found.problems["birch"]


def test_what_is_wrong_with_both_files_is_told(instance: Instance) -> None:
    """One problem does not hide the other."""
    folder = instance.settings.instructions
    (folder / "birch.yaml").write_text("controller: birch\nperiod: long\n")
    (folder / "birch.yml").write_text("")
    (problem,) = read_folder(instance).problems.values()
    assert "birch.yaml, line 2" in problem
    assert "birch.yml: instruction files end in .yaml" in problem


def test_hidden_files_and_folders_are_nobodys(instance: Instance) -> None:
    """An editor's and a version control's belongings are no problem."""
    folder = instance.settings.instructions
    (folder / ".acorn.yaml.swp").write_text("x")
    (folder / ".git").mkdir()
    (folder / "old").mkdir()
    assert read_folder(instance).problems == {}
