"""After a sweep: what is gone is gone everywhere, what is certified is what went."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.catalogue.guard import BusyError, exclusive
from callward.clock import FixedClock
from callward.errors import ShreddedError
from callward.evidence.certificate import Statement, verify_certificate
from callward.gates import GateResult
from callward.instance import Instance
from callward.instructions.periods import Period
from callward.ledger import log, proofs
from callward.retention import sweep
from callward.retention.erasures import instruct_erasure
from callward.retention.holds import lift_hold, place_hold
from callward.retention.stage import prepare
from callward.vault.stores import ObjectStore
from tests.retention.shelf import (
    Shelved,
    StrictGates,
    column,
    openable,
    read,
    refuse,
    shelve,
    stored,
)
from tests.support import NOW, PassingGates, instruct, new_instance, rows, run_stage


def _certificates(instance: Instance) -> list[Statement]:
    return [
        verify_certificate(body, instance.signer.verifier)
        for (body,) in rows(instance, "certificates", "body")
    ]


def _certified(instance: Instance) -> dict[str, set[str]]:
    return {one.controller: set(one.objects) for one in _certificates(instance)}


def test_what_is_swept_is_gone_and_nothing_else(instance: Instance) -> None:
    """Keys, rows and ciphertexts of what was due; a tombstone stays; everything else opens."""
    instruct(instance)
    old, young = shelve(instance, "old", age=50), shelve(instance, "young", age=1)
    assert run_stage(instance, "retention").failures == []
    for one in old.media:
        with pytest.raises(ShreddedError):
            read(instance, one)
    for one in (*young.all, old.details):
        assert read(instance, one) in (young.plaintext, old.plaintext)
    kept = young.all | {old.details}
    assert {row[0] for row in rows(instance, "object_keys", "object_id")} == kept
    in_rows = {young.transcript, young.details, old.details}
    assert {row[0] for row in rows(instance, "payloads", "object_id")} == in_rows
    assert stored(instance) == column(instance, "store_key", [young.recording])
    tombstones = {
        row[0]: row[1:] for row in rows(instance, "objects", "id", "state", "facts", "due_day")
    }
    for one in old.media:
        assert tombstones[one] == ("shredded", None, date(2026, 11, 15))
    assert column(instance, "shredded_at", old.media) == {NOW}
    assert rows(instance, "transcriptions", "recording_id") == [(young.recording,)]


def test_pages_go_with_their_last_object(instance: Instance) -> None:
    """A page all of whose objects went is gone with its key; a shared one stays."""
    instruct(instance, recordings="45 days", interactions="45 days")
    shelve(instance, "old", age=50, interactions=Period(days=45))
    young = shelve(instance, "young", age=1, interactions=Period(days=45))
    before = rows(instance, "pages", "id")
    assert run_stage(instance, "retention").failures == []
    after = rows(instance, "pages", "id")
    assert len(before) - len(after) == 2
    assert openable(instance, young.all) == young.all


def test_people_go_with_the_details(instance: Instance) -> None:
    """The interaction's row and its blind indexes stay while its details do, and then go."""
    instruct(instance)
    one = shelve(instance, "one", age=365 * 2)
    young = shelve(instance, "young", age=1)
    run_stage(instance, "retention")
    assert (one.interaction,) in rows(instance, "interactions", "id")
    _on(instance, 400)
    assert run_stage(instance, "retention", approve=_hash(instance)).failures == []
    assert rows(instance, "interactions", "id") == [(young.interaction,)]
    assert rows(instance, "people", "interaction_id") == [(young.interaction,)]
    assert openable(instance, one.all) == set()


def _on(instance: Instance, days: int) -> None:
    assert isinstance(instance.clock, FixedClock)
    instance.clock.moment += timedelta(days=days)


def _hash(instance: Instance) -> str:
    return prepare(instance, night.new_run(instance, dry_run=True)).plan.hash


def test_a_quarantined_item_of_which_one_part_is_due(instance: Instance) -> None:
    """Either part gone, the item is no longer held for a decision; the other part goes later."""
    one = refuse(instance, "one", age=50, row_later=Period(days=60))
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, [one.media, one.row]) == {one.row}
    assert rows(instance, "quarantine", "state") == [("shredded",)]
    _on(instance, 2)
    run_stage(instance, "retention")
    _on(instance, 3)
    run_stage(instance, "retention")
    _on(instance, 3)
    run_stage(instance, "retention")
    _on(instance, 3)
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, [one.media, one.row]) == set()
    assert _certified(instance).keys() == {"acorn"}
    assert len(_certificates(instance)) == 2


