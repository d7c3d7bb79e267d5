"""Asking one collector of an instance, and one judge of what it found."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from typing import Any

import sqlalchemy as sa

from callward.clock import FixedClock, today
from callward.evidence.clauses.model import Context, Period
from callward.evidence.collectors import COLLECTORS
from callward.evidence.gathering import gather, source_of
from callward.evidence.judges import JUDGES, MEANS
from callward.instance import Instance
from callward.vault.filing import NewObject, file_objects, seal_payload

PERIOD = Period(date(2026, 11, 20), date(2026, 12, 31))
"""It begins on the day on which test instances are made."""
LATER = datetime(2027, 1, 1, 3, tzinfo=UTC)
"""The first night after the period."""


def collected(
    instance: Instance, kind: str, period: Period = PERIOD
) -> tuple[Mapping[str, Any], bytes]:
    """The facts of one kind, and the bytes of its file; AssertionError if it failed."""
    with instance.reading() as connection:
        found = gather(instance, connection, period, {kind: COLLECTORS[kind]})
    assert found.failures == {}
    item = found.items[kind]
    return item.facts, found.files[item.file]


def judged(
    judge: str, facts: Mapping[str, Any], day: date = PERIOD.to_day, /, **options: str
) -> list[tuple[str, str]]:
    """Weight and code of what a judge says; every code has a sentence."""
    found = list(JUDGES[judge](facts, Context(PERIOD, day, options)))
    assert {one.code for one in found} <= MEANS.keys()
    return [(one.weight.value, one.code) for one in found]


def seen(instance: Instance, kind: str, judge: str, /, **options: str) -> list[tuple[str, str]]:
    """What a judge says of what is collected of an instance now, as of the day that counts."""
    with instance.reading() as connection:
        day = source_of(instance, connection, PERIOD).day
    return judged(judge, collected(instance, kind)[0], day, **options)


def at(instance: Instance, moment: datetime) -> None:
    """Put the instance's clock somewhere."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment = moment


@contextmanager
def changing(instance: Instance) -> Iterator[sa.Connection]:
    """A transaction for a state that is hard to reach."""
    with instance.unit() as connection:
        yield connection


def keep(instance: Instance, kind: str = "note", controller: str = "acorn") -> str:
    """Seal something of a controller's, without a night that takes it in; its id."""
    made, day = token_hex(16), today(instance.clock)
    sealed = seal_payload(instance.vault, controller, made, kind, b"-")
    due = day + timedelta(days=900)
    new = NewObject(made, controller, kind, "interactions", day, due, sealed)
    with instance.unit() as connection:
        file_objects(connection, instance.vault, [new], instance.clock.now())
    return made
