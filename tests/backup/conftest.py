"""Fixtures for backups: an instance with a life behind it, on each database in turn."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from callward.instance import Instance
from tests.backup.lives import Life, begin
from tests.conftest import PostgresqlServer

_numbers = count(1)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of a kind: "" for SQLite, a URL for PostgreSQL."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return ""
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        made.append(f"backup_{next(_numbers)}")
        return server.create(made[-1], empty=True)

    yield make
    for name in made:
        request.getfixturevalue("postgresql_server").drop(name)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """An instance on SQLite that has something due, something not, and a backup of it all."""
    found = begin(tmp_path)
    yield found
    found.instance.close()


@pytest.fixture
def instance(life: Life) -> Instance:
    """The instance of that life."""
    return life.instance
