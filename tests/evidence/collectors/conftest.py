"""A catalogue to write rows into, on each database in turn."""

import pytest
import sqlalchemy as sa

from tests.evidence.collectors.kept import Shelf, shelf_of


@pytest.fixture
def shelf(catalogue_engine: sa.Engine) -> Shelf:
    """An empty catalogue."""
    return shelf_of(catalogue_engine)
