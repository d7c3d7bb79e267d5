"""Openings: each with a sealed reason, and in the ledger."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.catalogue.held import RESTRICTION
from callward.instance import Instance
from callward.opening import open_in_memory
from callward.retention.holds import place_hold
from tests.evidence.governing import LATER, at, changing, collected, keep, seen
from tests.support import NOW, instruct

_CANARY = "because Jo Smith rang from 07700 900123"


@pytest.fixture
def opened(instance: Instance) -> tuple[Instance, str]:
    """An instance with something kept that was opened once in November and once in December."""
    instruct(instance)
    thing = keep(instance)
    for moment in (NOW, NOW + timedelta(days=20)):
        at(instance, moment)
        open_in_memory(instance, thing, _CANARY)
    at(instance, LATER)
    return instance, thing


def test_nothing_was_opened(instance: Instance) -> None:
    """Then there is nothing to judge."""
    at(instance, LATER)
    assert seen(instance, "openings", "openings-reasoned") == [("not-applicable", "no-opening")]


def test_openings_with_their_reasons(opened: tuple[Instance, str]) -> None:
    """Counted by month; nothing of the reason is told, only that there is one."""
    instance, thing = opened
    open_in_memory(instance, thing, _CANARY)  # after the period
    facts, content = collected(instance, "openings")
    assert facts["by_month"] == {"2026-11": 1, "2026-12": 1}
    assert seen(instance, "openings", "openings-reasoned") == []
    assert thing in content.decode()
    for word in _CANARY.split():
        assert word not in content.decode().split()
    assert "900123" not in content.decode()


def test_an_opening_without_a_reason(opened: tuple[Instance, str]) -> None:
    """No sealed note is there, nor ever was."""
    instance, _ = opened
    with changing(instance) as connection:
        connection.execute(t.objects.delete().where(t.objects.c.kind == "opening-reason"))
    assert seen(instance, "openings", "openings-reasoned") == [("gap", "opening-unreasoned")]
    assert len(collected(instance, "openings")[0]["unreasoned"]) == 2


def test_an_opening_that_the_ledger_does_not_know(opened: tuple[Instance, str]) -> None:
    """A row alone proves nothing."""
    instance, _ = opened
    with changing(instance) as connection:
        opened_ = sa.select(t.ledger_leaves.c.position).where(t.ledger_leaves.c.event == "opened")
        connection.execute(t.ledger_items.delete().where(t.ledger_items.c.leaf.in_(opened_)))
    assert seen(instance, "openings", "openings-reasoned") == [("gap", "opening-unentered")]


def test_an_opening_whose_row_is_gone(opened: tuple[Instance, str]) -> None:
    """The ledger knows of it: whoever takes rows away does not make it undone."""
    instance, _ = opened
    row = t.openings.c
    with changing(instance) as connection:
        first = connection.execute(sa.select(row.id, row.reason_id).order_by(row.at)).first()
        assert first is not None
        connection.execute(t.openings.delete().where(row.id == first.id))
    facts, _ = collected(instance, "openings")
    assert (facts["openings"], facts["rowless"]) == (1, [first.reason_id])
    with changing(instance) as connection:
        connection.execute(t.openings.delete())
    assert seen(instance, "openings", "openings-reasoned") == [("gap", "opening-row-missing")]


def test_an_opening_despite_a_restriction(opened: tuple[Instance, str]) -> None:
    """The law allows it for reasons; a board is told how often."""
    instance, thing = opened
    at(instance, NOW + timedelta(days=21))
    place_hold(instance, "acorn", "controller", None, "asked", date(2027, 6, 1), basis=RESTRICTION)
    open_in_memory(instance, thing, _CANARY, despite_restriction=True)
    at(instance, LATER)
    expected = [("note", "opened-despite-restriction")]
    assert seen(instance, "openings", "openings-reasoned") == expected
