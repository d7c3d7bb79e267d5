"""DSSE envelopes (secure-systems-lab/dsse, protocol 1.0): any bytes, their type, one signature.

Only what ``seal`` writes is opened: canonical JSON, one Ed25519 signature, standard
base64, and as ``keyid`` the C2SP verifier key itself, so that a reader sees at once
which key to compare.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from callward.errors import DefectError, IntegrityError
from callward.ledger.canonical import canonical
from callward.ledger.notes import VerifierKey, decode64

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_CHARACTERS: Final = 256 * 1024 * 1024

# What ``_envelope`` writes, if the key's name needs no escapes.
_PLAIN = re.compile(
    r'\{"payload":"([A-Za-z0-9+/=]*+)","payloadType":"application/vnd\.in-toto\+json",'
    r'"signatures":\[\{"keyid":"([!#-\[\]-~]*+)","sig":"([A-Za-z0-9+/=]*+)"\}\]\}'
)


class Signer(Protocol):
    """Signs envelopes; ``callward.ledger.signing.Signer`` is one."""

    @property
    def verifier(self) -> str:
        """The C2SP verifier key that checks what is signed."""
        ...

    def sign_envelope(self, message: bytes) -> bytes:
        """Sign what ``encoding`` returns."""
        ...


def encoding(payload_type: str, payload: bytes) -> bytes:
    """What is signed: the pre-authentication encoding (PAE) of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(signer: Signer, payload: bytes) -> str:
    """Return the envelope of an in-toto statement."""
    signature = signer.sign_envelope(encoding(PAYLOAD_TYPE, payload))
    return _envelope(payload, signer.verifier, signature)


def claimed_key(text: str) -> str:
    """The verifier key an envelope says it is signed with, not checked; IntegrityError."""
    return str(_parse(text)[1])


def open_envelope(text: str, keys: Sequence[str]) -> tuple[bytes, str]:
    """The payload, and which of the verifier ``keys`` signed it; IntegrityError if none did."""
    payload, key, signature = _parse(text)
    if key not in keys:
        raise IntegrityError("an envelope is signed by another key")
    VerifierKey.parse(key).verify(encoding(PAYLOAD_TYPE, payload), signature)
    return payload, key


def _parse(text: str) -> tuple[bytes, str, bytes]:
    """Payload, key and signature, none of them checked."""
    if len(text) > MAX_CHARACTERS:
        raise IntegrityError(f"an envelope is longer than {MAX_CHARACTERS} characters")
    found = _PLAIN.fullmatch(text)
    if found is not None:
        return decode64(found[1]), found[2], decode64(found[3])
    try:
        document: Any = json.loads(text)
        payload = base64.b64decode(document["payload"], validate=True)
        (signed,) = document["signatures"]
        key, signature = signed["keyid"], base64.b64decode(signed["sig"], validate=True)
        # Written again it must be the same: nothing unsigned can be said in it.
        same = _envelope(payload, key, signature) == text
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error, DefectError):
        raise IntegrityError("not an envelope as Callward writes them") from None
    if not same:
        raise IntegrityError("not an envelope as Callward writes them")
    return payload, key, signature


def _envelope(payload: bytes, key: str, signature: bytes) -> str:
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key, "sig": base64.b64encode(signature).decode()}],
        }
    ).decode()
