"""A person's word on a sweep: of one plan, for reasons seen, once, sealed, in the ledger."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock, SystemClock
from callward.errors import NotFoundError, SettingsError
from callward.instance import Instance
from callward.instructions.periods import CEILING, due_day
from callward.ledger import log
from callward.retention import approvals
from callward.retention.approvals import ADMINISTRATION, Approval, UndecidableError, decide
from callward.retention.holds import lift_hold, place_hold
from tests.commands import callward
from tests.retention.shelf import Shelved, openable, read, shelve
from tests.support import PassingGates, instruct, rows, run_stage, snapshot

WHO, WHY = "Quorvexia Žoltanéx", "complaint of 07700 900777 was closed"


@pytest.fixture
def old(instance: Instance) -> list[Shelved]:
    """Three that are due, of a controller who asks before one goes."""
    instruct(instance)
    run_stage(instance, "retention")
    return [shelve(instance, f"age {age}", age=age) for age in (50, 51, 52)]


@pytest.fixture
def strict(instance: Instance) -> Instance:
    """The same instance with a brake that always asks."""
    return set_to(instance, brake_floor=0, brake_share=0.01)


def set_to(instance: Instance, **settings: Any) -> Instance:
    """The same instance with other settings."""
    return replace(instance, settings=instance.settings.model_copy(update=settings))


def media(shelved: list[Shelved]) -> set[str]:
    """What goes with the recordings."""
    return set[str]().union(*(one.media for one in shelved))


def stop(instance: Instance, code: str = "brake", **run: Any) -> str:
    """Run the stage, which must be stopped; what it says."""
    (failure,) = run_stage(instance, "retention", **run).failures
    assert failure.startswith(f"[{code}] nothing was destroyed")
    return failure


def known(instance: Instance) -> list[Approval]:
    """Every approval, newest first."""
    with instance.unit() as connection:
        return approvals.list_approvals(connection, instance.clock.now())


def the(instance: Instance, state: str) -> Approval:
    """The one approval in a state."""
    (found,) = (one for one in known(instance) if one.state == state)
    return found


def events(instance: Instance) -> list[str]:
    """What the ledger says of approvals, in order."""
    said = sorted(rows(instance, "ledger_leaves", "position", "event"))
    prefix = "sweep-approval-"
    return [event.removeprefix(prefix) for _, event in said if event.startswith(prefix)]


def later(instance: Instance, **by: float) -> None:
    """Move the clock."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(**by)


def test_the_brake_asks_once_for_a_plan(strict: Instance, old: list[Shelved]) -> None:
    """One row with the plan's table, hash, reasons and time limit, however often it runs."""
    first = stop(strict)
    asked = the(strict, "waiting")
    assert asked.id in first
    assert stop(strict) == first
    assert known(strict) == [asked]
    assert asked.plan == (("acorn", "recording", 3), ("acorn", "transcript", 3))
    assert asked.reasons == ("share:acorn",)
    assert (asked.total, asked.controller, asked.as_of) == (6, None, date(2026, 11, 20))
    assert asked.expires_at - asked.asked_at == timedelta(hours=72)
    assert events(strict) == ["asked"]
    assert openable(strict, media(old)) == media(old)


def test_an_approved_sweep_goes_once(strict: Instance, old: list[Shelved]) -> None:
    """The approval is used up with it: what is due next is asked about anew."""
    stop(strict)
    decide(strict, the(strict, "waiting").id, approve=True, by=WHO, reason=WHY)
    assert run_stage(strict, "retention").failures == []
    assert openable(strict, media(old)) == set()
    used = the(strict, "used")
    assert rows(strict, "sweeps", "plan_hash", "approved") == [(used.plan_hash, True)]
    assert events(strict) == ["asked", "approved", "used"]
    another = shelve(strict, "another", age=60)
    stop(strict)
    assert openable(strict, another.all) == another.all
    assert the(strict, "waiting").plan_hash != used.plan_hash


