"""Keys: what became of each root, what cells hold, and whether everything kept has its key."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from callward.evidence.collectors.rooting import Root
from callward.instance import Instance
from callward.retention.roots import turn_alone
from callward.vault.cells import CellError, Destruction, FileCell
from callward.vault.vault import Vault
from tests.evidence.governing import LATER, PERIOD, at, changing, collected, judged, keep, seen
from tests.support import NOW, Call, deliver, instruct, run_stage


class Slow(FileCell):
    """A cell that takes its time to destroy: it says until when, or that it refuses."""

    until: datetime | None = None
    refuses = False
    away = False

    def destroy(self, generation: int) -> Destruction:
        """Say how things stand."""
        if self.refuses:
            raise CellError("no", "no")
        if self.until is not None:
            return Destruction("pending", self.until)
        return super().destroy(generation)

    def generations(self) -> frozenset[int]:
        """Those it has, if it can be reached."""
        if self.away:
            raise CellError("away", "away")
        return super().generations()


def _slow(instance: Instance) -> Slow:
    """Have a slow cell in place of the instance's own."""
    (cell,) = instance.vault.cells
    assert isinstance(cell, FileCell)
    slow = Slow(cell._folder, cell.name)
    instance.vault.cells = (slow,)
    return slow


def test_an_instance_in_which_nothing_has_happened(instance: Instance) -> None:
    """Nothing is kept and nothing was destroyed; the one cell is told of all the same."""
    at(instance, LATER)
    told = [("not-applicable", "nothing-kept"), ("note", "single-cell")]
    assert seen(instance, "keys", "keys-sound") == told
    idle = [("not-applicable", "no-root-turned")]
    assert seen(instance, "keys", "roots-destroyed") == idle


def test_a_night_with_a_sweep(instance: Instance) -> None:
    """The root turned, the old one is gone, what stays has its key under the new one."""
    instruct(instance)
    deliver(instance, [Call("a"), Call("b", age=50)])
    run_stage(instance, "ingest")
    run_stage(instance, "retention")
    at(instance, LATER)
    facts, content = collected(instance, "keys")
    assert facts["sweeps"] == {"complete": 1, "over_living_roots": [], "unturned": []}
    assert (facts["roots"]["turned"], facts["roots"]["retired"]) == (1, 1)
    assert facts["objects"] == {"kept": 3, "without_key": 0, "elsewhere": 0}
    first, second = json.loads(content)["details"]["roots"]
    assert [one["answer"] for one in first["answers"]] == ["destroyed"]
    assert (second["over"], [one["answer"] for one in second["answers"]]) == (None, ["held"])
    assert seen(instance, "keys", "keys-sound") == [("note", "single-cell")]
    assert seen(instance, "keys", "roots-destroyed") == []


def test_a_cell_that_refuses(instance: Instance) -> None:
    """The root lives: a gap, until it is destroyed, and then it was late."""
    cell = _slow(instance)
    cell.refuses = True
    turn_alone(instance)
    assert collected(instance, "keys")[0]["roots"]["alive"] == [1]
    assert seen(instance, "keys", "roots-destroyed") == [("gap", "root-alive")]
    at(instance, NOW + timedelta(days=4))
    cell.refuses = False
    turn_alone(instance)
    at(instance, LATER)
    assert collected(instance, "keys")[0]["roots"]["late"] == {"1": 4}
    assert seen(instance, "keys", "roots-destroyed") == [("partly", "root-late")]
    # As of a day on which it still lived it is told as it was then.
    before = Period(PERIOD.from_day, (NOW + timedelta(days=3)).date())
    facts, _ = collected(instance, "keys", before)
    assert judged("roots-destroyed", facts) == [("gap", "root-alive")]


def test_a_cell_that_takes_its_time(instance: Instance) -> None:
    """Within what it said a note; beyond it the root is not known to be gone."""
    cell = _slow(instance)
    cell.until = NOW + timedelta(days=7)
    turn_alone(instance)
    assert collected(instance, "keys")[0]["roots"]["pending"] == [1]
    assert seen(instance, "keys", "roots-destroyed") == [("note", "root-pending")]
    at(instance, NOW + timedelta(days=8))
    assert seen(instance, "keys", "roots-destroyed") == [("gap", "root-alive")]
    cell.until = None
    turn_alone(instance)
    at(instance, LATER)
    assert seen(instance, "keys", "roots-destroyed") == []  # a day late is the next night


