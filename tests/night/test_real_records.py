"""A night on real files of records: taken in or refused for the right reason, none lost."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from data_checks.gate import GreatExpectationsGates
from tests.benchmarks.real_records import DATA, ROOTS, counts, kinds, take_in

pytestmark = pytest.mark.skipif(
    not all((DATA / root).is_dir() for root in ROOTS),
    reason="the real records are not beside this checkout",
)
RIGHT = {"not-recognised", "time-malformed", "record-malformed", "number-malformed", "encrypted"}
"""Reasons that some of these files really give."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, dict[str, str]]]:
    """An instance after one ingest of a drop for every folder, and the drops' ids."""
    instance, drops = take_in(tmp_path_factory.mktemp("records") / "home", GreatExpectationsGates())
    yield instance, drops
    instance.close()


def test_every_file_is_accounted_for(night: tuple[Instance, dict[str, str]]) -> None:
    """Each is in, or in quarantine; drops are closed and the landing zone is empty."""
    instance, drops = night
    for name, found in counts(instance, drops).items():
        folder = DATA / name.replace("--", "/")
        assert found["files"] == sum(path.is_file() for path in folder.iterdir()), name
        assert set(found["refused"]) <= RIGHT, name
    with instance.reading() as connection:
        assert set(connection.scalars(sa.select(t.drops.c.state))) == {"complete"}
    assert not list((instance.settings.landing / "acorn").iterdir())


def test_every_platform_is_read(night: tuple[Instance, dict[str, str]]) -> None:
    """Of each folder of records at least one file is known by its content."""
    found = {name.split()[0] for name in kinds(night[0])}
    assert found >= {
        "asterisk-cdr",
        "freeswitch-csv",
        "freeswitch-json",
        "3cx-cdr",
        "siprec",
        "genesys-cloud",
        "vcon",
        "email",
        "mbox",
    }


def test_what_is_invalid_is_refused(night: tuple[Instance, dict[str, str]]) -> None:
    """None of the broken vCons is taken in; prose, code and registers are nobody's records."""
    instance, drops = night
    found = counts(instance, drops)
    broken = found["3_cdr--vcon--invalid"]
    assert sum(broken["refused"].values()) == broken["files"]
    for name, one in found.items():
        if name.startswith(("4_pan", "6_registers")):
            assert one["refused"] == {"not-recognised": one["files"]}, name


def test_whatever_is_kept_opens(night: tuple[Instance, dict[str, str]]) -> None:
    """Every object, taken in or refused, as long as it was when it was sealed."""
    instance, _ = night
    with instance.reading() as connection:
        objects = connection.execute(sa.select(t.objects.c.id, t.objects.c.size)).all()
        for one in objects:
            assert len(b"".join(instance.vault.open(connection, one.id))) == one.size
    assert len(objects) > 0
