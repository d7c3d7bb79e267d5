"""The residual scan of the object store: what lies there against what the catalogue says.

A whole scan reads both in the order of the paths' bytes, side by side, so that
neither is ever held in memory. What differs is looked at once more before it
counts: while the scan runs others may store, record and delete.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from re import compile as pattern
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import reading
from callward.instance import Instance
from callward.retention.findings import Finding, Tally
from callward.vault.contents import What, contents, uploads

STORE = "object-store"
OF_SWEEP = (Finding.CIPHERTEXT_OF_SHREDDED, Finding.MARKER_LEFT, Finding.PARTIAL_LEFT)
OF_ALL = (*OF_SWEEP, Finding.CIPHERTEXT_WITHOUT_ROW, Finding.CIPHERTEXT_MISSING)
UPLOADS = (Finding.UPLOAD_LEFT,)
_AT_ONCE = 5_000
_SUSPECTS = 1_000
_OURS = pattern(r"[0-9a-f]{16}/[0-9]{6}(-[0-9]{6}){0,2}")
"""Paths below an intent: of a file, or of a slice, the attempt at it and its object."""
_ANYTHING: frozenset[What] = frozenset({"current", "marker", "partial"})
_O = t.objects.c


@dataclass(frozen=True, slots=True)
class Suspect:
    """A difference between the store and the catalogue, not yet looked at again."""

    finding: Finding
    path: str
    object_id: str | None

    @property
    def about(self) -> str:
        """The object's id, or the path if it is one of ours: others' could say something."""
        if self.object_id is not None:
            return self.object_id
        ours = _OURS.fullmatch(self.path)
        return self.path if ours else sha256(self.path.encode()).hexdigest()[:32]


def scan_sweep_store(instance: Instance, tally: Tally, sweep_id: str) -> None:
    """Count what the store still holds of a sweep's objects; only their folders are listed."""
    paths = _paths_of(instance, sweep_id)
    url = instance.vault.store.url
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        for path, what in _grouped(url, folder):
            if path in paths:
                _judge(tally, what, Suspect(Finding.CIPHERTEXT_OF_SHREDDED, path, paths[path]))
    for path in uploads(url):
        if path in paths:
            tally.add(Finding.UPLOAD_LEFT, paths[path])
    tally.looked(STORE, len(paths))


def scan_whole_store(instance: Instance, tally: Tally) -> None:
    """Count every difference between the store and the catalogue."""
    suspects: list[Suspect] = []
    for suspect in _differences(instance, tally):
        suspects.append(suspect)
        if len(suspects) == _SUSPECTS:
            _confirm(instance, tally, suspects)
            suspects.clear()
    begun = [Suspect(Finding.UPLOAD_LEFT, path, None) for path in uploads(instance.vault.store.url)]
    _confirm(instance, tally, suspects + begun)


def _paths_of(instance: Instance, sweep_id: str) -> dict[str, str]:
    query = sa.select(_O.store_key, _O.id).where(
        _O.sweep_id == sweep_id, _O.state == "shredded", _O.store_key.is_not(None)
    )
    with reading(instance.engine) as connection:
        return {row.store_key: row.id for row in connection.execute(query)}


def _grouped(url: str, folder: str = "") -> Iterator[tuple[str, frozenset[What]]]:
    """Paths and what lies there under each."""
    for path, lying in groupby(contents(url, folder), key=attrgetter("path")):
        yield path, frozenset(one.what for one in lying)


def _judge(tally: Tally, what: frozenset[What], suspect: Suspect) -> None:
    """Count what lies under a path that should be empty."""
    if what & {"current", "old"}:
        tally.add(suspect.finding, suspect.about)
    elif "marker" in what:
        tally.add(Finding.MARKER_LEFT, suspect.about)
    if "partial" in what:
        tally.add(Finding.PARTIAL_LEFT, suspect.about)


def _differences(instance: Instance, tally: Tally) -> Iterator[Suspect]:
    """Read store and catalogue side by side."""
    rows = _rows_by_path(instance.engine)
    row = next(rows, None)
    for path, what in _grouped(instance.vault.store.url):
        tally.looked(STORE)
        place = path.encode()
        while row is not None and row.place < place:
            yield from _without(row)
            row = next(rows, None)
        known = row is not None and row.place == place
        yield from _with(path, what, row if known else None)
        if known:
            row = next(rows, None)
    while row is not None:
        yield from _without(row)
        row = next(rows, None)


@dataclass(frozen=True, slots=True)
class _Row:
    """What the catalogue says of a path: of the object that lives, if there is one."""

    path: str
    place: bytes
    object_id: str
    lives: bool


def _without(row: _Row) -> Iterator[Suspect]:
    if row.lives:
        yield Suspect(Finding.CIPHERTEXT_MISSING, row.path, row.object_id)


