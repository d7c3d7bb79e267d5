"""Which room may import which (DESIGN §1), read from the source."""

import ast
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

_TOP = Path(__file__).parents[1]
_ROOMS = ("callward", "data_checks", "tasks", "flows")
"""Each may import itself and those before it."""

_MIGRATIONS = "callward.catalogue.migrations.versions"
_HEAVY = ("prefect", "great_expectations")
_OUTWARD = ("callward.cli", "callward.cli_run", "callward.cli_tables")


@dataclass(frozen=True)
class Import:
    """One imported name; ``lazy`` if it is inside a function."""

    importer: str
    imported: str
    lazy: bool


def _name(path: Path) -> str:
    parts = path.relative_to(_TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _files() -> list[Path]:
    return [path for room in _ROOMS for path in sorted((_TOP / room).rglob("*.py"))]


def _imports(path: Path, source: str | None = None) -> Iterator[Import]:
    tree = ast.parse(source if source is not None else path.read_text())
    lazy = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        for imported in _imported(node, path):
            yield Import(_name(path), imported, id(node) in lazy)


def _imported(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path.name} imports relatively"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _called(node.func) in {"import_module", "__import__"}:
        target = node.args[0]
        if isinstance(target, ast.Constant):
            yield str(target.value)
        elif isinstance(target, ast.JoinedStr) and isinstance(target.values[0], ast.Constant):
            yield str(target.values[0].value).rstrip(".")


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _top(name: str) -> str:
    return name.partition(".")[0]


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    """Every import of every room."""
    found = [one for path in _files() for one in _imports(path)]
    assert len(found) > 300
    return found


def _outward(one: Import) -> bool:
    return one.importer in _OUTWARD and one.lazy


def test_rooms_import_one_way(imports: list[Import]) -> None:
    """From flows over tasks and data_checks to callward; the command line alone reaches out."""
    wrong = [
        one
        for one in imports
        if _top(one.imported) in _ROOMS
        and _ROOMS.index(_top(one.imported)) > _ROOMS.index(_top(one.importer))
        and not _outward(one)
    ]
    assert wrong == []


def test_callward_knows_neither_prefect_nor_great_expectations(imports: list[Import]) -> None:
    """The domain imports neither, not even inside a function."""
    wrong = [one for one in imports if _top(one.importer) == "callward"]
    assert [one for one in wrong if _top(one.imported) in _HEAVY] == []


def test_each_stranger_has_its_own_room(imports: list[Import]) -> None:
    """Great Expectations is known to data_checks alone, Prefect to tasks and flows."""
    where = {
        heavy: {_top(one.importer) for one in imports if _top(one.imported) == heavy}
        for heavy in _HEAVY
    }
    assert where["great_expectations"] == {"data_checks"}
    assert where["prefect"] <= {"tasks", "flows"}
    assert "flows" in where["prefect"]


def test_nothing_of_ours_imports_tests_or_deployments(imports: list[Import]) -> None:
    """What runs does not depend on what tests it or puts it in place."""
    assert [one for one in imports if _top(one.imported) in {"tests", "deployments"}] == []


def test_no_cycles_within_callward(imports: list[Import]) -> None:
    """Sub-packages, and the modules beside them, import each other without a cycle."""
    known = {_name(path) for path in _files()}
    graph: dict[str, set[str]] = defaultdict(set)
    for one in imports:
        target = one.imported if one.imported in known else one.imported.rpartition(".")[0]
        importer, imported = _room(one.importer), _room(target)
        if _top(one.importer) == "callward" and imported and importer != imported:
            graph[importer].add(imported)
    assert len(graph) > 15
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def _room(name: str) -> str:
    if name.startswith(_MIGRATIONS):  # Alembic loads them; no module of ours imports one
        return _MIGRATIONS
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "callward" and len(parts) > 1 else ""


def test_the_reader_sees_every_kind_of_import() -> None:
    """The rules cannot be passed by writing an import in another way."""
    source = (
        "import a.b\nfrom c import d\n"
        "def f():\n    import e\n    importlib.import_module('g.h')\n"
        "    import_module(f'flows.{x}')\n"
        "class K:\n    def m(self):\n        from i import j\n"
    )
    found = {(one.imported, one.lazy) for one in _imports(_TOP / "callward" / "x.py", source)}
    assert found == {
        ("a.b", False),
        ("c.d", False),
        ("e", True),
        ("g.h", True),
        ("flows", True),
        ("i.j", True),
    }


_HELP = """
import sys
from callward.cli import main
sys.argv = ["callward", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = {name.partition(".")[0] for name in sys.modules}
print("LOADED", sorted(loaded & {"prefect", "great_expectations", "pandas", "numpy", "av"}))
"""


def test_help_comes_at_once() -> None:
    """``callward --help`` imports nothing heavy and takes half a second of processor time."""
    seconds = []
    for _ in range(2):  # the first may have to compile
        started = _processor_time()
        done = subprocess.run(
            [sys.executable, "-c", _HELP],
            cwd=_TOP,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        seconds.append(_processor_time() - started)
    assert "nightly" in done.stdout or "run" in done.stdout
    assert "LOADED []" in done.stdout
    assert min(seconds) < 0.8  # on a machine where it is 0.25


def _processor_time() -> float:
    """What ended children have used: a busy machine makes them wait, not work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
