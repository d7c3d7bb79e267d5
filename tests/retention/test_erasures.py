"""Erasures before the due day: what goes, what goes along, what stops them, and transcripts."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from callward import erasing
from callward.catalogue import tables as t
from callward.clock import FixedClock, today
from callward.errors import CallwardError, NotFoundError, SettingsError, ShreddedError
from callward.instance import Instance
from callward.intake.quarantine import release
from callward.ledger import log
from callward.retention.due import follow_recordings
from callward.retention.erasures import ErasureRefusedError, instruct_erasure
from callward.retention.holds import HOLD, RESTRICTION, lift_hold, place_hold
from callward.run import StageReport
from tests.retention.shelf import StrictGates, column, openable, read, refuse, reject, shelve
from tests.support import NOW, instruct, rows, run_stage, snapshot

REVIEW = date(2027, 3, 1)
TODAY = date(2026, 11, 20)


def _now(instance: Instance, *ids: str) -> StageReport:
    """Sweep these and nothing else, behind gates that look."""
    report = erasing.sweep_only(instance, StrictGates(), ids)
    assert report.failures == []
    return report


def test_a_recording_takes_its_transcript_along(instance: Instance) -> None:
    """Of one interaction the media go; the details stay, and so does every other call."""
    instruct(instance)
    one, other = shelve(instance, "one", age=1), shelve(instance, "other", age=1)
    overdue = shelve(instance, "overdue", age=50)
    going = instruct_erasure(instance, [one.recording], "asked for", who="Mrs Quill")
    assert set(going) == one.media
    assert column(instance, "due_day", one.media) == {TODAY}
    assert _now(instance, *going).total("shredded") == 2
    everything = one.all | other.all | overdue.all
    assert openable(instance, everything) == everything - one.media
    ((kind, certified),) = rows(instance, "sweeps", "kind", "state")
    assert (kind, certified) == ("erasure", "complete")
    assert len(rows(instance, "certificates")) == 1


def test_an_interaction_goes_whole(instance: Instance) -> None:
    """With its row and its people; the next night finds nothing to do."""
    instruct(instance)
    one, other = shelve(instance, "one", age=1), shelve(instance, "other", age=1)
    assert set(instruct_erasure(instance, [one.interaction], "asked for")) == one.all
    assert run_stage(instance, "retention", StrictGates()).total("shredded") == 3
    assert openable(instance, one.all | other.all) == other.all
    assert rows(instance, "people", "interaction_id") == [(other.interaction,)]
    assert run_stage(instance, "retention").outcome == "NothingDue"


def test_a_transcript_goes_alone(instance: Instance) -> None:
    """Its recording stays, on its own day, and re-planning does not bring the day back."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    assert instruct_erasure(instance, [one.transcript], "asked for") == (one.transcript,)
    instruct(instance, recordings="90 days")
    run_stage(instance, "retention")
    assert openable(instance, one.all) == one.all - {one.transcript}
    assert column(instance, "due_day", [one.recording]) == {NOW.date() + timedelta(days=89)}


def test_why_and_who_is_sealed_and_the_rest_is_in_the_ledger(instance: Instance) -> None:
    """The reason opens from the vault, and is nowhere in the clear."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    instruct_erasure(instance, [one.recording], "moved to Leeds", who="Mrs Quill")
    (reason_id,) = {row[0] for row in rows(instance, "erasures", "reason_id")}
    assert read(instance, reason_id) == b"moved to Leeds\n\nAsked by: Mrs Quill"
    assert {row[0] for row in rows(instance, "erasures", "object_id")} == one.media
    everything = repr(snapshot(instance))
    assert "Quill" not in everything
    assert "Leeds" not in everything
    assert _subjects(instance, "erasure-instructed") == one.media
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])


def test_a_second_instruction_adds_nothing(instance: Instance) -> None:
    """What was instructed before is named again, and nothing is written."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    first = instruct_erasure(instance, [one.recording], "asked for")
    before = snapshot(instance)
    assert instruct_erasure(instance, [one.recording], "asked again") == first
    assert snapshot(instance) == before


