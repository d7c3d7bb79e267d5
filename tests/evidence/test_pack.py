"""Packs: what is in them, and that they are always made the same."""

import base64
import csv
import hashlib
import io
import json
import os
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from callward.errors import DefectError
from callward.evidence.model import CertificateRow, Period
from callward.ledger.signing import Signer, verify_signature
from tests.evidence.packs import Maker


def unpack(path: Path) -> dict[str, bytes]:
    """Return a pack's files by their path in the bag, read with the standard library."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_pack_is_a_bag(maker: Maker) -> None:
    """Manifests list exactly the files that are there, with their SHA-256 (RFC 8493)."""
    path = maker.build()
    files = unpack(path)
    assert path.parent == maker.folder
    assert files["bagit.txt"] == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    listed = {}
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        for line in files[manifest].decode().splitlines():
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(files[name]).hexdigest() == digest
            listed[name] = digest
    assert files.keys() - listed.keys() == {"tagmanifest-sha256.txt", "signature.json"}
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
    for certificate in contents.certificates:
        assert files[f"data/certificates/{certificate.id}.json"].decode() == certificate.body
    assert files["data/ledger/leaves.jsonl"].decode().split("\n")[:-1] == list(
        contents.ledger.leaves
    )
    assert files["data/ledger/checkpoint"].decode() == contents.ledger.checkpoint
    assert json.loads(files["data/ledger/slice.json"])["first"] == 3
    assert len(json.loads(files["data/ledger/anchors.json"])) == 2
    info = files["bag-info.txt"].decode()
    assert "Callward-Instance: 0123456789abcdef\n" in info
    assert "Callward-Period-From: 2026-03-01\n" in info


def test_signature_is_over_the_tag_manifest(maker: Maker, signer: Signer) -> None:
    """Anyone can check it with the verifier key and Ed25519 alone."""
    files = unpack(maker.build())
    document = json.loads(files["signature.json"])
    assert document["signed_by"] == signer.verifier
    raw = base64.b64decode(document["signature"])
    verify_signature(signer.verifier, "pack", files["tagmanifest-sha256.txt"], raw)


def test_same_contents_same_bytes(maker: Maker) -> None:
    """Order of rows, umask and date make no difference; another moment does."""
    first = maker.build()
    content = first.read_bytes()
    first.unlink()
    turned = replace(
        maker.contents,
        stages=maker.contents.stages[::-1],
        gates=maker.contents.gates[::-1],
        certificates=maker.contents.certificates[::-1],
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


@pytest.mark.parametrize("id_", ["../c9", "a/../b", "/etc/x", "", "a b", "é", "a\\b", ".x", "c\n"])
def test_ids_cannot_lead_out_of_the_pack(maker: Maker, id_: str) -> None:
    """A certificate id that is no plain name is refused, and nothing is written."""
    row = CertificateRow(id_, "acorn", 1, "{}", maker.contents.made_at)
    with pytest.raises(DefectError):
        maker.build(replace(maker.contents, certificates=(row,)))
    assert not maker.folder.exists() or not list(maker.folder.iterdir())


def test_contradictory_contents_are_refused(maker: Maker) -> None:
    """The same certificate twice, a period backwards and a naive moment are defects."""
    contents = maker.contents
    naive = datetime(2026, 3, 2)  # noqa: DTZ001 - the point
    for wrong in (
        replace(contents, certificates=contents.certificates * 2),
        replace(contents, period=Period(date(2026, 3, 2), date(2026, 3, 1))),
        replace(contents, made_at=naive),
    ):
        with pytest.raises(DefectError):
            maker.build(wrong)


def test_empty_period_makes_a_pack(maker: Maker) -> None:
    """A period in which nothing happened has a pack that says so."""
    quiet = replace(
        maker.contents, stages=(), gates=(), instructions=(), certificates=(), flow_runs=()
    )
    report = unpack(maker.build(quiet))["data/report.html"].decode()
    assert "None was issued in the period." in report
