"""The verifier in one file: what is in it, what it needs, and that it does the same."""

import ast
import hashlib
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from callward.evidence.checking import check_file
from callward.evidence.checks import helper
from callward.evidence.sources import closure, imported, rules_digest, source_of
from callward.evidence.standalone import ROOT, verifier_source
from callward.evidence.verify import verify_pack
from callward.ledger.signing import Signer
from tests.commands import callward
from tests.evidence.altering import failed, inside
from tests.evidence.bare import Bare
from tests.evidence.packs import Maker, make_certificate
from tests.evidence.test_pack import patch_per_file

ALLOWED = {"callward", "cryptography"}


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    """The verifier where nothing else is."""
    return Bare(tmp_path / "bare")


def test_it_needs_the_standard_library_and_cryptography_alone() -> None:
    """Everything that its modules import, also inside functions."""
    sources = closure([ROOT])
    assert {"callward.evidence.verify", "callward.evidence.judges"} <= sources.keys()
    for name, source in sources.items():
        tops = {one.partition(".")[0] for one in imported(source)}
        assert tops - ALLOWED <= sys.stdlib_module_names, name


def test_its_sources_are_ours_as_they_are(tmp_path: Path) -> None:
    """Read as Python reads it, each module's source is the file's, character by character."""
    path = tmp_path / "verify.py"
    path.write_text(verifier_source(), encoding="utf-8")
    before = list(sys.meta_path)
    try:
        held = runpy.run_path(str(path), run_name="carried")["SOURCES"]
    finally:
        sys.meta_path[:] = before
    assert held == closure([ROOT])
    assert all(held[name] == source_of(name) for name in held)
    called = {
        node.func.id
        for node in ast.walk(ast.parse(verifier_source()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"exec", "eval", "compile", "__import__"}
    assert "pickle" not in {one for source in held.values() for one in imported(source)}


def test_a_pack_holds_it_and_says_its_digest(maker: Maker) -> None:
    """As a tag file, with an honest word about how far it can be trusted."""
    _, files = inside(maker.build())
    assert files["verify.py"].decode() == verifier_source()
    assert "verify.py" in files["tagmanifest-sha512.txt"].decode()
    readme = files["README.txt"].decode()
    assert hashlib.sha256(files["verify.py"]).hexdigest() in readme
    assert "can be trusted only as far as you have\nread it" in readme


def test_it_says_the_same_line_by_line(maker: Maker, signer: Signer, bare: Bare) -> None:
    """Of a pack that stands and of one that does not, with its exit status."""
    path, key = maker.build(), bare_file(maker.folder / "key.txt", signer.verifier)
    ours = list(check_file(path, expected_key=signer.verifier).lines())
    done = bare.run(path, "--key", key)
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (0, "", ours)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Payload-Oxum", b"Payload-oxum"))
    ours = list(check_file(path, expected_key=signer.verifier).lines())
    done = bare.run(path, "--key", key)
    assert (done.returncode, done.stdout.splitlines()) == (4, ours)
    done = bare.run(path, "--period", "2026-03-01", "soon")
    assert (done.returncode, "days" in done.stderr) == (2, True)
    assert bare.run(path, "--earlier", path.with_name("none")).returncode == 2
    assert bare.run(path.with_name("none")).returncode == 2


def test_it_checks_single_certificates_too(signer: Signer, bare: Bare, tmp_path: Path) -> None:
    """Whatever ``callward verify`` takes."""
    path = bare_file(tmp_path / "c0.json", make_certificate(signer, 0))
    done = bare.run(path, "--key", signer.verifier)
    assert done.stdout.splitlines()[-1] == "the certificate verifies"
    done = bare.run(path, "--key", signer.verifier, "--year", "2026")
    assert done.returncode == 4
    assert "FAILED  pack: only a pack can be what was asked for" in done.stdout


def test_many_certificates_are_read_in_two_processes(
    maker: Maker, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong in the part of the process beside is found like anything else."""
    monkeypatch.setattr(helper, "MANY", 2)
    monkeypatch.setattr("callward.evidence.checks.certificates.PER_FILE", 2)
    with patch_per_file(2):
        good = maker.build()
        *bodies, last = tuple(maker.contents.bodies)
        wrong = replace(maker.contents, bodies=(*bodies, last.replace('"sig":"', '"sig":"AA')))
        found = verify_pack(good, expected_key=signer.verifier)
        assert failed(found) == set()
        [line] = [line for line in found.checks if line.what == "certificates"]
        assert line.detail.startswith("3, each signed")
        bad = verify_pack(maker.build(wrong), expected_key=signer.verifier)
    assert failed(bad) == {"certificates"}
    [line] = [line for line in bad.checks if line.what == "certificates"]
    assert line.detail.startswith("data/certificates/0002.jsonl line 1: ")


def test_a_helper_that_dies_is_a_failure(
    maker: Maker, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that it was to read counts as read."""
    monkeypatch.setattr(helper, "MANY", 2)
    monkeypatch.setattr("callward.evidence.checks.certificates.PER_FILE", 2)
    monkeypatch.setattr(helper, "_BOOT", "raise SystemExit(3)")
    with patch_per_file(2):
        found = verify_pack(maker.build(), expected_key=signer.verifier)
    assert failed(found) == {"certificates"}


def test_the_helper_starts_from_the_file_as_well(
    maker: Maker, signer: Signer, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standalone verifier finds its modules in itself, also in the process beside."""
    monkeypatch.setattr("tests.evidence.bare.verifier_source", _smaller)
    small = Bare(maker.folder.parent / "small")
    with patch_per_file(2):
        path = maker.build()
    [checks] = small.verify([path], "--key", signer.verifier)
    assert (checks["certificates"], checks["anchors"]) == (True, True)
    assert bare.verify([path])[0]["certificates"] is False


def _smaller() -> str:
    """The verifier with two certificates to a file, and a helper from two files on."""
    source = verifier_source()
    for old, new in (
        ("PER_FILE: Final = 5000", "PER_FILE: Final = 2"),
        ("MANY: Final = 4", "MANY: Final = 2"),
    ):
        assert source.count(old) == 1
        source = source.replace(old, new)
    return source


def test_the_command_prints_it(tmp_path: Path) -> None:
    """For auditors who want it from elsewhere than the pack; no instance is needed."""
    assert callward(tmp_path, "evidence", "verifier").out == verifier_source()


def test_rules_are_those_of_deciding_and_all_judges() -> None:
    """Their digest changes with any of them; where a pack's differs, that line stays open."""
    names = closure(["callward.evidence.clauses.deciding", "callward.evidence.judges"])
    assert "callward.evidence.clauses.model" in names
    assert len(rules_digest()) == 64


def test_other_rules_leave_the_verdicts_open(
    maker: Maker, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older verifier does not call wrong what newer rules have decided."""
    path = maker.build()
    monkeypatch.setattr("callward.evidence.checks.evidence.rules_digest", lambda: "00" * 32)
    found = verify_pack(path, expected_key=signer.verifier)
    assert failed(found) == set()
    [line] = [line for line in found.checks if line.what == "clauses"]
    assert line.ok is None
    assert rules_digest() in line.detail


def bare_file(path: Path, text: str) -> Path:
    """Write a file and return where it is."""
    path.write_text(text, encoding="utf-8")
    return path
