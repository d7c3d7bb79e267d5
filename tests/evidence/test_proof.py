"""The proof file: everything about one object, checkable anywhere."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue.engine import open_engine
from callward.catalogue.tables import metadata
from callward.errors import SettingsError
from callward.evidence.checking import check_file
from callward.evidence.proof import build_proof, check_proof
from callward.evidence.verify import Verification
from callward.ledger import log
from callward.ledger.canonical import canonical
from callward.ledger.keys import History
from callward.ledger.log import Item
from callward.ledger.proving import prove_events
from callward.ledger.signing import Signer

SUBJECT = "5" * 32
AT = datetime(2026, 3, 29, 1, 30, 0, 250000, tzinfo=UTC)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """The log's key."""
    return Signer.create(tmp_path / "signing.pem", "callward/log")


@pytest.fixture
def engine(tmp_path: Path, signer: Signer) -> sa.Engine:
    """A log in which one object was ingested, opened twice in one leaf, and shredded."""
    made = open_engine(f"sqlite:///{tmp_path / 'c.sqlite'}")
    metadata.create_all(made)
    with made.begin() as connection:
        log.init(connection)
        others = [Item(f"{number:032x}", {"size": number}) for number in range(4)]
        own = Item(SUBJECT, {"bytes": 8, "kind": "recording"})
        log.append(connection, "ingested", [*others, own], at=AT, ids={"drop": "d1"})
        log.append(connection, "opened", [Item(SUBJECT, {"n": n}) for n in (1, 2)], at=AT)
        log.append(connection, "shredded", [*others, Item(SUBJECT)], at=AT)
        log.append(connection, "ended", [], at=AT)
        log.checkpoint(connection, signer, AT)
    return made


@pytest.fixture
def proof(engine: sa.Engine, signer: Signer) -> bytes:
    """The proof file of the object."""
    with engine.begin() as connection:
        events, note = prove_events(connection, SUBJECT)
    return build_proof(SUBJECT, events, note, signer).encode()


def _resigned(proof: bytes, signer: Signer, **changes: Any) -> bytes:
    """The proof with members changed, and signed again by whoever changed it."""
    document = {**json.loads(proof), **changes, "signed_by": signer.verifier}
    return build_proof(
        document["subject"], document["events"], document["checkpoint"], signer
    ).encode()


def _failed(found: Verification) -> list[str]:
    return [line.detail for line in found.checks if line.ok is False]


def test_everything_is_in_one_file(proof: bytes, signer: Signer) -> None:
    """Every event has its line, in order, and nothing is left open but what cannot be shown."""
    found = check_proof(proof, signer.verifier)
    assert found.passed
    assert found.key == signer.verifier
    events = [line.detail for line in found.checks if line.what == "event"]
    assert [text.split()[1] for text in events] == ["ingested", "opened", "opened", "shredded"]
    assert "bytes=8 kind=recording drop=d1 (leaf 0, item 4 of 5, under the root)" in events[0]
    assert [line.what for line in found.checks if line.ok is None] == ["not shown"]


def test_without_a_key_it_stays_open_whose_it_is(proof: bytes, signer: Signer) -> None:
    """Everything else is checked; the key's line says what to compare."""
    found = check_proof(proof, None)
    assert found.passed
    (line,) = [line for line in found.checks if line.what == "key"]
    assert line.ok is None
    assert signer.verifier in line.detail


def test_another_key_is_not_the_one_expected(proof: bytes, signer: Signer, tmp_path: Path) -> None:
    """A proof that somebody else made of somebody else's log does not pass for ours."""
    other = Signer.create(tmp_path / "other.pem", signer.name)
    assert not check_proof(proof, other.verifier).passed
    # The other signs the document, but cannot sign the checkpoint for us.
    assert not check_proof(_resigned(proof, other), other.verifier).passed
    assert not check_proof(_resigned(proof, other), signer.verifier).passed
    assert not check_proof(proof, "no key").passed


def test_a_retired_key_counts_for_its_time(proof: bytes, signer: Signer, tmp_path: Path) -> None:
    """With a list of keys, a proof under an old one verifies, unless it is too young for it."""
    newer = Signer.create(tmp_path / "newer.pem", signer.name)
    for until, passes in ((4, True), (3, False)):
        keys = f"{newer.verifier}\n{signer.verifier} until {until}\n"
        History.parse(keys)
        assert check_proof(proof, keys).passed is passes


