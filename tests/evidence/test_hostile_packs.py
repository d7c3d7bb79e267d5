"""Packs and folders made to hurt whoever verifies: files beside the verifier, bombs, empty keys."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from callward.errors import IntegrityError
from callward.evidence.checking import check_file
from callward.evidence.checks import pack as limits
from callward.evidence.conform.assessed import assessed
from callward.evidence.container import MAX_MEMBERS
from callward.evidence.standalone import verifier_source
from callward.evidence.verify import verify_pack
from callward.ledger.signing import Signer
from tests.commands import callward
from tests.evidence.altering import WANTED, detail, failed, inside, outcome, rebag
from tests.evidence.packs import Maker, make_signer

SPOILT = "raise SystemExit(0)\n"


@pytest.mark.parametrize("name", ["json", "argparse", "os", "hashlib", "cryptography", "runpy"])
@pytest.mark.parametrize("given", [["-P"], []], ids=["safe path", "as people type it"])
def test_nothing_beside_the_verifier_passes_for_pythons_own(
    maker: Maker, signer: Signer, tmp_path: Path, name: str, given: list[str]
) -> None:
    """In an unpacked pack somebody has put a module that ends the program as if all were well."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "verify.py").write_text(verifier_source(), encoding="utf-8")
    (folder / f"{name}.py").write_text(SPOILT)
    path = maker.build()
    done = subprocess.run(
        [sys.executable, *given, "verify.py", str(path), "--key", signer.verifier],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("the pack verifies\n"), done.stderr
    assert done.returncode == 0


def test_a_directory_of_too_many_is_not_read(tmp_path: Path) -> None:
    """What the archive's last bytes claim is looked at before anything is made of it."""
    path = tmp_path / "bomb.zip"
    listed = (MAX_MEMBERS + 1) * 60
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65_535, 65_535, listed, 0, 0)
    path.write_bytes(bytes(listed) + end)
    verification = verify_pack(path, expected_key=None)
    assert detail(verification, "archive") == f"the archive has more than {MAX_MEMBERS} members"
    assert verification.passed is False


def test_large_json_is_read_of_known_keys_alone(
    maker: Maker, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can write much of it, and it takes many times its size."""
    path = maker.build()
    _, files = inside(path)
    size = len(files["data/clauses.json"])
    rebag(path, {"data/clauses.json": files["data/clauses.json"] + b" " * 4_000}, signer)
    monkeypatch.setattr(limits, "MAX_UNKNOWN", size + 3_000)
    assert failed(verify_pack(path, expected_key=signer.verifier, wanted=WANTED)) == set()
    for key in (None, make_signer(2).verifier):
        verification = verify_pack(path, expected_key=key, wanted=WANTED)
        assert f"larger than {size + 3_000} bytes" in detail(verification, "clauses")


@pytest.mark.parametrize("option", ["--witness", "--key"])
def test_an_empty_key_is_an_error(maker: Maker, tmp_path: Path, option: str) -> None:
    """A variable that is not set must not quietly drop what was asked for."""
    path = maker.build()
    (tmp_path / "empty").write_text("\n")
    for given in ("", str(tmp_path / "empty")):
        said = callward(tmp_path, "verify", str(path), option, given)
        assert (said.status, said.out) == (2, "")
        assert "empty" in said.err


def test_verdicts_that_nobody_checked_are_told(
    maker: Maker, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack judged by other rules verifies with a but, and no assessment is made of it."""
    path = maker.build()
    monkeypatch.setattr("callward.evidence.checks.evidence.rules_digest", lambda: "00" * 32)
    checked = check_file(path, expected_key=signer.verifier, wanted=WANTED)
    assert outcome(checked.found)["clauses"] is None
    assert list(checked.lines())[-1] == "the pack verifies, but its verdicts were not checked"
    with pytest.raises(IntegrityError, match="could not be checked"):
        assessed(path, expected_key=signer.verifier)
    assert json.dumps(checked.as_json())