def test_one_certificate_per_controller(instance: Instance) -> None:
    """Each lists exactly what went, all of it due, verifies, and is also a file."""
    for who in ("acorn", "birch", "cedar"):
        instruct(instance, who)
    mine = [shelve(instance, f"mine {n}", age=50 + n) for n in range(3)]
    theirs = shelve(instance, "theirs", age=45, controller="birch")
    shelve(instance, "cedars", age=44, controller="cedar")
    report = run_stage(instance, "retention")
    gone = {"acorn": set[str]().union(*(one.media for one in mine)), "birch": theirs.media}
    assert _certified(instance) == gone
    assert {who: counts["certificates"] for who, counts in report.counts.items()} == {
        "acorn": 1,
        "birch": 1,
    }
    for one in _certificates(instance):
        assert one.is_certificate
        assert one.predicate["sweep"]["as_of"] == "2026-11-20"
        days = [day for each in one.predicate["objects"]["due_days"].values() for day in each]
        assert max(days) <= "2026-11-20"
    files = {
        path.stem: path.read_text()
        for path in (instance.settings.evidence / "certificates").glob("*.json")
    }
    assert files == dict(rows(instance, "certificates", "id", "body"))


def test_certificates_are_anchored_in_the_ledger(instance: Instance) -> None:
    """Their digest has a proof under a signed checkpoint, and they name the sweep's intent."""
    instruct(instance)
    shelve(instance, "one", age=50)
    run_stage(instance, "retention")
    ((certificate_id, body),) = rows(instance, "certificates", "id", "body")
    ((intent, state),) = rows(instance, "sweeps", "intent_leaf", "state")
    with instance.unit() as connection:
        (proof,) = log.prove(connection, certificate_id)
        (event,) = connection.scalars(
            sa.select(t.ledger_leaves.c.event).where(t.ledger_leaves.c.position == intent)
        )
        log.verify(connection, [instance.signer.verifier])
    proofs.verify_proof(proof, instance.signer.verifier)
    assert sha256(body.encode()).hexdigest() in json.dumps(proof)
    said = verify_certificate(body, instance.signer.verifier).predicate["ledger"]
    assert said["intent"]["position"] == intent
    assert said["complete"] == proof["leaf"]["position"]
    assert said["exactly"]
    assert (event, state) == ("sweep-intent", "complete")


class LazyStore(ObjectStore):
    """A store that says yes to every deletion and does nothing."""

    def delete(self, paths: Iterable[str]) -> None:
        """Do nothing."""
        list(paths)


@pytest.mark.parametrize("gates", [StrictGates, None])
def test_no_certificate_while_anything_is_left(
    instance: Instance, gates: type[StrictGates] | None
) -> None:
    """Rule 5, by the gate and, where that would let it pass, by the certificate itself."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    working = instance.vault.store
    instance.vault.store = LazyStore(working.url)
    report = run_stage(instance, "retention", gates() if gates else None)
    assert len(report.failures) == 1
    assert report.failures[0].startswith("[gate-failed]" if gates else "[uncertified]")
    assert report.total("certificates") == 0
    assert rows(instance, "certificates") == []
    assert list((instance.settings.evidence / "certificates").iterdir()) == []
    assert rows(instance, "sweeps", "state")[0][0] != "complete"
    assert openable(instance, one.all) == {one.details}
    instance.vault.store = working
    report = run_stage(instance, "retention", gates() if gates else None)
    assert report.failures == []
    assert _certified(instance) == {"acorn": one.media}
    assert rows(instance, "sweeps", "state") == [("complete",)]
    assert stored(instance) == set()


def test_the_real_gate_refuses_what_is_left(tmp_path: Path) -> None:
    """Rule 5 with Great Expectations in place."""
    from data_checks.gate import GreatExpectationsGates  # noqa: PLC0415 - slow to import

    instance = new_instance(tmp_path / "home")
    instruct(instance)
    shelve(instance, "one", age=50)
    working = instance.vault.store
    instance.vault.store = LazyStore(working.url)
    (failure,) = run_stage(instance, "retention", GreatExpectationsGates()).failures
    assert "ciphertext-gone (1 of 2)" in failure
    assert rows(instance, "certificates") == []
    instance.vault.store = working
    assert run_stage(instance, "retention", GreatExpectationsGates()).failures == []
    assert len(rows(instance, "certificates")) == 1
    instance.close()


def test_a_transcript_left_alone_stops_the_certificate(instance: Instance) -> None:
    """Rule 6: a recording whose transcript was given a later day is not certified."""
    instruct(instance)
    one = shelve(instance, "one", age=44)
    run_stage(instance, "retention")  # which would have put the day right
    later = t.objects.update().where(t.objects.c.id == one.transcript)
    with instance.unit() as connection:
        connection.execute(later.values(anchor_day=date(2026, 11, 19), due_day=date(2027, 1, 3)))
    _on(instance, 1)
    (failure,) = run_stage(instance, "retention", StrictGates()).failures
    assert failure.startswith("[gate-failed]")
    assert rows(instance, "certificates") == []


def test_a_gate_that_stops_leaves_everything(instance: Instance) -> None:
    """The entry gate failed: no sweep, nothing marked, everything opens."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    (failure,) = run_stage(instance, "retention", StrictGates(stop="retention_entry")).failures
    assert failure.startswith("[gate-failed]")
    assert rows(instance, "sweeps") == []
    assert openable(instance, one.all) == one.all
    assert column(instance, "state", one.all) == {"live"}


