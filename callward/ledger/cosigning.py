"""Cosignatures of a witness: c2sp.org/tlog-cosignature, Ed25519 (type 0x04).

A cosignature says: at this time, the largest consistent head of the log called
so that I had seen was this one. It is one more signature line under the note.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callward.errors import IntegrityError
from callward.ledger import notes

_TYPE = b"\x04"
_KEY_BYTES = 32
_ID_BYTES = 4
_TIME = struct.Struct(">Q")
_SIGNATURE_BYTES = _TIME.size + 64
_LATEST = 253402300799  # the year 9999: beyond it there are no dates


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key by its name; written as a verifier key of type 0x04."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "WitnessKey":
        """Read a witness's verifier key string; IntegrityError if it is none."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = notes.decode64(encoded)
        if len(material) != 1 + _KEY_BYTES or material[:1] != _TYPE:
            raise IntegrityError("a verifier key is not a witness's Ed25519 key")
        key = cls(notes.checked_name(name), material[1:])
        if key.id.hex() != key_id:
            raise IntegrityError("a witness's verifier key does not match its id")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, public key)."""
        named = self.name.encode() + b"\n" + _TYPE + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """The verifier key string to hand out."""
        return f"{self.name}+{self.id.hex()}+{notes.encode64(_TYPE + self.public)}"


def cosign(note: str, name: str, key: Ed25519PrivateKey, at: datetime) -> str:
    """The line (ended by a newline) by which the witness ``name`` cosigns ``note``."""
    time = int(at.timestamp())
    signature = key.sign(_message(notes.note_text(note), time))
    witness = WitnessKey(name, key.public_key().public_bytes_raw())
    return notes.signature_line(name, witness.id, _TIME.pack(time) + signature)


def verify_line(line: str, note: str, key: WitnessKey) -> datetime:
    """When the witness cosigned ``note`` with ``line`` (no newline); IntegrityError if it did not.

    The time is the witness's own, UTC, in whole seconds.
    """
    name, key_id, blob = notes.parse_line(line)
    if (name, key_id) != (key.name, key.id):
        raise IntegrityError("a cosignature is another witness's")
    if len(blob) != _SIGNATURE_BYTES:
        raise IntegrityError("a cosignature has the wrong length")
    (time,) = _TIME.unpack(blob[: _TIME.size])
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(blob[_TIME.size :], _message(notes.note_text(note), time))
    except (InvalidSignature, ValueError):
        raise IntegrityError("a cosignature does not verify") from None
    if time > _LATEST:
        raise IntegrityError("a cosignature's time is out of range")
    return datetime.fromtimestamp(time, UTC)


def find_line(lines: Iterable[str], note: str, key: WitnessKey) -> tuple[str, datetime]:
    """The witness's line among ``lines`` (others' are ignored) and its time; checked.

    IntegrityError if there is none or it does not verify.
    """
    for line in lines:
        if notes.parse_line(line)[:2] == (key.name, key.id):
            return line, verify_line(line, note, key)
    raise IntegrityError("the witness has not cosigned")


def verify_cosigned(note: str, witness_key: str) -> datetime:
    """When the witness cosigned the checkpoint in ``note``; IntegrityError if it did not.

    For auditors: says nothing of the log's own signature.
    """
    return find_line(notes.note_lines(note), note, WitnessKey.parse(witness_key))[1]


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