def test_what_was_overdue_stays_due_on_its_own_day(instance: Instance) -> None:
    """An erasure never makes anything due later."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    instruct_erasure(instance, [one.recording], "asked for")
    assert column(instance, "due_day", one.media) == {date(2026, 11, 15)}


def _unknown(instance: Instance) -> str:
    shelve(instance, "other", age=1)
    return "0" * 32


def _gone(instance: Instance) -> str:
    gone = shelve(instance, "gone", age=50)
    assert run_stage(instance, "retention").failures == []
    return gone.recording


def _note(instance: Instance) -> str:
    place_hold(instance, "acorn", "controller", None, "dispute", REVIEW)
    return str(rows(instance, "holds", "reason_id")[0][0])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(_unknown, NotFoundError), (_gone, ShreddedError), (_note, ErasureRefusedError)],
)
def test_one_wrong_id_and_nothing_is_instructed(
    instance: Instance, wrong: Callable[[Instance], str], error: type[CallwardError]
) -> None:
    """Unknown, gone, or a note of our own: named in the error, and nothing has changed."""
    instruct(instance)
    one, bad = shelve(instance, "one", age=1), wrong(instance)
    before = snapshot(instance)
    with pytest.raises(error, match=bad):
        instruct_erasure(instance, [one.recording, bad], "asked for")
    assert snapshot(instance) == before


def test_an_erasure_needs_ids_and_a_reason(instance: Instance) -> None:
    """Neither may be missing; nothing is written."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    before = snapshot(instance)
    for ids, reason in (([], "why"), ([one.recording], " ")):
        with pytest.raises(SettingsError):
            instruct_erasure(instance, ids, reason)
    assert snapshot(instance) == before


@pytest.mark.parametrize("basis", [HOLD, RESTRICTION])
def test_what_is_held_goes_when_it_is_lifted(instance: Instance, basis: str) -> None:
    """Instructed on hold: it stays, at once and at night, and goes with the first sweep after."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    hold = place_hold(instance, "acorn", "interaction", one.interaction, "x", REVIEW, basis=basis)
    going = instruct_erasure(instance, [one.interaction], "asked for")
    assert _now(instance, *going).total("held") == 3
    assert run_stage(instance, "retention").total("held") == 3
    assert openable(instance, one.all) == one.all
    lift_hold(instance, hold, basis)
    assert run_stage(instance, "retention").total("shredded") == 3


def test_an_erasure_outlasts_a_longer_period(instance: Instance) -> None:
    """Re-planned to 90 days the next night, what was instructed goes that night all the same."""
    instruct(instance)
    one, other = shelve(instance, "one", age=1), shelve(instance, "other", age=45)
    instruct_erasure(instance, [one.recording], "asked for")
    instruct(instance, recordings="90 days")
    assert run_stage(instance, "retention", StrictGates()).total("shredded") == 2
    assert openable(instance, one.all | other.all) == {one.details} | other.all


def test_a_transcript_made_later_goes_too(instance: Instance) -> None:
    """Filed while the erasure was instructed, it follows its recording."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    with instance.unit() as connection:
        own = t.objects.update().where(t.objects.c.id == one.transcript)
        connection.execute(own.values(parent_id=None))
    assert instruct_erasure(instance, [one.recording], "asked for") == (one.recording,)
    with instance.unit() as connection:
        connection.execute(own.values(parent_id=one.recording))
        follow_recordings(connection, [one.recording])
    assert column(instance, "early", one.media) == {True}
    assert _now(instance, *one.media).total("shredded") == 2
    assert openable(instance, one.all) == {one.details}