def test_nothing_due_says_so(instance: Instance) -> None:
    """A named outcome, no sweep and no certificate; a second run after a sweep the same."""
    instruct(instance)
    assert run_stage(instance, "retention").outcome == "NothingDue"
    shelve(instance, "one", age=50)
    assert run_stage(instance, "retention").outcome == ""
    assert run_stage(instance, "retention").outcome == "NothingDue"
    assert len(rows(instance, "sweeps")) == len(rows(instance, "certificates")) == 1


def test_two_sweeps_at_once(instance: Instance) -> None:
    """The second is told that it is busy, whoever runs the first."""
    instruct(instance)
    one = shelve(instance, "one", age=50)
    with exclusive(instance.engine), pytest.raises(BusyError):
        run_stage(instance, "retention")
    assert openable(instance, one.all) == one.all
    assert run_stage(instance, "retention").failures == []


def _files_with(folder: Path, needle: bytes) -> list[str]:
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and needle in path.read_bytes()
    ]


def _secrets(instance: Instance, one: Shelved) -> dict[str, bytes]:
    """Byte strings of an interaction's media that must be nowhere after its sweep."""
    wraps = {
        one: bytes(key) for one, key in rows(instance, "object_keys", "object_id", "wrapped_key")
    }
    pages = dict(rows(instance, "pages", "id", "wrapped_key"))
    page = dict(rows(instance, "object_keys", "object_id", "page_id"))[one.recording]
    sealed: bytes = dict(rows(instance, "payloads", "object_id", "sealed"))[one.transcript]
    (path,) = column(instance, "store_key", [one.recording])
    return {
        "key of recording": wraps[one.recording],
        "key of transcript": wraps[one.transcript],
        "page's key": pages[page],
        "sealed transcript": sealed[-48:],
        "sealed recording": b"".join(instance.vault.store.get(path))[-48:],
    }


def test_no_file_holds_a_byte_of_it(tmp_path: Path) -> None:
    """Every byte of every file of an embedded instance, its write-ahead log included.

    Not on PostgreSQL: there dead rows keep wrapped keys, which open nothing since the
    root has turned (``tests/night/test_time_machine.py``).
    """
    instance = new_instance(tmp_path / "home")
    instruct(instance)
    old = [shelve(instance, f"old {n}", age=50) for n in range(5)]
    young = shelve(instance, "young", age=1)
    secrets = {
        f"{what} {n}": secret
        for n, one in enumerate(old)
        for what, secret in _secrets(instance, one).items()
    }
    kept = _secrets(instance, young)
    for what, secret in (secrets | kept).items():
        assert _files_with(tmp_path, secret), f"{what} is not to be found even before"
    assert run_stage(instance, "retention").failures == []
    for what, secret in secrets.items():
        assert _files_with(tmp_path, secret) == [], what
    turned = kept.pop("page's key")
    assert _files_with(tmp_path, turned) == [], "a survivor's page is wrapped anew"
    for what, secret in kept.items():
        assert _files_with(tmp_path, secret), f"{what} of a survivor"
    for one in (*old, young):
        assert _files_with(tmp_path, one.plaintext) == []
    instance.close()


def test_the_log_is_emptied_even_after_a_crash(tmp_path: Path) -> None:
    """Killed right after the keys went: the next run still clears old pages out of SQLite's log."""
    instance = new_instance(tmp_path / "home")
    instruct(instance)
    secrets = _secrets(instance, shelve(instance, "one", age=50))
    run = night.new_run(instance)
    sweep_id = sweep.mark(instance, run, prepare(instance, run).plan)
    sweep.turn_root(instance, run, sweep_id)
    assert _files_with(tmp_path, secrets["key of recording"]) != []
    assert run_stage(instance, "retention").failures == []
    assert {what for what, secret in secrets.items() if _files_with(tmp_path, secret)} == set()
    instance.close()


def test_what_becomes_due_behind_the_plan_waits_for_the_next(instance: Instance) -> None:
    """Erased by instruction, or no longer held, since the gate looked: the night goes on."""
    instruct(instance)
    run_stage(instance, "retention")
    old, held, young = (shelve(instance, name, age=age) for name, age in _AGES.items())
    refused = refuse(instance, "refused", age=1)
    hold = place_hold(
        instance, "acorn", "interaction", held.interaction, "dispute", date(2050, 1, 1)
    )

    class Meanwhile(PassingGates):
        def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
            if suite == "retention_entry":
                lift_hold(instance, hold)
                instruct_erasure(instance, [young.recording, refused.media], "asked for")
            return super().check(suite, frame)

    assert run_stage(instance, "retention", Meanwhile()).failures == []
    assert _certified(instance) == {"acorn": old.media}
    more = held.media | young.media | {refused.media}
    assert openable(instance, old.media | more) == more
    assert column(instance, "sweep_id", more) == {None}
    assert column(instance, "state", held.media | young.media) == {"live"}
    assert column(instance, "state", [refused.media]) == {"quarantined"}
    assert run_stage(instance, "retention").failures == []
    assert openable(instance, more) == set()


_AGES = {"old": 50, "held": 50, "young": 1}
