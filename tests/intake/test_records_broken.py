"""Slices that workers die on: no record is lost unseen, and nothing is tried for ever."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.catalogue import tables as t
from callward.intake.marker import MARKER
from callward.intake.pieces import MOST_DEATHS, MOST_LOST, Outcome, Pieces
from callward.intake.reasons import Reason
from callward.intake.take import REFUSED_KIND, Taken, TakeTask
from callward.workers import WorkerFailure
from tests.intake.support import Desk, totals
from tests.intake.test_records import check_opens, drop, kept, many, record

DEAD = WorkerFailure("timeout")
Dies = Callable[[TakeTask, Any], bool]


def dying(desk: Desk, monkeypatch: pytest.MonkeyPatch, dies: Dies) -> list[TakeTask]:
    """Have workers die when ``dies`` says so of a task and its result; the tasks so far."""
    real, tried = desk.pool.map, list[TakeTask]()

    def broken(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        for number, task in enumerate(items):
            ((_, result),) = real(function, [task], seconds_each=seconds_each)
            if isinstance(task, TakeTask):
                tried.append(task)
                result = DEAD if dies(task, result) else result
            yield number, result

    monkeypatch.setattr(desk.pool, "map", broken)
    return tried


def test_a_page_of_which_a_worker_died_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds more records than its size let expect: all of them come in."""
    folder = drop(desk, [])
    (folder / "records.jsonl").write_text(json.dumps(many(9)))
    tried = dying(desk, monkeypatch, lambda _task, _result: len(tried) == 1)
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (9, 9, 0, 0)
    assert not folder.exists()
    check_opens(desk)


