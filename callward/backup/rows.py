"""The portable form of the catalogue's rows: the same file from, and for, every database.

A file is gzip over JSON lines. The first says ``{"columns": [[name, type], …], "table"}``,
each one after it is a row as a list. Bytes are base64, moments and days ISO 8601.
"""

import base64
import binascii
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import sqlalchemy as sa

from callward.catalogue.tables import Moment
from callward.errors import DefectError, IntegrityError

MAX_LINE: Final = 256 * 1024 * 1024
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of one type are written, read, and bound."""

    sql: Callable[[], sa.types.TypeEngine[Any]]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _to_base64(value: Any) -> str:
    return base64.b64encode(value).decode()


def _from_base64(value: Any) -> bytes:
    return base64.b64decode(value, validate=True)


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "moment": _Kind(Moment, datetime.isoformat, datetime.fromisoformat),
        "day": _Kind(sa.Date, date.isoformat, date.fromisoformat),
        "bytes": _Kind(sa.LargeBinary, _to_base64, _from_base64),
        # Both of JSON's nulls and SQL's are None here; SQL's is what queries ask for.
        "json": _Kind(lambda: sa.JSON(none_as_null=True), _same, _same),
        "truth": _Kind(sa.Boolean, _same, _same),
        "number": _Kind(sa.BigInteger, _same, _same),
        "fraction": _Kind(sa.Float, _same, _same),
        "text": _Kind(sa.Text, _same, _same),
    }
)
# In this order: some are subclasses of others.
_OF_SQL: Final = (
    (Moment, "moment"),
    (sa.Date, "day"),
    (sa.LargeBinary, "bytes"),
    (sa.JSON, "json"),
    (sa.Boolean, "truth"),
    (sa.Float, "fraction"),
    (sa.Integer, "number"),
    (sa.String, "text"),
)


def write_table(
    connection: sa.Connection,
    table: sa.Table,
    file: BinaryIO,
    look: Callable[[sa.Row[Any]], None] = _same,
) -> int:
    """Write one table, in the order of its primary key; how many rows there were.

    ``look`` is shown every row on the way.
    """
    query = sa.select(table).order_by(*table.primary_key.columns)
    return write_query(connection, table.name, list(table.columns), query, file, look)


def write_query(
    connection: sa.Connection,
    name: str,
    columns: Sequence[sa.Column[Any]],
    query: sa.Select[Any],
    file: BinaryIO,
    look: Callable[[sa.Row[Any]], None] = _same,
) -> int:
    """Write the rows of ``query``, which has ``columns``, as a table called ``name``."""
    kinds = [_kind_of(column) for column in columns]
    head = [[column.name, kind] for column, kind in zip(columns, kinds, strict=True)]
    writers = [_KINDS[kind].write for kind in kinds]
    rows = connection.execute(query.execution_options(yield_per=_AT_ONCE))
    count = 0
    with gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as packed:
        packed.write(_line({"columns": head, "table": name}))
        for row in rows:
            count += 1
            look(row)
            packed.write(
                _line(
                    [
                        None if value is None else write(value)
                        for write, value in zip(writers, row, strict=True)
                    ]
                )
            )
    return count


def read_table(
    path: Path, name: str
) -> tuple[sa.TableClause, Iterator[Sequence[Mapping[str, Any]]]]:
    """The table a file was written from, with its columns of then, and its rows in batches.

    IntegrityError, then or on the way, if it is not a file of that table.
    """
    lines = _lines(path, name)
    try:
        head = next(lines)
        columns = [(str(column), _KINDS[kind]) for column, kind in head["columns"]]
        if head["table"] != name:
            raise IntegrityError(f"the file of table {name} is another's")
    except (StopIteration, KeyError, TypeError, ValueError):
        raise IntegrityError(f"the file of table {name} is malformed") from None
    table = sa.table(name, *(sa.column(column, kind.sql()) for column, kind in columns))
    return table, _batches(lines, columns, name)


def read_lines(path: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """A file's rows as mappings, one by one."""
    for batch in read_table(path, name)[1]:
        yield from batch


def _kind_of(column: sa.Column[Any]) -> str:
    for sql, kind in _OF_SQL:
        if isinstance(column.type, sql):
            return kind
    raise DefectError(f"column {column.name} is of a type that a backup cannot hold")


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _lines(path: Path, name: str) -> Iterator[Any]:
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(MAX_LINE):
                yield json.loads(line)
    except (OSError, EOFError, ValueError):
        raise IntegrityError(f"the file of table {name} cannot be read") from None


def _batches(
    lines: Iterator[Any], columns: Sequence[tuple[str, _Kind]], name: str
) -> Iterator[Sequence[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for line in lines:
        try:
            batch.append(
                {
                    column: None if value is None else kind.read(value)
                    for (column, kind), value in zip(columns, line, strict=True)
                }
            )
        except (TypeError, ValueError, binascii.Error):
            raise IntegrityError(f"a row of table {name} is malformed") from None
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
