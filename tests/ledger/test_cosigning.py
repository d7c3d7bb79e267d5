"""Cosignatures: what a witness says, and who can check it."""

import base64
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import IntegrityError
from callward.ledger import notes
from callward.ledger.cosigning import WitnessKey, cosign, find_line, verify_cosigned, verify_line
from callward.ledger.keys import History
from callward.ledger.signing import Signer
from callward.ledger.witness import witness_key

AT = datetime(2026, 3, 29, 1, 30, 0, tzinfo=UTC)
# The specification's own example (c2sp.org/tlog-cosignature).
SPEC_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
    "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)


@pytest.fixture
def witness(tmp_path: Path) -> Signer:
    """A witness's key."""
    return Signer.create(tmp_path / "witness.key", "witness.example/w1")


@pytest.fixture
def note(signer: Signer) -> str:
    """A log's signed head."""
    return signer.sign_checkpoint(7, bytes(range(32)))


def test_the_signed_message_is_the_specifications(witness: Signer, note: str) -> None:
    """Made by hand from the text of the specification, it verifies with Ed25519 alone."""
    line = cosign(note, witness.name, witness.key, AT)
    _, name, encoded = line.split(" ")
    blob = base64.b64decode(encoded)
    (time,) = struct.unpack(">Q", blob[4:12])
    assert (name, time) == (witness.name, int(AT.timestamp()))
    text = note.split("\n\n", maxsplit=1)[0] + "\n"
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    public = witness.key.public_key().public_bytes_raw()
    Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], message)


def test_the_specifications_example_parses() -> None:
    """Its line has a time in it, and the length that is looked for."""
    name, key_id, blob = notes.parse_line(SPEC_LINE)
    assert (name, key_id.hex(), len(blob)) == ("witness.example.com/w1", "8d66cf3f", 72)
    assert struct.unpack(">Q", blob[:8]) == (1679315147,)


def test_keys_are_written_and_read(witness: Signer) -> None:
    """A witness's key is no log's key, nor the other way round."""
    key = witness_key(witness)
    assert WitnessKey.parse(f"{key}\n") == key
    with pytest.raises(IntegrityError):
        notes.VerifierKey.parse(str(key))
    with pytest.raises(IntegrityError):
        WitnessKey.parse(witness.verifier)


@given(st.text(max_size=80))
def test_malformed_keys(text: str) -> None:
    """Whatever it is, it is refused in one way."""
    with pytest.raises(IntegrityError):
        WitnessKey.parse(text)


def test_a_cosigned_note_verifies_everywhere(
    witness: Signer, signer: Signer, note: str, tmp_path: Path
) -> None:
    """The log's signature holds with cosignatures under it, whoever knows which key."""
    stranger = Signer.create(tmp_path / "stranger", "witness.example/w2")
    cosigned = note + cosign(note, stranger.name, stranger.key, AT)
    cosigned += cosign(note, witness.name, witness.key, AT)
    assert notes.verify_checkpoint(cosigned, [signer.verifier]).size == 7
    assert History.parse(signer.verifier).verify_checkpoint(cosigned).size == 7
    assert verify_cosigned(cosigned, str(witness_key(witness))) == AT
    assert verify_cosigned(cosigned, str(witness_key(stranger))) == AT
    with pytest.raises(IntegrityError, match="not cosigned"):
        verify_cosigned(note, str(witness_key(witness)))


def test_a_cosignature_is_of_one_head_by_one_key_at_one_time(
    witness: Signer, signer: Signer, note: str, tmp_path: Path
) -> None:
    """Another head, key, time or length does not verify."""
    key, line = witness_key(witness), cosign(note, witness.name, witness.key, AT).strip()
    assert verify_line(line, note, key) == AT
    other = signer.sign_checkpoint(8, bytes(range(32)))
    namesake = witness_key(Signer.create(tmp_path / "namesake", witness.name))
    blob = bytearray(base64.b64decode(line.split(" ")[2]))
    blob[11] ^= 1
    later = notes.signature_line(key.name, bytes(blob[:4]), bytes(blob[4:])).strip()
    short = notes.signature_line(key.name, bytes(blob[:4]), bytes(blob[4:-1])).strip()
    for claim in ((line, other, key), (line, note, namesake), (later, note, key)):
        with pytest.raises(IntegrityError):
            verify_line(*claim)
    with pytest.raises(IntegrityError, match="length"):
        verify_line(short, note, key)


def test_a_logs_signature_is_no_cosignature(witness: Signer, note: str) -> None:
    """The same key signing as a log says nothing as a witness."""
    line = notes.note_lines(notes.add_signature(note, witness.name, witness.key))[1]
    with pytest.raises(IntegrityError):
        find_line([line], note, witness_key(witness))
