"""Whoever seals something takes instance, rows, pages and the ledger's head as a turn does.

On PostgreSQL alone: SQLite has one writer at a time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.intake.quarantine import TRANSCRIPT_GATE, release
from callward.ledger import log
from callward.opening import open_to_file
from callward.retention import approvals, retiring
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.vault import turning
from callward.vault.filing import ADMINISTRATION
from tests.conftest import PostgresqlServer
from tests.retention.shelf import Shelved, refuse, reject, shelve
from tests.support import instruct, new_instance, rows, run_stage

PATIENCE = 60.0
_numbers = count(1)
_waiting = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def instance(tmp_path: Path, postgresql_server: PostgresqlServer) -> Iterator[Instance]:
    """An instance on PostgreSQL, with a controller's instruction."""
    database = f"lock_order_{next(_numbers)}"
    url = postgresql_server.create(database, empty=True)
    made = new_instance(tmp_path / "home", database_url=url, brake_floor=0, brake_share=0.01)
    instruct(made)
    yield made
    made.close()
    postgresql_server.drop(database)


def _decide(instance: Instance, _one: Shelved, _folder: Path) -> Callable[[], Any]:
    run_stage(instance, "retention")
    ((asked,),) = rows(instance, "approvals", "id")
    return partial(approvals.decide, instance, asked, approve=True, by="A. Person", reason="seen")


def _erase(instance: Instance, one: Shelved, _folder: Path) -> Callable[[], Any]:
    return partial(instruct_erasure, instance, [one.interaction], "asked for")


def _place(instance: Instance, one: Shelved, _folder: Path) -> Callable[[], Any]:
    target, review = one.interaction, date(2050, 1, 1)
    return partial(place_hold, instance, "acorn", "interaction", target, "dispute", review)


def _lift(instance: Instance, one: Shelved, folder: Path) -> Callable[[], Any]:
    return partial(lift_hold, instance, _place(instance, one, folder)())


def _open(instance: Instance, one: Shelved, folder: Path) -> Callable[[], Any]:
    return partial(open_to_file, instance, one.transcript, "asked for", folder / "out")


def _take_word(instance: Instance, _one: Shelved, _folder: Path) -> Callable[[], Any]:
    at = instance.clock.now()
    with instance.unit() as connection:
        connection.execute(t.generations.insert().values(number=9, state="retiring", created_at=at))
        connection.execute(
            t.cell_answers.insert().values(generation=9, cell="lost", answer="held", at=at)
        )
    return partial(retiring.take_word, instance, "lost", "A. Person: shredded")


def _release(instance: Instance, one: Shelved, _folder: Path) -> Callable[[], Any]:
    with instance.unit() as connection:
        connection.execute(
            t.objects.update().where(t.objects.c.id == one.transcript).values(state="quarantined")
        )
        connection.execute(
            t.quarantine.insert().values(
                id="transcript",
                controller="acorn",
                reason=TRANSCRIPT_GATE,
                state="held",
                media_id=one.transcript,
                created_at=instance.clock.now(),
            )
        )
    return partial(release, instance, "transcript")


def _reject(instance: Instance, _one: Shelved, _folder: Path) -> Callable[[], Any]:
    return partial(reject, instance, refuse(instance, "refused", age=1).id)


@pytest.mark.parametrize("at", ["pages", "head"])
@pytest.mark.parametrize(
    "prepared", [_decide, _erase, _place, _lift, _open, _take_word, _release, _reject]
)
def test_nobody_deadlocks_with_a_turn(
    instance: Instance,
    tmp_path: Path,
    prepared: Callable[[Instance, Shelved, Path], Callable[[], Any]],
    at: str,
) -> None:
    """What a person does while the root turns, however far it is, waits for it and is done."""
    act = prepared(instance, shelve(instance, "one", age=50), tmp_path)
    failures: list[BaseException] = []

    def person() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told below, by the test's own thread
            failures.append(error)

    beside = threading.Thread(target=person)
    with instance.unit() as connection:
        turning.lock_all(connection)
        if at == "head":
            log.lock(connection)
        beside.start()
        _wait_until_blocked(instance, beside)
        log.lock(connection)
        objects = t.objects.c
        theirs = objects.retention_class != ADMINISTRATION
        connection.execute(t.objects.update().where(theirs).values(facts=objects.facts))
        connection.execute(t.quarantine.update().values(reason=t.quarantine.c.reason))
    beside.join(PATIENCE)
    assert not beside.is_alive()
    assert failures == []


def _wait_until_blocked(instance: Instance, beside: threading.Thread) -> None:
    deadline = time.monotonic() + PATIENCE
    while beside.is_alive() and time.monotonic() < deadline:
        with instance.unit() as connection:
            if connection.scalar(_waiting):
                return
        time.sleep(0.02)
    assert not beside.is_alive()
