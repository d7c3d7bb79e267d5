"""Whose signatures count: the operator's roots reach the reader, and a wrong file stops it."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from callward.errors import SettingsError
from callward.instance import Instance
from callward.intake.roots import trusted_roots
from callward.settings import load_settings
from tests.intake.readers.vcons import Signatory, call, signatory, signed
from tests.support import instruct, new_instance, rows, run_stage


def _taken_in(home: Path, by: Signatory, root: Certificate) -> Instance:
    """A night on one signed vCon, where only one authority is trusted."""
    instance = new_instance(home, vcon_roots="roots.pem")
    (home / "roots.pem").write_bytes(root.public_bytes(Encoding.PEM))
    instruct(instance)
    drop = instance.settings.landing / "acorn" / "drop"
    drop.mkdir(parents=True)
    (drop / "call.vcon").write_text(json.dumps(signed(call(), [by])))
    (drop / "drop.json").write_text("{}")
    assert run_stage(instance, "ingest").failures == []
    instance.close()
    return instance


def test_a_signer_that_is_vouched_for_is_believed(tmp_path: Path) -> None:
    """Its records are taken in."""
    by = signatory()
    instance = _taken_in(tmp_path / "home", by, by.chain[1])
    assert ("call",) in rows(instance, "interactions", "kind")


def test_a_signer_that_nobody_vouches_for_is_not(tmp_path: Path) -> None:
    """The signature holds, and yet it is refused."""
    instance = _taken_in(tmp_path / "home", signatory(), signatory(number=2).chain[0])
    assert rows(instance, "quarantine", "reason") == [("signature-invalid",)]
    assert rows(instance, "interactions") == []


def test_without_a_setting_nobody_is_named(tmp_path: Path) -> None:
    """The default."""
    assert trusted_roots(load_settings(tmp_path)) == ()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """What was to be checked must not go unchecked."""
    if content is not None:
        (tmp_path / "roots.pem").write_bytes(content)
    with pytest.raises(SettingsError):
        trusted_roots(load_settings(tmp_path, vcon_roots="roots.pem"))
