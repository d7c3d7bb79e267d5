"""Certificates of destruction: what is certified, and what is not."""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callward.errors import DefectError, IntegrityError
from callward.evidence import dsse
from callward.evidence.certificate import build_certificate, verify_certificate
from callward.evidence.certificate_check import check_certificate
from callward.evidence.checking import check_file
from callward.ledger.canonical import canonical
from callward.ledger.keys import History, Period
from callward.ledger.signing import Signer
from tests.evidence.packs import (
    PENDING,
    UNTIL,
    TinyLog,
    cell_answer,
    edited,
    make_certificate,
    make_predicate,
    make_signer,
    standard_predicate,
    subjects,
)

ROOT = Path(__file__).resolve().parents[2]
REFUSED: Mapping[str, Any] = {
    "state": "partial",
    "generations.unsettled": 1,
    "generations.cells": [cell_answer("file", "refused")],
    "ledger.complete": None,
}
NOTHING: Mapping[str, Any] = {
    "state": "nothing-due",
    "objects": {"total": 0, "kinds": {}, "due_days": {}},
    "holds.held": 0,
    "holds.spared": 0,
    "ledger.complete": None,
    "ledger.keys_destroyed": None,
    "ledger.exactly": False,
}
HELD = {**NOTHING, "state": "blocked-by-hold", "holds.held": 2}
PLAN = [("s1", "cd" * 32)]


def test_certificate_says_what_was_destroyed(signer: Signer) -> None:
    """What was put in comes out of the check, objects in the order of their ids."""
    found = verify_certificate(make_certificate(signer, 1), signer.verifier)
    assert (found.id, found.controller, found.state) == ("c1", "acorn", "complete")
    assert found.objects == dict(subjects(2, 3))
    assert found.predicate == standard_predicate(signer, 1)
    assert (found.is_certificate, found.why_not, found.ledger_size) == (True, "", 5)


def test_it_is_an_in_toto_statement(signer: Signer) -> None:
    """A reader that knows DSSE and in-toto only finds type, subjects and predicate."""
    envelope = json.loads(make_certificate(signer, 1))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:callward:certificate-of-destruction:1"
    assert statement["subject"] == [
        {"name": name, "digest": {"sha256": digest}} for name, digest in subjects(2, 3)
    ]
    # RFC 8785, although the subjects are written by hand
    assert canonical(statement) == base64.b64decode(envelope["payload"])


def test_same_facts_same_document(signer: Signer) -> None:
    """Nothing in a certificate depends on anything but the facts and the key."""
    one, other = (make_certificate(signer, 1, objects=subjects(*each)) for each in ((2, 3), (3, 2)))
    assert one == other == make_certificate(signer, 1)


ALIVE = [cell_answer("file"), cell_answer("kms", "pending", UNTIL)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"residual.stores": {"catalogue": {"keys": 0, "payloads": 1}}}, "something is left"),
        ({"residual.stores": {}}, "no store was searched"),
        ({"checks.old_wraps_opened": 1}, "an old wrap still opens"),
        ({"backups.able": 1}, "backup can still open"),
        ({"generations.cells": ALIVE}, "a cell has not destroyed"),
        ({"generations.cells": [cell_answer("file", "refused")]}, "a cell has not destroyed"),
        ({"generations.cells": []}, "no cell was asked"),
        ({"generations.cells": [cell_answer("file")] * 2}, "answers twice"),
        ({"generations.cells": [{**cell_answer("file"), "generation": 3}]}, "no cell was asked"),
        ({"generations.unsettled": 1}, "a root that could open it lives"),
        ({"generations.after": 4}, "was not turned"),
        ({"generations.before": None}, "was not turned"),
        ({"generations.after": None}, "was not turned"),
        ({"pending_until": UNTIL}, "it is pending"),
        ({"sweep.as_of": "2026-03-01"}, "not yet due"),
        ({"objects.due_days.recordings": {"2026-03-03": 2}}, "not yet due"),
        ({"objects.total": 1}, "do not add up"),
        ({"objects.kinds": {"recording": 3}}, "do not add up"),
        ({"objects": {"total": 0, "kinds": {}, "due_days": {}}}, "other objects than it lists"),
        ({"holds.gate.outcome": "failed"}, "the gate in front of it failed"),
        ({"limits": []}, "cannot prove"),
        ({"ledger.keys_destroyed": None}, "lists others than the ledger"),
        ({"ledger.keys_destroyed": None, "ledger.exactly": False}, "does not say that its keys"),
        ({"ledger.intent": None}, "no intent"),
        ({"ledger.exactly": False}, "lists others than the ledger"),
        ({"ledger.complete": 6}, "own place in the ledger"),
        ({"ledger.complete": None}, "own place in the ledger"),
        ({"ledger.intent.position": 2}, "does not lead to the root"),
        ({"ledger.keys_destroyed.path": []}, "not lead to the root"),
        ({"ledger.checkpoint": "x\n1\nx\n"}, "malformed note"),
        ({"sweep.id": "s2"}, "intent is another sweep's"),
        ({"instance": "callward/other"}, "another instance's"),
        ({"state": "done"}, "state is malformed"),
        ({"issued_at": "2026-03-02"}, "issued_at is malformed"),
        ({"generations.before": -1}, "generations.before is malformed"),
        ({"more": 1}, "it is malformed"),
        ({"controller": "<b>"}, "controller is malformed"),
        ({"objects.due_days": {"recordings": {"2026-02-30": 2}}}, "due_days is malformed"),
        # statements that are not certificates must be true to their state as well
        ({**PENDING, "pending_until": None}, "says until when"),
        ({**PENDING, "generations.cells": [cell_answer("file")]}, "not only cells, are pending"),
        ({**PENDING, "ledger.complete": 5}, "own place in the ledger"),
        ({**REFUSED, "pending_until": UNTIL}, "says until when"),
        ({**REFUSED, "state": "nothing-due"}, "something was destroyed"),
        ({**REFUSED, "state": "blocked-by-hold"}, "something was destroyed"),
    ],
)
def test_no_certificate_without_cause(signer: Signer, changes: dict[str, Any], why: str) -> None:
    """A partial, early, empty or unfounded destruction is not certified."""
    with pytest.raises(DefectError, match=why):
        make_certificate(signer, 1, changes)


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ([], "other objects than it lists"),
        (subjects(2), "other objects than it lists"),
        (subjects(2, 2), "listed twice"),
        (subjects(2, 4), "lists others than the ledger"),
        ([("o0002", "0A" * 32), subjects(3)[0]], "digest is malformed"),
        ([("o 2", "0a" * 32), subjects(3)[0]], "name or digest is malformed"),
    ],
)
def test_subjects_are_those_of_the_ledger(
    signer: Signer, objects: list[tuple[str, str]], why: str
) -> None:
    """No object twice, none too many, none other than those whose keys were destroyed."""
    with pytest.raises(DefectError, match=why):
        make_certificate(signer, 1, objects=objects)


