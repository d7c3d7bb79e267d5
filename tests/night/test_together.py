"""Things that happen at the same time, or in an unlucky order: nothing is lost, nothing slips."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.errors import ReleaseRefusedError
from callward.gates import GateResult
from callward.instance import Instance
from callward.intake import stage as intake
from callward.intake.quarantine import list_quarantine, release
from callward.ledger import log
from callward.retention import sweep
from callward.retention.holds import lift_hold, place_hold
from callward.retention.plan import plan_sweep
from callward.run import Run
from callward.vault.intents import IntentLostError, claim_intent
from callward.vault.pages import drop_empty
from callward.vault.turning import lock_all, pages_of
from tests.retention.shelf import StrictGates, openable, reject, shelve
from tests.support import (
    NOW,
    Call,
    PassingGates,
    deliver,
    instruct,
    new_instance,
    rows,
    run_stage,
)

REVIEW = date(2027, 6, 1)


def _mark(instance: Instance) -> tuple[Run, str]:
    """Mark what is due."""
    run = Run("night", NOW.date())
    with instance.unit() as connection:
        plan = plan_sweep(connection, run)
    return run, sweep.mark(instance, run, plan)


def _in_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_hold_being_placed_is_waited_for(instance: Instance) -> None:
    """A hold that commits while keys are about to be destroyed still saves what it is on."""
    instruct(instance)
    shelved = shelve(instance, "held", age=50)
    run, sweep_id = _mark(instance)
    with instance.unit() as connection:
        log.lock(connection)
        destroying = _in_thread(lambda: sweep.turn_root(instance, run, sweep_id))
        destroying.join(0.3)
        assert destroying.is_alive()
        connection.execute(
            t.holds.insert().values(
                id="hold",
                controller="acorn",
                scope="controller",
                target=None,
                reason_id="none",
                review_day=REVIEW,
                placed_at=NOW,
            )
        )
    destroying.join(20)
    assert openable(instance, shelved.all) == shelved.all


def _alone_on_page(instance: Instance) -> tuple[str, str]:
    """A page and the one object whose key it holds."""
    found = rows(instance, "object_keys", "page_id", "object_id")
    pages = [page for page, _ in found]
    return next((page, one) for page, one in found if pages.count(page) == 1)


def test_a_page_that_is_being_filled_is_not_dropped(instance: Instance) -> None:
    """Whoever empties a page waits for whoever fills it, and then sees that it is not empty."""
    instruct(instance)
    shelve(instance, "old", age=1)
    keys = t.object_keys
    page, recording = _alone_on_page(instance)

    def empty() -> None:
        with instance.unit() as connection:
            lock_all(connection)
            pages = pages_of(connection, t.objects.c.id == recording)
            connection.execute(keys.delete().where(keys.c.object_id == recording))
            drop_empty(connection, pages)

    with instance.unit() as connection:
        connection.execute(sa.select(t.pages.c.id).where(t.pages.c.id == page).with_for_update())
        emptying = _in_thread(empty)
        emptying.join(0.3)
        new = {"object_id": "new", "page_id": page, "wrapped_key": b"wrap"}
        connection.execute(keys.insert().values(new))
    emptying.join(20)
    assert (page,) in rows(instance, "pages", "id")


def test_what_another_run_has_cleared_is_not_catalogued(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a second run takes this one for dead, the batch fails and its sources stay."""
    instruct(instance)
    folder = deliver(instance, [Call("a")])
    real = instance.vault.store.settle

    def settle_and_clear(prefix: str) -> None:
        real(prefix)
        intake.reconcile(instance)

    monkeypatch.setattr(instance.vault.store, "settle", settle_and_clear)
    report = run_stage(instance, "ingest")
    assert [failure.partition("]")[0] for failure in report.failures] == ["[intent-lost"]
    assert (folder / "a.wav").exists()
    monkeypatch.undo()
    assert run_stage(instance, "ingest").total("ingested") == 1


def test_an_intent_is_claimed_once(instance: Instance) -> None:
    """Claimed, it cannot be claimed again; unknown, not at all."""
    with instance.unit() as connection:
        connection.execute(t.intents.insert().values(id="i", kind="seal", created_at=NOW))
        claim_intent(connection, "i")
    for intent in ("i", "unknown"):
        with pytest.raises(IntentLostError), instance.unit() as connection:
            claim_intent(connection, intent)


def test_a_marked_transcript_is_not_released(instance: Instance) -> None:
    """What a sweep has marked dies with its recording, whatever a person decides now."""
    instruct(instance)
    shelved = shelve(instance, "old", age=50)
    with instance.unit() as connection:
        connection.execute(
            t.objects.update()
            .where(t.objects.c.id == shelved.transcript)
            .values(state="quarantined")
        )
        connection.execute(
            t.quarantine.insert().values(
                id="q",
                controller="acorn",
                reason="gate-transcript",
                state="held",
                media_id=shelved.transcript,
                created_at=NOW,
            )
        )
    run, sweep_id = _mark(instance)
    with pytest.raises(ReleaseRefusedError):
        release(instance, "q")
    sweep.turn_root(instance, run, sweep_id)
    assert not openable(instance, shelved.media)


