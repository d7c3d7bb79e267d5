"""Roots turn with every sweep; what cells answer decides what may be said of it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import IntegrityError, KeyMissingError, NotFoundError
from callward.instance import Instance
from callward.retention import keybook, retiring, roots, sweep
from callward.retention.stage import prepare
from callward.vault import journal
from callward.vault.cells import CellError, unwrap
from callward.vault.vault import Vault
from tests.cells import MemoryCell
from tests.retention.shelf import column, openable, shelve, stored
from tests.support import NOW, instruct, rows, run_stage, snapshot


@pytest.fixture
def cells(instance: Instance) -> tuple[MemoryCell, MemoryCell]:
    """Two cells in memory which hold the instance's first root instead of its own cell."""
    made = MemoryCell("one"), MemoryCell("two")
    root = (instance.settings.keys / "root-00000001.key").read_bytes()
    for cell in made:
        cell.hold(1, root)
    return made


@pytest.fixture
def two(instance: Instance, cells: tuple[MemoryCell, MemoryCell]) -> Instance:
    """An instance with two cells, and a controller's instruction."""
    instruct(instance)
    with instance.unit() as connection:
        connection.execute(t.cell_answers.delete())
        retiring.expect(connection, 1, cells, NOW)
    return replace(instance, vault=Vault(cells, instance.vault.store))


def _states(instance: Instance) -> dict[int, str]:
    return dict(rows(instance, "generations", "number", "state"))


def _old_wraps(instance: Instance) -> dict[str, tuple[bytes, bytes]]:
    """Page wrap and object wrap of every object, as a backup made now would have them."""
    query = sa.select(
        t.object_keys.c.object_id, t.pages.c.wrapped_key, t.object_keys.c.wrapped_key
    ).join(t.pages, t.pages.c.id == t.object_keys.c.page_id)
    with instance.unit() as connection:
        return {one: (bytes(page), bytes(key)) for one, page, key in connection.execute(query)}


def _opens_today(instance: Instance, wraps: tuple[bytes, bytes]) -> bool:
    """Whether old wraps lead to a key under any root or living page key of today."""
    page_keys = []
    for cell in instance.vault.cells:
        for generation in cell.generations():
            try:
                page_keys += cell.unwrap(generation, [wraps[0]])
            except IntegrityError:
                continue
    with instance.unit() as connection:
        pages = connection.execute(
            sa.select(t.pages.c.id, t.pages.c.generation, t.pages.c.wrapped_key)
        ).all()
        page_keys += instance.vault.page_keys(map(tuple, pages)).values()
    for key in page_keys:
        try:
            unwrap(key, wraps[1])
        except IntegrityError:
            continue
        return True
    return False


def test_what_went_opens_from_no_backup(two: Instance, cells: tuple[MemoryCell, ...]) -> None:
    """Wraps copied before the sweep open nothing after it; what stays opens by new ones."""
    old, young = shelve(two, "old", age=50), shelve(two, "young", age=2)
    before = _old_wraps(two)
    assert run_stage(two, "retention").failures == []
    assert [cell.generations() for cell in cells] == [{2}, {2}]
    assert _states(two) == {1: "retired", 2: "current"}
    assert not any(_opens_today(two, before[one]) for one in old.media)
    assert openable(two, old.all | young.all) == young.all | {old.details}
    assert set(rows(two, "cell_answers", "generation", "cell", "answer")) == {
        (1, "one", "destroyed"),
        (1, "two", "destroyed"),
        (2, "one", "held"),
        (2, "two", "held"),
    }


def test_survivors_of_a_mixed_page_move(two: Instance) -> None:
    """The page key that an old backup has would open the wrap beside it: so it goes as well."""
    old, other = shelve(two, "old", age=50), shelve(two, "other", age=50)
    page_of = dict(rows(two, "object_keys", "object_id", "page_id"))
    assert page_of[old.recording] == page_of[other.recording]
    before = _old_wraps(two)
    report = run_stage(two, "retention", only=old.media)
    assert report.failures == []
    after = dict(rows(two, "object_keys", "object_id", "page_id"))
    assert after[other.recording] != page_of[other.recording]
    assert page_of[old.recording] not in dict(rows(two, "pages", "id", "filled"))
    assert not any(_opens_today(two, before[one]) for one in old.media)
    assert openable(two, old.all | other.all) == other.all | {old.details}
    facts = rows(two, "sweeps", "facts")[0][0]
    assert facts["survivors_opened"] == 1
    assert facts["old_wraps_opened"] == 0
    assert facts["old_wraps_tried"] == 1


