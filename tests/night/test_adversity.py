"""A full disk, a database that goes away, two sweeps at once: the same end, no certificate more."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from callward.clock import FixedClock
from callward.instance import Instance, open_instance
from callward.ledger import log
from callward.vault import journal
from tests.retention.shelf import Shelved, openable, shelve
from tests.support import NOW, instruct, new_instance, rows, run_stage

if TYPE_CHECKING:
    from tests.conftest import PostgresqlServer


def _ended(instance: Instance, old: Shelved, young: Shelved) -> None:
    """What an undisturbed sweep leaves."""
    assert openable(instance, old.all | young.all) == young.all | {old.details}
    assert len(rows(instance, "certificates")) == 1
    assert rows(instance, "sweeps", "state") == [("complete",)]
    states = [state for (state,) in rows(instance, "generations", "state")]
    assert sorted(set(states)) == ["current", "retired"]
    assert states.count("current") == 1
    with instance.reading() as connection:
        log.verify(connection, [instance.signer.verifier])
    (current,) = instance.vault.cells[0].generations()
    assert journal.generations(instance.settings.journal)[-1] == current


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root, and not in every container, can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path, leave: int) -> Path:
    """Leave so many bytes free."""
    free = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - leave)))
    return ballast


@pytest.mark.parametrize("leave", [0, 8192, 40960, 81920, 163840, 262144])
def test_a_full_disk(small_disk: Path, leave: int) -> None:
    """Wherever the space ends: one error of our own, and the same end once there is room."""
    instance = new_instance(small_disk / "home")
    instruct(instance)
    old, young = shelve(instance, "old", age=50), shelve(instance, "young", age=2)
    ballast = _fill(small_disk, leave)
    try:
        failures = run_stage(instance, "retention").failures
    except Exception as error:  # noqa: BLE001 - even beginning a run may find no room
        failures = [type(error).__name__]
    assert failures or leave, "there was no room, and nobody noticed"
    if failures:
        assert rows(instance, "certificates") == []
        assert openable(instance, young.all) == young.all
    ballast.unlink()
    assert run_stage(instance, "retention").failures == []
    _ended(instance, old, young)
    instance.close()


class Leaving(Instance):
    """An instance whose database server drops every connection before one transaction."""

    server: "PostgresqlServer"
    leaves_in = 0
    passed = 0

    @contextmanager
    def unit(self) -> Iterator[sa.Connection]:
        """One transaction, perhaps on a connection that has just died."""
        Leaving.passed += 1
        with Instance.unit(self) as connection:
            if Leaving.passed == Leaving.leaves_in:
                Leaving.server.disconnect(str(self.engine.url.database))
            yield connection


@pytest.fixture
def leaving(tmp_path: Path, postgresql_server: "PostgresqlServer") -> Iterator[Leaving]:
    """An instance on PostgreSQL."""
    url = postgresql_server.create("leaving", empty=True)
    made = new_instance(tmp_path / "home", database_url=url, clock=FixedClock(NOW))
    Leaving.server, Leaving.leaves_in, Leaving.passed = postgresql_server, 0, 0
    yield Leaving(**{one.name: getattr(made, one.name) for one in fields(made)})
    made.close()
    postgresql_server.drop("leaving")


def test_the_database_goes_away(leaving: Leaving) -> None:
    """In every transaction of a sweep in turn: it fails by name, and the next run ends it."""
    instruct(leaving)
    assert isinstance(leaving.clock, FixedClock)
    shelve(leaving, "first", age=50)
    Leaving.passed = 0
    assert run_stage(leaving, "retention").failures == []
    transactions = Leaving.passed
    assert transactions > 15
    for number in range(1, transactions + 1, 2):
        leaving.clock.moment += timedelta(minutes=1)
        old = shelve(leaving, f"old {number}", age=50)
        Leaving.passed, Leaving.leaves_in = 0, number
        try:
            failures = run_stage(leaving, "retention").failures
        except Exception as error:  # noqa: BLE001 - the guard's connection has died as well
            failures = [type(error).__name__]
        assert failures, f"transaction {number} did not miss its database"
        Leaving.leaves_in = 0
        assert run_stage(leaving, "retention").failures == []
        assert openable(leaving, old.all) == {old.details}
    assert {state for (state,) in rows(leaving, "sweeps", "state")} == {"complete"}
    sweeps = len(rows(leaving, "sweeps"))
    assert len(rows(leaving, "certificates")) == sweeps
    with leaving.reading() as connection:
        log.verify(connection, [leaving.signer.verifier])


def test_two_sweeps_at_once(tmp_path: Path, empty_database_url: str) -> None:
    """One of them does it; the other is told that somebody is at work, or finds nothing due."""
    first = new_instance(tmp_path / "home", database_url=empty_database_url)
    instruct(first)
    old, young = shelve(first, "old", age=50), shelve(first, "young", age=2)
    second = open_instance(tmp_path / "home", FixedClock(NOW))
    said: list[str] = []

    def sweep(instance: Instance) -> None:
        try:
            report = run_stage(instance, "retention")
            said.append("; ".join(report.failures) or report.outcome or "done")
        except Exception as error:  # noqa: BLE001 - looked at below
            said.append(str(error).partition("]")[0])

    threads = [threading.Thread(target=sweep, args=(one,)) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert "done" in said
    assert set(said) <= {"done", "[busy", "NothingDue"}
    assert said.count("done") == 1
    _ended(first, old, young)
    first.close()
    second.close()