def test_intent_comes_first(signer: Signer) -> None:
    """Keys destroyed before the intent was entered are not certified."""
    log = TinyLog(signer)
    first = log.sweep("s1", [name for name, _ in subjects(2, 3)])
    second = log.sweep("s1", [name for name, _ in subjects(2, 3)])
    predicate = make_predicate(log, 1, "s1", (second[0], first[1]))
    with pytest.raises(DefectError, match="no intent comes before"):
        build_certificate(signer, predicate, subjects(2, 3))
    swapped = make_predicate(log, 1, "s1", (first[1], second[1]))
    with pytest.raises(DefectError, match="intent is another sweep's"):
        build_certificate(signer, swapped, subjects(2, 3))


def test_more_objects_than_the_ledger_lists(signer: Signer) -> None:
    """A leaf of one object does not carry a certificate of two."""
    log = TinyLog(signer)
    positions = log.sweep("s1", [name for name, _ in subjects(2)])
    predicate = edited(make_predicate(log, 1, "s1", positions), {"ledger.exactly": False})
    with pytest.raises(DefectError, match="more objects than the ledger"):
        build_certificate(signer, predicate, subjects(2, 3))


@pytest.mark.parametrize(
    ("changes", "objects", "why"),
    [
        (PENDING, subjects(2, 3), f"pending until {UNTIL}"),
        (REFUSED, subjects(2, 3), "partial: something is left"),
        (NOTHING, PLAN, "nothing was due"),
        (HELD, PLAN, "blocked by hold"),
    ],
)
def test_statements_say_that_they_are_no_certificates(
    signer: Signer, changes: dict[str, Any], objects: list[tuple[str, str]], why: str
) -> None:
    """The same envelope verifies and says what it is; checked as a file it does not pass."""
    text = make_certificate(signer, 1, changes, objects)
    found = verify_certificate(text, signer.verifier)
    assert not found.is_certificate
    assert found.state == changes["state"]
    assert found.why_not.startswith(why)
    assert found.objects == (dict(objects) if found.predicate["objects"]["total"] else {})
    checked = check_certificate(text.encode(), signer.verifier)
    (line,) = [line for line in checked.checks if line.what == "certificate"]
    assert (line.ok, checked.passed) == (False, False)
    assert line.detail.startswith(f"this is not a certificate: {why}")
    assert {line.what: line.ok for line in checked.checks}["signature"]


