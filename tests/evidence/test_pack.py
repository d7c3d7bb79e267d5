"""Packs: what is in them, and that they are always made the same."""

import base64
import csv
import hashlib
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from callward.errors import DefectError
from callward.evidence.model import Period, Stream
from callward.evidence.packing import payload
from callward.evidence.proving import binding
from callward.ledger.signing import Signer
from tests.evidence.packs import Maker, make_certificate


def unpack(path: Path) -> dict[str, bytes]:
    """Return a pack's files by their path in the bag, read with the standard library."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_pack_is_a_bag(maker: Maker) -> None:
    """Manifests list exactly the files that are there, with their SHA-512 (RFC 8493)."""
    path = maker.build()
    files = unpack(path)
    assert path.parent == maker.folder
    assert files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    listed = {}
    for manifest in ("manifest-sha512.txt", "tagmanifest-sha512.txt"):
        for line in files[manifest].decode().splitlines():
            digest, _, name = line.partition("  ")
            assert hashlib.sha512(files[name]).hexdigest() == digest
            listed[name] = digest
    assert files.keys() - listed.keys() == {"tagmanifest-sha512.txt", "statement.dsse.json"}
    assert {name for name in files if name.startswith("data/")} < listed.keys()


def test_everything_is_in_it(maker: Maker) -> None:
    """Each part of the contents is found again in its file."""
    files = unpack(maker.build())
    contents = maker.contents
    rows = list(csv.DictReader(io.StringIO(files["data/counts.csv"].decode())))
    assert len(rows) == sum(len(stage.counts) for stage in contents.stages)
    assert {"night", "stage", "controller", "at", "count", "value"} == rows[0].keys()
    assert [g["suite"] for g in json.loads(files["data/gates.json"])] == [
        "ingest-in",
        "retention-in",
    ]
    [instruction] = json.loads(files["data/instructions.json"])
    assert instruction["effective_from"] == "2026-01-01"
    assert instruction["retention"] == {"recordings": "45 days", "interactions": "3 years"}
    [run] = json.loads(files["data/flow-runs.json"])
    assert (run["started"], run["ended"]) == ("2026-03-02T01:00:00.000000Z", None)
    assert (run["digest"], run["leaf"], run["item"]) == (maker.contents.flow_runs[0].digest, 9, 0)
    assert json.loads(files["data/flow-runs-compared.json"])["plain"] == ["n0"]
    [disclosed] = json.loads(files["data/disclosures.json"])
    assert (disclosed["sub_processor"], disclosed["recordings"]) == ("northwind", 7)
    assert (disclosed["begun_at"], disclosed["ended_at"]) == ("2026-03-02T01:00:00Z", None)
    lines = files["data/certificates/0001.jsonl"].decode().split("\n")[:-1]
    assert lines == list(contents.bodies)
    index = list(csv.DictReader(io.StringIO(files["data/certificates/index.csv"].decode())))
    assert [(one["id"], one["file"], one["line"]) for one in index] == [
        ("c0", "0001.jsonl", "1"),
        ("c1", "0001.jsonl", "2"),
        ("c2", "0001.jsonl", "3"),
    ]
    assert files["data/ledger/leaves.jsonl"].decode().split("\n")[:-1] == list(
        contents.ledger.leaves
    )
    assert files["data/ledger/checkpoint"].decode() == contents.ledger.checkpoint
    assert json.loads(files["data/ledger/slice.json"])["first"] == 3
    entered = [json.loads(one) for one in files["data/ledger/certified.jsonl"].splitlines()]
    assert [(one["leaf"], len(one["items"])) for one in entered] == [(5, 2), (8, 1)]
    assert [one["kind"] for one in json.loads(files["data/items.json"])] == ["alpha", "beta"]
    assert [one["state"] for one in json.loads(files["data/clauses.json"])["verdicts"]] == [
        "gap",
        "gap",
        "gap",
    ]
    info = files["bag-info.txt"].decode()
    assert "Callward-Instance: 0123456789abcdef\n" in info
    assert "Callward-Period-From: 2026-03-01\n" in info


def test_the_statement_is_over_the_tag_manifest(maker: Maker, signer: Signer) -> None:
    """Anyone can check it: DSSE, in-toto, Ed25519; it says which pack this is."""
    files = unpack(maker.build())
    envelope = json.loads(files["statement.dsse.json"])
    payload = base64.b64decode(envelope["payload"])
    [signed] = envelope["signatures"]
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signer.key.public_key().verify(base64.b64decode(signed["sig"]), message)
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:callward:evidence-pack:1"
    digest = hashlib.sha512(files["tagmanifest-sha512.txt"]).hexdigest()
    name = "tagmanifest-sha512.txt"
    assert statement["subject"] == [{"name": name, "digest": {"sha512": digest}}]
    said = statement["predicate"]
    assert (said["kind"], said["instance"]) == ("nightly", "0123456789abcdef")
    assert said["period"] == {"from": "2026-03-01", "to": "2026-03-02"}
    assert (said["previous"]["id"], said["previous"]["size"]) == ("12" * 32, 2)
    assert said["ledger"]["size"] == maker.contents.ledger.size
    assert said["binding"] == binding(maker.contents.proof, maker.contents.period)


@pytest.mark.parametrize("manifest", ["manifest-sha512.txt", "tagmanifest-sha512.txt"])
def test_sha512sum_checks_it(maker: Maker, tmp_path: Path, manifest: str) -> None:
    """In the unpacked folder, as the README says; and it notices."""
    with zipfile.ZipFile(maker.build()) as archive:
        archive.extractall(tmp_path)
    [folder] = [path for path in tmp_path.iterdir() if path != maker.folder]
    command = ["sha512sum", "--check", "--strict", "--quiet", manifest]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    for name in ("README.txt", "data/report.html"):
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert subprocess.run(command, cwd=folder, check=False, timeout=60).returncode == 1


def test_keys_in_it_are_marked_as_not_to_be_trusted(maker: Maker, signer: Signer) -> None:
    """They lie in a folder that says so; those of witnesses only where there are any."""
    files = unpack(maker.build())
    assert files["keys/verifier.txt"].decode() == f"{signer.verifier}\n"
    assert "no key may be believed because it lies\nhere" in files["keys/README.txt"].decode()
    assert "keys/witnesses.txt" not in files
    ledger = replace(maker.contents.ledger, witnesses=("w+1+a", "x+2+b"))
    files = unpack(maker.build(replace(maker.contents, ledger=ledger)))
    assert files["keys/witnesses.txt"] == b"w+1+a\nx+2+b\n"


def test_long_things_are_read_one_after_the_other(maker: Maker, signer: Signer) -> None:
    """Leaves and certificates may come from anywhere, a new file begins when one is full."""
    contents = maker.contents
    ledger = replace(contents.ledger, leaves=_stream(contents.ledger.leaves))
    path = maker.build()
    content = path.read_bytes()
    streamed = replace(contents, ledger=ledger, bodies=_stream(contents.bodies))
    assert maker.build(streamed).read_bytes() == content
    bodies = [make_certificate(signer, n) for n in range(3)]
    with patch_per_file(2):
        files = unpack(maker.build(replace(contents, bodies=tuple(bodies))))
    assert files["data/certificates/0001.jsonl"].decode() == f"{bodies[0]}\n{bodies[1]}\n"
    assert files["data/certificates/0002.jsonl"].decode() == f"{bodies[2]}\n"
    assert files["data/certificates/index.csv"].endswith(b"0002.jsonl,1\n")


def _stream(texts: Iterable[str]) -> Stream[str]:
    held = tuple(texts)
    return Stream(len(held), lambda: iter(held))


@contextmanager
def patch_per_file(most: int) -> Iterator[None]:
    """Fewer certificates to a file, for the time being."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload, "PER_FILE", most)
        yield


