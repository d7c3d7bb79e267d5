"""Real recordings, read without the rooms that other tests are about."""

import csv
import os
from pathlib import Path

import av
import numpy as np
import pytest

from callward.speech.engine import RATE, Pcm


class RealSpeech:
    """The speech folder of the real data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mono(self, name: str) -> Pcm:
        """One file as mono int16 at 16 kHz."""
        path = self.folder / name
        if path.suffix == ".raw":
            return np.fromfile(path, "<i2").astype(np.int16)
        resampler = av.AudioResampler("s16", "mono", RATE)
        with av.open(str(path)) as container:
            frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
        pcm: Pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return pcm

    def references(self, kind: str) -> dict[str, str]:
        """Reference texts of one ``ref_kind`` by file name."""
        with (self.folder / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        return {
            row["file"].removeprefix("1_speech/"): row["reference"]
            for row in rows
            if row["ref_kind"] == kind
        }


@pytest.fixture(scope="session")
def real_speech() -> RealSpeech:
    """Real recordings, or a skip where there are none."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("CALLWARD_REAL_DATA", default)) / "1_speech"
    if not folder.is_dir():
        pytest.skip("no real data: CALLWARD_REAL_DATA names no folder with 1_speech")
    return RealSpeech(folder)
