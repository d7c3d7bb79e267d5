"""Files that change, go or grow while they are being taken in; runs that are stopped."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.intake.readers.base import SLICE_RECORDS
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
