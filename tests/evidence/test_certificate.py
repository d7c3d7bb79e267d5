"""Certificates of destruction: what is certified, and what is not."""

import base64
import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.errors import DefectError, IntegrityError
from callward.evidence.certificate import verify_certificate
from callward.ledger.canonical import canonical
from callward.ledger.signing import Signer
from tests.evidence.packs import make_certificate, make_signer

DIGEST = "0a" * 32


def test_certificate_says_what_was_destroyed(signer: Signer) -> None:
    """What was put in comes out of the check, objects in the order of their ids."""
    document = verify_certificate(make_certificate(signer, 1), signer.verifier)
    assert (document["id"], document["controller"], document["sweep"]) == ("c1", "acorn", "s1")
    assert [entry["id"] for entry in document["objects"]] == ["o2", "o3"]
    assert document["objects"][0]["due_day"] == "2026-03-01"
    assert document["ledger"] == {"size": 6, "intent_leaf": 5}
    assert document["issued_at"] == "2026-03-02T01:00:00Z"
    assert document["generation"] == 1
    assert document["signed_by"] == signer.verifier


def test_same_facts_same_document(signer: Signer) -> None:
    """Nothing in a certificate depends on anything but the facts and the key."""
    objects = [(f"o{n}", "recording", DIGEST, date(2026, 3, 1)) for n in range(4)]
    one, other = (make_certificate(signer, 1, objects=each) for each in (objects, objects[::-1]))
    assert one == other


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"residual": {"objects": 0, "payloads": 1}}, "something is left"),
        ({"residual": {}}, "no store was searched"),
        ({"objects": []}, "nothing was destroyed"),
        ({"objects": [("o1", "recording", DIGEST, date(2026, 3, 3))]}, "not yet due"),
        ({"objects": [("o1", "recording", DIGEST, date(2026, 3, 1))] * 2}, "listed twice"),
        ({"objects": [("o1", "recording", "0A" * 32, date(2026, 3, 1))]}, "digest is malformed"),
        ({"intent_leaf": 6}, "intent is not in the ledger"),
        ({"generation": -1}, "not a natural one"),
        ({"issued_at": datetime(2026, 3, 2)}, "an offset"),  # noqa: DTZ001 - the point
    ],
)
def test_no_certificate_without_cause(signer: Signer, changes: dict[str, Any], why: str) -> None:
    """A partial, early, empty or unfounded destruction is not certified."""
    with pytest.raises(DefectError, match=why):
        make_certificate(signer, 1, **changes)


def test_signed_nonsense_is_refused(signer: Signer) -> None:
    """Even a genuine signature does not make a certificate with something left good."""
    document = json.loads(make_certificate(signer, 1))
    del document["signature"]
    document["residual"] = {"objects": 2}
    signature = base64.b64encode(signer.sign("certificate", canonical(document))).decode()
    text = canonical({**document, "signature": signature}).decode()
    with pytest.raises(IntegrityError, match="something is left"):
        verify_certificate(text, signer.verifier)


def test_other_key_is_refused(signer: Signer) -> None:
    """A certificate counts under the key that signed it only."""
    with pytest.raises(IntegrityError, match="another key"):
        verify_certificate(make_certificate(signer, 1), make_signer(2).verifier)


@pytest.mark.parametrize(
    "field", ["controller", "objects", "as_of", "residual", "ledger", "generation", "sweep", "v"]
)
def test_no_field_can_be_changed_or_dropped(signer: Signer, field: str) -> None:
    """Every field is under the signature."""
    document = json.loads(make_certificate(signer, 1))
    changed = {**document, field: 7 if field == "generation" else document["id"]}
    dropped = {name: value for name, value in document.items() if name != field}
    for other in (changed, dropped, {**document, "more": 1}):
        with pytest.raises(IntegrityError):
            verify_certificate(canonical(other).decode(), signer.verifier)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0), st.characters(codec="utf-8"))
def test_no_character_can_be_changed(signer: Signer, where: int, character: str) -> None:
    """Whatever stands anywhere instead of what stood there, the check fails."""
    text = make_certificate(signer, 1)
    at = where % len(text)
    if text[at] != character:
        with pytest.raises(IntegrityError):
            verify_certificate(text[:at] + character + text[at + 1 :], signer.verifier)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 5000, '{"v":1e400}', "9" * 5000])
def test_other_texts_are_refused(signer: Signer, text: str) -> None:
    """What is no certificate is an error of ours, whatever it is."""
    with pytest.raises(IntegrityError):
        verify_certificate(text, signer.verifier)
