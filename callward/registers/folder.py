"""Loading a register's folder: every changed file becomes a new version.

A file is named after its entry. While one is wrong, or gone, its entry cannot be relied
on: what it says now may be something else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

import sqlalchemy as sa

from callward.instance import Instance
from callward.registers.book import Book, Entry, Version
from callward.strictyaml import Form, Said, read_folder


@dataclass(frozen=True, slots=True)
class Shelf(Generic[Entry]):
    """What a register's files look like, and where they are catalogued.

    ``may_go``: whether the file of such an entry need not be there any more;
    ``wanted``: whose files must be, for the sentence about one that has gone.
    """

    form: Form[Entry]
    book: Book[Entry]
    may_go: Callable[[Entry], bool]
    wanted: str


@dataclass(frozen=True, slots=True)
class Found(Generic[Entry]):
    """Every entry in force, by id, and what is wrong with those that cannot be relied on.

    ``changed``: new versions loaded just now; ``gone``: entries that have no file any
    more, and need none. An id with a problem has no entry.
    """

    entries: Mapping[str, Version[Entry]]
    problems: Mapping[str, str]
    changed: Mapping[str, int] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    @property
    def ids(self) -> list[str]:
        """Every entry that is known, whether it can be read or not; sorted."""
        return sorted({*self.entries, *self.problems})


def load(instance: Instance, folder: Path, shelf: Shelf[Entry]) -> Found[Entry]:
    """Catalogue what has changed; the register as it is now in force."""
    good, problems = read_folder(folder, shelf.form)
    try:
        return _record(instance, shelf, good, problems)
    except sa.exc.IntegrityError:  # another worker loads the same at the same moment
        return _record(instance, shelf, good, problems)


def look(instance: Instance, folder: Path, shelf: Shelf[Entry]) -> Found[Entry]:
    """The register as the next load would find it; changes nothing.

    The version of an entry that is not catalogued yet is 0.
    """
    good, problems = read_folder(folder, shelf.form)
    with instance.reading() as connection:
        known = shelf.book.newest(connection)
    for one in good:
        before = known.get(one.value.id)
        if before is None or before.digest != one.digest:
            known[one.value.id] = Version(0, one.digest, instance.clock.now(), one.value)
    return _in_force(shelf, dict(sorted(known.items())), [one.value.id for one in good], problems)


def _record(
    instance: Instance,
    shelf: Shelf[Entry],
    good: Sequence[Said[Entry]],
    problems: Mapping[str, str],
) -> Found[Entry]:
    now = instance.clock.now()
    with instance.unit() as connection:
        loaded = {one.value.id: shelf.book.load(connection, one, at=now) for one in good}
        known = shelf.book.newest(connection)
    changed = {name: version for name, version in loaded.items() if version is not None}
    return _in_force(shelf, known, [one.value.id for one in good], problems, changed)


def _in_force(
    shelf: Shelf[Entry],
    known: Mapping[str, Version[Entry]],
    read: Sequence[str],
    problems: Mapping[str, str],
    changed: Mapping[str, int] | None = None,
) -> Found[Entry]:
    """Those whose files are there and good; one that has gone may have been taken off the list."""
    all_problems = dict(problems)
    for name, one in known.items():
        if name not in read and name not in problems and not shelf.may_go(one.value):
            sentence = f"{name}.yaml: expected a file of every {shelf.wanted}"
            all_problems[name] = str(shelf.form.error(sentence))
    entries = {name: one for name, one in known.items() if name not in all_problems}
    gone = frozenset(entries) - frozenset(read)
    return Found(entries, dict(sorted(all_problems.items())), changed or {}, gone)