def test_a_transcript_follows_a_period_of_its_recordings_class(instance: Instance) -> None:
    """A voicemail's transcript goes by voicemail's period, whatever it was filed as."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    with instance.unit() as connection:
        connection.execute(
            t.objects.update()
            .where(t.objects.c.id == one.recording)
            .values(retention_class="voicemail")
        )
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text().replace("retention:", "retention:\n  voicemail: 10 days"))
    run_stage(instance, "retention")
    assert column(instance, "due_day", one.media) == {date(2026, 11, 29)}
    assert column(instance, "retention_class", one.media) == {"voicemail"}


@pytest.mark.parametrize("period", ["10 days", "90 days"])
def test_a_transcript_has_its_recordings_day_after_every_change(
    instance: Instance, period: str
) -> None:
    """Even one that was filed for another day, once its controller is re-planned."""
    instruct(instance)
    one = shelve(instance, "one", age=1)
    later = t.objects.update().where(t.objects.c.id == one.transcript)
    with instance.unit() as connection:
        connection.execute(later.values(anchor_day=TODAY, due_day=date(2027, 6, 1)))
    instruct(instance, recordings=period)
    run_stage(instance, "retention")
    (due,) = column(instance, "due_day", one.media)
    assert due == date(2026, 11, 19) + timedelta(days=int(period.partition(" ")[0]))
    assert column(instance, "anchor_day", one.media) == {date(2026, 11, 19)}


def test_a_rejected_item_that_comes_on_hold_is_still_quarantined(instance: Instance) -> None:
    """The sweep lets go of it: it is neither live nor released, and goes when the hold does."""
    instruct(instance)
    one = refuse(instance, "one", age=1)
    gates = StrictGates(stop="retention_entry")
    assert len(erasing.reject(instance, gates, one.id).failures) == 1
    hold = place_hold(instance, "acorn", "controller", None, "dispute", REVIEW)
    assert run_stage(instance, "retention").total("held") == 2
    assert column(instance, "state", [one.media, one.row]) == {"quarantined"}
    with pytest.raises(NotFoundError):
        release(instance, one.id)
    lift_hold(instance, hold)
    assert run_stage(instance, "retention").total("shredded") == 2
    assert rows(instance, "quarantine", "state") == [("rejected",)]


def test_a_rejection_is_swept_with_a_certificate(instance: Instance) -> None:
    """The same turn of the root and the same certificate as of anything else."""
    instruct(instance)
    one, other = refuse(instance, "one", age=1), refuse(instance, "other", age=1)
    assert reject(instance, one.id).total("shredded") == 2
    assert openable(instance, [one.media, one.row, other.media]) == {other.media}
    assert rows(instance, "certificates", "controller", "objects") == [("acorn", 2)]
    assert len(rows(instance, "generations")) == 2


def test_only_what_is_named_goes_at_once(instance: Instance) -> None:
    """A sweep of some leaves what is overdue to the night, and asks no brake about it."""
    instruct(instance)
    run_stage(instance, "retention")
    overdue = [shelve(instance, f"overdue {n}", age=60) for n in range(15)]
    one = shelve(instance, "one", age=1)
    instruct(instance, recordings="30 days")
    going = instruct_erasure(instance, [one.interaction], "asked for")
    assert _now(instance, *going).total("shredded") == 3
    kept = set[str]().union(*(each.all for each in overdue))
    assert openable(instance, kept) == kept
    report = run_stage(instance, "retention")
    assert "shortened:acorn" in report.failures[0]
    assert openable(instance, kept) == kept


def test_agent_accounts_are_kept_while_active_and_then_go(instance: Instance) -> None:
    """Without a day while somebody uses it; left, it is due that day or a period after."""
    instruct(instance)
    one = shelve(instance, "one", age=40)
    mine = t.objects.c.id == one.details
    with instance.unit() as connection:
        connection.execute(
            t.objects.update().where(mine).values(retention_class="agent-accounts", due_day=None)
        )
    assert run_stage(instance, "retention").outcome == "NothingDue"
    assert column(instance, "due_day", [one.details]) == {None}
    left = today(instance.clock) - timedelta(days=3)
    with instance.unit() as connection:
        connection.execute(t.objects.update().where(mine).values(anchor_day=left, due_day=left))
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text().replace("retention:", "retention:\n  agent-accounts: 5 days"))
    run_stage(instance, "retention")
    assert column(instance, "due_day", [one.details]) == {left + timedelta(days=5)}
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(days=2)
    run_stage(instance, "retention")
    assert openable(instance, [one.details]) == set()


def _subjects(instance: Instance, event: str) -> set[str]:
    item, leaf = t.ledger_items.c, t.ledger_leaves.c
    query = sa.select(item.subject).join(t.ledger_leaves, leaf.position == item.leaf)
    with instance.unit() as connection:
        return set(connection.scalars(query.where(leaf.event == event)))
