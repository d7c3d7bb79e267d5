"""The residual scan of the catalogue: rows that contradict each other, found by the database.

A sweep's own scan asks of its objects alone, a whole one of every row.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.retention.findings import Finding, Tally

OF_SWEEP = (
    Finding.KEY_OF_SHREDDED,
    Finding.PAYLOAD_OF_SHREDDED,
    Finding.TRANSCRIPT_WITHOUT_RECORDING,
    Finding.QUARANTINE_OF_SHREDDED,
)
OF_ALL = (
    *OF_SWEEP,
    Finding.KEY_WITHOUT_ROW,
    Finding.KEY_WITHOUT_PAGE,
    Finding.KEY_MISSING,
    Finding.PAGE_WITHOUT_KEY,
    Finding.PAYLOAD_WITHOUT_ROW,
    Finding.PAYLOAD_MISSING,
)
_AT_ONCE = 5_000
_O, _K, _P, _S, _Q = t.objects.c, t.object_keys.c, t.pages.c, t.payloads.c, t.quarantine.c
_SHREDDED = _O.state == "shredded"
Whose = tuple[sa.ColumnElement[bool], ...]
Query = Callable[[Whose], sa.Select[Any]]


def scan_rows(connection: sa.Connection, tally: Tally, sweep_id: str | None = None) -> None:
    """Count what rows are left of shredded objects; without ``sweep_id`` all contradictions."""
    wanted = OF_ALL if sweep_id is None else OF_SWEEP
    whose: Whose = () if sweep_id is None else (_O.sweep_id == sweep_id,)
    for finding in wanted:
        for about in _streamed(connection, _QUERIES[finding](whose)):
            tally.add(finding, about)
    for table in (t.object_keys, t.pages, t.payloads, t.objects, t.quarantine):
        name = table.name.replace("_", "-")
        tally.looked(name, int(connection.scalar(_looked(table, whose)) or 0))


def _streamed(connection: sa.Connection, query: sa.Select[Any]) -> Iterable[str]:
    return connection.execution_options(yield_per=_AT_ONCE).scalars(query)


def _looked(table: sa.Table, whose: Whose) -> sa.Select[Any]:
    """How many rows; in a sweep's scan, for how many objects the table was asked."""
    if not whose:
        return sa.select(sa.func.count()).select_from(table)
    return sa.select(sa.func.count()).select_from(t.objects).where(_SHREDDED, *whose)


def _left(column: sa.Column[Any]) -> Query:
    """Rows about an object that is shredded."""

    def query(whose: Whose) -> sa.Select[Any]:
        return sa.select(_O.id).join(column.table, column == _O.id).where(_SHREDDED, *whose)

    return query


def _orphans(column: sa.Column[Any], parent: sa.Column[Any], about: sa.Column[Any]) -> Query:
    """Rows that name something that is not there."""

    def query(_: Whose) -> sa.Select[Any]:
        joined = column.table.outerjoin(parent.table, parent == column)
        return sa.select(about).select_from(joined).where(parent.is_(None))

    return query


def _missing(column: sa.Column[Any], which: sa.ColumnElement[bool]) -> Query:
    """Objects that should have a row in another table, and have none."""

    def query(_: Whose) -> sa.Select[Any]:
        joined = t.objects.outerjoin(column.table, column == _O.id)
        return sa.select(_O.id).select_from(joined).where(which, column.is_(None))

    return query


def _empty_pages(_: Whose) -> sa.Select[Any]:
    return sa.select(_P.id).where(~sa.exists().where(_K.page_id == _P.id))


def _transcripts(whose: Whose) -> sa.Select[Any]:
    """What is left of a recording that is not: by its row, or with no row at all."""
    child = t.objects.alias("child")
    lives = child.c.state != "shredded"
    shredded = (
        sa.select(child.c.id)
        .select_from(t.objects.join(child, child.c.parent_id == _O.id))
        .where(_SHREDDED, lives, *whose)
    )
    if whose:
        return shredded
    joined = child.outerjoin(t.objects, _O.id == child.c.parent_id)
    return (
        sa.select(child.c.id)
        .select_from(joined)
        .where(lives, child.c.parent_id.is_not(None), sa.or_(_O.id.is_(None), _SHREDDED))
    )


def _quarantined(whose: Whose) -> sa.Select[Any]:
    of_it = sa.or_(_Q.media_id == _O.id, _Q.row_id == _O.id)
    gone = sa.exists().where(of_it, _SHREDDED, *whose).correlate(t.quarantine)
    return sa.select(_Q.id).where(_Q.state == "held", gone)


_QUERIES: Mapping[Finding, Query] = {
    Finding.KEY_OF_SHREDDED: _left(_K.object_id),
    Finding.PAYLOAD_OF_SHREDDED: _left(_S.object_id),
    Finding.KEY_WITHOUT_ROW: _orphans(_K.object_id, _O.id, _K.object_id),
    Finding.KEY_WITHOUT_PAGE: _orphans(_K.page_id, _P.id, _K.object_id),
    Finding.KEY_MISSING: _missing(_K.object_id, ~_SHREDDED),
    Finding.PAGE_WITHOUT_KEY: _empty_pages,
    Finding.PAYLOAD_WITHOUT_ROW: _orphans(_S.object_id, _O.id, _S.object_id),
    Finding.PAYLOAD_MISSING: _missing(_S.object_id, sa.and_(~_SHREDDED, _O.place == "row")),
    Finding.TRANSCRIPT_WITHOUT_RECORDING: _transcripts,
    Finding.QUARANTINE_OF_SHREDDED: _quarantined,
}