def test_a_rejection_stands_for_its_plan(strict: Instance, old: list[Shelved]) -> None:
    """Night after night, in any scope and beyond any time limit; another plan is asked about."""
    stop(strict)
    decide(strict, the(strict, "waiting").id, approve=False, by=WHO, reason=WHY)
    rejected = the(strict, "rejected")
    for _ in range(2):
        assert rejected.id in stop(strict, "rejected")
        later(strict, hours=47)
        stop(strict, "rejected", controller="acorn")
    assert known(strict) == [rejected]
    another = shelve(strict, "another", age=60)
    stop(strict)
    assert {one.state for one in known(strict)} == {"rejected", "waiting"}
    everything = media(old) | another.media
    assert openable(strict, everything) == everything


def test_a_rejection_can_be_reconsidered(strict: Instance, old: list[Shelved]) -> None:
    """And an approval taken back before it is used; every change is in the ledger."""
    strict = set_to(strict, clock_jump_days=30)
    stop(strict)
    asked = the(strict, "waiting").id
    decide(strict, asked, approve=True, by=WHO, reason=WHY)
    decide(strict, asked, approve=False, by="Another", reason="wait for legal")
    stop(strict, "rejected")
    later(strict, hours=100)
    decide(strict, asked, approve=True, by=WHO, reason="legal has agreed")
    assert the(strict, "approved").expires_at == strict.clock.now() + timedelta(hours=72)
    assert events(strict) == ["asked", "approved", "rejected", "approved"]
    assert run_stage(strict, "retention").failures == []
    assert openable(strict, media(old)) == set()


def test_approval_is_void_when_the_plan_changes(strict: Instance, old: list[Shelved]) -> None:
    """One object more, or one on hold: nothing goes, and the new plan is asked about."""
    stop(strict)
    first = the(strict, "waiting").id
    decide(strict, first, approve=True, by=WHO, reason=WHY)
    interaction = old[0].interaction
    hold = place_hold(strict, "acorn", "interaction", interaction, WHY, date(2030, 1, 1))
    stop(strict)
    assert [one.state for one in known(strict) if one.id == first] == ["expired"]
    asked = the(strict, "waiting")
    assert asked.total == 4
    assert openable(strict, media(old)) == media(old)
    lift_hold(strict, hold)
    stop(strict)  # the old plan again, but approved before all that
    assert the(strict, "waiting").id not in {first, asked.id}
    assert events(strict) == ["asked", "approved", *["expired", "asked"] * 2]


def test_a_new_reason_needs_a_new_word(strict: Instance, old: list[Shelved]) -> None:
    """Who approved a share has not approved a clock that jumped; the other way round it holds."""
    stop(strict)
    decide(strict, the(strict, "waiting").id, approve=True, by=WHO, reason=WHY)
    later(strict, hours=-1)
    failure = stop(strict)
    assert "clock-jump" in failure
    asked = the(strict, "waiting")
    assert asked.reasons == ("share:acorn", "clock-jump")
    decide(strict, asked.id, approve=True, by=WHO, reason=WHY)
    later(strict, hours=2)
    assert run_stage(strict, "retention").failures == []
    assert openable(strict, media(old)) == set()


def test_an_approval_expires(strict: Instance, old: list[Shelved]) -> None:
    """Asked or given too long ago it counts no more, and the ledger says so."""
    stop(strict)
    waiting = the(strict, "waiting").id
    later(strict, hours=72)
    assert [one.state for one in known(strict)] == ["expired"]
    with pytest.raises(UndecidableError, match="expired"):
        decide(strict, waiting, approve=True, by=WHO, reason=WHY)
    stop(strict)
    decide(strict, the(strict, "waiting").id, approve=True, by=WHO, reason=WHY)
    later(strict, hours=72)
    stop(strict)
    assert sorted(one.state for one in known(strict)) == ["expired", "expired", "waiting"]
    assert events(strict) == ["asked", "expired", "asked", "approved", "expired", "asked"]
    assert openable(strict, media(old)) == media(old)


def test_an_approval_given_late_lasts_as_long(strict: Instance, old: list[Shelved]) -> None:
    """Its hours run from the decision, so the night after it can use it."""
    stop(strict)
    later(strict, hours=71)
    decide(strict, the(strict, "waiting").id, approve=True, by=WHO, reason=WHY)
    later(strict, hours=24)
    assert "share:acorn" in the(strict, "approved").reasons
    failure = stop(strict)
    assert "clock-jump" in failure  # four days without a sweep are a reason of their own
    assert openable(strict, media(old)) == media(old)


