"""Inserting thousands of rows: several times as fast as a statement with a list of them.

A night's messages make seven rows each. SQLAlchemy's way of binding parameters costs
more than the databases do, so many rows go past it: to PostgreSQL with COPY, to SQLite
with the driver's own ``executemany``. Types are still those of the table.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

FEW: Final = 200
"""So many rows are inserted as everything else is."""


def insert_many(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that all have the first one's columns; none at all is no error."""
    if not rows:
        return
    if len(rows) <= FEW:
        connection.execute(table.insert(), list(rows))
        return
    columns = [table.c[name] for name in rows[0]]
    # Keys are random: in order, those that meet on a page of the index meet once.
    key = itemgetter(*(column.name for column in table.primary_key))
    rows = sorted(rows, key=key)
    values = zip(*(_bound(connection, column, rows) for column in columns), strict=True)
    names = ", ".join(column.name for column in columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in columns)
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.exec_driver_sql(sql, list(values))
    else:
        _copy(connection, f"COPY {table.name} ({names}) FROM STDIN", values)


def _bound(
    connection: sa.Connection, column: sa.Column[Any], rows: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """One column's values as the driver takes them."""
    values = [row[column.name] for row in rows]
    bind = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    if bind is None:
        return values
    if not isinstance(values[0], date):
        return [bind(value) for value in values]
    # Of a batch's days and moments most are the same.
    bound = {value: bind(value) for value in set(values)}
    return [bound[value] for value in values]


def _copy(connection: sa.Connection, sql: str, rows: Iterator[tuple[Any, ...]]) -> None:
    cursor: Any = connection.connection.cursor()
    dialect = connection.dialect
    base = dialect.loaded_dbapi.Error
    try:
        with cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except base as error:  # as SQLAlchemy would have said it
        raise sa.exc.DBAPIError.instance(sql, None, error, base, dialect=dialect) from None
