"""Envelopes: what others write about DSSE holds for ours."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callward.errors import DefectError, IntegrityError
from callward.evidence import dsse
from callward.ledger.canonical import canonical
from callward.ledger.signing import Signer
from tests.evidence.packs import make_signer

IN_TOTO = b'{"_type":"https://in-toto.io/Statement/v1"}'


@pytest.mark.parametrize(
    ("payload_type", "payload", "expected"),
    [
        # secure-systems-lab/dsse, protocol.md, "Test Vectors"
        (
            "http://example.com/HelloWorld",
            b"hello world",
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world",
        ),
        # secure-systems-lab/dsse, testvectors/vectors.json: single-signature,
        # url-safe-base64, non-ascii-payload-type, empty-payload, empty-payload-type
        (dsse.PAYLOAD_TYPE, IN_TOTO, b"DSSEv1 28 application/vnd.in-toto+json 43 " + IN_TOTO),
        (
            dsse.PAYLOAD_TYPE,
            b"\xfb\xff\xbf>?",
            b"DSSEv1 28 application/vnd.in-toto+json 5 \xfb\xff\xbf>?",
        ),
        (
            "application/vnd.ex\u00e4mple+json",
            IN_TOTO,
            b"DSSEv1 29 application/vnd.ex\xc3\xa4mple+json 43 " + IN_TOTO,
        ),
        (dsse.PAYLOAD_TYPE, b"", b"DSSEv1 28 application/vnd.in-toto+json 0 "),
        ("", IN_TOTO, b"DSSEv1 0  43 " + IN_TOTO),
    ],
)
def test_encoding_is_the_specifications(payload_type: str, payload: bytes, expected: bytes) -> None:
    """What is signed is byte for byte what the protocol's vectors have."""
    assert dsse.encoding(payload_type, payload) == expected


def test_signature_is_the_specifications() -> None:
    """The vector "single-signature" of testvectors/vectors.json, with its Ed25519 key A."""
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    signature = (
        "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
    )
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    envelope = json.loads(dsse.seal(Signer("callward/a", key), IN_TOTO))
    assert envelope["payload"] == "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [each["sig"] for each in envelope["signatures"]] == [signature]


def test_an_envelope_opens_with_its_key_alone(signer: Signer) -> None:
    """It gives back payload and key; another key, or none, opens nothing."""
    text = dsse.seal(signer, b"payload")
    assert dsse.claimed_key(text) == signer.verifier
    others = [make_signer(2).verifier, signer.verifier]
    assert dsse.open_envelope(text, others) == (b"payload", signer.verifier)
    for keys in ([], others[:1]):
        with pytest.raises(IntegrityError, match="another key"):
            dsse.open_envelope(text, keys)


def test_only_our_own_form_is_read(signer: Signer) -> None:
    """Members more or fewer, other base64, a second signature, white space: all refused."""
    document = json.loads(dsse.seal(signer, b"\xfb\xff\xbf"))
    payload, (signed,) = document["payload"], document["signatures"]
    wrong: list[Any] = [
        {**document, "more": 1},
        {name: value for name, value in document.items() if name != "payloadType"},
        {**document, "payloadType": "application/json"},
        {**document, "payload": base64.urlsafe_b64encode(b"\xfb\xff\xbf").decode()},
        {**document, "payload": f"{payload}\n"},
        {**document, "payload": 7},
        {**document, "signatures": []},
        {**document, "signatures": [signed, signed]},
        {**document, "signatures": {"sig": 1}},
        {**document, "signatures": [{"sig": signed["sig"]}]},
        {**document, "signatures": [{**signed, "more": 1}]},
        [document],
    ]
    texts = [canonical(each).decode() for each in wrong]
    for text in [*texts, json.dumps(document, indent=1), "", "null", "[" * 5000, '{"a":1e999}']:
        with pytest.raises(IntegrityError, match="not an envelope"):
            dsse.open_envelope(text, [signer.verifier])


def test_the_key_signs_nothing_else_as_an_envelope(signer: Signer) -> None:
    """A checkpoint's text or one of our documents cannot be passed off as an envelope."""
    for message in (b"callward/certificate\n" + bytes(32), b"callward/0123\n5\nroot\n", b""):
        with pytest.raises(DefectError):
            signer.sign_envelope(message)