def test_a_cell_that_will_not_hold_stops_the_sweep(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """No new root, no destruction: the sweep stays marked, and ends when the cell is well."""
    old = shelve(two, "old", age=50)
    cells[1].refuses = {"hold"}
    report = run_stage(two, "retention")
    assert report.failures == ["[key-cell] key cell two refuses to hold"]
    assert openable(two, old.all) == old.all
    assert rows(two, "sweeps", "state") == [("marked",)]
    cells[1].refuses = set()
    assert run_stage(two, "retention").failures == []
    assert openable(two, old.all) == {old.details}
    assert [cell.generations() for cell in cells] == [{3}, {3}]
    assert _states(two) == {1: "retired", 2: "retired", 3: "current"}


def test_a_cell_that_will_not_destroy_leaves_it_uncertified(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """It is gone here, but not yet from backups: no certificate until the cell has answered."""
    old = shelve(two, "old", age=50)
    cells[1].refuses = {"destroy"}
    for _ in range(2):
        report = run_stage(two, "retention")
        assert [failure.partition("]")[0] for failure in report.failures] == ["[uncertified"]
        assert "generation 1 in cell two" in report.failures[0]
        assert openable(two, old.all) == {old.details}
        assert rows(two, "certificates") == []
        assert _states(two) == {1: "retiring", 2: "current"}
    cells[1].refuses = set()
    assert run_stage(two, "retention").failures == []
    assert len(rows(two, "certificates")) == 1
    assert _states(two) == {1: "retired", 2: "current"}


def test_a_cell_that_is_another_proves_nothing(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """A token of the same name, a stick that is not mounted: what it lacks is not destroyed."""
    shelve(two, "old", age=50)
    cells[1].refuses = {"destroy"}
    run_stage(two, "retention")
    other = replace(two, vault=Vault((cells[0], MemoryCell("two")), two.vault.store))
    assert len(run_stage(other, "retention").failures) == 1
    answers = rows(two, "cell_answers", "generation", "cell", "answer", "code")
    assert [row[1:] for row in answers if row[0] == 1] == [
        ("one", "destroyed", None),
        ("two", "refused", "current-root-missing"),
    ]
    assert rows(two, "certificates") == []
    cells[1].refuses = set()
    assert run_stage(two, "retention").failures == []
    assert len(rows(two, "certificates")) == 1
    assert cells[1].generations() == {2}


def test_pending_is_no_failure_and_no_certificate(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """A cell that takes its time is waited for; the certificate comes after."""
    shelve(two, "old", age=50)
    cells[0].pending = NOW + timedelta(days=7)
    report = run_stage(two, "retention")
    assert report.failures == []
    assert report.counts["acorn"]["pending"] == 2
    assert rows(two, "certificates") == []
    cells[0].pending = None
    assert isinstance(two.clock, FixedClock)
    two.clock.moment += timedelta(days=1)
    assert run_stage(two, "retention").failures == []
    assert len(rows(two, "certificates")) == 1


def test_a_pending_sweep_is_not_gone_through_every_night(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """Its cells are asked, and it is counted; searched it is again before its certificate."""
    shelve(two, "old", age=50)
    cells[0].pending = NOW + timedelta(days=7)
    run_stage(two, "retention")
    assert isinstance(two.clock, FixedClock)
    for _ in range(2):
        two.clock.moment += timedelta(days=1)
        report = run_stage(two, "retention")
        assert (report.failures, report.counts) == ([], {"acorn": {"pending": 2}})
        assert len(rows(two, "scans")) == 1
    two.clock.moment += timedelta(days=5)
    run_stage(two, "retention")
    assert len(rows(two, "scans")) == 2  # the time has come, and nobody has said that it is done
    cells[0].pending = None
    assert run_stage(two, "retention").failures == []
    assert len(rows(two, "scans")) == 3
    assert len(rows(two, "certificates")) == 1


def test_a_certificate_never_lies_beside_a_statement_that_it_is_due(two: Instance) -> None:
    """Killed between issuing and tidying, the next run does what was left."""
    shelve(two, "old", age=50)
    run_stage(two, "retention")
    (issued,) = (two.settings.evidence / "certificates").glob("*.json")
    text = issued.read_text()
    issued.unlink()
    statement = two.settings.evidence / "statements" / issued.name
    statement.parent.mkdir(exist_ok=True)
    statement.write_text("{}")
    assert run_stage(two, "retention").outcome == "NothingDue"
    assert issued.read_text() == text
    assert not statement.exists()


def test_a_root_that_is_not_dead_yet_holds_back_later_certificates(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """An old backup under the first root would open what went by the second sweep, too."""
    shelve(two, "old", age=50)
    cells[1].refuses = {"destroy"}
    run_stage(two, "retention")
    shelve(two, "older", age=60)
    report = run_stage(two, "retention")
    assert len(report.failures) == 2
    assert rows(two, "certificates") == []
    cells[1].refuses = set()
    assert run_stage(two, "retention").failures == []
    assert len(rows(two, "certificates")) == 2


def test_turning_alone_keeps_everything(two: Instance, cells: tuple[MemoryCell, ...]) -> None:
    """After a suspicion the root can be turned with nothing to destroy."""
    one = shelve(two, "one", age=2)
    turn = roots.turn_alone(two)
    assert (turn.before, turn.after, turn.moved) == (1, 2, 0)
    assert [cell.generations() for cell in cells] == [{2}, {2}]
    assert openable(two, one.all) == one.all
    shelve(two, "two", age=2)
    assert journal.generations(two.settings.journal) == [2]


def _turned(instance: Instance, only: set[str]) -> None:
    """Go as far as a run that was killed just after its turn."""
    run = night.new_run(instance, only=frozenset(only))
    sweep.turn_root(instance, run, sweep.mark(instance, run, prepare(instance, run).plan))


def _set_wrap(instance: Instance, one: str, wrapped: bytes) -> bytes:
    """Put another wrap in the place of an object's; what was there."""
    mine = t.object_keys.c.object_id == one
    with instance.unit() as connection:
        before = connection.scalar(sa.select(t.object_keys.c.wrapped_key).where(mine))
        connection.execute(t.object_keys.update().where(mine).values(wrapped_key=wrapped))
    return bytes(before or b"")


def test_a_survivor_that_does_not_open_saves_the_old_root(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """As long as a survivor's key does not unwrap under the new root, whatever else is run."""
    old, other = shelve(two, "old", age=50), shelve(two, "other", age=50)
    _turned(two, old.media)
    whole = _set_wrap(two, other.transcript, bytes(40))
    for _ in range(2):
        report = run_stage(two, "retention", only=frozenset(old.media))
        assert [failure.partition("]")[0] for failure in report.failures] == ["[integrity"]
        assert [cell.generations() for cell in cells] == [{1, 2}, {1, 2}]
        assert rows(two, "certificates") == []
        assert stored(two) == column(two, "store_key", [old.recording, other.recording])
    roots.turn_alone(two)
    assert [cell.generations() for cell in cells] == [{1, 3}, {1, 3}]
    _set_wrap(two, other.transcript, whole)
    assert run_stage(two, "retention", only=frozenset(old.media)).failures == []
    assert [cell.generations() for cell in cells] == [{3}, {3}]
    assert len(rows(two, "certificates")) == 1
    assert openable(two, old.all | other.all) == other.all | {old.details}


def test_a_survivor_whose_content_is_damaged_is_reported(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """No root would help it: another of its page is opened, and the old root goes."""
    old, other = shelve(two, "old", age=50), shelve(two, "other", age=50)
    _damage(two, other.transcript)
    report = run_stage(two, "retention", only=frozenset(old.media))
    assert report.failures == [f"[survivor-damaged] object {other.transcript} does not open"]
    assert [cell.generations() for cell in cells] == [{2}, {2}]
    assert len(rows(two, "certificates")) == 1
    assert rows(two, "sweeps", "facts")[0][0]["survivors_opened"] == 1


def test_a_page_of_damaged_survivors_is_reported(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """Altered in the database, missing from the store: named, counted, and not waited for."""
    old, other = shelve(two, "old", age=50), shelve(two, "other", age=50)
    _damage(two, other.transcript)
    two.vault.store.delete(column(two, "store_key", [other.recording]))
    report = run_stage(two, "retention", only=frozenset(old.media))
    assert sorted(report.failures) == [
        f"[survivor-damaged] object {one} does not open" for one in sorted(other.media)
    ]
    assert [cell.generations() for cell in cells] == [{2}, {2}]
    assert rows(two, "sweeps", "facts")[0][0]["survivors_opened"] == 0


def _damage(instance: Instance, one: str) -> None:
    """Alter what is sealed in a row, and have it tried first."""
    with instance.unit() as connection:
        mine = t.payloads.c.object_id == one
        connection.execute(t.payloads.update().where(mine).values(sealed=b"damaged" * 20))
        connection.execute(t.objects.update().where(t.objects.c.id == one).values(size=0))


def test_a_cell_swapped_before_the_night_is_given_no_root(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """An empty token of the same name: no turn, and nothing is destroyed."""
    old = shelve(two, "old", age=50)
    other = replace(two, vault=Vault((cells[0], MemoryCell("two")), two.vault.store))
    (failure,) = run_stage(other, "retention").failures
    assert failure == "[key-cell] key cell two lacks the current root"
    with pytest.raises(CellError) as caught:
        roots.turn_alone(other)
    assert caught.value.reason == "current-root-missing"
    assert [cell.generations() for cell in (*cells, *other.vault.cells)] == [{1}, {1}, {1}, set()]
    assert _states(two) == {1: "current"}
    assert openable(two, old.all) == old.all
    assert run_stage(two, "retention").failures == []
    assert openable(two, old.all) == {old.details}


def test_no_cell_at_all_is_an_error_that_names_the_generation(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """A missing root is named, never an empty answer."""
    one = shelve(two, "one", age=2)
    for cell in cells:
        cell.roots.clear()
    with two.unit() as connection, pytest.raises(KeyMissingError, match="generation 1"):
        two.vault.object_key(connection, one.recording)


def test_one_cell_of_two_is_enough_to_open(two: Instance, cells: tuple[MemoryCell, ...]) -> None:
    """A cell that is away or has lost its root is passed over."""
    one = shelve(two, "one", age=2)
    cells[0].refuses = {"unwrap"}
    assert openable(two, one.all) == one.all
    cells[0].refuses = set()
    cells[0].roots.clear()
    assert openable(two, one.all) == one.all
    cells[1].refuses = {"unwrap"}
    with two.unit() as connection, pytest.raises((KeyMissingError, CellError)):
        two.vault.object_key(connection, one.recording)


def test_a_dry_run_turns_nothing(two: Instance) -> None:
    """Looking changes no row and makes no root."""
    shelve(two, "old", age=50)
    before = snapshot(two)
    run_stage(two, "retention", dry_run=True)
    after = snapshot(two)
    assert {name for name in before if before[name] != after[name]} <= {
        "instructions",
        "ledger_head",
        "ledger_leaves",
        "ledger_items",
    }
    assert _states(two) == {1: "current"}


def test_journals_are_copied_once(two: Instance, tmp_path: Path) -> None:
    """Only what is missing is copied, and page keys are kept of the newest alone."""
    target = tmp_path / "elsewhere"
    with pytest.raises(NotFoundError):
        keybook.copy_journals(two, target)
    roots.turn_alone(two)
    assert keybook.copy_journals(two, target) == [2]
    assert keybook.copy_journals(two, target) == []
    roots.turn_alone(two)
    assert keybook.copy_journals(two, target) == [3]
    for folder in (target, two.settings.journal):
        assert [path.parent.name for path in sorted(folder.glob("g-*/pages.jsonl"))] == [
            "g-00000003"
        ]
    status = keybook.status(two)
    assert [one["state"] for one in status["generations"]] == ["retired", "retired", "current"]
    assert status["cells"] == [{"cell": "one", "holds": [3]}, {"cell": "two", "holds": [3]}]


def test_a_cell_taken_out_of_the_settings_still_owes_an_answer(
    two: Instance, cells: tuple[MemoryCell, ...]
) -> None:
    """It holds the root all the same; only a person's word, which the ledger keeps, ends that."""
    shelve(two, "old", age=50)
    smaller = replace(two, vault=Vault(cells[:1], two.vault.store))
    report = run_stage(smaller, "retention")
    assert "generation 1 in cell two (not-in-settings)" in report.failures[0]
    assert rows(two, "certificates") == []
    for name in ("one", "three"):
        with pytest.raises(NotFoundError):
            retiring.take_word(smaller, name, "A. Person: shredded by the maker")
    assert retiring.take_word(smaller, "two", "A. Person: shredded by the maker") == [1]
    assert run_stage(smaller, "retention").failures == []
    assert len(rows(two, "certificates")) == 1
    answers = rows(two, "cell_answers", "generation", "cell", "answer", "code")
    assert (1, "two", "destroyed", "by-word") in answers
