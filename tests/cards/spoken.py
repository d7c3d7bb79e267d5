"""Calls put together from recorded digits and ordinary speech, with a number in the middle."""

import io
import shutil
import subprocess
import tempfile
import wave
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import soxr

from callward.cards.grammar import Pcm
from callward.cards.listen import Stretch
from callward.intake.audio import channels_at

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = ("awb", "rms", "slt", "kal16")
AROUND = (
    "telephone_8k/asterisk_talking.wav",
    "telephone_8k/gcp_commercial_mono.wav",
    "wideband/whisper_jfk.flac",
    "wideband/lhotse_LJ002-0035.wav",
)
_NOISE = 6.0  # of full scale 32768: a quiet line
_BASE = 16_000


@dataclass(frozen=True)
class Spoken:
    """A call: samples of shape (channels, samples), and where the number is said (seconds)."""

    pcm: np.ndarray[Any, np.dtype[np.int16]]
    rate: int
    number: Stretch

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.pcm.shape[1] / self.rate)

    def wav(self) -> bytes:
        """As a WAV file."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(len(self.pcm))
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(np.ascontiguousarray(self.pcm.T).astype("<i2").tobytes())
        return out.getvalue()


class Voices:
    """Recorded digits by speaker, made-up voices where flite is installed, ordinary speech."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.random = folder, Random(seed)
        self.digits: dict[str, dict[int, list[Pcm]]] = defaultdict(lambda: defaultdict(list))
        for path in sorted((folder / "digits" / "fsdd").glob("*.wav")):
            digit, speaker, _ = path.stem.split("_")
            self.digits[speaker][int(digit)].append(_mono(path))

    def recorded(self, digits: Sequence[int], *, group: int = 4) -> Pcm:
        """Digits by one recorded speaker, in groups; those he lacks are others of his."""
        speakers = [one for one, own in self.digits.items() if digits[0] in own]
        own = self.digits[self.random.choice(sorted(speakers))]
        parts: list[Pcm] = []
        for index, digit in enumerate(digits):
            said = digit if digit in own else self.random.choice(sorted(set(own) - {0}))
            parts.append(self.random.choice(own[said]))
            pause = (0.25, 0.9) if (index + 1) % group == 0 else (0.03, 0.3)
            if index + 1 < len(digits):
                parts.append(self.quiet(self.random.uniform(*pause)))
        return np.concatenate(parts)

    def made(self, digits: Sequence[int], voice: str, *, oh: bool) -> Pcm:
        """Digits by a voice of flite's."""
        words = ["oh" if oh and digit == 0 else WORDS[digit] for digit in digits]
        groups = [" ".join(words[at : at + 4]) for at in range(0, len(words), 4)]
        return _flite(", ".join(groups), voice)

    def quiet(self, seconds: float) -> Pcm:
        """A line on which nobody speaks."""
        noise = np.random.default_rng(self.random.randrange(1 << 30))
        return noise.normal(0, _NOISE, int(seconds * _BASE)).astype(np.int16)

    def ordinary(self, seconds: float) -> Pcm:
        """A piece of ordinary speech."""
        pcm = _mono(self.folder / self.random.choice(AROUND))
        start = self.random.randrange(max(1, len(pcm) - int(seconds * _BASE)))
        return pcm[start : start + int(seconds * _BASE)]

    def card(self) -> list[int]:
        """15 or 16 digits that start as a card's do."""
        length = self.random.choice((15, 16, 16, 16))
        return [
            self.random.choice((3,) if length == 15 else (4, 5, 2, 6)),
            *(self.random.randrange(10) for _ in range(length - 1)),
        ]

    def phone(self) -> list[int]:
        """The eleven digits of a UK number."""
        start = self.random.choice(((0, 7), (0, 1), (0, 2)))
        return [*start, *(self.random.randrange(10) for _ in range(9))]

    def call(self, number: Pcm, rate: int, *, stereo: bool = False) -> Spoken:
        """Ordinary speech, the number, ordinary speech; all of it on the left if ``stereo``."""
        before, after = self.ordinary(5), self.ordinary(5)
        pause = self.quiet(0.8)
        start = len(before) + len(pause)
        mono = np.concatenate([before, pause, number, pause, after])
        if rate != _BASE:
            mono = _resampled(mono, _BASE, rate)
        pcm = np.stack([mono, np.zeros_like(mono)]) if stereo else mono[np.newaxis]
        return Spoken(pcm, rate, Stretch(start / _BASE, (start + len(number)) / _BASE))


def has_flite() -> bool:
    """Whether there are made-up voices."""
    return shutil.which("flite") is not None


def _resampled(pcm: Pcm, before: int, after: int) -> Pcm:
    wide = soxr.resample(pcm.astype(np.float32), before, after)
    narrow: Pcm = np.clip(np.rint(wide), -32768, 32767).astype(np.int16)
    return narrow


@cache
def _mono(path: Path) -> Pcm:
    pcm = channels_at(io.BytesIO(path.read_bytes()), _BASE, max_seconds=3600)
    mono: Pcm = pcm.astype(np.int32).mean(axis=0).astype(np.int16)
    return mono


@cache
def _flite(text: str, voice: str) -> Pcm:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(
            [shutil.which("flite") or "", "-voice", voice, "-t", text, "-o", str(path)],
            check=True,
            timeout=60,
        )
        return _mono(path)
