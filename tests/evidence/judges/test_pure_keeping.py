"""Judges go with a pack to strangers: they import nothing that these have not."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callward.evidence import judges
from callward.evidence.clauses.notice import DELIVERED, read_notice
from callward.evidence.collectors import COLLECTORS
from callward.evidence.judges import JUDGES

_MODULES = sorted(
    path for path in Path(judges.__file__).parent.glob("*.py") if path.name != "__init__.py"
)
_KINDS = (
    *("cards", "deletions", "erasures", "flow-runs", "gates", "holds", "intake", "nights"),
    *("residual-scans", "restore-drills", "transcription"),
)


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", _MODULES, ids=[path.stem for path in _MODULES])
def test_judges_import_little(path: Path) -> None:
    """The standard library and what clauses are made of."""
    strange = [
        name
        for name in _imported(path.read_text())
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("callward.evidence.clauses.")
    ]
    assert strange == []


def test_the_reader_sees_imports() -> None:
    """The rule is not passed by seeing nothing."""
    assert list(_imported("import sqlalchemy\nfrom callward.run import Run")) == [
        "sqlalchemy",
        "callward.run",
    ]
    assert len(_MODULES) > 3


def test_the_map_finds_collector_and_judge() -> None:
    """Of every kind of evidence about keeping."""
    needs = [need for one in read_notice(DELIVERED).value.clauses for need in one.clause.needs]
    mine = [need for need in needs if need.kind in _KINDS]
    assert {need.kind for need in mine} == set(_KINDS) <= set(COLLECTORS)
    assert {need.judge for need in mine} <= set(JUDGES)
