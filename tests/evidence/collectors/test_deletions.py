"""Deletions: how late, by class, what excuses, what is overdue, and what is certified."""

from datetime import date, timedelta
from typing import Any

import pytest

from callward.catalogue import tables as t
from callward.evidence.clauses.model import Period
from callward.instance import Instance
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from tests.evidence.collectors.kept import AFTER, Shelf, at, evidence, later, on
from tests.retention.shelf import refuse, reject, shelve
from tests.support import NOW, instruct, run_stage

MAY = date(2026, 5, 10)


def _class(facts: dict[str, Any], name: str = "recordings") -> dict[str, Any]:
    return dict(facts["by_class"][name])


def test_an_empty_period(shelf: Shelf) -> None:
    """Nothing is nothing, and has no newest."""
    facts, _, newest = shelf.collected("deletions")
    assert (facts["destroyed"], facts["by_class"], facts["overdue"], newest) == (0, {}, {}, None)


def test_on_its_day_late_and_early(shelf: Shelf) -> None:
    """By class, days and month; a London day begins at 23:00 UTC in summer."""
    shelf.gone(MAY, on(5, 9, 23))
    shelf.gone(MAY, on(5, 13))
    shelf.gone(MAY, on(5, 9))
    shelf.gone(None, on(5, 9), retention_class="agent-accounts")
    shelf.gone(MAY, on(6, 1), retention_class="messages")
    facts = shelf.facts("deletions")
    assert _class(facts) == {
        "destroyed": 3,
        "late": 1,
        "early": 1,
        "excused": 0,
        "instructed": 0,
        "days_late": {"0": 1, "3": 1},
    }
    assert _class(facts, "messages")["days_late"] == {"22": 1}
    assert _class(facts, "agent-accounts")["early"] == 1
    assert (facts["destroyed"], facts["late"], facts["early"]) == (5, 2, 2)
    assert facts["by_month"] == {
        "2026-05": {"destroyed": 4, "late": 1},
        "2026-06": {"destroyed": 1, "late": 1},
    }


def _asked(shelf: Shelf, one: str, day: int) -> None:
    moment = on(5, day, 12)
    shelf.add(t.erasures, object_id=one, controller="acorn", reason_id="r", asked_at=moment)


def test_what_was_erased_on_instruction_is_neither_early_nor_late(shelf: Shelf) -> None:
    """Its due day was set by the instruction, and it went with the next night."""
    _asked(shelf, shelf.gone(MAY, on(5, 11), early=True), MAY.day)
    _asked(shelf, shelf.gone(MAY, on(5, 10, 13), early=True), MAY.day)
    mine = _class(shelf.facts("deletions"))
    assert (mine["instructed"], mine["late"], mine["early"], mine["days_late"]) == (2, 0, 0, {})


def test_an_instruction_does_not_hide_what_is_late(shelf: Shelf) -> None:
    """Its day had passed before, or passed after it, also a transcript's, which follows."""
    _asked(shelf, shelf.gone(MAY, on(5, 13), early=True), 12)
    recording = shelf.gone(MAY, on(5, 13), early=True)
    _asked(shelf, recording, MAY.day)
    for day in (11, 15):
        shelf.gone(MAY, on(5, day), early=True, kind="transcript", parent_id=recording)
    mine = _class(shelf.facts("deletions"))
    assert (mine["instructed"], mine["late"], mine["days_late"]) == (1, 3, {"2": 1, "3": 1, "4": 1})


def test_what_came_late_goes_with_the_next_night(shelf: Shelf) -> None:
    """Delivered after its due day, it is reckoned from the night after it came."""
    shelf.gone(MAY, on(6, 2), created_at=on(6, 1, 12))
    shelf.gone(MAY, on(6, 4), created_at=on(6, 1, 12))
    mine = _class(shelf.facts("deletions"))
    assert (mine["excused"], mine["late"], mine["days_late"]) == (1, 1, {"0": 1, "2": 1})


def test_an_account_is_known_by_its_newest_version(shelf: Shelf) -> None:
    """All versions are due since the one that says when it was left."""
    kind = {"retention_class": "agent-accounts", "kind": "agent-account", "interaction_id": "i"}
    sweep = shelf.sweep(on(6, 2))
    shelf.gone(MAY, on(6, 2), sweep, created_at=on(1, 1), **kind)
    shelf.gone(MAY, on(6, 2), sweep, created_at=on(6, 1, 12), **kind)
    mine = _class(shelf.facts("deletions"), "agent-accounts")
    assert (mine["excused"], mine["late"]) == (2, 0)


