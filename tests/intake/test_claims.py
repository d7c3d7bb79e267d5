"""Claims: one worker at a time, as long as it lives and says so."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.engine import open_engine
from callward.catalogue.guard import sharing
from callward.intake.claims import Claims, LeaseLostError, in_turn

_LONG = 1000.0
_SHORT, _STEADY = 0.4, 1.0


@pytest.fixture
def other_engine(catalogue_url: str) -> Iterator[sa.Engine]:
    """Another engine on the same catalogue, as another worker would have."""
    engine = open_engine(catalogue_url)
    yield engine
    engine.dispose()


def _leases(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.begin() as connection:
        return sorted((row.name, row.holder) for row in connection.execute(sa.select(t.leases)))


def _mine(claims: Claims, engine: sa.Engine, *names: str) -> bool:
    with engine.begin() as connection:
        try:
            claims.still_mine(connection, *names)
        except LeaseLostError as error:
            assert "[lease-lost]" in str(error)  # noqa: PT017 - both answers are looked at
            return False
    return True


def test_what_one_has_claimed_no_other_gets(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """Until it is released; the end of a worker releases everything."""
    with sharing(other_engine) as second, Claims(other_engine, second, _LONG) as two:
        with sharing(catalogue_engine) as first, Claims(catalogue_engine, first, _LONG) as one:
            assert one.claim("a")
            assert one.claim("a")
            assert one.claim("b")
            assert not two.claim("a")
            two.release("a", "b")  # not its own
            assert not two.claim("b")
            one.release("a")
            assert two.claim("a")
            assert _leases(other_engine) == [("a", second), ("b", first)]
            assert _mine(one, catalogue_engine, "b")
            assert not _mine(one, catalogue_engine, "a", "b")
        assert _leases(other_engine) == [("a", second)]
        assert two.claim("b")
    assert _leases(other_engine) == []


def test_a_lease_that_ran_out_is_lost(catalogue_engine: sa.Engine, other_engine: sa.Engine) -> None:
    """To whoever claims it first; its holder can neither record nor renew, though alive."""
    with sharing(catalogue_engine) as first, sharing(other_engine) as second:
        one = Claims(catalogue_engine, first, _SHORT)  # not entered: its heart does not beat
        two = Claims(other_engine, second, _LONG)
        assert one.claim("a")
        assert one.claim("b")
        assert not two.claim("a")
        time.sleep(_SHORT * 1.1)
        assert not _mine(one, catalogue_engine, "a")
        one.renew(now=True)
        assert not _mine(one, catalogue_engine, "a")
        assert two.claim("a")
        assert not one.claim("a")
        assert _mine(two, other_engine, "a")
        assert one.claim("b")  # nobody has taken it


def test_a_living_worker_keeps_its_leases(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """However long it works; while it records, too."""
    with sharing(catalogue_engine) as first, Claims(catalogue_engine, first, _STEADY) as one:
        assert one.claim("a")
        with sharing(other_engine) as second:
            two = Claims(other_engine, second, _LONG)
            time.sleep(_STEADY * 1.3)
            assert not two.claim("a")
        assert _mine(one, catalogue_engine, "a")


def test_the_dead_have_no_claims(catalogue_engine: sa.Engine, other_engine: sa.Engine) -> None:
    """What they had is free at once, and forgotten when the next worker begins."""
    with sharing(catalogue_engine) as first:
        dead = Claims(catalogue_engine, first, _LONG)
        assert dead.claim("a")
        assert dead.claim("b")
    with sharing(other_engine) as second:
        two = Claims(other_engine, second, _LONG)
        assert two.claim("a")
        assert not _mine(dead, catalogue_engine, "a")
        assert _leases(other_engine) == [("a", second), ("b", first)]
        with sharing(catalogue_engine) as third, Claims(catalogue_engine, third, _LONG):
            assert _leases(other_engine) == [("a", second)]


def test_of_many_who_ask_at_once_one_gets_it(catalogue_url: str) -> None:
    """Every drop goes to exactly one of eight."""
    names = [f"drop-{number}" for number in range(20)]
    got: list[str] = []
    with ExitStack() as stack:
        workers = []
        for _ in range(8):
            engine = open_engine(catalogue_url)
            stack.callback(engine.dispose)
            workers.append(Claims(engine, stack.enter_context(sharing(engine)), _LONG))
        start = threading.Barrier(len(workers))

        def ask(claims: Claims) -> None:
            start.wait()
            got.extend(name for name in names if claims.claim(name))

        threads = [threading.Thread(target=ask, args=(one,)) for one in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(got) == sorted(names)


def test_what_is_being_recorded_is_not_taken_over(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """Who says that a lease is its own keeps it until the transaction ends, run out or not."""
    with sharing(catalogue_engine) as first, sharing(other_engine) as second:
        one = Claims(catalogue_engine, first, _SHORT)
        two = Claims(other_engine, second, _LONG)
        assert one.claim("a")
        taken: list[float] = []

        def take() -> None:
            assert two.claim("a")
            taken.append(time.monotonic())

        with catalogue_engine.begin() as connection:
            one.still_mine(connection, "a")
            time.sleep(_SHORT * 1.1)
            thread = threading.Thread(target=take)
            thread.start()
            time.sleep(0.2)
            ended = time.monotonic()
        thread.join(30)
        assert taken[0] >= ended


def test_one_transaction_at_a_time_records_what_is_of_a_controller(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """The second waits, and then sees what the first has written."""
    seen: list[int] = []
    counted = sa.select(sa.func.count()).select_from(t.marks)
    started = threading.Event()

    def second() -> None:
        with other_engine.begin() as connection:
            started.set()
            in_turn(connection, ["acorn"])
            seen.append(int(connection.scalar(counted) or 0))

    with catalogue_engine.begin() as connection:
        in_turn(connection, ["birch", "acorn"])
        thread = threading.Thread(target=second)
        thread.start()
        started.wait(0.3)  # on SQLite it has to wait to begin at all
        time.sleep(0.1)
        assert seen == []
        row = {"name": "a", "moment": sa.func.current_timestamp()}
        connection.execute(t.marks.insert().values(row))
    thread.join(30)
    assert seen == [1]