def test_a_root_that_was_given_up(instance: Instance) -> None:
    """One announced and never turned to has to be destroyed as well."""
    with changing(instance) as connection:
        values = {"number": 2, "state": "retiring", "created_at": NOW}
        connection.execute(t.generations.insert().values(**values))
    assert collected(instance, "keys")[0]["roots"]["alive"] == [2]
    with changing(instance) as connection:
        connection.execute(
            t.generations.update().where(t.generations.c.number == 2).values(state="making")
        )
    assert collected(instance, "keys")[0]["roots"]["alive"] == []


def test_a_root_that_comes_back(instance: Instance) -> None:
    """A cell that has again what it destroyed, from a copy: a gap that nothing excuses."""
    cell = _slow(instance)
    path = cell._path(1)
    content = path.read_bytes()
    turn_alone(instance)
    path.write_bytes(content)
    assert collected(instance, "keys")[0]["cells"]["found_again"] == {"file": [1]}
    assert seen(instance, "keys", "roots-destroyed") == [("gap", "root-found-again")]


def test_cells_that_lack_the_root_or_are_away(instance: Instance, tmp_path: Path) -> None:
    """One of two is a part; both are all."""
    keep(instance)
    first = _slow(instance)
    second = Slow(tmp_path / "empty", "second")
    vault: Vault = instance.vault
    vault.cells = (first, second)
    assert seen(instance, "keys", "keys-sound") == [("partly", "cell-without-root")]
    second.away = True
    assert seen(instance, "keys", "keys-sound") == [("partly", "cell-unreachable")]
    first.away = True
    assert ("gap", "no-cell-has-root") in seen(instance, "keys", "keys-sound")


def test_something_kept_without_its_key(instance: Instance) -> None:
    """Or with one under an older root: counted, and a gap."""
    keep(instance)
    keep(instance)
    with changing(instance) as connection:
        one = connection.scalar(sa.select(sa.func.min(t.object_keys.c.object_id)))
        connection.execute(t.object_keys.delete().where(t.object_keys.c.object_id == one))
    assert collected(instance, "keys")[0]["objects"]["without_key"] == 1
    with changing(instance) as connection:
        connection.execute(t.pages.update().values(generation=0))
    told = seen(instance, "keys", "keys-sound")
    assert told[:2] == [("gap", "object-without-key"), ("gap", "key-under-old-root")]


def test_sweeps_that_ended_as_they_must_not(instance: Instance) -> None:
    """Without a new root, or with the old one alive."""
    turn_alone(instance)
    sweep = {
        "id": "s",
        "as_of": NOW.date(),
        "plan_hash": "-",
        "approved": False,
        "state": "complete",
        "generation_before": 1,
        "generation_after": 2,
        "started_at": NOW,
        "completed_at": NOW,
    }
    with changing(instance) as connection:
        connection.execute(t.sweeps.insert().values(**sweep))
    assert seen(instance, "keys", "roots-destroyed") == []
    with changing(instance) as connection:
        connection.execute(t.generations.update().values(retired_at=None))
    told = seen(instance, "keys", "roots-destroyed")
    assert told == [("gap", "root-alive"), ("gap", "sweep-over-living-root")]
    with changing(instance) as connection:
        connection.execute(t.sweeps.update().values(generation_after=None))
    assert ("gap", "sweep-without-turn") in seen(instance, "keys", "roots-destroyed")


def test_how_late_a_root_went() -> None:
    """Counted from when it had its day, or from the last day that a cell asked for."""
    end, none = NOW + timedelta(days=10), None
    cases: list[tuple[Any, Any, Any, int]] = [
        (NOW, end, none, 10),
        (NOW, end, NOW + timedelta(days=7), 3),
        (NOW, end, NOW + timedelta(days=11), 0),
        (NOW, none, none, 0),
        (none, none, none, 0),
    ]
    for over, retired, promised, days in cases:
        assert Root(1, NOW, over, retired, promised).late == days
