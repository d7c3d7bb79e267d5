"""The instance's signing key: checkpoints, certificates, packs.

One Ed25519 key signs documents of several kinds. What is signed for a document
is ``callward/`` + domain + newline + SHA-256(body), so that a signature for one
kind is none for another. A checkpoint's text goes on for more than the digest's
32 bytes after its first newline, so it cannot be taken for a document either.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callward.durable import sync_folder, write_durably
from callward.errors import DefectError, IntegrityError, SettingsError
from callward.ledger import notes

_DOMAIN = re.compile(r"[a-z][a-z0-9-]{0,63}")
_NAME_LINE = b"name: "
_ENVELOPE = b"DSSEv1 "
_MAX_FILE = 4096
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name it signs under (also the log's origin)."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def create(cls, path: Path, name: str) -> "Signer":
        """Make a key and keep it at ``path``: PKCS#8 PEM after a line with its name, mode 0600.

        The file is complete and durable, or not there. Raises SettingsError if
        there is one already or the name cannot name a key.
        """
        signer = cls(_usable(name), Ed25519PrivateKey.generate())
        pem = signer.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_new(path, _NAME_LINE + name.encode() + b"\n" + pem)
        return signer

    @classmethod
    def from_file(cls, path: Path) -> "Signer":
        """Read what ``create`` wrote; SettingsError if it cannot be used or others can read it."""
        header, _, pem = _read_private(path).partition(b"\n")
        if not header.startswith(_NAME_LINE):
            raise SettingsError("the signing key does not begin with its name")
        try:
            name = header.removeprefix(_NAME_LINE).decode()
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise SettingsError("the signing key cannot be read") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SettingsError("the signing key is not an Ed25519 key")
        return cls(_usable(name), key)

    @property
    def verifier(self) -> str:
        """The verifier key string to hand out."""
        return str(notes.VerifierKey(self.name, self.key.public_key().public_bytes_raw()))

    def sign(self, domain: str, body: bytes) -> bytes:
        """Sign a document of the kind ``domain`` (lower case, digits, hyphens); 64 bytes."""
        return self.key.sign(_message(domain, body))

    def sign_envelope(self, message: bytes) -> bytes:
        """Sign what a DSSE envelope signs; its beginning makes it none of the other kinds."""
        if not message.startswith(_ENVELOPE):
            raise DefectError("not the encoding that a DSSE envelope signs")
        return self.key.sign(message)

    def sign_checkpoint(self, size: int, root: bytes) -> str:
        """A signed note saying that this log has ``size`` leaves under ``root``."""
        text = notes.checkpoint_text(notes.Checkpoint(self.name, size, root))
        return notes.sign_note(text, self.name, self.key)


def verify_signature(verifier_key: str, domain: str, body: bytes, signature: bytes) -> None:
    """Check a document's signature; IntegrityError if it does not hold."""
    notes.VerifierKey.parse(verifier_key).verify(_message(domain, body), signature)


def _message(domain: str, body: bytes) -> bytes:
    if not _DOMAIN.fullmatch(domain):
        raise DefectError("malformed signing domain")
    return b"callward/" + domain.encode() + b"\n" + hashlib.sha256(body).digest()


def _usable(name: str) -> str:
    try:
        return notes.checked_name(name)
    except IntegrityError:
        raise SettingsError("a signing key's name has no spaces, plus signs or controls") from None


def _write_new(path: Path, content: bytes) -> None:
    """Write beside, then link: a kill half-way leaves no half a key at ``path``."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_durably(draft, content, mode=0o600)
        os.link(draft, path)
        draft.unlink()
        sync_folder(path.parent)
    except FileExistsError:
        raise SettingsError("there is a signing key already") from None
    except OSError as error:
        raise SettingsError(f"the signing key cannot be written (errno {error.errno})") from None
    finally:
        draft.unlink(missing_ok=True)


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"the signing key cannot be opened (errno {error.errno})") from None
    if mode & _OTHERS:
        raise SettingsError("the signing key can be read by others; its mode must be 0600")
    if len(content) > _MAX_FILE:
        raise SettingsError(f"the signing key's file is larger than {_MAX_FILE} bytes")
    return content