def test_a_shorter_period_is_no_delay_before_it_is_in_force(shelf: Shelf) -> None:
    """Reckoned from the instruction that made it due; what waits longer than that is late."""
    shelf.instruct()
    shelf.instruct(version=2, recordings="30 days", loaded_at=on(6, 1), digest="b" * 64)
    due = MAY
    anchor = due - timedelta(days=30)
    shelf.gone(due, on(6, 2), anchor_day=anchor)
    shelf.gone(due, on(6, 5), anchor_day=anchor)
    mine = _class(shelf.facts("deletions"))
    assert (mine["excused"], mine["late"], mine["days_late"]) == (1, 1, {"0": 1, "3": 1})


_OWN = {
    "controller": {"scope": "controller"},
    "interaction": {"scope": "interaction", "target": "i"},
    "family": {"scope": "interaction", "target": "elsewhere"},
    "person": {"scope": "person", "target": "blind"},
    "forgotten": {"scope": "person", "target": "blind"},
}


@pytest.mark.parametrize(
    ("placed", "lifted", "went", "days"),
    [
        (5, 20, 21, 0),
        (5, 18, 21, 2),
        (12, 20, 21, 11),
        (21, 22, 20, 10),
        (5, 24, 20, 10),
        (5, 20, 20, 10),
    ],
    ids=[
        "until-the-night",
        "lifted-before",
        "placed-too-late",
        "after-it-went",
        "went-under-it",
        "lifted-that-day-after-it-went",
    ],
)
@pytest.mark.parametrize("scope", sorted(_OWN))
def test_a_hold_excuses_as_long_as_it_stood(
    shelf: Shelf, scope: str, placed: int, lifted: int, went: int, days: int
) -> None:
    """Of a controller, an interaction, a recording's transcript, a person, also one forgotten."""
    if scope != "forgotten":
        shelf.add(t.people, interaction_id="i", role="caller", blind="blind")
    recording = shelf.gone(MAY, on(5, went), interaction_id="i")
    shelf.thing(MAY, kind="transcript", parent_id=recording, interaction_id="elsewhere")
    shelf.hold(on(5, placed, 9), on(5, lifted, 9), **_OWN[scope])
    facts = shelf.facts("deletions")
    mine = _class(facts)
    told = not (scope == "forgotten" and days == 0)
    assert mine["days_late"] == ({str(days): 1} if told else {})
    assert (mine["excused"], mine["late"]) == (told and days == 0, days > 0)
    assert facts["hold_not_told"] == ({} if told else {"recordings": 1})


@pytest.mark.parametrize(
    ("lifted", "went", "code"),
    [(3, 4, "hold_not_told"), (3, 5, "overdue"), (5, 4, "overdue"), (None, 4, "overdue")],
)
def test_whether_a_forgotten_person_was_on_hold_cannot_be_told(
    shelf: Shelf, lifted: int | None, went: int, code: str
) -> None:
    """Of what went in the night after a person's hold; all else was overdue at the end."""
    end = on(12, 31)
    freed = None if lifted is None else end + timedelta(days=lifted, hours=9)
    shelf.hold(on(5, 1), freed, scope="person", target="blind")
    shelf.gone(date(2026, 12, 1), end + timedelta(days=went), interaction_id="i")
    facts = shelf.facts("deletions", now=AFTER + timedelta(days=9))
    assert facts["held"] == {}
    assert {name: facts[name] for name in ("hold_not_told", "overdue") if facts[name]} == {
        code: {"recordings": 1}
    }


def test_a_hold_on_another_excuses_nothing(shelf: Shelf) -> None:
    """Of another interaction, or another controller."""
    shelf.gone(MAY, on(5, 20), interaction_id="i")
    shelf.hold(on(5, 1), on(5, 19), scope="interaction", target="another")
    shelf.hold(on(5, 1), on(5, 19), controller="birch")
    assert shelf.facts("deletions")["late"] == 1


def test_what_is_overdue(shelf: Shelf) -> None:
    """Past its day at the end, not held, and not on its way; by class."""
    day = date(2026, 12, 31)
    shelf.thing(day - timedelta(days=1))
    shelf.thing(day - timedelta(days=1), state="marked", retention_class="messages")
    shelf.thing(day)
    shelf.thing(day - timedelta(days=9), created_at=at(day, 12))
    shelf.thing(day - timedelta(days=9), created_at=at(day - timedelta(days=1), 12))
    shelf.thing(day - timedelta(days=9), created_at=at(day - timedelta(days=2), 12))
    shelf.thing(day - timedelta(days=9), controller="birch")
    shelf.hold(on(6, 1), controller="birch")
    for due, asked in ((9, 9), (9, 2), (1, 1), (0, 0)):
        shelf.add(
            t.erasures,
            object_id=shelf.thing(
                day - timedelta(days=due), early=True, retention_class="voicemail"
            ),
            controller="acorn",
            reason_id="r",
            asked_at=at(day - timedelta(days=asked), 12),
        )
    facts = shelf.facts("deletions")
    assert facts["overdue"] == {"messages": 1, "recordings": 2, "voicemail": 2}
    assert facts["held"] == {"recordings": 1}