def test_a_sweep_that_cannot_end_stops_no_other(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One undeletable ciphertext fails its own sweep; what is due elsewhere still goes."""
    instruct(instance)
    instruct(instance, "birch")
    shelve(instance, "stuck", age=50)
    stuck = {key for (key,) in rows(instance, "objects", "store_key") if key}
    delete = instance.vault.store.delete
    monkeypatch.setattr(
        instance.vault.store,
        "delete",
        lambda paths: delete([path for path in paths if path not in stuck]),
    )
    first = run_stage(instance, "retention", StrictGates())
    assert first.failures
    theirs = shelve(instance, "theirs", age=50, controller="birch")
    second = run_stage(instance, "retention", StrictGates())
    assert second.failures
    assert second.counts["birch"]["certificates"] == 1
    assert not openable(instance, theirs.media)
    monkeypatch.undo()
    assert run_stage(instance, "retention", StrictGates()).failures == []
    assert len(rows(instance, "certificates")) == 2


class FirstFails(PassingGates):
    """Stops the first batch that has something in it."""

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        """Fail behind the first batch."""
        self.stop = "ingest_exit" if len(self.seen) < 2 else ""
        return super().check(suite, frame)


def test_a_failed_batch_stops_its_controller_only(tmp_path: Path) -> None:
    """What else the controller delivered waits for the next night; another's goes on."""
    instance = new_instance(tmp_path, batch_size=2)
    instruct(instance)
    instruct(instance, "birch")
    waiting = deliver(instance, [Call(name) for name in "abcd"])
    gone = deliver(instance, [Call("theirs")], controller="birch")
    report = run_stage(instance, "ingest", FirstFails())
    assert [failure.partition("]")[0] for failure in report.failures] == ["[gate-failed"]
    assert report.counts.keys() == {"birch"}
    assert len(list(waiting.iterdir())) == 5
    assert not gone.exists()
    assert run_stage(instance, "ingest").total("ingested") == 4
    assert not waiting.exists()


def test_a_hold_on_a_person_reaches_what_was_refused(instance: Instance) -> None:
    """A refused recording of a held caller is neither destroyed nor rejected."""
    instruct(instance)
    deliver(instance, [Call("bad", age=50, row={"sha256": "0" * 64}), Call("other", age=50)])
    assert run_stage(instance, "ingest").total("quarantined") == 1
    with instance.unit() as connection:
        (refused,) = list_quarantine(connection)
    hold = place_hold(instance, "acorn", "person", "+447700900123", "dispute", REVIEW)
    assert run_stage(instance, "retention").total("shredded") == 0
    with pytest.raises(Exception, match="held"):
        reject(instance, refused.id)
    lift_hold(instance, hold)
    reject(instance, refused.id)
    with instance.unit() as connection:
        known = sa.select(t.people.c.interaction_id).where(t.people.c.interaction_id == refused.id)
        assert connection.scalar(known) is None


def test_a_person_is_found_as_long_as_anything_of_them_is_kept(instance: Instance) -> None:
    """Where details go before the recording, the blind index stays with the recording."""
    instruct(instance, recordings="90 days", interactions="30 days")
    deliver(instance, [Call("a", age=40)])
    assert run_stage(instance, "ingest").total("ingested") == 1
    assert run_stage(instance, "retention").total("shredded") == 1
    assert rows(instance, "people")
    again = deliver(instance, [Call("a", age=40)], drop="again")
    assert run_stage(instance, "ingest").total("duplicate") == 1
    assert not again.exists()
    instance.clock.moment = NOW + timedelta(days=60)  # type: ignore[attr-defined]  # a fixed clock
    run_stage(instance, "retention", approve=_hash(instance))
    assert rows(instance, "people") == rows(instance, "interactions") == []


def test_who_instructs_us_is_no_stranger(instance: Instance) -> None:
    """A past day, or an instruction not yet in force or not readable, condemns no delivery."""
    instruct(instance, effective_from="2026-11-01")
    deliver(instance, [Call("a")])
    assert run_stage(instance, "ingest", as_of=date(2026, 10, 1)).total("ingested") == 1
    instruct(instance, "birch", effective_from="2027-01-01")
    (instance.settings.instructions / "cedar.yaml").write_text("controller: cedar\n")
    waiting = [deliver(instance, [Call("b")], controller=name) for name in ("birch", "cedar")]
    stranger = deliver(instance, [Call("c")], controller="dogwood")
    report = run_stage(instance, "ingest")
    assert report.total("quarantined") == 1
    assert sum("waits" in failure for failure in report.failures) == 2
    assert [path.exists() for path in (*waiting, stranger)] == [True, True, False]


def test_a_reason_goes_in_its_time_and_the_ledger_names_nobody(instance: Instance) -> None:
    """The reason of a lifted hold has a due day; a person's blind index is in no leaf."""
    instruct(instance)
    shelve(instance, "a", age=1)
    hold = place_hold(instance, "acorn", "person", "07700 900123", "dispute", REVIEW)
    (blind,) = {row[0] for row in rows(instance, "people", "blind")}
    assert not [body for (body,) in rows(instance, "ledger_items", "body") if blind in body]
    which = sa.select(t.objects.c.due_day).where(t.objects.c.kind == "hold-reason")
    with instance.unit() as connection:
        assert connection.scalars(which).all() == [None]
    lift_hold(instance, hold)
    with instance.unit() as connection:
        assert connection.scalars(which).all() == [date(2029, 11, 20)]


def _hash(instance: Instance) -> str:
    with instance.unit() as connection:
        return plan_sweep(connection, Run("n", (NOW + timedelta(days=60)).date())).hash
