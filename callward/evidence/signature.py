"""The pack's signature file: Ed25519 over the bag's tag manifest."""

import base64
import binascii
from typing import Final, Protocol

from callward.errors import IntegrityError
from callward.evidence.bagit import TAG_MANIFEST
from callward.ledger.canonical import canonical, parse
from callward.ledger.signing import verify_signature

SIGNATURE: Final = "signature.json"
DOMAIN: Final = "pack"
KIND: Final = "callward/pack"
VERSION: Final = 1


class Signer(Protocol):
    """Signs documents; ``callward.ledger.signing.Signer`` is one."""

    @property
    def verifier(self) -> str:
        """The C2SP verifier key that checks what ``sign`` signs."""
        ...

    def sign(self, domain: str, body: bytes) -> bytes:
        """Sign ``body`` as a document of the kind ``domain``."""
        ...


def sign_bag(tag_manifest: bytes, signer: Signer) -> bytes:
    """Sign the tag manifest, which covers the manifest, which covers every payload file."""
    return _document(signer.verifier, signer.sign(DOMAIN, tag_manifest))


def check_signature(content: bytes, tag_manifest: bytes) -> str:
    """Check a signature file and return the verifier key it holds; IntegrityError if wrong.

    Whose key that is, is for the caller to know.
    """
    try:
        document = parse(content.decode())
        if not isinstance(document, dict):
            raise IntegrityError("the signature's file is malformed")
        key, signature = str(document["signed_by"]), str(document["signature"])
        raw = base64.b64decode(signature, validate=True)
        whole = _document(key, raw)
    except (KeyError, ValueError, binascii.Error):
        raise IntegrityError("the signature's file is malformed") from None
    # Written again it must be the same: nothing unsigned can be said in it.
    if whole != content:
        raise IntegrityError("the signature's file is malformed")
    verify_signature(key, DOMAIN, tag_manifest, raw)
    return key


def _document(key: str, signature: bytes) -> bytes:
    return canonical(
        {
            "kind": KIND,
            "v": VERSION,
            "signs": TAG_MANIFEST,
            "signed_by": key,
            "signature": base64.b64encode(signature).decode(),
        }
    )
