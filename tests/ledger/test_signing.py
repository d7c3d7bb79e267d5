"""The signing key: how it is kept and what it signs."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from callward.errors import DefectError, IntegrityError, SettingsError
from callward.ledger.notes import Checkpoint, verify_checkpoint
from callward.ledger.signing import Signer, verify_signature

NAME = "callward.example/log"


def _refused(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        Signer.from_file(path)
    return str(caught.value)


def test_a_key_reads_back(tmp_path: Path) -> None:
    """A key made is read back with its name, and signs as the same key."""
    made = Signer.create(tmp_path / "key", NAME)
    read = Signer.from_file(tmp_path / "key")
    assert (read.name, read.verifier) == (NAME, made.verifier)
    verify_signature(made.verifier, "pack", b"body", read.sign("pack", b"body"))


def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file is private whatever the umask, and nothing lies beside it."""
    before = os.umask(0)
    try:
        Signer.create(tmp_path / "key", NAME)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    """Making a key where there is one is refused and leaves that one."""
    Signer.create(tmp_path / "key", NAME)
    content = (tmp_path / "key").read_bytes()
    with pytest.raises(SettingsError):
        Signer.create(tmp_path / "key", NAME)
    assert (tmp_path / "key").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_cannot_be_flushed_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk fails before the key is durable, there is no key and no rest of one."""

    def fail(_descriptor: int) -> None:
        raise OSError(5, "disk")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SettingsError):
        Signer.create(tmp_path / "key", NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that group or others can read or write is not used."""
    Signer.create(tmp_path / "key", NAME)
    (tmp_path / "key").chmod(mode)
    assert "0600" in _refused(tmp_path / "key")


def test_files_that_are_no_key(tmp_path: Path) -> None:
    """Missing, nameless, torn, oversized and other keys are refused, without naming the file."""
    Signer.create(tmp_path / "key", NAME)
    good = (tmp_path / "key").read_bytes()
    other = Ed448PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    contents = [
        b"",
        good.partition(b"\n")[2],
        good[:-40],
        good + b" " * 5000,
        b"name: x\n",
        b"name: x\n" + other,
        good.replace(NAME.encode(), b"a b"),
        good.replace(NAME.encode(), b"\xff"),
    ]
    path = tmp_path / "canary"
    assert "canary" not in _refused(path)
    for content in contents:
        path.write_bytes(content)
        path.chmod(0o600)
        assert "canary" not in _refused(path)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_names_that_cannot_name_a_key(tmp_path: Path, name: str) -> None:
    """A name that no note could carry makes no key."""
    with pytest.raises(SettingsError):
        Signer.create(tmp_path / "key", name)
    assert list(tmp_path.iterdir()) == []


def test_the_private_key_does_not_show(signer: Signer) -> None:
    """Printing a signer shows its name and not its key."""
    assert repr(signer) == f"Signer(name='{signer.name}')"


def test_a_signature_is_for_one_document_of_one_kind(signer: Signer, tmp_path: Path) -> None:
    """Another body, kind, key or signature does not verify."""
    other = Signer.create(tmp_path / "other", NAME)
    signature = signer.sign("certificate", b"body")
    verify_signature(signer.verifier, "certificate", b"body", signature)
    for claim in [
        (signer.verifier, "certificate", b"Body", signature),
        (signer.verifier, "pack", b"body", signature),
        (other.verifier, "certificate", b"body", signature),
        (signer.verifier, "certificate", b"body", signature[:-1]),
        (signer.verifier, "certificate", b"body", b""),
    ]:
        with pytest.raises(IntegrityError):
            verify_signature(*claim)


@pytest.mark.parametrize("domain", ["", "A", "a b", "a\n", "a/b", "1", "x" * 65])
def test_malformed_domains(signer: Signer, domain: str) -> None:
    """A kind of document is a plain lower-case word."""
    with pytest.raises(DefectError):
        signer.sign(domain, b"")
    with pytest.raises(DefectError):
        verify_signature(signer.verifier, domain, b"", bytes(64))


def test_signs_checkpoints_in_its_own_name(signer: Signer) -> None:
    """A checkpoint is signed with the signer's name as the log's origin."""
    note = signer.sign_checkpoint(7, bytes(32))
    assert verify_checkpoint(note, [signer.verifier]) == Checkpoint(signer.name, 7, bytes(32))
