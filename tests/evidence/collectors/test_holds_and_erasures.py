"""Holds and restrictions, looked at again or not, and erasures, done or waiting."""

from datetime import date, timedelta

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.opening import open_in_memory
from callward.retention.holds import RESTRICTION, place_hold
from tests.evidence.collectors.kept import Shelf, evidence, later, on
from tests.retention.shelf import shelve
from tests.support import instruct


def test_no_holds_and_no_erasures(shelf: Shelf) -> None:
    """Nothing is nothing."""
    holds, _, newest = shelf.collected("holds")
    assert (holds["standing"], holds["overdue"], holds["placed"], newest) == ({}, [], 0, None)
    erasures, _, newest = shelf.collected("erasures")
    assert (erasures["asked"], erasures["waiting"], newest) == (0, 0, None)


def test_looked_at_again(shelf: Shelf) -> None:
    """The day of review is in time; lifted after it is late; lifted after the end stands."""
    last = date(2026, 12, 31)
    shelf.hold(on(6, 1), review_day=last)
    overdue = shelf.hold(on(6, 1), on(12, 31) + timedelta(days=3), review_day=date(2026, 12, 30))
    late = shelf.hold(on(6, 1), on(7, 2), review_day=date(2026, 7, 1))
    shelf.hold(on(6, 1), on(7, 1), review_day=date(2026, 7, 1), basis="restriction")
    shelf.hold(on(1, 1) - timedelta(days=90), on(1, 1) - timedelta(days=9))
    shelf.hold(on(12, 31) + timedelta(days=1))
    facts, _, newest = shelf.collected("holds")
    assert (facts["overdue"], facts["late"], facts["overdue_days"]) == ([overdue], [late], 1)
    assert (facts["standing"], facts["restrictions"]) == ({"hold": 2}, 1)
    assert (facts["placed"], facts["lifted"], newest) == (4, 2, on(7, 2))


def test_what_was_done_under_a_restriction(shelf: Shelf) -> None:
    """Destroyed or transcribed while it stood; not before, after, or under a hold alone."""
    due = date(2026, 6, 10)
    shelf.hold(on(6, 5), on(6, 20), basis="restriction", scope="interaction", target="i")
    shelf.hold(on(6, 5), on(6, 20), basis="restriction", scope="person", target="blind")
    shelf.hold(on(6, 5), on(6, 20))
    shelf.add(t.people, interaction_id="j", role="caller", blind="blind")
    for interaction, day in (("i", 10), ("i", 21), ("j", 10), ("k", 10)):
        shelf.gone(due, on(6, day), interaction_id=interaction)
    recording = shelf.thing(date(2027, 9, 1), interaction_id="i")
    for day in (1, 10):
        shelf.thing(
            date(2027, 9, 1),
            kind="transcript",
            parent_id=recording,
            interaction_id="i",
            created_at=on(6, day),
        )
    facts = shelf.facts("holds")
    assert (facts["destroyed"], facts["transcribed"]) == (2, 1)


def test_what_was_destroyed_under_a_legal_hold(shelf: Shelf) -> None:
    """Each once, however many holds were on it; not before, after, or under a restriction."""
    due = date(2026, 6, 10)
    shelf.hold(on(6, 5), on(6, 20), scope="interaction", target="i")
    shelf.hold(on(6, 5), scope="person", target="blind")
    shelf.hold(on(6, 5), basis="restriction", scope="interaction", target="k")
    shelf.add(t.people, interaction_id="i", role="caller", blind="blind")
    shelf.add(t.people, interaction_id="j", role="caller", blind="blind")
    for interaction, day in (("i", 10), ("j", 4), ("j", 30), ("k", 10), ("l", 10)):
        shelf.gone(due, on(6, day), interaction_id=interaction)
    facts = shelf.facts("holds")
    assert (facts["held_destroyed"], facts["destroyed"]) == (2, 1)


def test_what_went_while_a_person_was_restricted(shelf: Shelf) -> None:
    """Whether it was about that person nobody can tell where that went with it."""
    due = date(2026, 6, 10)
    shelf.hold(on(6, 5), on(6, 20), basis="restriction", scope="person", target="blind")
    shelf.add(t.people, interaction_id="other", role="caller", blind="another")
    for interaction, day in (("i", 10), ("i", 21), ("other", 10), (None, 10)):
        shelf.gone(due, on(6, day), interaction_id=interaction)
    shelf.gone(due, on(6, 10), interaction_id="j", controller="birch")
    facts = shelf.facts("holds")
    assert (facts["not_told"], facts["destroyed"]) == (1, 0)


def test_opened_despite_a_restriction(instance: Instance) -> None:
    """The ledger says so."""
    instruct(instance)
    mine, other = shelve(instance, "mine"), shelve(instance, "other")
    place_hold(
        instance,
        "acorn",
        "interaction",
        mine.interaction,
        "why",
        date(2027, 1, 1),
        basis=RESTRICTION,
    )
    open_in_memory(instance, mine.details, "a claim", despite_restriction=True)
    open_in_memory(instance, other.details, "a look")
    later(instance, timedelta(days=1))
    assert evidence(instance, "holds")["opened"] == 1


def _asked(shelf: Shelf, one: str, day: int) -> None:
    shelf.add(t.erasures, object_id=one, controller="acorn", reason_id="r", asked_at=on(6, day, 12))


def test_erased_with_the_next_night_or_later(shelf: Shelf) -> None:
    """Days are reckoned from the night after the instruction, or after the hold."""
    due = date(2026, 6, 1)
    for went, held in ((2, False), (9, False), (9, True)):
        interaction = f"{went}{held}"
        one = shelf.gone(due, on(6, went), early=True, interaction_id=interaction)
        _asked(shelf, one, 1)
        shelf.add(t.people, interaction_id=interaction, role="caller", blind="b")
        if held:
            shelf.hold(on(5, 1), on(6, 8), scope="interaction", target=interaction)
    facts = shelf.facts("erasures")
    assert (facts["asked"], facts["done"], facts["days"]) == (3, 3, {"0": 2, "7": 1})
    assert facts["by_month"] == {"2026-06": {"asked": 3, "done": 3}}


def test_erasures_that_wait(shelf: Shelf) -> None:
    """Those on hold apart; what goes after the end was waiting at it."""
    due = date(2026, 6, 1)
    gone = shelf.gone(due, on(12, 31) + timedelta(days=2), early=True)
    held = shelf.thing(due, early=True, controller="birch")
    shelf.hold(on(5, 1), controller="birch")
    for one in (gone, held):
        _asked(shelf, one, 1)
    shelf.add(
        t.erasures,
        object_id=shelf.thing(due, early=True),
        controller="acorn",
        reason_id="r",
        asked_at=on(12, 31, 12),
    )
    facts = shelf.facts("erasures")
    assert (facts["waiting"], facts["held"], facts["done"]) == (1, 1, 0)
    assert facts["waiting_days"] == (date(2026, 12, 31) - date(2026, 6, 2)).days


def test_erased_after_a_hold_that_nobody_can_tell(shelf: Shelf) -> None:
    """A person's hold was lifted; whom it was about was forgotten in the next night."""
    one = shelf.gone(date(2026, 6, 1), on(6, 9), early=True, interaction_id="i")
    _asked(shelf, one, 1)
    shelf.hold(on(5, 1), on(6, 8), scope="person", target="blind")
    facts = shelf.facts("erasures")
    assert (facts["done"], facts["hold_not_told"], facts["days"]) == (1, 1, {})
