"""Many rows at once arrive as they would one by one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import bulk
from callward.catalogue.engine import open_engine, unit_of_work
from callward.catalogue.migrate import upgrade
from callward.catalogue.tables import interactions, objects, payloads

AT = datetime(2026, 11, 20, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def engine(empty_database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """A catalogue on each database in turn."""
    made = open_engine(empty_database_url or f"sqlite:///{tmp_path / 'c.sqlite'}")
    upgrade(made)
    yield made
    made.dispose()


def _object(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "controller": "acorn",
        "kind": "sms",
        "retention_class": "messages",
        "state": "live",
        "anchor_day": date(2026, 1, 1),
        "due_day": None if number % 2 else date(2029, 1, 1),
        "size": number,
        "place": "row",
        "ciphertext_digest": f"{number:064x}",
        "facts": {"seconds": number / 7, "codec": "a\tb\\n\n"} if number % 3 else None,
        "created_at": AT + timedelta(microseconds=number),
    }


@pytest.mark.parametrize("count", [0, 1, bulk.FEW, bulk.FEW + 1, 3 * bulk.FEW])
def test_rows_are_what_they_were(engine: sa.Engine, count: int) -> None:
    """Moments, days, JSON, gaps and defaults, however many rows there are."""
    rows = [_object(number) for number in range(count)]
    with unit_of_work(engine) as connection:
        bulk.insert_many(connection, objects, rows)
    with unit_of_work(engine) as connection:
        found = connection.execute(sa.select(objects).order_by(objects.c.size)).mappings().all()
    assert [{name: one[name] for name in row} for one, row in zip(found, rows, strict=True)] == rows
    assert not any(one["early"] for one in found)


def test_bytes_of_every_kind(engine: sa.Engine) -> None:
    """Ciphertext is not text: no byte has a meaning on its way."""
    rows = [
        {"object_id": f"{n:032x}", "sealed": bytes([n % 256, 0, 9, 10, 13, 92]) * 3}
        for n in range(bulk.FEW * 2)
    ]
    with unit_of_work(engine) as connection:
        bulk.insert_many(connection, payloads, rows)
    with unit_of_work(engine) as connection:
        found = connection.execute(sa.select(payloads).order_by(payloads.c.object_id))
        assert [dict(one) for one in found.mappings()] == rows


def test_all_or_nothing(engine: sa.Engine) -> None:
    """One row too many of the same key, and none is there."""
    rows = [_object(number) for number in range(bulk.FEW + 1)]
    with pytest.raises(sa.exc.DBAPIError), unit_of_work(engine) as connection:
        bulk.insert_many(connection, objects, [*rows, rows[0]])
    with unit_of_work(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(objects)) == 0


def test_a_naive_moment_is_refused(engine: sa.Engine) -> None:
    """The table's own types judge what comes in."""
    row = {
        "id": "i",
        "controller": "acorn",
        "source": "s",
        "kind": "sms",
        "direction": "none",
        "started_at": AT.replace(tzinfo=None),
        "ended_at": AT,
        "content_digest": "c",
    }
    rows = [{**row, "id": str(number)} for number in range(bulk.FEW + 1)]
    with pytest.raises(ValueError, match="offset"), unit_of_work(engine) as connection:
        bulk.insert_many(connection, interactions, rows)
