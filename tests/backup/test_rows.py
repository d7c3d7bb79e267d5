"""The portable form of rows: whatever a column can hold comes back as it was."""

import gzip
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.backup.rows import read_table, write_table
from callward.catalogue.engine import open_engine
from callward.catalogue.tables import Moment, metadata
from callward.errors import IntegrityError

_THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("moment", Moment),
    sa.Column("day", sa.Date),
    sa.Column("bytes", sa.LargeBinary),
    sa.Column("json", sa.JSON(none_as_null=True)),
    sa.Column("truth", sa.Boolean),
    sa.Column("fraction", sa.Float),
    sa.Column("number", sa.BigInteger),
    sa.Column("text", sa.Text),
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_ROW = st.fixed_dictionaries(
    {
        "moment": st.none()
        | st.datetimes(
            datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is the strategy's
            datetime(2090, 1, 1),  # noqa: DTZ001
            timezones=st.just(timezone(timedelta(hours=1))),
        ),
        "day": st.none() | st.dates(date(1990, 1, 1), date(2090, 1, 1)),
        "bytes": st.none() | st.binary(max_size=40),
        "json": _JSON,
        "truth": st.none() | st.booleans(),
        "fraction": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "text": st.none() | _TEXT,
    }
)


def _write(path: Path, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Write rows through a database; how that gives them back."""
    engine = open_engine("sqlite://")
    with engine.begin() as connection:
        _THINGS.create(connection)
        if rows:
            connection.execute(_THINGS.insert(), rows)
        with path.open("wb") as file:
            assert write_table(connection, _THINGS, file) == len(rows)
        found = connection.execute(sa.select(_THINGS).order_by(_THINGS.c.id)).all()
    engine.dispose()
    return [tuple(row) for row in found]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ROW, max_size=5))
def test_rows_come_back_as_they_were(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Through a file and into another database: equal, type by type."""
    path = tmp_path / "things"
    written = _write(path, [{"id": number, **row} for number, row in enumerate(rows)])
    table, batches = read_table(path, "things")
    assert [column.name for column in table.columns] == [one.name for one in _THINGS.columns]
    engine = open_engine("sqlite://")
    with engine.begin() as connection:
        _THINGS.create(connection)
        for batch in batches:
            connection.execute(table.insert(), list(batch))
        found = connection.execute(sa.select(_THINGS).order_by(_THINGS.c.id)).all()
    engine.dispose()
    assert [tuple(row) for row in found] == written
    assert len(written) == len(rows)


def test_the_same_rows_are_the_same_file(tmp_path: Path) -> None:
    """No time of writing in it, so digests of equal tables are equal."""
    rows = [{"id": 1, "moment": datetime(2026, 1, 1, tzinfo=UTC), "text": "x"}]
    _write(tmp_path / "one", rows)
    _write(tmp_path / "two", rows)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]\n",
        b'{"columns": [["id", "number"]], "table": "others"}\n',
        b'{"columns": [["id", "thing"]], "table": "things"}\n',
        b'{"columns": [["id", "number"]], "table": "things"}\n[1, 2]\n',
        b'{"columns": [["id", "bytes"]], "table": "things"}\n["?"]\n',
        b'{"columns": [["id", "moment"]], "table": "things"}\n["noon"]\n',
        b'{"columns": [["id", "number"]], "table": "things"}\n[1\n',
    ],
)
def test_what_is_no_file_of_the_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever the damage, one error that names the table and no content."""
    path = tmp_path / "things"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(IntegrityError, match="table things"):
        list(read_table(path, "things")[1])


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    """Not taken for a shorter table."""
    path = tmp_path / "things"
    _write(path, [{"id": number, "text": str(number) * 50} for number in range(200)])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(IntegrityError, match="table things"):
        list(read_table(path, "things")[1])


def test_every_column_of_the_catalogue_has_a_form(tmp_path: Path) -> None:
    """Also those that somebody adds later."""
    engine = open_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            with (tmp_path / table.name).open("wb") as file:
                assert write_table(connection, table, file) == 0
    engine.dispose()