@pytest.mark.parametrize(
    ("changes", "objects", "why"),
    [
        (NOTHING, subjects(2), "subject is not the plan"),
        (NOTHING, [("s1", "ce" * 32)], "subject is not the plan"),
        ({**NOTHING, "holds.held": 1}, PLAN, "holds and state do not agree"),
        ({**HELD, "holds.held": 0}, PLAN, "holds and state do not agree"),
        ({**NOTHING, "state": "complete", "ledger.complete": 5}, PLAN, "nothing was destroyed"),
    ],
)
def test_statements_about_nothing(
    signer: Signer, changes: dict[str, Any], objects: list[tuple[str, str]], why: str
) -> None:
    """They are about their plan, and never certify."""
    with pytest.raises(DefectError, match=why):
        make_certificate(signer, 1, changes, objects)


def test_signed_nonsense_is_refused(signer: Signer) -> None:
    """Even a genuine signature does not make a certificate with something left good."""
    envelope = json.loads(make_certificate(signer, 1))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["residual"]["stores"]["objects"]["left"] = 2
    text = dsse.seal(signer, canonical(statement))
    with pytest.raises(IntegrityError, match="something is left"):
        verify_certificate(text, signer.verifier)


def test_other_statements_are_refused(signer: Signer) -> None:
    """Signed by the right key, but of another type, without subjects, or in another form."""
    payload = base64.b64decode(json.loads(make_certificate(signer, 1))["payload"])
    statement = json.loads(payload)
    wrong = [
        canonical({**statement, "_type": "https://in-toto.io/Statement/v0.1"}),
        canonical({**statement, "predicateType": "urn:callward:certificate-of-destruction:2"}),
        canonical({**statement, "more": 1}),
        canonical({**statement, "predicate": []}),
        canonical({name: value for name, value in statement.items() if name != "subject"}),
        canonical({**statement, "subject": statement["subject"][::-1]}),
        payload.replace(b'],"', b'], "', 1),
        payload + b" ",
        payload[:-1],
        b"",
        b"\xff",
    ]
    for each in wrong:
        with pytest.raises(IntegrityError):
            verify_certificate(dsse.seal(signer, each), signer.verifier)


def test_keys_count_for_their_time(signer: Signer) -> None:
    """After a change of key the old one's certificates still verify, and only up to there."""
    text, other = make_certificate(signer, 1), make_signer(2)
    old = Period(signer.verifier, 0, 9)
    assert verify_certificate(text, History((Period(other.verifier, 9), old))).id == "c1"
    assert verify_certificate(text, f"{other.verifier}\n{signer.verifier} until 9\n").id == "c1"
    too_early = History((Period(other.verifier, 4), Period(signer.verifier, 0, 4)))
    with pytest.raises(IntegrityError, match="not in force"):
        verify_certificate(text, too_early)
    with pytest.raises(IntegrityError, match="another key"):
        verify_certificate(text, other.verifier)


def test_one_file_is_checked_alone(signer: Signer, tmp_path: Path) -> None:
    """Its content says what it is; every line holds, and its limits are told."""
    path = tmp_path / "what.ever"
    path.write_text(make_certificate(signer, 1))
    checked = check_file(path, expected_key=signer.verifier)
    assert (checked.kind, checked.passed) == ("certificate", True)
    lines = {line.what: line for line in checked.found.checks}
    assert {what: line.ok for what, line in lines.items()} == {
        "key": True,
        "signature": True,
        "ledger": True,
        "certificate": True,
        "not shown": None,
    }
    assert "2 objects" in lines["certificate"].detail
    said = [line.detail for line in checked.found.checks if line.what == "not shown"]
    assert said[0] == "Copies made elsewhere are not covered."
    assert not check_file(path, expected_key=make_signer(2).verifier).passed
    assert check_file(path, expected_key=None).found.checks[0].ok is None
    for content in (b"\xff", b"{}", path.read_bytes()[:-9]):
        assert not check_certificate(content, signer.verifier).passed


def test_certificate_of_many() -> None:
    """A hundred thousand objects: signed and verified in seconds, in bounded memory."""
    code = """
import hashlib, resource, sys, time
from tests.evidence.packs import TinyLog, edited, make_predicate, make_signer
from callward.evidence.certificate import build_certificate, verify_certificate
N = 100_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
signer = make_signer()
objects = [(f"{n:032x}", f"{n:064x}") for n in range(N)]
log = TinyLog(signer)
predicate = make_predicate(log, 1, "s1", log.sweep("s1", [name for name, _ in objects]))
changes = {"ledger.exactly": True, "objects.total": N, "objects.kinds": {"recording": N},
           "objects.due_days": {"recordings": {"2026-03-01": N}}}
predicate = edited(predicate, changes)
start = time.perf_counter()
text = build_certificate(signer, predicate, objects)
built = time.perf_counter() - start
start = time.perf_counter()
assert len(verify_certificate(text, signer.verifier).objects) == N
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(built, time.perf_counter() - start, grown, len(text))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=90)
    built, verified, grown, size = map(float, done.stdout.split())
    assert built < 15
    assert verified < 15
    assert grown < 250
    assert size < 25_000_000
