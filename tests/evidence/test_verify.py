"""Verifying packs: the true one passes, every other one does not."""

import base64
import hashlib
import json
import random
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from callward.evidence.model import LeafItems, LedgerSlice, PackContents, Period, StageRow
from callward.evidence.verify import summary, verify_pack
from callward.flowruns.comparing import Compared
from callward.flowruns.model import digest_of
from callward.ledger.leaves import Item, body_hash
from callward.ledger.merkle import Frontier
from callward.ledger.notes import note_text, parse_checkpoint
from callward.ledger.signing import Signer
from tests.evidence.altering import ALL, WANTED, detail, failed, members, outcome, rebag, rewrite
from tests.evidence.packs import PENDING, Maker, make_certificate, make_leaf, make_signer

ROOT = Path(__file__).resolve().parents[2]


def test_true_pack_passes(maker: Maker, signer: Signer) -> None:
    """With the right key every line but the closing caveat is good."""
    verification = verify_pack(maker.build(), expected_key=signer.verifier + "\n", wanted=WANTED)
    still = {"earlier": None, "not shown": None}
    assert outcome(verification) == {**dict.fromkeys(ALL, True), **still}
    assert verification.passed
    assert verification.key == signer.verifier
    assert json.loads(json.dumps(summary(verification)))["passed"] is True


def test_without_a_key_the_reader_is_told_to_compare(maker: Maker, signer: Signer) -> None:
    """Whose key it is remains open, and the line says how to close it."""
    verification = verify_pack(maker.build(), expected_key=None)
    [line] = [line for line in verification.checks if line.what == "key"]
    assert line.ok is None
    assert signer.verifier in line.detail
    assert "compare it with the one you have from elsewhere" in line.detail


def test_renamed_file_passes(maker: Maker, signer: Signer) -> None:
    """The auditor may call the file what they like."""
    path = maker.build().rename(maker.folder / "evidence 2026.zip")
    assert verify_pack(path, expected_key=signer.verifier).passed


def test_other_key_fails(maker: Maker, signer: Signer) -> None:
    """A pack signed again by someone else is found out by the expected key."""
    path = maker.build()
    other = make_signer(2)
    rebag(path, {"keys/verifier.txt": f"{other.verifier}\n".encode()}, other)
    verification = verify_pack(path, expected_key=signer.verifier)
    assert {"key", "checkpoint", "certificates"} == failed(verification)
    assert outcome(verification)["ledger"] is None
    assert verification.key == other.verifier


def test_remade_manifests_do_not_help(maker: Maker, signer: Signer) -> None:
    """Altering a file and all manifests leaves the signature wrong."""
    path = maker.build()
    counts = b"night,stage,controller,at,count,value\n"
    rebag(path, {"data/counts.csv": counts})
    verification = verify_pack(path, expected_key=signer.verifier)
    assert failed(verification) == {"signature"}
    assert outcome(verification)["key"] is None


@pytest.mark.parametrize(
    "name",
    ["data/counts.csv", "data/report.html", "bag-info.txt", "bagit.txt", "manifest-sha512.txt"],
)
def test_altered_file_fails(maker: Maker, signer: Signer, name: str) -> None:
    """One byte more in a well-formed archive is seen in the bag."""
    path = maker.build()
    files = members(path)
    full = next(each for each in files if each.endswith("/" + name))
    rewrite(path, files | {full: files[full] + b"\n"})
    assert "bag" in failed(verify_pack(path, expected_key=signer.verifier))


def test_removed_and_added_members_fail(maker: Maker, signer: Signer) -> None:
    """No member can be left out, and none put in, inside the folder or beside it."""
    path = maker.build()
    files = members(path)
    base = next(iter(files)).partition("/")[0]
    for name in files:
        rewrite(path, {n: c for n, c in files.items() if n != name})
        assert failed(verify_pack(path, expected_key=signer.verifier)), name
    for name in ("x.txt", "data/x.txt", "data/certificates/c9.json", "tagmanifest-md5.txt"):
        rewrite(path, {**files, f"{base}/{name}": b"x"})
        assert "bag" in failed(verify_pack(path, expected_key=signer.verifier)), name
    rewrite(path, {**files, "other/x.txt": b"x"})
    assert "archive" in failed(verify_pack(path, expected_key=signer.verifier))


