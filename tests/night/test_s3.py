"""Nights whose ciphertexts lie in a versioned bucket."""

import io
import wave
from pathlib import Path

import pytest

from callward.instance import Instance
from tests.buckets import TestBucket, new_bucket
from tests.support import Call, deliver, instruct, new_instance, rows, run_stage, tone


@pytest.fixture
def bucket(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> TestBucket:
    """A versioned bucket where AWS would be."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    return new_bucket(aws_server)


@pytest.fixture
def instance(tmp_path: Path, bucket: TestBucket) -> Instance:
    """An instance on it."""
    return new_instance(tmp_path / "home", store_url=bucket.url)


def _long() -> bytes:
    """A WAV file of twenty minutes."""
    out = io.BytesIO()
    with wave.open(io.BytesIO(tone(1))) as second, wave.open(out, "wb") as file:
        file.setparams(second.getparams())
        file.writeframes(second.readframes(second.getnframes()) * 1200)
    return out.getvalue()


def test_a_night_leaves_nothing_of_what_it_destroys(instance: Instance, bucket: TestBucket) -> None:
    """Workers take recordings in, the sweep destroys what is due: no version, no marker."""
    instruct(instance, recordings="10 days")
    deliver(instance, [Call("young"), Call("old", age=20), Call("bad", content=b"RIFF")])
    # Longer than what is sealed in one buffer, so that it goes up in parts.
    deliver(instance, [Call("long", age=20, content=_long())], drop="drop-2")
    report = run_stage(instance, "ingest")
    assert report.failures == []
    kept = {path for path, state in rows(instance, "objects", "store_key", "state") if path}
    assert bucket.everything() == sorted((bucket.key(path), "version") for path in kept)
    for path in kept:
        bucket.put(path, b"".join(instance.vault.store.get(path)))  # each has an older version now
    assert len(bucket.everything()) == 2 * len(kept)
    report = run_stage(instance, "retention")
    assert report.failures == []
    states = dict(rows(instance, "objects", "store_key", "state"))
    gone = {path for path in kept if states[path] == "shredded"}
    assert 0 < len(gone) < len(kept)
    assert {key for key, _ in bucket.everything()} == {bucket.key(path) for path in kept - gone}
