"""Ingest of 200 four-minute telephone recordings, as a ratio to ``cp -r`` and ``sync``."""

import csv
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from callward import night
from callward.clock import SystemClock
from callward.gates import GateResult, Gates
from callward.intake.frames import entry
from data_checks.gate import GreatExpectationsGates
from tests.benchmarks.memory import PeakMemory
from tests.support import instruct, new_instance

FILES = 200
SECONDS = 240
RATE = 8000
ROUNDS = 3


def measure(files: int = FILES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Medians over rounds of copy, ingest, copy, ingest, … of the same files."""
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        source = Path(folder) / "source"
        size = make_drop(source, files)
        copies, ingests = [], []
        for number in range(rounds):
            copies.append(_copy(source, Path(folder) / "copy"))
            ingests.append(_ingest(source, Path(folder) / f"home-{number}"))
    ratios = [ingest["seconds"] / copy for copy, ingest in zip(copies, ingests, strict=True)]
    return {
        "files": files,
        "megabytes": round(size / 1e6),
        "copy_seconds": round(statistics.median(copies), 3),
        "ingest_seconds": round(statistics.median(one["seconds"] for one in ingests), 3),
        "ratio_to_copy": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "items_per_second": round(statistics.median(files / one["seconds"] for one in ingests), 1),
        "peak_megabytes": max(one["peak"] for one in ingests),
        "gates_seconds": round(statistics.median(one["gates"] for one in ingests), 3),
    }


def make_drop(folder: Path, files: int) -> int:
    """Write recordings of noise that rises and falls like talk, and their manifest; bytes."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(7)
    loudness = np.repeat(random.uniform(0, 9000, SECONDS * 2), RATE // 2)
    size, rows = 0, []
    for number in range(files):
        samples = (random.standard_normal(SECONDS * RATE, np.float32) * 0.3 * loudness).clip(
            -32000, 32000
        )
        path = folder / f"call-{number:05d}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())
        size += path.stat().st_size
        rows.append(_row(path, number))
    with (folder / "manifest.csv").open("w", newline="") as manifest:
        writer = csv.DictWriter(manifest, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return size


def _row(path: Path, number: int) -> dict[str, str]:
    ended = datetime.now(UTC) - timedelta(days=1, minutes=number)
    return {
        "file": path.name,
        "external_id": f"bench-{number}",
        "kind": "recording",
        "started_at": (ended - timedelta(seconds=SECONDS)).isoformat(),
        "ended_at": ended.isoformat(),
        "direction": "inbound",
        "caller": f"+44770090{number % 1000:04d}",
        "called": "+442079460001",
        "agent": f"agent{number % 20}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _even_out(source: Path) -> None:
    """Leave the same free, once-used memory behind for either side; first use costs most."""
    scratch = source.with_name("scratch")
    subprocess.run(["cp", "-r", source, scratch], check=True)
    shutil.rmtree(scratch)
    subprocess.run(["sync"], check=True)


def _copy(source: Path, target: Path) -> float:
    shutil.rmtree(target, ignore_errors=True)
    _even_out(source)
    start = time.perf_counter()
    subprocess.run(["cp", "-r", source, target], check=True)
    subprocess.run(["sync"], check=True)
    return time.perf_counter() - start


def _ingest(source: Path, home: Path) -> dict[str, Any]:
    """In a process of its own, so that memory is this run's alone."""
    _even_out(source)
    command = [sys.executable, "-m", "tests.benchmarks.ingest", str(source), str(home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    shutil.rmtree(home)
    return result


def _once(source: Path, home: Path) -> dict[str, Any]:
    instance = new_instance(home, clock=SystemClock())
    instruct(instance)
    gates = _Timed(GreatExpectationsGates())
    landing = instance.settings.landing / "acorn" / "drop"
    landing.parent.mkdir(parents=True)
    # Hard links: what arrives is already on this file system, as uploads are.
    shutil.copytree(source, landing, copy_function=lambda a, b: Path(b).hardlink_to(a))
    run = night.new_run(instance)
    with PeakMemory() as memory:
        start = time.perf_counter()
        report = night.ingest(instance, night.work_for(instance, gates, run), run)
        seconds = time.perf_counter() - start
    if report.failures or report.total("ingested") != report.total("files"):
        raise SystemExit(f"the benchmark's night failed: {report.failures}")
    return {"seconds": seconds, "peak": memory.megabytes, "gates": gates.seconds}


class _Timed:
    """Gates that say how long they took; used once before the clock starts, to be imported."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self.check("ingest_entry", entry([], SystemClock()))
        self.seconds = 0.0

    def check(self, suite: str, frame: pd.DataFrame) -> GateResult:
        start = time.perf_counter()
        result = self._gates.check(suite, frame)
        self.seconds = getattr(self, "seconds", 0.0) + time.perf_counter() - start
        return result


if __name__ == "__main__":
    print(json.dumps(_once(Path(sys.argv[1]), Path(sys.argv[2]))))
