"""Signed notes and checkpoints: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.

Only Ed25519 signatures (type 0x01) are made and checked. Everything that does
not parse strictly or does not verify raises IntegrityError.
"""

import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callward.errors import IntegrityError
from callward.ledger.merkle import HASH_BYTES

MAX_NOTE = 256 * 1024  # characters
MAX_SIGNATURES = 100

_ED25519 = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_DASH = "— "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key by its name; written ``name+key id+base64``."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a verifier key string."""
        return _parsed_key(text)

    @classmethod
    def read(cls, text: str) -> "VerifierKey":
        """The same without remembering it."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):  # noqa: PLR2004 - name, id, key
            raise IntegrityError("malformed verifier key")
        material = decode64(parts[2])
        if len(material) != 1 + _KEY_BYTES or material[:1] != _ED25519:
            raise IntegrityError("a verifier key is not an Ed25519 key")
        key = cls(checked_name(parts[0]), material[1:])
        if key.id.hex() != parts[1]:
            raise IntegrityError("a verifier key does not match its id")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, public key)."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """The verifier key string."""
        return f"{self.name}+{self.id.hex()}+{encode64(_ED25519 + self.public)}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a bare Ed25519 signature."""
        try:
            _public_key(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise IntegrityError(f"a signature by key {self.id.hex()} does not verify") from None


# A hundred thousand certificates are signed with one key or two.
@lru_cache(maxsize=64)
def _parsed_key(text: str) -> VerifierKey:
    return VerifierKey.read(text)


@lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: who issued it, how many leaves, their Merkle root (32 bytes)."""

    origin: str
    size: int
    root: bytes


def checked_name(name: str) -> str:
    """``name`` if it may name a key: not empty, no spaces, no plus, no controls."""
    if not name or "+" in name or any(c.isspace() for c in name) or _CONTROL.search(name):
        raise IntegrityError("malformed key name")
    _utf8(name)
    return name


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """``text`` (ending in a newline) with a signature line by ``key`` called ``name``."""
    _check_text(text)
    verifier = VerifierKey(checked_name(name), key.public_key().public_bytes_raw())
    return f"{text}\n{signature_line(name, verifier.id, key.sign(_utf8(text)))}"


def add_signature(note: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note with one more signature line, by ``key`` called ``name``."""
    text, _ = _split(note)
    return note + sign_note(text, name, key).removeprefix(f"{text}\n")


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """A signature line, ended by a newline."""
    return f"{_DASH}{name} {encode64(key_id + signature)}\n"


def parse_line(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature of a signature line (without its newline)."""
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise IntegrityError("malformed signature line")
    blob = decode64(encoded)
    if len(blob) <= _ID_BYTES:
        raise IntegrityError("a note's signature is too short")
    return checked_name(name), blob[:_ID_BYTES], blob[_ID_BYTES:]


def note_text(note: str) -> str:
    """The text of a note whose signatures have **not** been checked."""
    return _split(note)[0]


def note_lines(note: str) -> Sequence[str]:
    """The signature lines of a note, unchecked, without their newlines."""
    return _split(note)[1]


def verify_note(note: str, verifier_keys: Iterable[str]) -> tuple[str, VerifierKey]:
    """The note's text and the first key that signed it.

    Signatures by unknown keys are ignored; one by a known key that does not
    verify, or none by a known key, raises IntegrityError.
    """
    known = {(key.name, key.id): key for key in map(VerifierKey.parse, verifier_keys)}
    text, lines = _split(note)
    signers: list[VerifierKey] = []
    for name, key_id, signature in map(parse_line, lines):
        key = known.get((name, key_id))
        if key is not None:
            key.verify(_utf8(text), signature)
            signers.append(key)
    if not signers:
        raise IntegrityError("a note carries no signature by a known key")
    return text, signers[0]


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The note text of ``checkpoint``."""
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{encode64(checkpoint.root)}\n"
    if parse_checkpoint(text) != checkpoint:
        raise IntegrityError("a checkpoint cannot be written")
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's note text; extension lines are refused."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:  # noqa: PLR2004 - three lines, each ended
        raise IntegrityError("a checkpoint is not three lines")
    _check_text(text)
    origin, size, root = lines[:3]
    checkpoint = Checkpoint(origin, parse_size(size), decode64(root))
    if len(checkpoint.root) != HASH_BYTES:
        raise IntegrityError("a checkpoint's root has the wrong length")
    return checkpoint


def parse_size(text: str) -> int:
    """A size in decimal, without leading noughts."""
    if not _SIZE.fullmatch(text):
        raise IntegrityError("a checkpoint's size is malformed")
    return int(text)


def verify_checkpoint(note: str, verifier_keys: Iterable[str]) -> Checkpoint:
    """The checkpoint in a note signed by one of the keys, which must bear the origin's name."""
    text, key = verify_note(note, verifier_keys)
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != key.name:
        raise IntegrityError("a checkpoint is signed in another log's name")
    return checkpoint


def _split(note: str) -> tuple[str, Sequence[str]]:
    if len(note) > MAX_NOTE:
        raise IntegrityError(f"a note is longer than {MAX_NOTE} characters")
    text, blank, signatures = note.rpartition("\n\n")
    lines = signatures.split("\n")
    if not blank or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise IntegrityError("malformed note")
    _check_text(text + "\n")
    return text + "\n", lines


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise IntegrityError("malformed note text")
    _utf8(text)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise IntegrityError("a note is not UTF-8") from None


def encode64(data: bytes) -> str:
    """Standard base64."""
    return binascii.b2a_base64(data, newline=False).decode()


def decode64(text: str) -> bytes:
    """Strict standard base64: padded, and no stray bits in the last character."""
    try:
        data = binascii.a2b_base64(text)  # what it leaves out shows below
    except (binascii.Error, ValueError):
        raise IntegrityError("malformed base64") from None
    if encode64(data) != text:
        raise IntegrityError("malformed base64")
    return data
