"""The sources of modules and of all that they import of ours, as the interpreter has them."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Final

from callward.errors import DefectError

OURS: Final = "callward"
_RULES: Final = ("callward.evidence.clauses.deciding", "callward.evidence.judges")


@cache
def rules_digest() -> str:
    """SHA-256 (hex) over the sources by which evidence is judged: of deciding and all judges."""
    digest = hashlib.sha256()
    for name, source in sorted(closure(_RULES).items()):
        digest.update(f"{name} {len(source)}\n{source}".encode())
    return digest.hexdigest()


def closure(roots: Iterable[str]) -> Mapping[str, str]:
    """Source by name of ``roots``, what they import of ours, and the packages these are in."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = source_of(name)
        if source is None:
            continue  # a name in a module, not a module
        found[name] = source
        waiting += [one for one in imported(source) if _is_ours(one)]
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


def imported(source: str) -> Iterator[str]:
    """Every name that a source imports, wherever in it; of ``from A import B`` A and A.B."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def source_of(name: str) -> str | None:
    """The source of a module; None if there is no such module. DefectError if it has none."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    source: str | None = getattr(spec.loader, "get_source", lambda _: None)(name)
    if source is None:
        raise DefectError(f"the source of {name} is not there")
    return source


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == OURS