def test_sweeps_and_certificates(shelf: Shelf) -> None:
    """Open ones with their age; objects of a sweep that is over and that nothing certifies."""
    done, half = shelf.sweep(on(5, 10)), shelf.sweep(on(5, 11))
    shelf.sweep(on(12, 1), ended=on(12, 1), state="checked", completed_at=None)
    for sweep, controller in ((done, "acorn"), (half, "acorn"), (half, "birch"), (half, "birch")):
        shelf.gone(MAY + timedelta(days=1), on(5, 11), sweep, controller=controller)
    for sweep in (done, half):
        shelf.add(
            t.certificates,
            sweep_id=sweep,
            controller="acorn",
            objects=1,
            body="{}",
            issued_at=on(5, 12),
        )
    facts = shelf.facts("deletions")
    assert (facts["sweeps"], facts["open_sweeps"], facts["open_days"]) == (3, 1, 30)
    assert (facts["certificates"], facts["uncertified"]) == (2, 2)


@pytest.mark.parametrize("certified", [0, 1, 2])
def test_a_sweep_over_the_end_is_certified_where_it_was_completed(
    shelf: Shelf, certified: int
) -> None:
    """All of it, also what went before midnight, whenever its certificates were issued."""
    last = date(2026, 5, 31)
    sweep = shelf.sweep(at(last), ended=on(6, 1))
    for _ in range(2):
        shelf.gone(last, at(last), sweep)
    for number in range(certified):
        shelf.add(
            t.certificates,
            sweep_id=sweep,
            controller="acorn",
            objects=1,
            body="{}",
            issued_at=(at(last, 2), on(6, 1))[number],
        )
    may = shelf.facts("deletions", Period(date(2026, 5, 1), last))
    june = shelf.facts("deletions", Period(date(2026, 6, 1), date(2026, 6, 30)))
    assert (may["destroyed"], may["open_sweeps"], may["uncertified"]) == (2, 1, 0)
    assert (june["destroyed"], june["uncertified"]) == (0, 2 - certified)
    assert may["certificates"] + june["certificates"] == certified


def test_a_quiet_night_is_the_newest(shelf: Shelf) -> None:
    """Retention asked its gate, and nothing was due; one that was stopped is none."""
    shelf.sweep(on(5, 10))
    shelf.gate("retention_entry", "empty", on(12, 30))
    shelf.gate("retention_entry", "failed", on(12, 31))
    assert shelf.collected("deletions")[2] == on(12, 30)


def test_as_it_really_goes(instance: Instance) -> None:
    """On time, held and lifted, rejected, erased, and late, through the real stages."""
    instruct(instance)
    shelve(instance, "on-time", age=45)
    held = shelve(instance, "held", age=45)
    hold = place_hold(instance, "acorn", "interaction", held.interaction, "why", date(2027, 1, 1))
    assert run_stage(instance, "retention").failures == []
    later(instance, timedelta(days=1))
    lift_hold(instance, hold)
    erased, refused = shelve(instance, "erased", age=1), refuse(instance, "refused", age=1)
    instruct_erasure(instance, [erased.recording], "asked for")
    later(instance, timedelta(days=1))
    assert run_stage(instance, "retention").failures == []
    assert reject(instance, refused.id).failures == []
    late = shelve(instance, "late", age=44)
    later(instance, timedelta(days=3))
    assert evidence(instance, "deletions")["overdue"] == {"recordings": len(late.media)}
    assert run_stage(instance, "retention").failures == []
    later(instance, timedelta(days=1))
    facts = evidence(instance, "deletions")
    mine = _class(facts)
    assert mine["destroyed"] == 10
    assert (mine["excused"], mine["late"], mine["instructed"], mine["early"]) == (2, 2, 4, 0)
    assert mine["days_late"] == {"0": 4, "2": 2}
    assert (facts["overdue"], facts["uncertified"], facts["open_sweeps"]) == ({}, 0, 0)
    assert facts["certificates"] == facts["sweeps"] == 4
    assert evidence(instance, "deletions", Period(NOW.date(), NOW.date()))["destroyed"] == 2