def test_an_event_left_out_is_noticed(proof: bytes, signer: Signer) -> None:
    """The signature over all of it states that these are all: one cannot be taken away."""
    document = json.loads(proof)
    for number in range(4):
        fewer = document["events"][:number] + document["events"][number + 1 :]
        assert _failed(check_proof(canonical({**document, "events": fewer}), signer.verifier))


def test_even_the_signer_cannot_prove_what_is_not_there(proof: bytes, signer: Signer) -> None:
    """Signed again, an event that was moved, doubled or about another still does not verify."""
    events = json.loads(proof)["events"]
    first, second, third, last = events
    forged: list[tuple[list[Any], str]] = [
        ([second, first, third, last], "out of order"),
        ([first, first], "out of order"),
        ([], "proves nothing"),
        ([{**first, "leaf": last["leaf"]}], "does not lead to the root"),
        ([{**first, "item": {**first["item"], "position": 3}}], "does not lead to the root"),
        ([{**first, "leaf": {**first["leaf"], "path": []}}], "does not lead to the root"),
        ([{**first, "item": {**first["item"], "path": ["AB" * 32]}}], "not hex"),
    ]
    for wrong, found in forged:
        (detail,) = _failed(check_proof(_resigned(proof, signer, events=wrong), signer.verifier))
        assert found in detail
    (detail,) = _failed(check_proof(_resigned(proof, signer, subject="6" * 32), signer.verifier))
    assert "another subject" in detail


@pytest.mark.parametrize(
    "changes",
    [{"v": 2}, {"v": True}, {"kind": "other"}, {"subject": 5}, {"more": 1}, {"signature": "="}],
)
def test_files_of_another_shape_are_refused(
    proof: bytes, signer: Signer, changes: dict[str, Any]
) -> None:
    """What is not exactly a proof file is none."""
    content = canonical({**json.loads(proof), **changes})
    assert _failed(check_proof(content, signer.verifier))
    for spoilt in (proof + b"\n", b" " + proof, proof[:-1], b"{}", b"\xff", b""):
        assert _failed(check_proof(spoilt, signer.verifier))


def test_a_file_says_what_it_is(proof: bytes, signer: Signer, tmp_path: Path) -> None:
    """One command checks packs and documents; what is neither does not verify."""
    path = tmp_path / "file"
    path.write_bytes(proof)
    checked = check_file(path, expected_key=signer.verifier)
    assert (checked.kind, checked.passed) == ("proof", True)
    assert list(checked.lines())[-1] == "the proof verifies"
    assert checked.as_json()["passed"] is True
    for content, kind in (
        (proof[:-9], "file"),
        (b'{"kind":"poem"}', "file"),
        (b"{", "file"),
        (b'{"kind":["x"]}', "file"),
        (b"PK\x03\x04 no zip", "pack"),
        (b"", "pack"),
    ):
        path.write_bytes(content)
        checked = check_file(path, expected_key=None)
        assert (checked.kind, checked.passed) == (kind, False)
        assert list(checked.lines())[-1] == f"the {kind} does NOT verify"
    with pytest.raises(SettingsError):
        check_file(tmp_path / "none", expected_key=None)


# An auditor's machine: Python, ``cryptography`` and what that needs, and nothing more.
_BARE = """
import runpy, sys
ALLOWED = {"callward", "cryptography", "cffi", "_cffi_backend", "pycparser", "typing_extensions"}
class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        standard = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if top not in ALLOWED and not standard:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Bare())
sys.argv = ["callward.evidence", *sys.argv[1:]]
runpy.run_module("callward.evidence", run_name="__main__")
"""


def _bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _BARE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_an_auditor_needs_cryptography_and_nothing_else(
    proof: bytes, signer: Signer, tmp_path: Path
) -> None:
    """``python -m callward.evidence`` runs without typer, SQLAlchemy and all the others."""
    path = tmp_path / "proof.json"
    path.write_bytes(proof)
    good = _bare(str(path), "--key", signer.verifier)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.endswith("the proof verifies\n")
    told = _bare(str(path), "--json")
    assert json.loads(told.stdout)["kind"] == "proof"
    path.write_bytes(proof.replace(b"shredded", b"retained"))
    bad = _bare(str(path))
    assert (bad.returncode, bad.stderr) == (4, "")
    assert bad.stdout.endswith("the proof does NOT verify\n")
    missing = _bare(str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "errno" in missing.stderr
