"""The lists in docs/evidence.md, written from the code: ``python -m tests.evidence.lists``."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from callward.evidence.collectors import COLLECTORS
from callward.evidence.judges import JUDGES

PAGE: Final = Path(__file__).parents[2] / "docs" / "evidence.md"
_BLOCK: Final = r"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)"


def _of_module(function: Callable[..., Any]) -> str | None:
    return sys.modules[function.__module__].__doc__


def _of_function(function: Callable[..., Any]) -> str | None:
    return inspect.getdoc(function.func if isinstance(function, partial) else function)


def _table(
    title: str, found: Mapping[str, Any], told: Callable[[Callable[..., Any]], str | None]
) -> str:
    rows = [f"| `{name}` | {_first(told(one))} |" for name, one in sorted(found.items())]
    return "\n".join(["", f"| {title} | |", "|---|---|", *rows, "", ""])


def _first(text: str | None) -> str:
    """The first paragraph on one line."""
    return " ".join((text or "").strip().partition("\n\n")[0].replace("``", "`").split())


def written(text: str) -> str:
    """The page with its lists as the code has them."""
    for name, table in {
        "kinds": _table("kind", COLLECTORS, _of_module),
        "judges": _table("rule", JUDGES, _of_function),
    }.items():
        found = re.search(_BLOCK.format(name=name), text, re.DOTALL)
        assert found is not None
        text = text[: found.end(1)] + table + text[found.start(2) :]
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
