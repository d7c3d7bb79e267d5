"""Made-up vCons of every version, and signatures over them."""

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

UUID = "019822fb-309a-8716-9dd8-dd37220d739c"
OTHER = "01928e10-193e-8231-b9a2-279e0d16bc46"
WAVE = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(48))
VERSIONS = ("0.0.1", "0.0.2", "0.3.0", "0.4.0", None)
_SPKI = PublicFormat.SubjectPublicKeyInfo
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def call(version: str | None = "0.4.0", **changes: Any) -> dict[str, Any]:
    """A call of a customer with an agent, recorded inline and transcribed, as a version has it."""
    old = version == "0.0.1"
    media = "mimetype" if old else "mediatype"
    hashed = (
        {"alg": "SHA-512", "signature": b64(hashlib.sha512(WAVE).digest())}
        if old
        else {"content_hash": "sha512-" + b64(hashlib.sha512(WAVE).digest())}
    )
    made: dict[str, Any] = {
        "uuid": UUID,
        "created_at": "2026-05-04T10:15:00Z",
        "subject": "Delivery",
        "parties": [
            {"tel": "+441632960001", "name": "Cass Tomer", "role": "customer"},
            {"mailto": "ada@acorn.example", "name": "Ada Gent", "role": "agent", "tel": "201"},
        ],
        "dialog": [
            {
                "type": "recording",
                "start": "2026-05-04T10:00:00+01:00",
                "duration": 62.5,
                "parties": [0, 1],
                "originator": 0,
                media: "audio/x-wav",
                "filename": "call.wav",
                "encoding": "base64url",
                "body": b64(WAVE),
                **hashed,
            }
        ],
        "analysis": [
            {
                "type": "transcript",
                "dialog": 0,
                "vendor": "acme",
                "encoding": "json",
                "body": [
                    {"speaker": "Customer", "message": "Where is it?", "start": 1.5},
                    {"speaker": "Agent", "message": "On its way.", "start": 3},
                ],
            },
            {"type": "summary", "dialog": 0, "vendor": "acme", "encoding": "none", "body": "Late."},
        ],
        "attachments": [
            {
                "type" if old else "purpose": "note",
                "start": "2026-05-04T10:01:00+01:00",
                "party": 0,
                "dialog": 0,
                "filename": "note.txt",
                "encoding": "none",
                "body": "Leave it with next door.",
            }
        ],
    }
    if version is not None:
        made["vcon"] = version
    if old:
        made |= {"redacted": {}, "appended": None, "group": []}
    return made | changes


def thread(*dialogs: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Texts between two parties; each dialog given is laid over the usual one."""
    usual = {"type": "text", "start": "2026-05-04T10:00:00Z", "parties": [0, 1], "encoding": "none"}
    return {
        "vcon": "0.4.0",
        "uuid": UUID,
        "created_at": "2026-05-04T10:15:00Z",
        "parties": [{"tel": "+441632960001"}, {"tel": "+441632960002"}],
        "dialog": [{**usual, "mediatype": "text/plain", "body": "Hello", **one} for one in dialogs],
    } | changes


def recorded(**changes: Any) -> dict[str, Any]:
    """The call with its one recording changed; what is changed to None is taken away."""
    made = call()
    dialog = {**made["dialog"][0], **changes}
    made["dialog"] = [{name: value for name, value in dialog.items() if value is not None}]
    return made


@dataclass(frozen=True)
class Signatory:
    """A private key and its chain of certificates, the signer's own first."""

    key: Key
    chain: tuple[x509.Certificate, ...]

    @property
    def x5c(self) -> list[str]:
        """The chain as RFC 7515 section 4.1.6 has it."""
        return [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in self.chain]


@cache
def _rsa(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def signatory(
    kind: str = "rsa",
    number: int = 1,
    begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    bits: int = 2048,
) -> Signatory:
    """A signer whose certificate a made-up authority issued, valid for a year."""
    root_key = _rsa(0)
    root = issue("Acorn Root", root_key, "Acorn Root", root_key, begins, authority=True)
    key: Key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else _rsa(number, bits)
    leaf = issue(f"Signer {number}", key, "Acorn Root", root_key, begins, authority=False)
    return Signatory(key, (leaf, root))


def issue(
    name: str, key: Key, issuer: str, issuer_key: Key, begins: datetime, *, authority: bool
) -> x509.Certificate:
    """A certificate, valid for a year."""

    def named(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def signature(
    payload: str,
    by: Signatory,
    algorithm: str = "RS256",
    header: Mapping[str, Any] | None = None,
    **protected: Any,
) -> dict[str, Any]:
    """One signature over a payload, its certificates in the unprotected header."""
    written = b64(json.dumps({"alg": algorithm, **protected}).encode())
    made = _sign(f"{written}.{payload}".encode(), by.key, algorithm)
    return {
        "protected": written,
        "header": {"x5c": by.x5c} if header is None else dict(header),
        "signature": b64(made),
    }


def _sign(message: bytes, key: Key, algorithm: str) -> bytes:
    if algorithm == "none":
        return b""
    if algorithm.startswith("HS"):
        public = key.public_key().public_bytes(Encoding.PEM, _SPKI)
        return hmac.digest(public, message, f"sha{algorithm[2:]}")
    scheme = JWSRegistry.algorithms[algorithm]
    if isinstance(key, rsa.RSAPrivateKey):
        return scheme.sign(message, RSAKey.import_key(key))
    return scheme.sign(message, ECKey.import_key(key))


def signed(
    value: Any, by: Sequence[Signatory] = (), algorithm: str = "RS256", **protected: Any
) -> dict[str, Any]:
    """A vCon in its signed form."""
    payload = b64(json.dumps(value).encode())
    several = by or (signatory(),)
    return {
        "payload": payload,
        "signatures": [signature(payload, one, algorithm, **protected) for one in several],
    }


def changed(value: Mapping[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """A copy with one place changed."""
    made: Any = copy.deepcopy(dict(value))
    inside = made
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = to
    return dict(made)
