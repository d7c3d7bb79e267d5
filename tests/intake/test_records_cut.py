"""Files that change, go or grow while they are being taken in; runs that are stopped."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.intake.batches import plan_ingest
from callward.intake.readers.base import SLICE_RECORDS
from callward.intake.reasons import Reason
from callward.intake.survey import Surveyed
from callward.intake.take import TakeTask
from callward.vault.intents import declare_intent
from tests.intake.support import Desk, totals
from tests.intake.test_records import FailingSecond, drop, kept, many, record
from tests.support import PassingGates


class Stopping(PassingGates):
    """Lets nothing in."""

    def check(self, suite: str, frame: Any) -> Any:
        """As told."""
        self.stop = suite if suite == "records_exit" else ""
        return super().check(suite, frame)


COUNT = 2 * SLICE_RECORDS + 7


def half_read(desk: Desk) -> tuple[Desk, Path]:
    """A file of three slices, of which the first is in."""
    folder = drop(desk, many(COUNT))
    small = desk.sized(1000, records_per_batch=SLICE_RECORDS)
    small.take_in(FailingSecond())
    assert [one["outcome"] for one in desk.rows(t.drop_items)] == ["part"]
    return small, folder


def check_closed(desk: Desk, folder: Path) -> None:
    """The drop is complete, gone, and no run has anything to say of it any more."""
    assert [one["state"] for one in desk.rows(t.drops)] == ["complete"]
    assert not folder.exists()
    assert desk.take_in().failures == []


def test_a_file_that_was_half_read_and_has_changed(desk: Desk) -> None:
    """What is there now comes in from its start; the drop is closed, and it is said."""
    small, folder = half_read(desk)
    drop(desk, [*many(COUNT), record("more")])
    report = small.take_in()
    assert totals(report) == (COUNT + 1, COUNT + 1 - SLICE_RECORDS, SLICE_RECORDS, 0)
    (said,) = report.failures
    assert "1 files in it were changed or taken away" in said
    assert len(kept(desk)) == COUNT + 1
    check_closed(desk, folder)


def test_a_file_that_was_half_read_and_is_as_it_was_again(desk: Desk) -> None:
    """Changed, and put back before anybody could finish it: the rest of it is read."""
    small, folder = half_read(desk)
    drop(desk, [record("other") for _ in range(3)])
    small.take_in(Stopping())
    drop(desk, many(COUNT))
    report = small.take_in()
    assert report.failures == []
    assert totals(report)[1] == COUNT - SLICE_RECORDS
    check_closed(desk, folder)


def test_a_file_that_was_half_read_and_is_gone(desk: Desk) -> None:
    """Nothing follows; the drop is closed, and it is said."""
    small, folder = half_read(desk)
    (folder / "records.jsonl").unlink()
    report = small.take_in()
    assert totals(report) == (0, 0, 0, 0)
    (said,) = report.failures
    assert "1 files in it were changed or taken away" in said
    assert len(kept(desk)) == SLICE_RECORDS
    check_closed(desk, folder)


def test_a_refused_slice_is_not_taken_for_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was cut short behind it goes on there, and refuses nothing twice."""
    drop(desk, many(COUNT))
    real = desk.pool.map

    def refusing(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        for task in items:
            ((_, result),) = real(function, [task], seconds_each=seconds_each)
            first = isinstance(task, TakeTask) and task.part.start == 0
            yield 0, Reason.FILE_MALFORMED if first else result

    monkeypatch.setattr(desk.pool, "map", refusing)
    small = desk.sized(1000, records_per_batch=SLICE_RECORDS)
    assert totals(small.take_in(FailingSecond())) == (1, 0, 0, 1)
    report = small.take_in()
    assert report.failures == []
    assert totals(report) == (COUNT - SLICE_RECORDS, COUNT - SLICE_RECORDS, 0, 0)
    assert len(desk.rows(t.drop_items)) == 1


def test_a_file_that_grows_while_it_is_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left where it is, which is said, and the next night takes all of it."""
    folder = drop(desk, many(3))
    drop(desk, [record("beside")], "other")
    real = desk.pool.map
    looks: list[object] = []

    def growing(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        for number, result in real(function, items, seconds_each=seconds_each):
            if isinstance(result, Surveyed):
                looks.append(result)
            first = isinstance(result, Surveyed) and len(looks) == 1
            yield number, Surveyed(Reason.CHANGED_WHILE_READ) if first else result

    monkeypatch.setattr(desk.pool, "map", growing)
    report = desk.take_in()
    assert totals(report) == (1, 1, 0, 0)
    assert any("could not be read now" in said for said in report.failures)
    assert desk.rows(t.quarantine) == []
    assert (folder / "records.jsonl").exists()
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (3, 3, 0, 0)
    assert not folder.exists()


def test_nothing_more_is_read_of_a_controller_that_is_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the batch that was being read when its gate said no."""
    drop(desk, many(5 * SLICE_RECORDS))
    real = desk.pool.map
    read: list[object] = []

    def counting(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        tasks = list(items)
        read.extend(tasks if function.__name__ == "take_slice" else ())
        yield from real(function, tasks, seconds_each=seconds_each)

    monkeypatch.setattr(desk.pool, "map", counting)
    gates = Stopping()
    report = desk.sized(1000, records_per_batch=SLICE_RECORDS).take_in(gates)
    assert len(report.failures) == 1
    assert len(read) == 2
    assert [suite for suite, _ in gates.seen].count("records_entry") == 2
    assert kept(desk) == []


def test_a_database_that_fails_between_two_batches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch that was read before is recorded; what failed is said without its words."""
    drop(desk, many(3 * SLICE_RECORDS))
    declared: list[object] = []

    def failing(*args: Any) -> str:
        declared.append(args)
        if len(declared) == 2:
            raise sa.exc.OperationalError("telling words", None, Exception("locked"))
        return declare_intent(*args)

    monkeypatch.setattr("callward.intake.record_stage.declare_intent", failing)
    small = desk.sized(1000, records_per_batch=SLICE_RECORDS)
    report = small.take_in()
    assert totals(report) == (SLICE_RECORDS, SLICE_RECORDS, 0, 0)
    (said,) = report.failures
    assert "telling words" not in said
    assert totals(small.take_in())[1] == 2 * SLICE_RECORDS


def test_planning_that_fails_after_a_batch_was_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That batch is recorded before the run ends with what went wrong."""
    drop(desk, many(3))

    def failing(*args: Any) -> Iterator[Any]:
        yield from plan_ingest(*args)
        raise RuntimeError

    monkeypatch.setattr("callward.night.plan_ingest", failing)
    with pytest.raises(RuntimeError):
        desk.take_in()
    assert len(kept(desk)) == 3
