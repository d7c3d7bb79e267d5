"""Releasing a refused record: it is the very record it would have been."""

import json
from datetime import date, timedelta

from callward.catalogue import tables as t
from callward.intake.quarantine import release
from callward.retention.holds import place_hold
from callward.retention.plan import plan_sweep
from callward.run import Run
from tests.intake.support import Desk, totals
from tests.intake.test_records import YESTERDAY, Suspicious, drop, kept, record
from tests.support import NOW

CARD = "4111111111111111"


def refuse(desk: Desk, one: dict[str, object]) -> str:
    """Have a gate refuse a record; the refusal's id."""
    drop(desk, [one], "refused")
    assert totals(desk.take_in(Suspicious())) == (1, 0, 0, 1)
    (held,) = [one for one in desk.rows(t.quarantine) if one["state"] == "held"]
    return str(held["id"])


def test_it_is_as_new_as_it_was(desk: Desk) -> None:
    """By the supplier's word: an older version that comes later stays the older."""
    new = record("v", texts=[{"text": "new"}], revision=NOW.isoformat())
    release(desk.instance, refuse(desk, new))
    old = record("v", texts=[{"text": "old"}], revision=YESTERDAY.isoformat())
    drop(desk, [old], "old")
    assert totals(desk.take_in()) == (1, 1, 0, 0)
    (current,) = kept(desk, superseded_at=None)
    assert b'"new"' in desk.open(current["id"])


def test_its_ids_are_those_that_were_delivered(desk: Desk) -> None:
    """Though they look like card numbers, and are masked in what was sealed."""
    one = record(CARD, conversation=CARD, people=[{"role": "sender", "text": CARD}])
    drop(desk, [one], "taken")
    desk.take_in()
    before = [desk.rows(table) for table in (t.interactions, t.people)]
    with desk.instance.unit() as connection:
        # As though it had not come yet.
        interaction = before[0][0]["id"]
        connection.execute(t.people.delete().where(t.people.c.interaction_id == interaction))
        connection.execute(t.interactions.delete().where(t.interactions.c.id == interaction))
    release(desk.instance, refuse(desk, one))
    assert [desk.rows(table) for table in (t.interactions, t.people)] == before
    assert CARD.encode() not in b"".join(desk.open(each["id"]) for each in kept(desk))
    assert CARD not in json.dumps([each["facts"] for each in desk.rows(t.objects)])
    drop(desk, [one], "again")
    assert totals(desk.take_in()) == (1, 0, 1, 0)


def test_what_held_it_holds_it_still(desk: Desk) -> None:
    """A hold by its object's id was on the refusal; now it is on the interaction."""
    refused = refuse(desk, record("h"))
    (one,) = desk.rows(t.objects)
    review = date(2027, 3, 1)
    place_hold(desk.instance, desk.controller, "interaction", one["id"], "dispute", review)
    release(desk.instance, refused)
    (kept_one,) = kept(desk, kind="sms")
    assert kept_one["facts"] is None
    run = Run("night", kept_one["due_day"] + timedelta(days=1), controller=desk.controller)
    with desk.instance.unit() as connection:
        plan = plan_sweep(connection, run)
    assert (len(plan.due), plan.held) == (0, {desk.controller: 1})