def _with(path: str, what: frozenset[What], row: _Row | None) -> Iterator[Suspect]:
    object_id = row.object_id if row is not None else None
    if row is not None and row.lives:
        if "current" not in what:
            yield Suspect(Finding.CIPHERTEXT_MISSING, path, object_id)
    elif what & {"current", "old"}:
        left = Finding.CIPHERTEXT_OF_SHREDDED if row else Finding.CIPHERTEXT_WITHOUT_ROW
        yield Suspect(left, path, object_id)
    elif "marker" in what:
        yield Suspect(Finding.MARKER_LEFT, path, object_id)
    if "partial" in what:
        yield Suspect(Finding.PARTIAL_LEFT, path, object_id)


def _rows_by_path(engine: sa.Engine) -> Iterator[_Row]:
    """Every path in the catalogue, in the order of its bytes."""
    batches = _batches_sqlite if engine.dialect.name == "sqlite" else _batches_postgresql
    rows = (row for batch in batches(engine) for row in batch)
    for path, same in groupby(rows, key=attrgetter("store_key")):
        of_path = [(row.state != "shredded", row.id) for row in same]
        lives, object_id = max(of_path)
        yield _Row(path, path.encode(), object_id, lives)


def _batches_postgresql(engine: sa.Engine) -> Iterator[Sequence[sa.Row[Any]]]:
    """The server sorts, by bytes whatever the database's own order is, and hands out."""
    query = _all_paths().order_by(sa.collate(_O.store_key, "C"))
    with reading(engine) as connection:
        rows = connection.execution_options(yield_per=_AT_ONCE).execute(query)
        yield from rows.partitions()


def _batches_sqlite(engine: sa.Engine) -> Iterator[Sequence[sa.Row[Any]]]:
    """By the index, a transaction a batch: a long one would keep the log from being emptied."""
    last, query = "", _all_paths().order_by(_O.store_key, _O.id).limit(_AT_ONCE)
    while True:
        with reading(engine) as connection:
            rows = connection.execute(query.where(_O.store_key >= last)).all()
        whole = len(rows) < _AT_ONCE
        # What follows under the last path may be in the next batch.
        yield rows if whole else [row for row in rows if row.store_key != rows[-1].store_key]
        if whole:
            return
        last = rows[-1].store_key


def _all_paths() -> sa.Select[Any]:
    return sa.select(_O.store_key, _O.id, _O.state).where(_O.store_key.is_not(None))


def _confirm(instance: Instance, tally: Tally, suspects: Sequence[Suspect]) -> None:
    """Count those that still stand.

    In this order: who stores says so first (intents), catalogues next and takes
    the intent back last; who deletes has changed the row before.
    """
    if not suspects:
        return
    with reading(instance.engine) as connection:
        intents = set(connection.scalars(sa.select(t.intents.c.id)))
    paths = [one.path for one in suspects]
    with reading(instance.engine) as connection:
        under_way = t.sweeps.c.state.in_(("marked", "turned"))
        rows = connection.execute(
            sa.select(_O.store_key, _O.state, under_way.label("under_way"))
            .select_from(t.objects.outerjoin(t.sweeps, t.sweeps.c.id == _O.sweep_id))
            .where(_O.store_key.in_(paths))
        ).all()
    states: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        states[row.store_key].add("under way" if row.under_way else row.state)
    there = _there(instance, suspects)
    for one in suspects:
        if one.path.partition("/")[0] not in intents and _stands(
            one, states[one.path], there.get(one.path, frozenset())
        ):
            tally.add(one.finding, one.about)


def _there(instance: Instance, suspects: Sequence[Suspect]) -> dict[str, frozenset[What]]:
    """What lies in the suspects' folders now."""
    url = instance.vault.store.url
    paths = {one.path for one in suspects if one.finding not in UPLOADS and "/" in one.path}
    # Nobody of ours writes outside a folder, so what was seen there is not looked for again.
    loose = {one.path for one in suspects} - paths
    return dict.fromkeys(loose, _ANYTHING) | {
        path: what
        for folder in sorted({path.rpartition("/")[0] for path in paths})
        for path, what in _grouped(url, folder)
        if path in paths
    }


def _stands(one: Suspect, states: set[str], what: frozenset[What]) -> bool:
    if one.finding is Finding.UPLOAD_LEFT:
        return True
    if "under way" in states:  # a sweep that is at work on it, and scans when it is done
        return False
    lives = bool(states - {"shredded"})
    if one.finding is Finding.CIPHERTEXT_MISSING:
        return lives and "current" not in what
    if one.finding is Finding.PARTIAL_LEFT:
        return "partial" in what
    if one.finding is Finding.MARKER_LEFT:
        return not lives and "marker" in what
    return not lives and bool(what & {"current", "old"})