@pytest.mark.usefixtures("old")
def test_scopes_are_asked_about_apart(strict: Instance) -> None:
    """A run for one controller leaves everybody's question alone."""
    birch = shelve(strict, "birch", age=50, controller="birch")
    stop(strict)
    everybody = the(strict, "waiting")
    stop(strict, controller="acorn")
    assert {one.controller for one in known(strict) if one.state == "waiting"} == {None, "acorn"}
    decide(strict, everybody.id, approve=True, by=WHO, reason=WHY)
    stop(strict, controller="acorn")
    assert run_stage(strict, "retention").failures == []
    assert openable(strict, birch.media) == set()


@pytest.mark.usefixtures("old")
def test_a_question_that_no_longer_matters_expires(strict: Instance, instance: Instance) -> None:
    """The brake was set otherwise, the sweep has gone: nobody is left to wonder."""
    stop(strict)
    assert run_stage(instance, "retention").failures == []
    assert [one.state for one in known(strict)] == ["expired"]


def test_who_and_why_are_sealed_and_nowhere_else(strict: Instance, old: list[Shelved]) -> None:
    """As a note of our own administration that goes after three years."""
    stop(strict)
    decided = decide(strict, the(strict, "waiting").id, approve=True, by=f" {WHO} ", reason=WHY)
    assert decided.note_id is not None
    assert json.loads(read(strict, decided.note_id)) == {"by": WHO, "reason": WHY}
    note = rows(strict, "objects", "id", "controller", "due_day", "interaction_id")
    until = due_day(date(2026, 11, 20), CEILING)
    assert (decided.note_id, ADMINISTRATION, until, None) in note
    everything = repr(snapshot(strict)) + repr(decided.as_json())
    assert all(word not in everything for word in (WHO, "Quorvexia", "900777", "complaint"))
    assert openable(strict, media(old)) == media(old)


def test_the_note_goes_when_it_is_due(strict: Instance, instance: Instance) -> None:
    """Like everything else, with a certificate."""
    shelve(strict, "one", age=50)
    stop(strict)
    decided = decide(strict, the(strict, "waiting").id, approve=False, by=WHO, reason=WHY)
    assert decided.note_id is not None
    with instance.unit() as connection:
        connection.execute(t.marks.delete())
        connection.execute(
            t.objects.update().where(t.objects.c.controller == "acorn").values(due_day=None)
        )
    later(instance, days=3 * 366)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, {decided.note_id}) == set()
    assert rows(instance, "certificates", "controller", "objects") == [(ADMINISTRATION, 1)]


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    ("by", "reason"),
    [("", WHY), (" \t", WHY), ("12345", WHY), (WHO, ""), (WHO, "\n "), ("x" * 201, WHY)],
)
def test_a_decision_needs_a_name_and_a_reason(strict: Instance, by: str, reason: str) -> None:
    """Without them nothing is decided, and what was typed is not repeated."""
    stop(strict)
    before = snapshot(strict)
    with pytest.raises(SettingsError) as caught:
        decide(strict, the(strict, "waiting").id, approve=True, by=by, reason=reason)
    assert not by.strip() or by.strip() not in str(caught.value)
    assert snapshot(strict) == before


@pytest.mark.usefixtures("old")
def test_decided_means_decided(strict: Instance) -> None:
    """What is used, expired or decided the same way already is refused; so is a wrong id."""
    stop(strict)
    asked = the(strict, "waiting").id
    decide(strict, asked, approve=True, by=WHO, reason=WHY)
    before = snapshot(strict)
    with pytest.raises(UndecidableError, match="approved"):
        decide(strict, asked, approve=True, by=WHO, reason=WHY)
    with pytest.raises(NotFoundError):
        decide(strict, "0" * 32, approve=True, by=WHO, reason=WHY)
    assert snapshot(strict) == before
    run_stage(strict, "retention")
    before = snapshot(strict)
    for approve in (True, False):
        with pytest.raises(UndecidableError, match="used"):
            decide(strict, asked, approve=approve, by=WHO, reason=WHY)
    assert snapshot(strict) == before