def mutations(content: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a few hundred ways to damage ``content``, each with its name."""
    for _ in range(400):
        at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        yield f"flip {at} {bit}", content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
    for _ in range(60):
        at, length = chance.randrange(len(content)), chance.randrange(1, 50)
        noise = chance.randbytes(length)
        if content[at : at + length] != noise:
            yield f"region {at} {length}", content[:at] + noise + content[at + length :]
        yield f"cut out {at} {length}", content[:at] + content[at + length :]
        yield f"put in {at} {length}", content[:at] + noise + content[at:]
        yield f"truncate {at}", content[:at]
    yield "prefix", b"#!/bin/sh\n" + content
    yield "suffix", content + b"\0"
    yield "comment", content[:-2] + b"\x03\x00abc"
    yield "empty", b""
    yield "twice", content + content


def test_every_mutation_is_detected(maker: Maker, signer: Signer) -> None:
    """Hundreds of damaged packs, in content and container alike: not one passes."""
    path = maker.build()
    content = path.read_bytes()
    tried = 0
    for name, damaged in mutations(content, random.Random(20260302)):
        path.write_bytes(damaged)
        assert failed(verify_pack(path, expected_key=signer.verifier)), name
        tried += 1
    assert tried > 600
    path.write_bytes(content)
    assert verify_pack(path, expected_key=signer.verifier).passed


def test_container_bytes_outside_the_members_are_checked(maker: Maker, signer: Signer) -> None:
    """Every single byte of the central directory and the first header matters."""
    path = maker.build()
    content = path.read_bytes()
    [start] = struct.unpack("<L", content[-6:-2])
    for at in [*range(80), *range(start, start + 200), *range(len(content) - 22, len(content))]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert failed(verify_pack(path, expected_key=signer.verifier)), at


def foreign(path: Path, files: list[tuple[str, bytes]], method: int) -> None:
    """Write an archive with the standard library, as an attacker would."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "detail"),
    [
        (["../x"], "outside"),
        (["/etc/passwd"], "outside"),
        (["a/../../x"], "outside"),
        (["a\\..\\x"], "outside"),
        (["a//x"], "outside"),
        (["a/"], "outside"),
        (["a/.ssh"], "outside"),
        (["a/x", "a/x"], "twice"),
        (["é/x"], "outside"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(
    tmp_path: Path, names: list[str], detail: str
) -> None:
    """Path escapes and duplicates end the check of the archive."""
    path = tmp_path / "pack.zip"
    foreign(path, [(name, b"x") for name in names], zipfile.ZIP_STORED)
    verification = verify_pack(path, expected_key=None)
    assert failed(verification) == {"archive"}
    assert detail in verification.checks[0].detail


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    """A compressed gigabyte, and members that overlap, are refused unread and at once."""
    path = tmp_path / "pack.zip"
    foreign(path, [("a/x", b"\0" * 50_000_000)], zipfile.ZIP_DEFLATED)
    start = time.monotonic()
    assert "compressed" in verify_pack(path, expected_key=None).checks[0].detail
    foreign(path, [("a/x", b"\0" * 1000)], zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for header, at in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):
        place = content.index(header) + at
        content[place : place + 8] = struct.pack("<LL", 2**31, 2**31)
    path.write_bytes(content)
    assert "claim more bytes" in verify_pack(path, expected_key=None).checks[0].detail
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x05\x06" + b"\0" * 18, b"PK\x03\x04" * 9])
def test_what_is_no_pack_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    """Any other file, an empty archive, a folder and nothing at all fail in words."""
    path = tmp_path / "pack.zip"
    path.write_bytes(content)
    for each in (path, tmp_path, tmp_path / "none"):
        assert "archive" in failed(verify_pack(each, expected_key=None))


def flipped(text: str) -> str:
    """Return text with another character in its middle."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def run_wrong(contents: PackContents, **changes: Any) -> PackContents:
    """Return the contents with something else said of their run."""
    (run,) = contents.flow_runs
    return replace(contents, flow_runs=(replace(run, **changes),))


def signed_wrong(contents: PackContents, **changes: Any) -> PackContents:
    """Return contents whose ledger slice says something else."""
    return replace(contents, ledger=replace(contents.ledger, **changes))


def test_instance_that_signs_untruths_is_found_out(maker: Maker, signer: Signer) -> None:
    """Under the right key, too, ledger, certificates and counts must agree."""
    contents: PackContents = maker.contents
    ledger: LedgerSlice = contents.ledger
    first, *rest = tuple(contents.bodies)
    one, other_leaf = tuple(ledger.certified)
    leaves = tuple(ledger.leaves)
    bad_count = StageRow("n1", "ingest", "cedar", {"files": 3, "ingested": 2}, contents.made_at)
    no_files = StageRow("n1", "ingest", "cedar", {"ingested": 0}, contents.made_at)
    changed = flipped(first)
    stray = rest[0]
    older = signer.sign_checkpoint(7, bytes(32))
    root = parse_checkpoint(note_text(ledger.checkpoint)).root
    longer = signer.sign_checkpoint(11, root)
    wrong_row = replace(contents.certificates[0], objects=3)
    rows = contents.certificates[1:]
    (run,) = contents.flow_runs
    other = {**run.record, "state": "Failed", "state_type": "FAILED"}
    cases = [
        ({"ledger"}, signed_wrong(contents, checkpoint=longer)),
        ({"ledger"}, signed_wrong(contents, leaves=leaves[::-1])),
        ({"ledger"}, signed_wrong(contents, leaves=leaves[:-1])),
        ({"ledger"}, signed_wrong(contents, leaves=leaves[1:], first=4)),
        ({"ledger"}, signed_wrong(contents, before=("00" * 32, "11" * 32))),
        ({"ledger"}, signed_wrong(contents, checkpoint=older)),
        ({"checkpoint"}, signed_wrong(contents, checkpoint=ledger.checkpoint.replace("8", "9", 1))),
        ({"anchors"}, signed_wrong(contents, certified=(one,))),
        ({"anchors"}, signed_wrong(contents, certified=(one, one, other_leaf))),
        ({"anchors"}, signed_wrong(contents, certified=(one, replace(other_leaf, leaf=99)))),
        ({"anchors"}, signed_wrong(contents, certified=(replace(one, items=()), other_leaf))),
        ({"anchors"}, signed_wrong(contents, certified=(replace(one, leaf=8), other_leaf))),
        ({"certificates"}, replace(contents, bodies=(changed, *rest))),
        ({"certificates"}, replace(contents, bodies=(stray, *rest))),
        ({"certificates"}, replace(contents, certificates=(wrong_row, *rows))),
        ({"anchors"}, replace(contents, certificates=contents.certificates[1:], bodies=rest)),
        ({"flow runs"}, run_wrong(contents, digest="00" * 32)),
        ({"flow runs"}, run_wrong(contents, record={**run.record, "state": "Failed"})),
        ({"flow runs"}, run_wrong(contents, record=other, digest=digest_of(other))),
        ({"flow runs"}, run_wrong(contents, item=1)),
        ({"flow runs"}, run_wrong(contents, leaf=None)),
        ({"flow runs"}, replace(contents, flow_runs=(run, run))),
        ({"flow runs"}, signed_wrong(contents, runs=())),
        ({"flow runs"}, signed_wrong(contents, runs=(LeafItems(8, ()), *ledger.runs))),
        ({"flow runs"}, signed_wrong(contents, runs=(LeafItems(99, ()), *ledger.runs))),
        ({"flow runs"}, signed_wrong(contents, runs=(LeafItems(9, ledger.runs[0].items * 2),))),
        ({"flow runs"}, signed_wrong(contents, runs=(LeafItems(9, ("{}",)),))),
        ({"counts"}, replace(contents, stages=(*contents.stages, bad_count))),
        ({"counts"}, replace(contents, stages=(*contents.stages, no_files))),
    ]
    for number, (expected, wrong) in enumerate(cases):
        verification = verify_pack(maker.build(wrong), expected_key=signer.verifier)
        assert failed(verification) == expected, number


def test_a_pack_may_admit_what_the_ledger_contradicts(maker: Maker, signer: Signer) -> None:
    """A run said to be altered fails nothing and is counted; one not said to be does."""
    (run,) = maker.contents.flow_runs
    altered = {**run.record, "state": "Failed"}
    wrong = run_wrong(maker.contents, record=altered, digest=digest_of(altered))
    said = replace(wrong, compared=Compared(asked=True, runs=1, tampered=(run.id,)))
    found = verify_pack(maker.build(said), expected_key=signer.verifier)
    assert failed(found) == set()
    (line,) = [line for line in found.checks if line.what == "flow runs"]
    assert "0 of 1 runs" in line.detail
    assert "1 are not, as the pack itself says" in line.detail
    assert failed(verify_pack(maker.build(wrong), expected_key=signer.verifier)) == {"flow runs"}


def test_a_run_entered_before_the_slice_is_counted_as_such(maker: Maker, signer: Signer) -> None:
    """Its digest is checked, and the line says that the leaf is not there."""
    (run,) = maker.contents.flow_runs
    older = {**run.record, "id": "0198f0c8-0000-7000-8000-000000000002"}
    row = replace(run, record=older, digest=digest_of(older), leaf=2, item=0)
    path = maker.build(replace(maker.contents, flow_runs=(run, row)))
    found = verify_pack(path, expected_key=signer.verifier)
    assert failed(found) == set()
    (line,) = [line for line in found.checks if line.what == "flow runs"]
    assert line.detail.startswith("1 of 2 runs")
    assert line.detail.endswith("; 1 were entered before the slice")
    path = maker.build(replace(maker.contents, flow_runs=(run, replace(row, digest="00" * 32))))
    assert failed(verify_pack(path, expected_key=signer.verifier)) == {"flow runs"}


def test_certificates_must_be_of_this_log(maker: Maker, signer: Signer) -> None:
    """One entered elsewhere than it says, or resting on another log's head, is found out."""
    ledger, row = maker.contents.ledger, maker.contents.certificates[0]
    for body in (make_certificate(signer, 0), make_certificate(signer, 0, {"controller": "birch"})):
        items = [Item("c0", {"sha256": hashlib.sha256(body.encode()).hexdigest()}).encoded()]
        leaves = [*ledger.leaves, make_leaf("sweep-complete", items, {"sweep": "s1"})]
        before = Frontier(3, tuple(bytes.fromhex(each) for each in ledger.before))
        after = before.extend(map(body_hash, leaves))
        changed = replace(
            ledger,
            leaves=tuple(leaves),
            size=after.size,
            checkpoint=signer.sign_checkpoint(after.size, after.root),
            certified=(tuple(ledger.certified)[1], LeafItems(10, tuple(items))),
        )
        controller = "birch" if "birch" in str(dsse_payload(body)) else "acorn"
        rows = (replace(row, controller=controller),)
        contents = replace(maker.contents, certificates=rows, bodies=(body,), ledger=changed)
        found = verify_pack(maker.build(contents), expected_key=signer.verifier)
        assert failed(found) == {"anchors"}


def test_a_certificate_of_the_period_cannot_be_left_out(maker: Maker, signer: Signer) -> None:
    """What the ledger enters on its days must be in it; what it enters on others need not."""
    rows, bodies = maker.contents.certificates[1:], tuple(maker.contents.bodies)[1:]
    fewer = replace(maker.contents, certificates=rows, bodies=bodies)
    found = verify_pack(maker.build(fewer), expected_key=signer.verifier)
    assert failed(found) == {"anchors"}
    assert "certificate c0 is entered in the period and not in the pack" in detail(found, "anchors")
    before = Period(date(2026, 2, 27), date(2026, 2, 28))
    proof = replace(maker.contents.proof, day=date(2026, 2, 28))
    older = replace(fewer, period=before, proof=proof)
    found = verify_pack(maker.build(older), expected_key=signer.verifier)
    assert failed(found) == set()
    assert detail(found, "anchors").endswith(
        "; 1 more are in leaves, of other days than the pack's"
    )


def dsse_payload(body: str) -> bytes:
    """Return what an envelope holds."""
    return base64.b64decode(json.loads(body)["payload"])


def test_a_statement_is_not_filed_as_a_certificate(maker: Maker, signer: Signer) -> None:
    """What is signed and sound but pending has no place among a pack's certificates."""
    bodies = (make_certificate(signer, 0, PENDING), *tuple(maker.contents.bodies)[1:])
    path = maker.build(replace(maker.contents, bodies=bodies))
    found = verify_pack(path, expected_key=signer.verifier)
    assert "certificates" in failed(found)
    assert "data/certificates/0001.jsonl line 1" in detail(found, "certificates")


def test_verifying_needs_no_heavy_imports(maker: Maker, signer: Signer) -> None:
    """In a process where only cryptography can be imported it still passes, and fast."""
    path = maker.build()
    code = """
import sys, time
class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        if top in {'sqlalchemy', 'pandas', 'prefect', 'pydantic', 'yaml', 'jinja2', 'numpy',
                   'great_expectations', 'obstore', 'av', 'typer', 'rich'}:
            raise ImportError('blocked: ' + name)
sys.meta_path.insert(0, Block())
start = time.perf_counter()
from pathlib import Path
from callward.evidence.verify import verify_pack
verification = verify_pack(Path(sys.argv[1]), expected_key=sys.argv[2])
print(verification.passed, time.perf_counter() - start)
"""
    command = [sys.executable, "-c", code, str(path), signer.verifier]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    passed, seconds = done.stdout.split()
    assert passed == "True"
    assert float(seconds) < 5
