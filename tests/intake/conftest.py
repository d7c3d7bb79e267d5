"""Fixtures of the intake room: one instance for all its tests, each with a controller of its own.

Making an instance takes longer than most tests; what a test sees is its controller's.
"""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from callward.clock import FixedClock
from tests.conftest import PostgresqlServer
from tests.intake.support import Desk, Quick, quick
from tests.support import NOW, instruct, new_instance

_numbers = count(1)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Quick]:
    """The instance, on each database in turn."""
    url = ""
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        url = server.create("intake", empty=True)
    made = quick(new_instance(tmp_path_factory.mktemp("house"), database_url=url))
    yield made
    made.close()


@pytest.fixture
def desks(house: Quick) -> Iterator[Callable[[], Desk]]:
    """Makes desks, each for a new controller."""
    made: list[Desk] = []

    def make() -> Desk:
        desk = Desk(
            Quick(house.settings, house.clock, house.engine, house.vault, house.signer),
            f"acorn-{next(_numbers)}",
        )
        instruct(house, desk.controller)
        made.append(desk)
        return desk

    yield make
    assert isinstance(house.clock, FixedClock)
    house.clock.moment = NOW
    for desk in made:
        desk.forget()


@pytest.fixture
def desk(desks: Callable[[], Desk]) -> Desk:
    """A desk for a new controller."""
    return desks()
