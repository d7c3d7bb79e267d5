"""Keys: roots and what became of them, key cells, and whether everything kept has its key."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import kept, newest, within
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.rooting import Root, roots
from callward.vault.cells import CellError, KeyCell


def collect(source: Source) -> Collected:
    """Roots as of the period's end; keys and cells are looked at as they are now."""
    end = source.end
    found = roots(source.connection, end)
    living = [one for one in found if one.lives]
    pending = [one.number for one in living if one.pending(end)]
    facts = {
        "roots": {
            "turned": sum(one.over is not None and one.over >= source.start for one in found),
            "retired": len(_retired(found, source)),
            "alive": [one.number for one in living if one.number not in pending],
            "pending": pending,
            "late": {str(one.number): one.late for one in _retired(found, source) if one.late},
            "by_word": [one.number for one in _retired(found, source) if one.by_word],
        },
        "sweeps": _sweeps(source, living),
        "cells": _cells(source, found),
        "objects": _objects(source),
    }
    last = newest([*(one.made for one in found), *(one.retired for one in found)])
    told = "generations, cell answers, sweeps, objects, object keys, pages, key cells"
    return Collected(told, last, facts, {"roots": [_row(one) for one in found]})


def _retired(found: Sequence[Root], source: Source) -> list[Root]:
    """Those that were destroyed within the period."""
    return [one for one in found if one.retired is not None and one.retired >= source.start]


def _sweeps(source: Source, living: Sequence[Root]) -> dict[str, Any]:
    """Sweeps that ended in the period, and those whose root was not turned or still lives."""
    row, numbers = t.sweeps.c, {one.number for one in living}
    query = sa.select(row.id, row.generation_before, row.generation_after).where(
        row.state == "complete", within(row.completed_at, source)
    )
    done = source.connection.execute(query.order_by(row.completed_at, row.id)).all()
    return {
        "complete": len(done),
        "unturned": [one.id for one in done if one.generation_after is None],
        "over_living_roots": [one.id for one in done if one.generation_before in numbers],
    }


def _cells(source: Source, found: Sequence[Root]) -> dict[str, Any]:
    """What each cell holds now: it must have the current root, and none that it destroyed."""
    cells = source.instance.vault.cells
    current = source.instance.vault.generation(source.connection)
    destroyed = {one.number for one in found if one.retired is not None}
    held = {cell.name: _holds(cell) for cell in cells}
    there = {name: numbers for name, numbers in held.items() if numbers is not None}
    return {
        "named": len(cells),
        "lacking": sorted(name for name, numbers in there.items() if current not in numbers),
        "unreachable": sorted(name for name, numbers in held.items() if numbers is None),
        "found_again": {
            name: sorted(numbers & destroyed)
            for name, numbers in sorted(there.items())
            if numbers & destroyed
        },
    }


def _holds(cell: KeyCell) -> frozenset[int] | None:
    try:
        return cell.generations()
    except CellError:
        return None


def _objects(source: Source) -> Mapping[str, int]:
    """What was kept at the period's end, and what of it that still is has no sound key now."""
    row, key, page, count = t.objects.c, t.object_keys.c, t.pages.c, sa.func.count()
    kept_then = source.connection.scalar(
        sa.select(count).where(kept(source)).select_from(t.objects)
    )
    still = sa.and_(kept(source), row.state.in_(("live", "quarantined")))
    joined = t.objects.outerjoin(t.object_keys, key.object_id == row.id).outerjoin(
        t.pages, page.id == key.page_id
    )
    current = sa.select(t.generations.c.number).where(t.generations.c.state == "current")
    bad = sa.select(
        count.filter(sa.or_(key.object_id.is_(None), page.id.is_(None))).label("without_key"),
        count.filter(page.generation.not_in(current)).label("elsewhere"),
    )
    found = source.connection.execute(bad.select_from(joined).where(still)).one()
    return {"kept": int(kept_then or 0), "without_key": found[0], "elsewhere": found[1]}


def _row(one: Root) -> dict[str, Any]:
    return {
        "number": one.number,
        "made": one.made,
        "over": one.over,
        "destroyed": one.retired,
        "answers": [
            {"cell": said.cell, "answer": said.answer, "until": said.until, "code": said.code}
            for said in one.answers
        ],
    }
