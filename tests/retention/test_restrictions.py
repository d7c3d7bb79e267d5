"""Restrictions (UK GDPR Art 18) beside legal holds, their reviews, and holds by blind index."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.errors import CallwardError, NotFoundError, SettingsError
from callward.instance import Instance
from callward.opening import RestrictedError, open_to_file
from callward.retention.holds import (
    HOLD,
    RESTRICTION,
    as_json,
    lift_hold,
    list_holds,
    overdue_reviews,
    place_hold,
)
from callward.status import status
from tests.retention.shelf import openable, read, shelve
from tests.support import instruct, rows, run_stage, snapshot

REVIEW = date(2026, 11, 20)
BASES = (HOLD, RESTRICTION)


def _place(instance: Instance, basis: str, target: str | None = None, **more: str) -> str:
    scope = "interaction" if target else "controller"
    return place_hold(instance, "acorn", scope, target, "x", REVIEW, basis=basis, **more)


@pytest.mark.parametrize(("first", "second"), [BASES, BASES[::-1]])
def test_lifting_one_leaves_the_other(instance: Instance, first: str, second: str) -> None:
    """What is both on hold and restricted stays until both are lifted."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    placed = {basis: _place(instance, basis, one.interaction) for basis in BASES}
    lift_hold(instance, placed[first], first)
    assert run_stage(instance, "retention").total("held") == 2
    assert openable(instance, one.all) == one.all
    lift_hold(instance, placed[second], second)
    assert run_stage(instance, "retention").total("shredded") == 2


@pytest.mark.parametrize(("placed", "lifted"), [BASES, BASES[::-1]])
def test_one_is_not_lifted_as_the_other(instance: Instance, placed: str, lifted: str) -> None:
    """A restriction's id is no hold's, and the other way round; nothing changes."""
    instruct(instance)
    one = _place(instance, placed)
    before = snapshot(instance)
    with pytest.raises(NotFoundError):
        lift_hold(instance, one, lifted)
    assert snapshot(instance) == before


def test_the_ledger_tells_them_apart(instance: Instance) -> None:
    """Placing and lifting each have an event of their own."""
    instruct(instance)
    for basis in BASES:
        lift_hold(instance, _place(instance, basis), basis)
    events = {row[0] for row in rows(instance, "ledger_leaves", "event")}
    expected = {f"{basis}-{what}" for basis in BASES for what in ("placed", "lifted")}
    assert expected <= events


def test_what_is_restricted_is_not_opened(instance: Instance, tmp_path: Path) -> None:
    """Unless the law lets it, which the ledger then says; a hold alone stops nobody."""
    instruct(instance)
    one, other = shelve(instance, "one", age=1), shelve(instance, "other", age=1)
    _place(instance, HOLD)
    restriction = _place(instance, RESTRICTION, one.interaction)
    before, out = snapshot(instance), tmp_path / "out"
    with pytest.raises(RestrictedError):
        open_to_file(instance, one.recording, "curious", out)
    assert snapshot(instance) == before
    assert not out.exists()
    open_to_file(instance, other.recording, "needed", tmp_path / "other")
    open_to_file(instance, one.recording, "claim", out, despite_restriction=True)
    assert out.read_bytes() == one.plaintext
    assert _despite(instance) == {one.recording: True, other.recording: False}
    lift_hold(instance, restriction, RESTRICTION)
    open_to_file(instance, one.recording, "needed", tmp_path / "again")


def test_a_restriction_of_everything_does_not_hide_its_own_reason(
    instance: Instance, tmp_path: Path
) -> None:
    """Our own notes are not what is restricted."""
    instruct(instance)
    _place(instance, RESTRICTION)
    ((reason,),) = rows(instance, "holds", "reason_id")
    open_to_file(instance, reason, "review", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x"


def test_who_asked_is_sealed_with_the_reason(instance: Instance) -> None:
    """Both open from the vault, and are in no row in the clear."""
    instruct(instance)
    _place(instance, RESTRICTION, who="Mrs Quill")
    ((reason,),) = rows(instance, "holds", "reason_id")
    assert read(instance, reason) == b"x\n\nAsked by: Mrs Quill"
    assert "Quill" not in repr(snapshot(instance))


def test_overdue_reviews_are_told(instance: Instance) -> None:
    """Not on the day of review, but from the next: in list, status and the stage's counts."""
    instruct(instance)
    for basis in BASES:
        _place(instance, basis)
    lift_hold(instance, _place(instance, HOLD))
    assert "holds-overdue" not in run_stage(instance, "retention").counts.get("acorn", {})
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(days=1)
    report = run_stage(instance, "retention")
    assert report.failures == []
    assert report.counts["acorn"]["holds-overdue"] == 2
    tomorrow = REVIEW + timedelta(days=1)
    with instance.unit() as connection:
        assert overdue_reviews(connection, REVIEW) == {}
        listed = [as_json(one, tomorrow) for one in list_holds(connection)]
        found = status(connection, tomorrow)["holds"]
        assert [one.basis for one in list_holds(connection, RESTRICTION)] == [RESTRICTION]
    assert [(one["overdue"], one["lifted"]) for one in listed] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert found == [{"controller": "acorn", "hold": 1, "restriction": 1, "overdue": 2}]


def test_a_person_is_held_by_blind_index(instance: Instance) -> None:
    """As a list of holds shows it; everything with that person in it, and nobody else."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    other = shelve(instance, "other", age=50, caller="07700 900124")
    blind = dict(rows(instance, "people", "interaction_id", "blind"))[one.interaction]
    place_hold(instance, "acorn", "blind", blind, "x", REVIEW)
    assert rows(instance, "holds", "scope", "target") == [("person", blind)]
    run_stage(instance, "retention")
    assert openable(instance, one.all | other.all) == one.all | {other.details}


@pytest.mark.parametrize(
    ("blind", "error"),
    [("f" * 64, NotFoundError), ("F" * 64, SettingsError), ("07700900123", SettingsError)],
)
def test_a_blind_index_that_finds_nobody_is_refused(
    instance: Instance, blind: str, error: type[CallwardError]
) -> None:
    """A hold on it would hold nothing; and none is placed for another controller's person."""
    instruct(instance)
    instruct(instance, "birch")
    theirs = shelve(instance, "theirs", age=1, controller="birch")
    known = dict(rows(instance, "people", "interaction_id", "blind"))[theirs.interaction]
    before = snapshot(instance)
    for wrong, how in ((blind, error), (known, NotFoundError)):
        with pytest.raises(how):
            place_hold(instance, "acorn", "blind", wrong, "x", REVIEW)
    assert snapshot(instance) == before


def _despite(instance: Instance) -> dict[str, bool]:
    """Per opened object, whether the ledger says that it was despite a restriction."""
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    query = sa.select(item.subject, item.body).join(t.ledger_leaves, leaf.position == item.leaf)
    with instance.unit() as connection:
        found = connection.execute(query.where(leaf.event == "opened"))
        return {row.subject: '"despite_restriction":true' in row.body for row in found}
