"""Audio transcribed a second, against pocketsphinx run bare on the same files."""

import io
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx

from callward import night
from callward.clock import SystemClock
from callward.intake.audio import channels_at
from data_checks.gate import GreatExpectationsGates
from deployments.demo.calls import demo_calls
from tests.support import Call, deliver, instruct, new_instance

PROCESSES = 2
ROUNDS = 3
_RATE = 16_000


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """The demo's calls, in turn bare and through the stage, each with as many processes."""
    calls = [call.path for call in demo_calls()]
    bare, ours = [], []
    seconds = 0.0
    for _ in range(rounds):
        seconds, took = _bare(calls)
        bare.append(took)
        ours.append(_ours(calls))
    ratios = [one / other for one, other in zip(bare, ours, strict=True)]
    return {
        "audio_seconds": round(seconds, 1),
        "processes": PROCESSES,
        "bare_audio_seconds_per_second": round(seconds / statistics.median(bare), 2),
        "ours_audio_seconds_per_second": round(seconds / statistics.median(ours), 2),
        "ratio_to_bare": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


def _bare(calls: list[Path]) -> tuple[float, float]:
    """Decoded audio in, hypotheses out; loading the model is not counted on either side."""
    # The longest first, as the stage does.
    with multiprocessing.get_context("spawn").Pool(PROCESSES, _load) as pool:
        pool.map(_decode, [calls[0]] * PROCESSES, chunksize=1)
        ordered = sorted(calls, key=lambda path: -path.stat().st_size)
        start = time.perf_counter()
        lengths = pool.map(_decode, ordered, chunksize=1)
        return sum(lengths), time.perf_counter() - start


_decoder: Any = None


def _load() -> None:
    global _decoder  # noqa: PLW0603 - one decoder a process
    _decoder = pocketsphinx.Decoder(samprate=_RATE, loglevel="FATAL")


def _decode(path: Path) -> float:
    channels = channels_at(io.BytesIO(path.read_bytes()), _RATE, max_seconds=3600)
    for channel in channels:
        _decoder.start_utt()
        _decoder.process_raw(np.ascontiguousarray(channel).tobytes(), full_utt=True)
        _decoder.end_utt()
        _decoder.hyp()
    return float(channels.shape[1] / _RATE)


def _ours(calls: list[Path]) -> float:
    with tempfile.TemporaryDirectory(prefix="callward-bench-") as folder:
        instance = new_instance(Path(folder), clock=SystemClock(), processes=PROCESSES)
        instruct(instance, transcription=True)
        now = instance.clock.now()
        deliver(
            instance,
            [
                Call(f"bench-{number}", content=path.read_bytes(), file=path.name)
                for number, path in enumerate(calls)
            ],
            now=now,
        )
        gates = GreatExpectationsGates()
        run = night.new_run(instance)
        work = night.work_for(instance, gates, run)
        night.ingest(instance, work, run)
        start = time.perf_counter()
        report = night.transcribe(instance, work, run)
        seconds = time.perf_counter() - start
        instance.close()
    if report.failures or report.total("transcribed") != len(calls):
        raise SystemExit(f"the benchmark's transcription failed: {report.failures}")
    return seconds