def test_same_contents_same_bytes(maker: Maker) -> None:
    """Order of rows, umask and date make no difference; another moment does."""
    first = maker.build()
    content = first.read_bytes()
    first.unlink()
    turned = replace(
        maker.contents,
        stages=maker.contents.stages[::-1],
        gates=maker.contents.gates[::-1],
    )
    before = os.umask(0o077)
    try:
        second = maker.build(turned)
    finally:
        os.umask(before)
    assert second == first
    assert second.read_bytes() == content
    later = replace(maker.contents, made_at=maker.contents.made_at.replace(hour=5))
    assert maker.build(later).read_bytes() != content


def test_nothing_but_the_pack_is_left_behind(maker: Maker) -> None:
    """No temporary file stays in the folder."""
    path = maker.build()
    assert list(maker.folder.iterdir()) == [path]


@pytest.mark.parametrize("name", ["../c9", "a/../b", "/etc/x", "", "a b", "é", "a\\b", ".x", "c\n"])
def test_no_file_leads_out_of_the_pack(maker: Maker, name: str) -> None:
    """One whose name is no plain one is refused, and nothing is written."""
    proof = replace(maker.contents.proof, files={f"data/{name}": b"x"})
    with pytest.raises(DefectError):
        maker.build(replace(maker.contents, proof=proof))
    assert not maker.folder.exists() or not list(maker.folder.iterdir())


def test_contradictory_contents_are_refused(maker: Maker) -> None:
    """The same certificate twice, a period backwards and a naive moment are defects."""
    contents = maker.contents
    naive = datetime(2026, 3, 2)  # noqa: DTZ001 - the point
    for wrong in (
        replace(contents, certificates=contents.certificates * 2),
        replace(contents, certificates=contents.certificates[::-1]),
        replace(contents, certificates=contents.certificates[1:]),
        replace(contents, bodies=tuple(contents.bodies)[1:]),
        replace(contents, period=Period(date(2026, 3, 2), date(2026, 3, 1))),
        replace(contents, made_at=naive),
    ):
        with pytest.raises(DefectError):
            maker.build(wrong)


def test_empty_period_makes_a_pack(maker: Maker) -> None:
    """A period in which nothing happened has a pack that says so."""
    quiet = replace(
        maker.contents,
        stages=(),
        gates=(),
        instructions=(),
        certificates=(),
        flow_runs=(),
        bodies=(),
    )
    report = unpack(maker.build(quiet))["data/report.html"].decode()
    assert "None was issued in the period." in report
