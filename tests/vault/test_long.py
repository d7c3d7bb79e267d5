"""Long recordings: sealed and opened in memory that does not grow with them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.buckets import new_bucket

_TOP = Path(__file__).parents[2]
_MEGABYTE = 1024**2

_PROGRAM = """
import hashlib, resource, sys
from pathlib import Path
from callward.intake.seal import SealTask, seal_file
from callward.vault.sealing import context, open_chunks
from callward.vault.stores import open_store

drop, url = Path(sys.argv[1]), sys.argv[2]
def through(name, number):
    task = SealTask(drop, name, "acorn", number * 32, "recording", url, number * 16 + "/000000",
                    2**40, judge=False)
    done = seal_file(task)
    bound_to = context("acorn", number * 32, "recording")
    opened = hashlib.sha256()
    for chunk in open_chunks(done.sealed.key, bound_to, open_store(url).get(task.store_key)):
        opened.update(chunk)
    assert opened.hexdigest() == done.sha256, name
    open_store(url).delete([task.store_key])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = through("short", "1")
print(through("long", "2") - first)
"""


@pytest.mark.parametrize(
    ("where", "megabytes", "bound"), [("folder", 300, 30), ("bucket", 100, 40)]
)
def test_memory_does_not_grow_with_a_recording(
    where: str, megabytes: int, bound: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A long one, sealed as a worker does and opened, takes hardly more than one of 20 MB."""
    url = (tmp_path / "objects").as_uri()
    if where == "bucket":
        endpoint: str = request.getfixturevalue("aws_server")
        request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL", endpoint)
        url = new_bucket(endpoint).url
    for name, size in (("short", 20), ("long", megabytes)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size * _MEGABYTE)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), url],
        cwd=_TOP,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < bound * _MEGABYTE
