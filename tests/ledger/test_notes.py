"""Signed notes and checkpoints."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import IntegrityError
from callward.ledger.notes import (
    MAX_NOTE,
    Checkpoint,
    VerifierKey,
    checkpoint_text,
    parse_checkpoint,
    sign_note,
    verify_checkpoint,
    verify_note,
)

# Published with the format: golang.org/x/mod, sumdb/note/note_test.go.
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"

ORIGIN = "callward.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01")
CHECKPOINT = Checkpoint(ORIGIN, 20852163, bytes(range(32)))
SIGNED = sign_note(checkpoint_text(CHECKPOINT), ORIGIN, KEY)


def _verifier(key: Ed25519PrivateKey, name: str = ORIGIN) -> str:
    return str(VerifierKey(name, key.public_key().public_bytes_raw()))


def test_published_note_verifies() -> None:
    """The published note verifies under the published key."""
    text, key = verify_note(NOTE, [VERIFIER])
    assert (text, key.name, key.id.hex()) == (TEXT, "PeterNeumann", "c74f20a3")


def test_published_note_is_reproduced() -> None:
    """Signing the published text with the published key gives the published note."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert sign_note(TEXT, "PeterNeumann", key) == NOTE
    assert _verifier(key, "PeterNeumann") == VERIFIER


def test_published_key_mangled() -> None:
    """No part of the published key, and no change of one character, is a key."""
    length = len(VERIFIER)
    parts = {VERIFIER[i:j] for i in range(length) for j in range(i, length + 1)} - {VERIFIER}
    changed = {VERIFIER[:i] + chr(ord(VERIFIER[i]) + 1) + VERIFIER[i + 1 :] for i in range(length)}
    adjusted = {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    }
    for text in parts | changed | adjusted:
        with pytest.raises(IntegrityError):
            VerifierKey.parse(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        TEXT + SIGNATURE,
        "\n" + SIGNATURE,
        NOTE + "\n",
        NOTE + "more\n",
        NOTE.replace("cryptography", "cryptographY"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE.replace("PeterNeumann ", "PeterNeumann  "),
        NOTE.replace("PeterNeumann ", ""),
        NOTE.replace("PeterNeumann ", "Peter+Neumann "),
        NOTE.replace("AM=\n", "AN=\n"),
        NOTE.replace("AM=\n", "AM\n"),
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        NOTE.replace("If", "I\tf"),
        NOTE.replace("If", "I\rf"),
        NOTE.replace("If", "I\x00f"),
        NOTE.replace("If", "\ud800"),
        TEXT + "\n" + SIGNATURE * 101,
        "x" * MAX_NOTE + NOTE,
    ],
)
def test_malformed_notes(note: str) -> None:
    """Anything but the exact format is refused."""
    with pytest.raises(IntegrityError):
        verify_note(note, [VERIFIER])


def test_text_with_blank_lines() -> None:
    """The text may hold blank lines; the last one ends it."""
    text = "one\n\n\ntwo — three\n"
    assert verify_note(sign_note(text, ORIGIN, KEY), [_verifier(KEY)])[0] == text


def test_signatures_by_unknown_keys_are_ignored() -> None:
    """One signature by a known key suffices, whoever else has signed."""
    signature = sign_note(TEXT, "someone.example", OTHER).removeprefix(TEXT + "\n")
    assert verify_note(NOTE + signature, [VERIFIER])[0] == TEXT
    assert verify_note(f"{TEXT}\n{signature}{SIGNATURE}", [VERIFIER])[0] == TEXT


def test_no_signature_by_a_known_key() -> None:
    """A note nobody known has signed is refused, and so is every note if no key is known."""
    for keys in ([_verifier(KEY)], [_verifier(OTHER, "PeterNeumann")], []):
        with pytest.raises(IntegrityError):
            verify_note(NOTE, keys)


def test_one_bad_signature_by_a_known_key_spoils_the_note() -> None:
    """A good signature does not make up for a known key's that does not verify."""
    bad = sign_note("other text\n", ORIGIN, KEY).removeprefix("other text\n\n")
    keys = [VERIFIER, _verifier(KEY)]
    for note in (NOTE + bad, f"{TEXT}\n{bad}{SIGNATURE}"):
        with pytest.raises(IntegrityError):
            verify_note(note, keys)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x01b", "\ud800"])
def test_names_that_cannot_name_a_key(name: str) -> None:
    """Spaces, plus signs, controls and lone surrogates are refused in names."""
    with pytest.raises(IntegrityError):
        sign_note(TEXT, name, KEY)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "surrogate \udfff\n"])
def test_text_that_cannot_be_signed(text: str) -> None:
    """A text that could not be read back is not signed."""
    with pytest.raises(IntegrityError):
        sign_note(text, ORIGIN, KEY)


def test_checkpoint_is_the_documented_text() -> None:
    """A checkpoint is three lines: origin, size, root in base64."""
    encoded = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert checkpoint_text(CHECKPOINT) == f"{ORIGIN}\n20852163\n{encoded}\n"
    published = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert checkpoint_text(parse_checkpoint(published)) == published


@given(st.integers(0, 2**60), st.binary(min_size=32, max_size=32))
def test_checkpoint_reads_back(size: int, root: bytes) -> None:
    """A signed checkpoint verifies and reads back as it was."""
    checkpoint = Checkpoint(ORIGIN, size, root)
    note = sign_note(checkpoint_text(checkpoint), ORIGIN, KEY)
    assert verify_checkpoint(note, [_verifier(OTHER), _verifier(KEY)]) == checkpoint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20852163", "020852163"),
        ("20852163", "-1"),
        ("20852163", "+1"),
        ("20852163", "1_0"),
        ("20852163", "٣"),
        ("20852163", ""),
        ("20852163", "9" * 20),
        (ORIGIN, ""),
        ("Hh8=", "Hh9="),
        ("Hh8=", "Hh8"),
        ("Hh8=", ""),
        ("Hh8=\n", "Hh8=\nextension\n"),
        ("Hh8=\n", "Hh8="),
        ("Hh8=\n", "Hh8=\n\n"),
    ],
)
def test_malformed_checkpoints(old: str, new: str) -> None:
    """Anything but the exact format is refused."""
    text = checkpoint_text(CHECKPOINT)
    assert old in text
    with pytest.raises(IntegrityError):
        parse_checkpoint(text.replace(old, new))


def test_checkpoints_that_cannot_be_written() -> None:
    """A checkpoint that would not read back as itself is not written."""
    for bad in [
        Checkpoint("two\nlines", 1, bytes(32)),
        Checkpoint("", 1, bytes(32)),
        Checkpoint(ORIGIN, -1, bytes(32)),
        Checkpoint(ORIGIN, 1, bytes(31)),
    ]:
        with pytest.raises(IntegrityError):
            checkpoint_text(bad)


def test_checkpoint_in_another_name() -> None:
    """A log's checkpoint counts only under a key of the log's own name."""
    note = sign_note(checkpoint_text(CHECKPOINT), "other.example/log", KEY)
    with pytest.raises(IntegrityError):
        verify_checkpoint(note, [_verifier(KEY, "other.example/log")])


@pytest.mark.parametrize("index", range(len(SIGNED)))
def test_every_character_of_a_signed_checkpoint_counts(index: int) -> None:
    """No one character of a signed checkpoint can be changed or left out."""
    for middle in (chr(ord(SIGNED[index]) + 1), ""):
        with pytest.raises(IntegrityError):
            verify_checkpoint(SIGNED[:index] + middle + SIGNED[index + 1 :], [_verifier(KEY)])
