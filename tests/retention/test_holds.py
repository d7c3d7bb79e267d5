"""Legal holds: nothing held is destroyed, and why is nobody's business but the vault's."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.erasing import HeldError
from callward.errors import CallwardError, NotFoundError, SettingsError
from callward.instance import Instance
from callward.ledger import log
from callward.retention import sweep
from callward.retention.holds import as_json, lift_hold, list_holds, place_hold
from callward.retention.plan import held_by_join, plan_sweep
from callward.retention.stage import prepare
from callward.run import Run
from tests.retention.shelf import column, openable, read, refuse, reject, shelve, stored
from tests.support import Call, deliver, instruct, rows, run_stage, snapshot

REVIEW = date(2027, 3, 1)


def _hold(
    instance: Instance, scope: str = "controller", target: str | None = None, who: str = "acorn"
) -> str:
    return place_hold(instance, who, scope, target, "dispute with Mrs Quill", REVIEW)


def test_a_hold_on_a_controller(instance: Instance) -> None:
    """Nothing of theirs goes, live or quarantined; others' does; lifted, theirs goes too."""
    instruct(instance)
    instruct(instance, "birch")
    mine, theirs = (shelve(instance, who, age=50, controller=who) for who in ("acorn", "birch"))
    refused = refuse(instance, "refused", age=50)
    hold = _hold(instance)
    report = run_stage(instance, "retention")
    assert report.counts["acorn"] == {"held": 4}
    ours = mine.all | {refused.media, refused.row}
    assert openable(instance, ours | theirs.all) == ours | {theirs.details}
    lift_hold(instance, hold)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, ours) == {mine.details}


@pytest.mark.parametrize("by", ["interaction", "recording", "details"])
def test_a_hold_on_an_interaction(instance: Instance, by: str) -> None:
    """By its own id or that of any object in it; it covers all of them and no other."""
    instruct(instance)
    held, free = (shelve(instance, name, age=50) for name in ("held", "free"))
    _hold(instance, "interaction", getattr(held, by))
    run_stage(instance, "retention")
    assert openable(instance, held.all | free.all) == held.all | {free.details}


@pytest.mark.parametrize(
    "written", ["07700 900123", "+44 7700 900123", "0044 7700-900123", "tel:+447700900123"]
)
def test_a_hold_on_a_person(instance: Instance, written: str) -> None:
    """However the number is written; another caller and another controller's are free."""
    instruct(instance)
    instruct(instance, "birch")
    held = shelve(instance, "held", age=50, caller="(07700) 900 123")
    free = shelve(instance, "free", age=50, caller="07700 900124")
    other = shelve(instance, "other", age=50, caller="07700 900123", controller="birch")
    _hold(instance, "person", written)
    run_stage(instance, "retention")
    everything = held.all | free.all | other.all
    assert openable(instance, everything) == held.all | {free.details, other.details}


def test_a_hold_on_an_agent(instance: Instance) -> None:
    """Agents are found by their id, whatever its case and spaces."""
    instruct(instance)
    held = shelve(instance, "held", age=50, caller="J.Smith")
    free = shelve(instance, "free", age=50, caller="j.smithers")
    _hold(instance, "person", " j.smith ")
    run_stage(instance, "retention")
    assert openable(instance, held.all | free.all) == held.all | {free.details}


def test_a_hold_on_an_agent_whose_id_looks_like_a_number(instance: Instance) -> None:
    """Ten digits that are nobody's number here, but some agent's id, are that agent."""
    instruct(instance)
    call = Call("one", age=50, agent="2079460123", caller="07700 900123")
    deliver(instance, [call])
    run_stage(instance, "ingest")
    _hold(instance, "person", "2079460123")
    assert run_stage(instance, "retention").counts == {"acorn": {"held": 1}}


