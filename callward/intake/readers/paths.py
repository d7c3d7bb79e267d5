"""Dotted paths into JSON, as a controller's mapping writes them: ``data.items.0.text``.

A name that itself has dots is found too; a number picks from a list; ``*`` stands for
every member of an object or list.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def at(value: Any, path: str) -> Any:
    """What the path leads to first; None if to nothing."""
    return next(every(value, path), None)


def every(value: Any, path: str) -> Iterator[Any]:
    """Everything the path leads to."""
    if not path:
        yield value
        return
    if isinstance(value, Mapping) and path in value:
        yield value[path]
        return
    name, _, rest = path.partition(".")
    for one in _step(value, name):
        yield from every(one, rest)


def _step(value: Any, name: str) -> list[Any]:
    if isinstance(value, Mapping):
        if name == "*":
            return list(value.values())
        return [value[name]] if name in value else []
    if isinstance(value, list):
        if name == "*":
            return value
        if name.isascii() and name.isdigit() and len(name) < 7 and int(name) < len(value):  # noqa: PLR2004 - no list is longer
            return [value[int(name)]]
    return []
