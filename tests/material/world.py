"""An instance with something of every kind that can change, and a look at what has."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from callward import night
from callward.catalogue.review_tables import material_changes
from callward.clock import FixedClock
from callward.evidence.clauses.notice import DELIVERED, FILE
from callward.instance import Instance
from callward.material import book
from callward.material.model import Noted
from callward.material.stage import note_changes
from tests.assurance.items import enter_all
from tests.subprocessors.entries import register
from tests.support import instruct

NOTICE: Final = DELIVERED.read_text()


def furnish(instance: Instance) -> None:
    """A notice of its own, an instruction, a sub-processor, and all assurance that is promised."""
    write_notice(instance)
    instruct(instance)
    register(instance)
    enter_all(instance)


def write_notice(instance: Instance, old: str = "", new: str = "") -> None:
    """The notice as delivered, with a text replaced once."""
    assert old in NOTICE
    (instance.settings.home / FILE).write_text(NOTICE.replace(old, new, 1))


def look(instance: Instance) -> list[str]:
    """The lines that a night's look at the facts leaves in its summary."""
    return note_changes(instance, night.new_run(instance))


def waiting(instance: Instance, *, everything: bool = False) -> list[Noted]:
    """What no review has dealt with."""
    with instance.reading() as connection:
        return book.changes(connection, everything=everything)


def changed(instance: Instance) -> list[tuple[str, str, str | None, str | None]]:
    """What no review has dealt with, as kind, subject, before and after."""
    return [
        (one.change.about.kind.value, one.change.about.subject, one.change.before, one.change.after)
        for one in waiting(instance)
    ]


def dealt(instance: Instance, found_before: datetime | None = None) -> int:
    """A review has dealt with what was found before a moment (all if none is named): how many."""
    now, row = instance.clock.now(), material_changes.c
    waiting = sa.and_(row.dealt_at.is_(None), row.found_at < (found_before or now))
    change = material_changes.update().where(waiting).values(review="review-1", dealt_at=now)
    with instance.unit() as connection:
        return connection.execute(change).rowcount


def later(instance: Instance, **by: int) -> None:
    """Move the instance's clock on."""
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(**by)