def test_one_of_two_holds_is_enough(instance: Instance) -> None:
    """Lifting one leaves the other in force."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    first, second = _hold(instance), _hold(instance, "interaction", one.interaction)
    lift_hold(instance, first)
    run_stage(instance, "retention")
    assert openable(instance, one.all) == one.all
    lift_hold(instance, second)
    run_stage(instance, "retention")
    assert openable(instance, one.all) == {one.details}


def test_both_ways_of_asking_agree(instance: Instance) -> None:
    """The selection's predicate and the gate's question give the same answer."""
    instruct(instance)
    held = {
        "interaction": shelve(instance, "a", age=50),
        "person": shelve(instance, "b", age=50, caller="020 7946 0000"),
        "controller": shelve(instance, "c", age=50, controller="birch"),
    }
    free = shelve(instance, "free", age=50)
    instruct(instance, "birch")
    _hold(instance, "interaction", held["interaction"].interaction)
    _hold(instance, "person", "02079460000")
    _hold(instance, who="birch")
    lift_hold(instance, _hold(instance, "interaction", free.interaction))
    ids = [one for each in (*held.values(), free) for one in sorted(each.media)]
    with instance.unit() as connection:
        joined = held_by_join(connection, ids)
        assert held_by_join(connection, ids, date(2026, 11, 20)) == joined
        assert held_by_join(connection, ids[:1], date(2026, 11, 20)) == joined & set(ids[:1])
        plan = plan_sweep(connection, Run("night", date(2026, 11, 20)))
    assert joined == {one for each in held.values() for one in each.media}
    assert {one.id for one in plan.due} == free.media
    assert plan.held == {"acorn": 4, "birch": 2}


def test_a_long_plan_is_asked_about_in_a_statement_a_hold(instance: Instance) -> None:
    """Not in a statement for each part of it, of thousands of parameters."""
    instruct(instance)
    held = [shelve(instance, name, age=50) for name in "abc"]
    for one in held:
        _hold(instance, "interaction", one.interaction)
    asked: list[int] = []

    def count(_connection: object, _cursor: object, _statement: str, told: Any, *_: object) -> None:
        asked.append(len(told))

    media = set[str]().union(*(one.media for one in held))
    with instance.unit() as connection:
        sa.event.listen(connection, "before_cursor_execute", count)
        ids = [*media, *(f"{number:032x}" for number in range(25_000))]
        assert held_by_join(connection, ids, date(2026, 11, 20)) == media
    assert len(asked) == 1 + len(held)
    assert max(asked) < 10


def test_a_hold_in_the_middle_of_a_sweep_still_counts(instance: Instance) -> None:
    """Placed after marking: what it covers goes back to what it was, and the ledger says so."""
    instruct(instance)
    instruct(instance, "birch")
    run_stage(instance, "retention")
    held, free = (shelve(instance, name, age=50) for name in ("held", "free"))
    refused = refuse(instance, "refused", age=50, controller="birch")
    released = refuse(instance, "released", age=50, controller="birch")
    with instance.unit() as connection:
        connection.execute(
            t.quarantine.update().where(t.quarantine.c.id == released.id).values(state="released")
        )
        connection.execute(
            t.objects.update().where(t.objects.c.id == released.media).values(state="live")
        )
    before = stored(instance)
    run = night.new_run(instance)
    plan = prepare(instance, run).plan
    sweep_id = sweep.mark(instance, run, plan)
    assert column(instance, "state", held.media | free.media | {refused.media}) == {"marked"}
    _hold(instance, "interaction", held.interaction)
    _hold(instance, who="birch")
    sweep.turn_root(instance, run, sweep_id)
    assert openable(instance, held.all | free.all) == held.all | {free.details}
    assert column(instance, "state", held.media) == {"live"}
    assert column(instance, "state", [refused.media, refused.row]) == {"quarantined"}
    assert column(instance, "state", [released.media]) == {"live"}
    spared = held.media | {refused.media, refused.row, released.media, released.row}
    assert _subjects(instance, "sweep-spared") == spared
    assert _subjects(instance, "keys-destroyed") == free.media
    assert dict(rows(instance, "quarantine", "id", "state"))[refused.id] == "held"
    assert run_stage(instance, "retention").failures == []
    assert len(stored(instance)) == len(before) - 1


def test_a_sweep_that_lets_go_of_everything_ends_without_a_certificate(instance: Instance) -> None:
    """All of it came on hold after marking: complete, nothing certified, nothing lost."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    run = night.new_run(instance)
    sweep.mark(instance, run, prepare(instance, run).plan)
    _hold(instance)
    report = run_stage(instance, "retention")
    assert report.failures == []
    assert rows(instance, "certificates") == []
    assert rows(instance, "sweeps", "state") == [("complete",)]
    assert openable(instance, one.all) == one.all
    assert column(instance, "sweep_id", one.all) == {None}


