"""The night over real recordings that nobody on this project made."""

import csv
import hashlib
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.instance import Instance
from callward.status import status
from data_checks.gate import GreatExpectationsGates
from tests.support import NOW, instruct, new_instance, run_stage, write_manifest

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("CALLWARD_REAL_DATA", _BESIDE))
FOLDERS = ("1_speech", "2_codecs/valid", "2_codecs/malformed")
NOT_RECORDINGS = {
    ".py",
    ".transcription",
    ".txt",
    ".tsv",
    ".json",
    ".md",
    ".stm",
    ".trn",
    ".csv",
    ".vtt",
    ".xml",
}
HEADERLESS = {".raw", ".pcm", ".ulaw", ".alaw", ".g722", ".sln"}
UNREADABLE = {
    "not-media",
    "no-audio",
    "empty",
    "truncated",
    "unsupported-codec",
    "number-malformed",
    "too-large",
    "decoder-crashed",
    "decoder-timeout",
    "gate",
}

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real recordings are not beside this checkout"
)


def _recordings(folder: str) -> list[Path]:
    return sorted(
        path
        for path in (DATA / folder).rglob("*")
        if path.is_file() and path.suffix.lower() not in NOT_RECORDINGS
    )


def _deliver(instance: Instance, folder: str) -> dict[str, Path]:
    """One drop with every recording of a folder; digests to the files they are of."""
    drop = instance.settings.landing / "acorn" / folder.replace("/", "-")
    drop.mkdir(parents=True)
    rows, by_digest = [], {}
    for number, path in enumerate(_recordings(folder)):
        name = f"{number:03d}{path.suffix}"
        content = path.read_bytes()
        (drop / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        by_digest[digest] = path
        ended = NOW - timedelta(days=2)
        rows.append(
            {
                "file": name,
                "external_id": f"{folder}-{number}",
                "kind": "recording",
                "started_at": (ended - timedelta(hours=1)).isoformat(),
                "ended_at": ended.isoformat(),
                "direction": "inbound",
                "caller": "",
                "called": "",
                "agent": "",
                "sha256": digest,
            }
        )
    write_manifest(drop, rows)
    return by_digest


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Instance, dict[str, Path]]:
    """An instance after one ingest of everything, and what was delivered."""
    instance = new_instance(tmp_path_factory.mktemp("real"))
    instruct(instance)
    delivered: dict[str, Path] = {}
    for folder in FOLDERS:
        delivered |= _deliver(instance, folder)
    report = run_stage(instance, "ingest", GreatExpectationsGates())
    assert report.failures == []
    return instance, delivered


def _outcomes(instance: Instance) -> dict[Path, str]:
    """Per file: ``ingested``, ``duplicate`` or the reason of its quarantine."""
    with instance.unit() as connection:
        blinder = instance.vault.blinder(connection, "acorn", NOW)
        rows = connection.execute(sa.select(t.drop_items)).all()
    by_content = {row.content_digest: row.reason or row.outcome for row in rows}
    return {
        path: by_content[blinder.content(hashlib.sha256(path.read_bytes()).hexdigest())]
        for folder in FOLDERS
        for path in _recordings(folder)
    }


def test_counts_add_up(night: tuple[Instance, dict[str, Path]]) -> None:
    """Files in are ingested, duplicate or quarantined, drop by drop, and none is left behind."""
    instance, _ = night
    with instance.unit() as connection:
        drops = status(connection, NOW.date())["drops"]
    expected = sorted(len(_recordings(folder)) for folder in FOLDERS)
    assert sorted(drop["files"] for drop in drops) == expected
    for drop in drops:
        assert drop["files"] == drop["ingested"] + drop["duplicates"] + drop["quarantined"]
        assert drop["state"] == "complete"
    assert not list((instance.settings.landing / "acorn").iterdir())


def test_speech_is_ingested(night: tuple[Instance, dict[str, Path]]) -> None:
    """Every recording with a header is taken in; without one nobody can tell what it is."""
    outcomes = _outcomes(night[0])
    for path in _recordings("1_speech"):
        expected = "not-media" if path.suffix in HEADERLESS else "ingested"
        assert outcomes[path] in {expected, "duplicate"}, path.relative_to(DATA)


def test_valid_codecs_are_ingested_or_refused_for_what_they_are(
    night: tuple[Instance, dict[str, Path]],
) -> None:
    """Valid files are taken in, but for codecs that no decoder has and files without a header."""
    outcomes = _outcomes(night[0])
    with (DATA / "2_codecs" / "index.tsv").open(encoding="utf-8") as file:
        index = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    for path in _recordings("2_codecs/valid"):
        decodes = index[str(path.relative_to(DATA))]["pyav_18.1_ffmpeg"].startswith("ok")
        if path.suffix in HEADERLESS:
            assert outcomes[path] == "not-media", path.name
        elif decodes:
            assert outcomes[path] in {"ingested", "duplicate"}, path.name
        else:
            assert outcomes[path] in {"ingested", "unsupported-codec", "not-media"}, path.name


def test_malformed_files_are_kept_whatever_they_are(
    night: tuple[Instance, dict[str, Path]],
) -> None:
    """Nothing malformed is lost: ingested where it decodes, else sealed under a reason."""
    outcomes = _outcomes(night[0])
    for path in _recordings("2_codecs/malformed"):
        assert outcomes[path] in UNREADABLE | {"ingested", "duplicate"}, path.name
    reasons = Counter(outcomes[path] for path in _recordings("2_codecs/malformed"))
    assert reasons["not-media"] > 0


def test_everything_opens_as_it_was_delivered(
    night: tuple[Instance, dict[str, Path]],
) -> None:
    """Every sealed medium, refused ones included, opens to the bytes that were delivered."""
    instance, delivered = night
    kept = sa.select(t.objects.c.id).where(t.objects.c.kind == "recording")
    opened = set()
    with instance.unit() as connection:
        for object_id in connection.scalars(kept).all():
            content = b"".join(instance.vault.open(connection, object_id))
            opened.add(hashlib.sha256(content).hexdigest())
    assert opened == set(delivered)
