"""Signed vCons: the signature is what decides, and every known trick is refused."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from callward.intake.readers.base import Told
from callward.intake.readers.vcon import VconReader
from callward.intake.reasons import Reason
from callward.intake.records import Record, Refused
from tests.intake.readers.vcons import (
    OTHER,
    Signatory,
    b64,
    call,
    changed,
    issue,
    signatory,
    signature,
    signed,
)
from tests.intake.reading import TOLD, dumped, read, real, require_sound, sight

READER = VconReader()


def trusting(*roots: Certificate) -> Told:
    """What a reader is told where these are named as roots."""
    return replace(TOLD, roots=tuple(one.public_bytes(Encoding.DER) for one in roots))


def verdict(value: Any, told: Told = TOLD) -> Reason | None:
    """Why a signed vCon is refused; None if it is taken."""
    made = read(READER, dumped(value), told)
    for one in made:
        require_sound(one, READER)
    if isinstance(made[0], Refused):
        assert len(made) == 1
        assert made[0].raw == value
        return made[0].reason
    return None


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("rsa", "RS256"), ("rsa", "PS256"), ("ec", "ES256")]
)
def test_a_signature_that_holds_opens_the_vcon(kind: str, algorithm: str) -> None:
    """The records are those of the payload; who signed is told."""
    by = signatory(kind)
    made = read(READER, dumped(signed(call(), [by], algorithm)))
    assert [one.kind for one in made] == ["call", "recording", "transcript"]
    assert isinstance(made[0], Record)
    (signer,) = made[0].document["signed"]
    fingerprint = hashlib.sha256(by.chain[0].public_bytes(Encoding.DER)).hexdigest()
    assert signer == {"certificate": fingerprint, "algorithm": algorithm, "trusted": False}


def test_the_flattened_form_and_two_signatures_hold_too() -> None:
    """RFC 7515 section 7.2.2; and several signatories of one payload."""
    value = signed(call())
    flat = {"payload": value["payload"], **value["signatures"][0]}
    assert verdict(flat) is None
    assert verdict(signed(call(), [signatory(), signatory(number=2)])) is None


def test_headers_may_be_in_either_place_but_must_agree() -> None:
    """py-vcon writes them twice; what is written twice and differs is a trick."""
    payload, by = b64(dumped(call())), signatory()
    for header in ({"x5c": by.x5c, "alg": "RS256"}, {"x5c": by.x5c, "uuid": call()["uuid"]}):
        value = {"payload": payload, "signatures": [signature(payload, by, header=header)]}
        assert verdict(value) is None
    for header in (
        {"x5c": by.x5c, "alg": "none"},
        {"x5c": by.x5c, "alg": "PS256"},
        {"x5c": by.x5c, "uuid": OTHER},
    ):
        value = {"payload": payload, "signatures": [signature(payload, by, header=header)]}
        assert verdict(value) is Reason.SIGNATURE_INVALID
    within = signature(payload, by, header={}, x5c=by.x5c)
    assert verdict({"payload": payload, "signatures": [within]}) is None


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RS384", "RS512"])
def test_algorithms_that_are_not_on_the_list_are_refused(algorithm: str) -> None:
    """No signature at all, a shared secret made of the public key, and any other."""
    assert verdict(signed(call(), [signatory()], algorithm)) is Reason.SIGNATURE_INVALID


def test_an_algorithm_for_another_kind_of_key_is_refused() -> None:
    """Swapped after signing, or taken from the other family."""
    value = signed(call())
    for algorithm in ("PS256", "ES256", "none", "rs256", None, ["RS256"]):
        header = b64(json.dumps({"alg": algorithm}).encode())
        swapped = changed(value, "signatures", 0, "protected", to=header)
        assert verdict(swapped) is Reason.SIGNATURE_INVALID


def test_another_payload_is_refused() -> None:
    """One byte is enough."""
    value = changed(signed(call()), "payload", to=b64(dumped(call(subject="Another"))))
    assert verdict(value) is Reason.SIGNATURE_INVALID


def test_another_certificate_is_refused() -> None:
    """The key that verifies is the one in the certificate."""
    value = signed(call())
    swapped = changed(value, "signatures", 0, "header", "x5c", to=signatory(number=2).x5c)
    assert verdict(swapped) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("bad", [0, 1])
def test_one_bad_signature_of_two_is_enough(bad: int) -> None:
    """All of them have to hold, in either order."""
    value = signed(call(), [signatory(), signatory(number=2)])
    other = signed(call(subject="Another"))["signatures"][0]["signature"]
    broken = changed(value, "signatures", bad, "signature", to=other)
    assert verdict(broken) is Reason.SIGNATURE_INVALID


def test_a_certificate_that_its_issuer_did_not_sign_is_refused() -> None:
    """A chain is one: each is issued by the next."""
    first, second = signatory(), signatory(number=2)
    mixed = Signatory(first.key, (first.chain[0], second.chain[0]))
    assert verdict(signed(call(), [mixed])) is Reason.SIGNATURE_INVALID
    alone = Signatory(first.key, first.chain[:1])
    assert verdict(signed(call(), [alone])) is None


@pytest.mark.parametrize(
    ("begins", "held"),
    [
        (datetime(2024, 1, 1, tzinfo=UTC), False),
        (datetime(2026, 6, 1, tzinfo=UTC), False),
        (datetime(2025, 6, 1, tzinfo=UTC), True),
    ],
)
def test_certificates_have_to_be_valid_when_it_was_signed(begins: datetime, *, held: bool) -> None:
    """Signed at ``updated_at`` or ``created_at``: not before, not after, but today's no matter."""
    by = signatory(number=3, begins=begins)
    assert verdict(signed(call(), [by])) is (None if held else Reason.SIGNATURE_INVALID)


