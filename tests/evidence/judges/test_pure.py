"""Judges go into packs with their verifier: they import nothing but what goes along."""

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

from callward.evidence import judges

_FOLDER = Path(judges.__file__).parent
_MODULES = sorted(one.name for one in pkgutil.iter_modules([str(_FOLDER)]))


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("name", _MODULES)
def test_a_judge_imports_the_standard_library_and_the_clauses_alone(name: str) -> None:
    """Whatever else it imported would have to be installed where a pack is verified."""
    foreign = {
        one
        for one in _imported(_FOLDER / f"{name}.py")
        if one.partition(".")[0] not in sys.stdlib_module_names
        and not one.startswith("callward.evidence.clauses.")
    }
    assert foreign == set()


def test_what_modules_offer_is_entered_once() -> None:
    """Every judge and every sentence of every module counts, and none hides another's."""
    modules = [importlib.import_module(f"{judges.__name__}.{name}") for name in _MODULES]
    named = [name for one in modules for name in getattr(one, "JUDGES", {})]
    codes = [code for one in modules for code in getattr(one, "MEANS", {})]
    assert sorted(named) == sorted(judges.JUDGES)
    assert len(set(codes)) == len(codes)
    assert set(codes) <= judges.MEANS.keys()