@pytest.mark.usefixtures("old")
def test_the_hash_on_the_command_line_is_an_approval(strict: Instance) -> None:
    """By whoever is at the terminal: in the ledger, instead of a rejection that stood, once."""
    stop(strict)
    asked = the(strict, "waiting")
    decide(strict, asked.id, approve=False, by=WHO, reason=WHY)
    assert run_stage(strict, "retention", approve=asked.plan_hash).failures == []
    assert events(strict) == ["asked", "rejected", "expired", "approved", "used"]
    word = the(strict, "used")
    assert word.note_id is None
    with strict.unit() as connection:
        items = t.ledger_items.c
        bodies = connection.scalars(sa.select(items.body).where(items.subject == word.id)).all()
    assert any('"by":"operator-at-the-terminal"' in body for body in bodies)


def test_an_approval_taken_back_at_the_last_moment_counts(
    strict: Instance, old: list[Shelved]
) -> None:
    """Between plan and destruction: nothing is marked."""
    stop(strict)
    asked = the(strict, "waiting").id
    decide(strict, asked, approve=True, by=WHO, reason=WHY)

    class Meanwhile(PassingGates):
        def check(self, suite: str, frame: Any) -> Any:
            if suite == "retention_entry":
                decide(strict, asked, approve=False, by=WHO, reason=WHY)
            return super().check(suite, frame)

    (failure,) = run_stage(strict, "retention", Meanwhile()).failures
    assert failure.startswith("[rejected]")
    assert rows(strict, "sweeps") == []
    assert openable(strict, media(old)) == media(old)


@pytest.mark.usefixtures("old")
def test_the_ledger_stands_and_proves_a_decision(strict: Instance) -> None:
    """Each change of an approval can be proved by its id."""
    stop(strict)
    asked = the(strict, "waiting").id
    decide(strict, asked, approve=True, by=WHO, reason=WHY)
    run_stage(strict, "retention")
    with strict.unit() as connection:
        log.checkpoint(connection, strict.signer, strict.clock.now())
        assert len(log.prove(connection, asked)) == 3


def test_the_terminal_lists_shows_approves_and_rejects(strict: Instance) -> None:
    """By id, as a table or as JSON; a name can come from standard input."""
    home = strict.settings.home
    assert isinstance(strict.clock, FixedClock)
    strict.clock.moment = SystemClock().now()  # the commands' own
    instruct(strict)
    shelve(strict, "one", age=50)
    assert callward(home, "approvals", "list").last == "no sweep waits for approval"
    stop(strict)
    asked = the(strict, "waiting")
    listed = callward(home, "approvals", "list", "--json").json
    assert [one["id"] for one in listed] == [asked.id]
    shown = callward(home, "approvals", "show", asked.id)
    assert asked.plan_hash in shown.out
    assert re.search(r"^acorn +recording +1$", shown.out, re.MULTILINE)
    assert callward(home, "approvals", "show", asked.id, "--json").json == asked.as_json()
    command = ("approvals", "reject", asked.id, "--name", "-", "--reason")
    both = callward(home, *command, "-", stdin=f"{WHO}\n")
    assert (both.status, both.out) == (2, "")
    said = callward(home, *command, WHY, stdin=f"{WHO}\n")
    assert said.status == 0, said.err
    assert f"{asked.id} rejected" in said.out
    assert callward(home, "approvals", "list", "--json").json[0]["state"] == "rejected"
    said = callward(home, "approvals", "approve", asked.id, "--name", WHO, "--reason", WHY)
    assert f"{asked.id} approved; counts until" in said.out
    again = callward(home, "approvals", "approve", asked.id, "--name", WHO, "--reason", WHY)
    assert (again.status, again.out) == (2, "")
    assert again.err.startswith("callward: [undecidable]")
    assert WHO not in again.err + said.out
    note = the(strict, "approved").note_id
    assert json.loads(read(strict, str(note)))["by"] == WHO
