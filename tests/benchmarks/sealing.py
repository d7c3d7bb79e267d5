"""Sealing and opening: against the bare cipher in memory, and a long recording on the disk."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

from callward.intake.seal import SealTask, seal_file
from callward.vault.sealing import CHUNK_BYTES, context, new_key, open_chunks, seal_chunks
from callward.vault.stores import ObjectStore
from tests.benchmarks.memory import PeakMemory

BYTES = 2 * 1024**3
_IN_MEMORY = 256 * 1024**2
_ROUNDS = 5
_CONTROLLER, _OBJECT, _KIND = "acorn", "1" * 32, "recording"
_BOUND_TO = context(_CONTROLLER, _OBJECT, _KIND)


def measure(size: int = BYTES) -> dict[str, Any]:
    """In memory as a ratio to the bare cipher; on disk, through the worker's code, with memory."""
    return {"bytes": size, **_against_the_cipher(min(size, _IN_MEMORY)), **_on_disk(size)}


def _against_the_cipher(size: int) -> dict[str, Any]:
    """The same chunks through both, in turns; the best round of each counts."""
    key, chunks = new_key(), [os.urandom(CHUNK_BYTES)] * max(1, size // CHUNK_BYTES)
    sealed = list(_bare_seal(key, chunks))
    best: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for name, work in (
            ("bare_seal", _bare_seal(key, chunks)),
            ("seal", seal_chunks(key, _BOUND_TO, chunks)),
            ("bare_open", _bare_open(key, sealed)),
            ("open", open_chunks(key, _BOUND_TO, sealed)),
        ):
            best[name] = min(best.get(name, float("inf")), _seconds(work))
    speeds = {name: _speed(len(chunks) * CHUNK_BYTES, seconds) for name, seconds in best.items()}
    return {
        "gigabytes_per_second": speeds,
        "seal_ratio": round(best["bare_seal"] / best["seal"], 3),
        "open_ratio": round(best["bare_open"] / best["open"], 3),
    }


def _on_disk(size: int) -> dict[str, Any]:
    """Seal a file of ``size`` bytes as a worker does (digests and all), and open it again."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        home = Path(folder)
        _write(home / "long.wav", size)
        url = (home / "objects").as_uri()
        task = SealTask(
            drop=home,
            name="long.wav",
            controller=_CONTROLLER,
            object_id=_OBJECT,
            kind=_KIND,
            store_url=url,
            store_key="0123456789abcdef/000000",
            max_bytes=2 * size,
            judge=False,  # a decoder's time is another benchmark's
        )
        with PeakMemory() as memory:
            start = time.perf_counter()
            done = seal_file(task)
            seal_seconds = time.perf_counter() - start
            if done.sealed is None:
                raise SystemExit("the benchmark's file was not sealed")
            ciphertext = ObjectStore(url).get(task.store_key)
            open_seconds = _seconds(open_chunks(done.sealed.key, _BOUND_TO, ciphertext))
        return {
            "disk_seal_gigabytes_per_second": _speed(size, seal_seconds),
            "disk_open_gigabytes_per_second": _speed(size, open_seconds),
            "peak_megabytes": memory.megabytes,
        }


def _bare_seal(key: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    cipher = Cobblestone256Encryptor(key, _BOUND_TO)
    for chunk in chunks:
        yield cipher.update(chunk)
    yield cipher.finalize()


def _bare_open(key: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    cipher = Cobblestone256Decryptor(key, _BOUND_TO)
    for chunk in chunks:
        yield cipher.update(chunk)
    yield cipher.finalize()


def _seconds(work: Iterable[bytes]) -> float:
    start = time.perf_counter()
    for _ in work:
        pass
    return time.perf_counter() - start


def _speed(size: int, seconds: float) -> float:
    return round(size / seconds / 1e9, 2)


def _write(path: Path, size: int) -> None:
    chunk = os.urandom(CHUNK_BYTES)
    with path.open("wb") as file:
        for _ in range(size // CHUNK_BYTES):
            file.write(chunk)
        os.fsync(file.fileno())