def test_a_reader_that_dies_gives_up_soon(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets past the third record: those before it come in, the rest is kept, once."""
    drop(desk, many(64))

    def dies(task: TakeTask, _result: object) -> bool:
        return task.most is None or task.first + task.most > 2

    tried = dying(desk, monkeypatch, dies)
    assert totals(desk.take_in()) == (3, 2, 0, 1)
    assert len(tried) <= 9
    (held,) = [one for one in desk.rows(t.objects) if one["state"] == "quarantined"]
    assert desk.open(held["id"]).count(b"external_id") == 64


@pytest.mark.parametrize("deadly", [{1, 2}, {0, 7}, {3, 5, 8}])
def test_each_record_that_breaks_workers_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, deadly: set[int]
) -> None:
    """What it is in is kept once; all others come in."""
    drop(desk, many(9))
    names = {f"s-{number:06d}" for number in deadly}

    def dies(_task: TakeTask, result: object) -> bool:
        return isinstance(result, tuple) and any(one.external_id in names for one in result)

    dying(desk, monkeypatch, dies)
    report = desk.take_in()
    assert report.failures == []
    assert totals(report) == (9, 9 - len(deadly), 0, len(deadly))
    held = desk.rows(t.quarantine)
    assert {one["reason"] for one in held} == {"decoder-timeout"}
    assert sum(one["row_id"] is not None for one in held) == 1
    check_opens(desk)


LONG = [{"name": "a.bin", "media_type": "", "data": "QUJD" * 60_000}]
"""An attachment for the store; rows hold less."""


def check_stored(desk: Desk, before: set[str]) -> None:
    """Beside what lay in the store ``before`` there is what the catalogue says, no more."""
    check_opens(desk)
    keys = {one["store_key"] for one in desk.rows(t.objects)} - {None}
    assert desk.stored() - before == keys


def test_what_a_worker_wrote_before_it_died_is_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ciphertexts are no record's: the attempt after it wrote its own."""
    before = desk.stored()
    drop(desk, [record("a", attachments=LONG), record("b", attachments=LONG)])
    tried = dying(desk, monkeypatch, lambda _task, _result: len(tried) == 1)
    assert totals(desk.take_in()) == (2, 2, 0, 0)
    assert len({task.store_key for task in tried}) == 2
    check_stored(desk, before)
    drop(desk, [record("a", attachments=LONG)], "again")
    assert totals(desk.take_in()) == (1, 0, 1, 0)
    check_stored(desk, before)


def test_what_was_written_of_a_slice_that_waits_is_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next night reads it again, and writes its own."""
    before = desk.stored()
    folder = drop(desk, [record(f"s-{n}", attachments=LONG[:1] * (n > 500)) for n in range(502)])
    real = desk.pool.map

    def broken(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        for number, result in real(function, items, seconds_each=seconds_each):
            first = isinstance(result, tuple) and len(result) == 500
            yield number, Reason.CHANGED_WHILE_READ if first else result

    monkeypatch.setattr(desk.pool, "map", broken)
    assert len(desk.take_in().failures) > 0
    assert kept(desk) == []
    check_stored(desk, before)
    monkeypatch.undo()
    assert totals(desk.take_in()) == (502, 502, 0, 0)
    assert not folder.exists()
    check_stored(desk, before)


def test_what_cannot_even_be_kept_stays_where_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records beside it wait with it: nothing counts as in that is nowhere."""
    folder = drop(desk, many(4))
    real = desk.pool.map

    def broken(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        for number, result in real(function, items, seconds_each=seconds_each):
            lost = not isinstance(result, tuple) or any(
                one.external_id == "s-000001" for one in result
            )
            yield number, DEAD if lost and function.__name__ != "survey_file" else result

    monkeypatch.setattr(desk.pool, "map", broken)
    report = desk.take_in()
    assert len(report.failures) > 0
    assert (kept(desk), desk.rows(t.quarantine)) == ([], [])
    assert (folder / "records.jsonl").exists()
    monkeypatch.undo()
    assert totals(desk.take_in()) == (4, 4, 0, 0)


def test_several_slices_of_which_there_is_nothing_to_keep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is gone before it is read: a row for each slice, and the next drop comes in."""
    folder = drop(desk, many(1_200))
    real = desk.pool.map

    def vanishing(function: Any, items: Iterable[Any], *, seconds_each: float) -> Iterator[Any]:
        if function.__name__ == "take_slice":
            (folder / "records.jsonl").unlink(missing_ok=True)
        yield from real(function, items, seconds_each=seconds_each)

    monkeypatch.setattr(desk.pool, "map", vanishing)
    assert totals(desk.take_in()) == (3, 0, 0, 3)
    assert {one["reason"] for one in desk.rows(t.quarantine)} == {"file-missing"}
    drop(desk, [record("next")], "next")
    assert desk.take_in().total("ingested") == 1


def test_a_roster_that_nobody_may_keep_is_refused_slice_by_slice(desk: Desk) -> None:
    """Passwords in every slice: nothing of it is kept, and the controller's next drop comes in."""
    path = desk.instance.settings.instructions / f"{desk.controller}.yaml"
    columns = {"external_id": "nosuch", "name": "neither"}
    said = {"mappings": {"m": {"kind": "agent-account", "format": "csv", "columns": columns}}}
    path.write_text(path.read_text() + json.dumps(said)[1:-1] + "\n")
    folder = desk.landing / "d"
    folder.mkdir(parents=True)
    (folder / "r.csv").write_text("id,password\n" + "".join(f"{n},pw{n}\n" for n in range(1_200)))
    (folder / MARKER).write_text(json.dumps({"mapping": "m"}))
    report = desk.take_in()
    assert report.failures == []
    assert report.total("ingested") == 0
    assert {one["reason"] for one in desk.rows(t.quarantine)} == {"credentials"}
    assert desk.rows(t.objects) == []


class Slice:
    """A slice in which some records break the worker that comes to seal or even to read them."""

    def __init__(self, count: int, sealing: set[int], reading: set[int]) -> None:
        self.count, self.sealing, self.reading = count, sealing, reading
        self.deaths = 0

    def attempt(self, first: int, most: int | None) -> Outcome:
        """As a worker does it."""
        end = self.count if most is None else min(self.count, first + most)
        sealed = range(first, max(first, end))
        if self.reading & set(range(end)) or self.sealing & set(sealed):
            self.deaths += 1
            return DEAD
        return tuple(Taken(REFUSED_KIND, (), 0, external_id=str(number)) for number in sealed)


@given(
    count=st.integers(0, 70),
    sealing=st.sets(st.integers(0, 70), max_size=6),
    reading=st.sets(st.integers(0, 70), max_size=1),
)
def test_every_record_before_what_is_given_up_is_taken(
    count: int, sealing: set[int], reading: set[int]
) -> None:
    """In order, none twice, none left out unless it is counted as lost."""
    slice_ = Slice(count, sealing, reading)
    pieces = Pieces(slice_.attempt)
    deadly = sorted(one for one in sealing | reading if one < count)
    unread = min((one for one in reading if one < count), default=count)
    before = [one for one in deadly if one <= unread]
    last = before[MOST_LOST - 1] if len(before) > MOST_LOST else unread
    most = [str(one) for one in range(last) if one not in deadly]
    found = [one.external_id for one in pieces.taken]
    assert found == most
    assert pieces.lost == min(len(before), MOST_LOST + 1)
    assert slice_.deaths <= MOST_DEATHS


def test_what_stands_together_is_read_together() -> None:
    """A card number may be spread over records: all before a deadly one are of one run."""
    runs = list[tuple[int, ...]]()
    slice_ = Slice(40, {25}, set())

    def attempt(first: int, most: int | None) -> Outcome:
        found = slice_.attempt(first, most)
        if not isinstance(found, tuple):
            return found
        runs.append(tuple(int(one.external_id) for one in found))
        return tuple(replace(one, masked=len(runs)) for one in found)

    taken = Pieces(attempt).taken
    assert {one.masked for one in taken[:25]} == {runs.index(tuple(range(25))) + 1}
    assert {one.masked for one in taken[25:]} == {runs.index(tuple(range(26, 40))) + 1}


def test_a_slice_on_which_workers_go_on_dying_is_given_up() -> None:
    """Each record alone is read in time, and no two of them are."""
    deaths = 0

    def attempt(first: int, most: int | None) -> Outcome:
        nonlocal deaths
        if most is not None and most < 2:
            return tuple(Taken(REFUSED_KIND, (), 0, external_id=str(first)) for _ in range(most))
        deaths += 1
        return DEAD

    pieces = Pieces(attempt)
    assert (pieces.lost, pieces.reason) == (1, None)
    assert deaths <= MOST_DEATHS + 2


def test_a_slice_that_turns_out_to_be_no_records() -> None:
    """What the reader says of all of it is what is said."""
    pieces = Pieces(lambda _first, _most: Reason.FILE_MALFORMED)
    assert (pieces.reason, pieces.lost, pieces.taken) == (Reason.FILE_MALFORMED, 0, [])
