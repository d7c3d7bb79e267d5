"""What was kept when a period ended: rightly told, and found by an index."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.asof import holding, kept
from callward.vault.filing import ADMINISTRATION
from tests.evidence.collectors.kept import AFTER, Shelf, on

_DUE = date(2027, 2, 1)


def test_whose_something_was_kept(shelf: Shelf) -> None:
    """Neither what had gone, nor what came later, nor our own notes; what goes later was there."""
    shelf.thing(_DUE, controller="kept")
    shelf.thing(_DUE, controller="marked", state="marked")
    shelf.thing(_DUE, controller="later", created_at=AFTER)
    shelf.thing(_DUE, controller="note", retention_class=ADMINISTRATION)
    shelf.gone(date(2026, 6, 1), on(6, 1), controller="gone")
    shelf.gone(date(2027, 1, 2), AFTER - timedelta(days=1), controller="gone-since")
    with shelf.engine.connect() as connection:
        assert holding(shelf.source(connection)) == ["gone-since", "kept", "marked"]


def test_it_is_found_by_an_index(shelf: Shelf) -> None:
    """What has been destroyed, which is nearly everything in time, is not read through."""
    if shelf.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by how much there is, which is next to nothing here")
    with shelf.engine.connect() as connection:
        count = sa.select(sa.func.count()).select_from(t.objects)
        asked = count.where(kept(shelf.source(connection)))
        text = str(asked.compile(shelf.engine, compile_kwargs={"literal_binds": True}))
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
    plan = [str(row[-1]) for row in rows]
    assert any("ix_objects_state_due_day" in line for line in plan), plan
    assert not any(line.startswith("SCAN objects") for line in plan), plan
