"""Strings of a document that follow each other: those of the same field, along its lists."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as new
from typing import Final

from callward.cards.dress import MARK
from callward.cards.fields import field
from callward.cards.messages import mask_spread

Place = tuple[int, Hashable]
"""A string of a document: the identity of the mapping or list that holds it, and where there."""
_READINGS = frozenset(["alternatives", "nbest", "hypotheses", "results"])
"""Lists whose items say the same thing otherwise: only the first ones follow each other."""
_ROOT: Final = 0


@dataclass(slots=True)
class _Row:
    """One field's strings in order, with where they stand and who says them."""

    texts: list[str] = new(default_factory=list)
    places: list[Place] = new(default_factory=list)
    speakers: list[Hashable] = new(default_factory=list)


def spread(document: Mapping[str, object]) -> tuple[dict[Place, str], int]:
    """What becomes of strings that hold parts of a number, and how many finds that were.

    The document must stay alive and unchanged as long as the places are used.
    """
    changed: dict[Place, str] = {}
    count = 0
    if not _has_several(document):
        return changed, count
    for row in _rows(document):
        masked, more = mask_spread(row.texts, row.speakers)
        count += more
        if more:
            for place, before, after in zip(row.places, row.texts, masked, strict=True):
                known = changed.get(place, before)
                if after != before and after.count(MARK) >= known.count(MARK):
                    changed[place] = after
    return changed, count


def _has_several(value: object) -> bool:
    """Whether any list in it has two items: without, no two strings are of one field."""
    if isinstance(value, Mapping):
        return any(_has_several(inner) for inner in value.values() if not isinstance(inner, str))
    if isinstance(value, list | tuple):
        return len(value) > 1 or any(map(_has_several, value))
    return False


def _rows(document: Mapping[str, object]) -> Iterator[_Row]:
    collector = _Collector()
    collector.mapping(document, _ROOT, None)
    return (row for row in collector.rows.values() if len(row.texts) > 1)


class _Collector:
    """One walk in the document's order; a path is a number, so that names are not joined."""

    def __init__(self) -> None:
        self.rows: dict[int, _Row] = {}
        self._paths: dict[tuple[int, Hashable], int] = {}

    def mapping(self, value: Mapping[str, object], path: int, speaker: Hashable) -> None:
        """The strings of a mapping and of what it holds."""
        speaker = _speaker(value, speaker)
        for name, inner in value.items():
            if isinstance(inner, str):
                if field(name).text:
                    self._add(self._path(path, name), (id(value), name), inner, speaker)
            elif isinstance(inner, Mapping):
                self.mapping(inner, self._path(path, name), speaker)
            elif isinstance(inner, list | tuple):
                readings = name.casefold() in _READINGS
                self._list(inner, self._path(path, name), speaker, readings=readings)

    def _list(
        self, items: Sequence[object], path: int, speaker: Hashable, *, readings: bool = False
    ) -> None:
        for place, item in enumerate(items):
            under = self._path(path, place) if readings else path
            if isinstance(item, str):
                self._add(under, (id(items), place), item, speaker)
            elif isinstance(item, Mapping):
                self.mapping(item, under, speaker)
            elif isinstance(item, list | tuple):
                self._list(item, self._path(under, None), speaker)

    def _path(self, path: int, name: Hashable) -> int:
        return self._paths.setdefault((path, name), len(self._paths) + 1)

    def _add(self, path: int, place: Place, text: str, speaker: Hashable) -> None:
        row = self.rows.setdefault(path, _Row())
        row.texts.append(text)
        row.places.append(place)
        row.speakers.append(speaker)


def _speaker(value: Mapping[str, object], inherited: Hashable) -> Hashable:
    """Who says what a mapping holds: the best of its fields that name somebody."""
    best, found = -1, inherited
    for name, inner in value.items():
        rank = field(name).rank
        if rank >= 0 and (best < 0 or rank < best):
            if isinstance(inner, Mapping):
                inner = inner.get("id") or inner.get("name")  # noqa: PLW2901 - who it is
            if isinstance(inner, str | int):
                best, found = rank, inner
    return found