def test_an_interrupted_sweep_spares_what_may_no_longer_go(instance: Instance) -> None:
    """A file gone wrong or a longer period since marking counts; a run for another finishes it."""
    for who in ("acorn", "birch", "cedar"):
        instruct(instance, who)
    run_stage(instance, "retention")
    mine = shelve(instance, "mine", age=50)
    theirs = shelve(instance, "theirs", age=50, controller="birch")
    third = shelve(instance, "third", age=50, controller="cedar")
    run = night.new_run(instance)
    sweep.mark(instance, run, prepare(instance, run).plan)
    (instance.settings.instructions / "acorn.yaml").write_text("controller: [")
    instruct(instance, "birch", recordings="90 days")
    report = run_stage(instance, "retention", controller="birch")
    assert len(report.failures) == 1  # the file's
    everything = mine.all | theirs.all | third.all
    assert openable(instance, everything) == mine.all | theirs.all | {third.details}
    assert rows(instance, "certificates", "controller") == [("cedar",)]
    assert rows(instance, "sweeps", "state") == [("complete",)]


def test_what_is_on_hold_is_not_rejected_out_of_quarantine(instance: Instance) -> None:
    """Rejecting destroys, so it is refused, and nothing has changed."""
    instruct(instance)
    refused = refuse(instance, "refused")
    hold = _hold(instance)
    before = snapshot(instance)
    with pytest.raises(HeldError):
        reject(instance, refused.id)
    assert snapshot(instance) == before
    lift_hold(instance, hold)
    reject(instance, refused.id)
    assert openable(instance, [refused.media, refused.row]) == set()


def test_listing(instance: Instance) -> None:
    """Active ones first, by review day; what is listed names nobody."""
    instruct(instance)
    late = place_hold(instance, "acorn", "controller", None, "a", REVIEW + timedelta(days=1))
    soon = place_hold(instance, "acorn", "person", "07700 900123", "b", REVIEW)
    lifted = place_hold(instance, "acorn", "controller", None, "c", date(2026, 12, 1))
    lift_hold(instance, lifted)
    with instance.unit() as connection:
        found = list_holds(connection)
    assert [(one.id, one.lifted) for one in found] == [(soon, False), (late, False), (lifted, True)]
    text = json.dumps([as_json(one, REVIEW) for one in found])
    assert "7700" not in text
    assert found[0].target is not None
    assert found[1].target is None


def test_the_reason_is_sealed(instance: Instance, tmp_path: Path) -> None:
    """It opens from the vault, and is in the clear in no row and no file."""
    instruct(instance)
    _hold(instance, "person", "07700 900777")
    ((reason_id,),) = rows(instance, "holds", "reason_id")
    assert read(instance, reason_id) == b"dispute with Mrs Quill"
    for canary in ("Quill", "900777", "447700900777"):
        assert canary not in repr(snapshot(instance))
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or canary.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("who", "scope", "target", "error"),
    [
        ("acron", "controller", None, NotFoundError),
        ("acorn", "interaction", "nothing-such", NotFoundError),
        ("acorn", "interaction", None, NotFoundError),
        ("acorn", "person", "  ", NotFoundError),
        ("acorn", "everything", None, SettingsError),
    ],
)
def test_a_hold_that_would_hold_nothing_is_refused(
    instance: Instance, who: str, scope: str, target: str | None, error: type[CallwardError]
) -> None:
    """A misspelt name or id must not look like a hold; nothing is written."""
    instruct(instance)
    shelve(instance, "one")
    before = snapshot(instance)
    with pytest.raises(error):
        _hold(instance, scope, target, who)
    assert snapshot(instance) == before


def test_another_controllers_interaction_cannot_be_held(instance: Instance) -> None:
    """An id of somebody else's is as good as none."""
    instruct(instance)
    instruct(instance, "birch")
    theirs = shelve(instance, "theirs", controller="birch")
    with pytest.raises(NotFoundError):
        _hold(instance, "interaction", theirs.recording)


def test_only_an_active_hold_is_lifted(instance: Instance) -> None:
    """Lifting twice, or what is not there, is an error and writes nothing."""
    instruct(instance)
    hold = _hold(instance)
    lift_hold(instance, hold)
    before = snapshot(instance)
    for wrong in (hold, "nothing-such"):
        with pytest.raises(NotFoundError):
            lift_hold(instance, wrong)
    assert snapshot(instance) == before


def test_placing_and_lifting_are_in_the_ledger(instance: Instance) -> None:
    """Under the hold's own id, in an order that verifies."""
    instruct(instance)
    hold = _hold(instance)
    lift_hold(instance, hold)
    assert _subjects(instance, "hold-placed") == _subjects(instance, "hold-lifted") == {hold}
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])


def _subjects(instance: Instance, event: str) -> set[str]:
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    query = sa.select(item.subject).join(t.ledger_leaves, leaf.position == item.leaf)
    with instance.unit() as connection:
        return set(connection.scalars(query.where(leaf.event == event)))