@pytest.mark.filterwarnings("ignore:Key size")
def test_weak_keys_are_refused() -> None:
    """A signature that anybody could make proves nothing."""
    by = signatory(number=4, bits=1024)
    assert verdict(signed(call(), [by])) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}])
def test_headers_that_must_be_understood_are_refused(extra: dict[str, Any]) -> None:
    """RFC 7515 section 4.1.11: we understand none."""
    assert verdict(signed(call(), **extra)) is Reason.SIGNATURE_INVALID


def test_a_certificate_named_by_address_is_not_fetched() -> None:
    """So the signature cannot be checked, and is not believed."""
    payload = b64(dumped(call()))
    header = {"x5u": "https://certificates.example/1.pem"}
    value = {"payload": payload, "signatures": [signature(payload, signatory(), header=header)]}
    assert verdict(value) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("payload",), 7),
        (("payload",), ""),
        (("signatures",), []),
        (("signatures",), {}),
        (("signatures",), [7]),
        (("signatures", 0, "signature"), ""),
        (("signatures", 0, "signature"), None),
        (("signatures", 0, "protected"), "!"),
        (("signatures", 0, "protected"), b64(b"[]")),
        (("signatures", 0, "protected"), b64(b'{"alg":"RS256","alg":"RS256"}')),
        (("signatures", 0, "header"), []),
        (("signatures", 0, "header", "x5c"), []),
        (("signatures", 0, "header", "x5c"), "x"),
        (("signatures", 0, "header", "x5c"), [7]),
        (("signatures", 0, "header", "x5c"), ["AAAA"]),
        (("signatures", 0, "header", "x5c"), ["A" * 99999]),
        (("signatures", 0, "header", "x5c"), ["!"]),
        (("signature",), "AAAA"),
    ],
)
def test_what_is_no_signature_is_refused(path: tuple[Any, ...], to: Any) -> None:
    """Whatever is there instead."""
    assert verdict(changed(signed(call()), *path, to=to)) is Reason.SIGNATURE_INVALID


def test_members_beside_the_payload_are_not_read() -> None:
    """What is signed and what is not may not be mixed."""
    assert verdict({**signed(call()), "parties": []}) is Reason.RECORD_MALFORMED


@pytest.mark.parametrize("value", [b"[]", b"not json", b"\x1f\x8b\x08\x00", b'{"a":1,"a":1}'])
def test_a_payload_that_is_no_vcon_is_refused_though_signed(value: bytes) -> None:
    """A compressed one too: nothing is unpacked."""
    payload = b64(value)
    assert (
        verdict({"payload": payload, "signatures": [signature(payload, signatory())]})
        is Reason.RECORD_MALFORMED
    )


def test_a_signed_vcon_is_held_against_the_definition_too() -> None:
    """A good signature makes no bad vCon good."""
    assert verdict(signed(call(critical=["x"]))) is Reason.EXTENSION_UNKNOWN
    assert verdict(signed(call(uuid=""))) is Reason.RECORD_MALFORMED
    assert verdict(signed(signed(call()))) is Reason.RECORD_MALFORMED


def test_roots_that_are_named_decide_who_is_believed() -> None:
    """A chain that ends in one, or in one that it issued; not one that calls itself so."""
    by, stranger = signatory(), signatory(number=2)
    made = read(READER, dumped(signed(call(), [by])), trusting(by.chain[1]))
    assert isinstance(made[0], Record)
    assert made[0].document["signed"][0]["trusted"] is True
    short = Signatory(by.key, by.chain[:1])
    assert verdict(signed(call(), [short]), trusting(by.chain[1])) is None
    assert verdict(signed(call(), [by]), trusting(stranger.chain[0])) is (Reason.SIGNATURE_INVALID)


def test_a_signer_that_may_not_issue_vouches_for_nobody() -> None:
    """An ordinary certificate must not make others where roots are named."""
    by = signatory()
    key = signatory(number=2).key
    forged = Signatory(key, (_forged(by, key), *by.chain))
    assert verdict(signed(call(), [forged]), trusting(by.chain[1])) is (Reason.SIGNATURE_INVALID)


def test_it_is_known_by_its_payload() -> None:
    """Also where only the beginning of it is seen."""
    assert READER.claims(sight(dumped(signed(call()))))
    assert READER.claims(sight(dumped(signed(call(custom="x" * 100_000)))))
    assert not READER.claims(sight(dumped({"payload": b64(b'{"order": 1}'), "signatures": []})))


def test_the_published_example_holds_and_a_touched_one_does_not() -> None:
    """The draft's signed vCon, whose certificates are of the first version and lack extensions."""
    data = json.loads(
        real("3_cdr", "vcon", "ietf_core", "ab_call_ext_rec_signed.vcon").read_bytes()
    )
    assert verdict(data) is None
    raw = base64.urlsafe_b64decode(data["payload"] + "==").replace(b"Alice", b"Mallo")
    assert verdict({**data, "payload": b64(raw)}) is Reason.SIGNATURE_INVALID


def _forged(by: Signatory, key: Any) -> Any:
    return issue(
        "Forged", key, "Signer 1", by.key, datetime(2026, 1, 1, tzinfo=UTC), authority=False
    )
