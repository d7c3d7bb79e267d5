"""One run alone or several that share; the guard dies with the process that holds it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue.engine import open_engine
from callward.catalogue.guard import BusyError, exclusive, gone, sharing

_TOP = Path(__file__).parents[2]
_HOLDER = """
import sys, time
from callward.catalogue.engine import open_engine
from callward.catalogue.guard import exclusive
with exclusive(open_engine(sys.stdin.readline().strip())):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other_engine(catalogue_url: str) -> sa.Engine:
    """Another engine on the same catalogue, as another process would have."""
    return open_engine(catalogue_url)


def _free(engine: sa.Engine) -> bool:
    try:
        with exclusive(engine):
            return True
    except BusyError:
        return False


def test_a_second_holder_is_told(catalogue_engine: sa.Engine, other_engine: sa.Engine) -> None:
    """While one run works another gets BusyError at once, on the same engine too."""
    with exclusive(catalogue_engine):
        for engine in (catalogue_engine, other_engine):
            started = time.monotonic()
            with pytest.raises(BusyError, match=r"^\[busy\]"), exclusive(engine):
                pass
            assert time.monotonic() - started < 5
        assert not _free(other_engine)  # a refusal does not loosen it
    assert _free(other_engine)
    assert _free(catalogue_engine)
    other_engine.dispose()


def test_an_error_lets_go(catalogue_engine: sa.Engine, other_engine: sa.Engine) -> None:
    """A run that fails does not leave the guard behind."""

    def fail() -> None:
        with exclusive(catalogue_engine):
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert _free(other_engine)
    other_engine.dispose()


def test_the_holder_can_work(catalogue_engine: sa.Engine) -> None:
    """The guard does not stand in the way of its own run's transactions."""
    with exclusive(catalogue_engine), catalogue_engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


@pytest.mark.parametrize("end", ["kill", "regular"])
def test_the_guard_ends_with_its_process(catalogue_url: str, end: str) -> None:
    """A holder elsewhere is respected; killed or done, its guard is gone by itself."""
    engine = open_engine(catalogue_url)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER],
        cwd=_TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        holder.stdin.write(engine.url.render_as_string(hide_password=False) + "\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        assert not _free(engine)
        if end == "kill":
            holder.kill()
        else:
            holder.stdin.write("\n")
            holder.stdin.flush()
        assert holder.wait(30) == (-9 if end == "kill" else 0)
        deadline = time.monotonic() + 10  # a server needs a moment to notice
        while not (free := _free(engine)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert free
    finally:
        holder.kill()
        holder.communicate()
        engine.dispose()


def test_two_catalogues_do_not_meet(tmp_path: Path) -> None:
    """Guards of different SQLite catalogues are apart, those in memory as well."""
    names = ("a.sqlite", "b.sqlite")
    first, second = (open_engine(f"sqlite:///{tmp_path / name}") for name in names)
    with exclusive(first):
        assert _free(second)
        assert _free(open_engine("sqlite://"))


def test_those_who_share_keep_out_who_wants_it_alone(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """Several share; none gets it alone meanwhile, and nobody shares what one has alone."""
    with sharing(catalogue_engine) as one:
        with sharing(other_engine) as other:
            assert one != other
            assert not _free(other_engine)
        assert not _free(other_engine)
    assert _free(other_engine)
    with exclusive(catalogue_engine), pytest.raises(BusyError), sharing(other_engine):
        pass
    assert _free(other_engine)
    other_engine.dispose()


def test_a_holder_is_gone_when_it_has_let_go(
    catalogue_engine: sa.Engine, other_engine: sa.Engine
) -> None:
    """Its sign of life is seen by others for as long as it shares, and by nobody after."""
    with sharing(catalogue_engine) as one:
        with sharing(other_engine) as other, other_engine.begin() as connection:
            assert gone(connection, [one, other, "00" * 8]) == {"00" * 8}
        with other_engine.begin() as connection:
            assert gone(connection, [one, other]) == {other}
            assert gone(connection, []) == set()
    with other_engine.begin() as connection:
        assert gone(connection, [one]) == {one}
    other_engine.dispose()


def test_a_killed_holder_is_gone(catalogue_url: str) -> None:
    """And keeps nobody from having the catalogue alone; nothing of it is left to clear."""
    engine = open_engine(catalogue_url)
    program = _HOLDER.replace("exclusive", "sharing").replace("):", ") as me:")
    holder = subprocess.Popen(
        [sys.executable, "-c", program.replace('"held"', "me")],
        cwd=_TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        holder.stdin.write(engine.url.render_as_string(hide_password=False) + "\n")
        holder.stdin.flush()
        name = holder.stdout.readline().strip()
        assert len(name) == 16
        assert not _gone(engine, name)
        assert not _free(engine)
        holder.kill()
        holder.wait(30)
        deadline = time.monotonic() + 10  # a server needs a moment to notice
        while not (ended := _gone(engine, name)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ended
        assert _free(engine)
        with sharing(engine) as me:
            assert me != name
    finally:
        holder.kill()
        holder.communicate()
        engine.dispose()


def _gone(engine: sa.Engine, holder: str) -> bool:
    with engine.begin() as connection:
        return gone(connection, [holder]) == {holder}
