"""Signed vCons: JWS in its JSON serialisations (RFC 7515 section 7.2), certificates in ``x5c``.

Every signature has to hold, over the very bytes the vCon is then read from. Algorithms
are those of a list, never ``none``, never a shared secret. The key is that of the first
certificate in ``x5c``; each certificate has to be issued by the next one and valid at
the time of signing. That proves that the content is as the certificate's owner signed
it. Who that is, it proves only where the operator names roots to trust: without them
anybody can make a certificate that says anything. A certificate that is named by
address (``x5u``) is not fetched, and the signature counts as unverified.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from callward.intake.readers import jsons
from callward.intake.readers.base import Told
from callward.intake.readers.vcon_content import base64url
from callward.intake.readers.vcon_form import signing_time
from callward.intake.reasons import Reason, Refusal

ALLOWED: Final = ("RS256", "PS256", "ES256")
MOST_SIGNATURES: Final = 8
MOST_CERTIFICATES: Final = 8
_LARGEST_CERTIFICATE: Final = 16 * 1024
_KEY_BITS: Final = range(2048, 8193)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_FORBIDDEN: Final = ("crit", "b64")
"""Headers that change what is signed, or must be understood: we understand none."""
_REGISTRY = JWSRegistry(algorithms=ALLOWED)
_BAD_CERTIFICATE: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography says of certificates that are none, or do not fit together."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: SHA-256 (hex) of the certificate, the algorithm, whether a root vouches."""

    certificate: str
    algorithm: str
    trusted: bool


@dataclass(frozen=True, slots=True, repr=False)
class _Signature:
    protected: str
    signature: bytes
    header: Mapping[str, Any]


def opened(outer: Mapping[str, Any], told: Told) -> tuple[Mapping[str, Any], tuple[Signer, ...]]:
    """The vCon in a signed one, and who signed it. Refusal signature-invalid, record-malformed."""
    roots = [x509.load_der_x509_certificate(one) for one in told.roots]
    payload = outer.get("payload")
    if not isinstance(payload, str):
        raise Refusal(Reason.SIGNATURE_INVALID)
    made = [_parsed(one) for one in _signatures(outer)]
    chains = [_verified(one, payload) for one in made]
    raw = _payload(payload)
    at = signing_time(raw, told)
    for one, chain in zip(made, chains, strict=True):
        _require_valid(chain, at)
        if one.header.get("uuid") not in (None, raw.get("uuid")):
            raise Refusal(Reason.SIGNATURE_INVALID)
    return raw, tuple(_signer(one, chain, roots) for one, chain in zip(made, chains, strict=True))


def _signatures(outer: Mapping[str, Any]) -> Sequence[Any]:
    """The signatures of the general form, or the one of the flattened form; not both."""
    if "signatures" not in outer:
        return [outer]
    several = outer["signatures"]
    if "signature" in outer or not isinstance(several, list) or not several:
        raise Refusal(Reason.SIGNATURE_INVALID)
    if len(several) > MOST_SIGNATURES:
        raise Refusal(Reason.TOO_LARGE)
    return several


def _parsed(one: Any) -> _Signature:
    """Headers joined: a name may be in both, as py-vcon writes it, if it says the same."""
    if not isinstance(one, Mapping) or not isinstance(one.get("signature"), str):
        raise Refusal(Reason.SIGNATURE_INVALID)
    protected, header = one.get("protected", ""), one.get("header", {})
    if not isinstance(protected, str) or not isinstance(header, Mapping):
        raise Refusal(Reason.SIGNATURE_INVALID)
    try:
        inner = jsons.parse(base64url(protected)) if protected else {}
        signature = base64url(one["signature"])
    except Refusal:
        raise Refusal(Reason.SIGNATURE_INVALID) from None
    if not isinstance(inner, Mapping):
        raise Refusal(Reason.SIGNATURE_INVALID)
    if any(inner[name] != header[name] for name in inner.keys() & header.keys()):
        raise Refusal(Reason.SIGNATURE_INVALID)
    return _Signature(protected, signature, {**header, **inner})


def _verified(one: _Signature, payload: str) -> list[x509.Certificate]:
    """The certificates of a signature that holds."""
    algorithm = one.header.get("alg")
    if algorithm not in ALLOWED or any(name in one.header for name in _FORBIDDEN):
        raise Refusal(Reason.SIGNATURE_INVALID)
    chain = _certificates(one.header.get("x5c"))
    try:
        scheme, key = _REGISTRY.get_alg(algorithm), _key(chain[0], algorithm)
        scheme.check_key(key)
        message = f"{one.protected}.{payload}".encode()
        held = scheme.verify(message, one.signature, key)
    except (JoseError, *_BAD_CERTIFICATE):
        held = False
    if not held:
        raise Refusal(Reason.SIGNATURE_INVALID)
    return chain


def _certificates(given: Any) -> list[x509.Certificate]:
    """``x5c``: base64 (not base64url) of DER, the signer's first, each issued by the next."""
    if not isinstance(given, list) or not 0 < len(given) <= MOST_CERTIFICATES:
        raise Refusal(Reason.SIGNATURE_INVALID)
    try:
        found = [_certificate(one) for one in given]
        for one, issuer in pairwise(found):
            one.verify_directly_issued_by(issuer)
    except _BAD_CERTIFICATE:
        raise Refusal(Reason.SIGNATURE_INVALID) from None
    return found


def _certificate(text: Any) -> x509.Certificate:
    if not isinstance(text, str) or len(text) > _LARGEST_CERTIFICATE:
        raise ValueError("no certificate")
    if not _BASE64.fullmatch(text):
        raise ValueError("no base64")
    return x509.load_der_x509_certificate(base64.b64decode(text))


def _key(leaf: x509.Certificate, algorithm: str) -> RSAKey | ECKey:
    """The certificate's key, of the kind and strength the algorithm asks for; or ValueError."""
    key = leaf.public_key()
    if not _may_sign(leaf):
        raise ValueError("a certificate for something else")
    if algorithm == "ES256":
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            return ECKey.import_key(key)
    elif isinstance(key, RSAPublicKey) and key.key_size in _KEY_BITS:
        return RSAKey.import_key(key)
    raise ValueError("a key of another kind")


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment


def _require_valid(chain: Sequence[x509.Certificate], at: datetime) -> None:
    try:
        valid = all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in chain)
    except _BAD_CERTIFICATE:
        valid = False
    if not valid:
        raise Refusal(Reason.SIGNATURE_INVALID)


def _payload(text: str) -> Mapping[str, Any]:
    """The vCon that was signed; a compressed one is not unpacked."""
    try:
        raw = jsons.parse(base64url(text))
    except Refusal as refusal:
        if refusal.reason is Reason.TOO_DEEP:
            raise
        raise Refusal(Reason.RECORD_MALFORMED) from None
    if not isinstance(raw, Mapping):
        raise Refusal(Reason.RECORD_MALFORMED)
    return raw


def _signer(
    one: _Signature, chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> Signer:
    trusted = _vouched(chain, roots)
    if roots and not trusted:
        raise Refusal(Reason.SIGNATURE_INVALID)
    fingerprint = chain[0].fingerprint(hashes.SHA256()).hex()
    return Signer(fingerprint, str(one.header["alg"]), trusted)


def _vouched(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> bool:
    """Whether every issuer may issue, and the last certificate is a root or a root issued it."""
    if not all(_is_authority(one) for one in chain[1:]):
        return False
    return any(chain[-1] == root or _issued(chain[-1], root) for root in roots)


def _issued(one: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(root)
    except _BAD_CERTIFICATE:
        return False
    return True


def _is_authority(one: x509.Certificate) -> bool:
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *_BAD_CERTIFICATE):
        return False
