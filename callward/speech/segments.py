"""Stretches of a channel that sound like speech: all that any engine is given.

Engines hear words in noise and silence, and are slow on both. A voice-activity
detector finds the stretches; because it takes hum, hiss and thunder for voices too,
a stretch must also be voiced somewhere (periodic at a human pitch) and must not be
steady.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pocketsphinx

from callward.speech.engine import RATE, Pcm

FRAME = 480  # samples: 30 ms, the longest the detector takes
BRIDGE = 17  # frames: a shorter pause does not end an utterance (0.5 s)
PADDING = 8  # frames kept around speech; twice this must not exceed BRIDGE
LONGEST = 1_000  # frames in one utterance (30 s)

VOICED = 0.6  # of the signal's energy repeats at one pitch period
VOICED_SHARE = 0.04  # thunder reaches 0.02, the quietest speech tried 0.07
STEADY_SPREAD = 4.0  # dB between soft and loud frames: tones and hum stay below 2
STEADY_FRAMES = 17  # shorter stretches may be one even vowel
PITCH_LAGS = slice(RATE // 400, RATE // 70)  # 70 to 400 Hz
VOICE_BAND = (150.0, 3_500.0)  # Hz


@dataclass(frozen=True, slots=True)
class Span:
    """Samples ``start`` (inclusive) to ``end`` (exclusive) of a channel."""

    start: int
    end: int


def speech_spans(pcm: Pcm) -> list[Span]:
    """Stretches of 16 kHz ``pcm`` worth decoding: apart, in order, at most 30 s each."""
    heard = _heard(pcm)
    level, voicing = _features(pcm)
    spans = []
    for first, last in _cut(_stretches(heard), level):
        mask = heard[first:last]
        if _is_speech(level[first:last][mask], voicing[first:last][mask]):
            spans.append(Span(first * FRAME, last * FRAME))
    return spans


def _heard(pcm: Pcm) -> npt.NDArray[np.bool_]:
    """Per frame, whether pocketsphinx's detector (WebRTC's) takes it for a voice."""
    detector = pocketsphinx.Vad(
        mode=pocketsphinx.Vad.LOOSE, sample_rate=RATE, frame_length=FRAME / RATE
    )
    frames = range(0, len(pcm) - FRAME + 1, FRAME)
    return np.array([detector.is_speech(pcm[i : i + FRAME].tobytes()) for i in frames], bool)


def _features(pcm: Pcm) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Per frame: level in dB and voicing (0 to 1), in blocks so that memory stays bounded."""
    count = len(pcm) // FRAME
    level = np.empty(count, np.float32)
    voicing = np.empty(count, np.float32)
    for first in range(0, count, LONGEST):
        last = min(first + LONGEST, count)
        block = pcm[first * FRAME : (last + 1) * FRAME].astype(np.float32)
        block = np.pad(block, (0, (last - first + 1) * FRAME - len(block)))
        frames = block.reshape(-1, FRAME)
        level[first:last] = 10 * np.log10((frames[:-1] ** 2).mean(axis=1) + 1e-3)
        voicing[first:last] = _voicing(np.hstack([frames[:-1], frames[1:]]))
    return level, voicing


def _voicing(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How much of each window repeats after one pitch period (normalised autocorrelation).

    The window's own autocorrelation is divided out (Boersma 1993, IFA
    Proceedings 17, section 3).
    """
    taper = np.hanning(windows.shape[1]).astype(np.float32)
    size = 2 * windows.shape[1]
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    band = (frequencies > VOICE_BAND[0]) & (frequencies < VOICE_BAND[1])
    own = np.fft.irfft(np.abs(np.fft.rfft(taper, size)) ** 2)
    power = np.abs(np.fft.rfft(windows * taper, size, axis=1)) ** 2 * band
    repeats = np.fft.irfft(power, axis=1)
    peak = (repeats[:, PITCH_LAGS] / own[PITCH_LAGS]).max(axis=1)
    voicing: npt.NDArray[np.float32] = peak * own[0] / (repeats[:, 0] + 1e-3)
    return voicing


def _stretches(heard: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs of frames with a voice, short pauses bridged, padded on both sides."""
    voiced = np.flatnonzero(heard)
    if not voiced.size:
        return
    breaks = np.flatnonzero(np.diff(voiced) > BRIDGE)
    for first, last in zip(np.append(0, breaks + 1), np.append(breaks, -1), strict=True):
        yield max(0, int(voiced[first]) - PADDING), min(len(heard), int(voiced[last]) + 1 + PADDING)


def _cut(
    stretches: Iterable[tuple[int, int]], level: npt.NDArray[np.float32]
) -> Iterator[tuple[int, int]]:
    """Cut what is too long for one utterance where it is quietest."""
    for first, last in stretches:
        edges = [first]
        while last - edges[-1] > LONGEST:
            earliest = edges[-1] + LONGEST // 2
            edges.append(earliest + int(np.argmin(level[earliest : edges[-1] + LONGEST])))
        yield from pairwise([*edges, last])


def _is_speech(level: npt.NDArray[np.float32], voicing: npt.NDArray[np.float32]) -> bool:
    """Decide on a stretch from the frames in which a voice was heard."""
    if not level.size or (voicing > VOICED).mean() < VOICED_SHARE:
        return False
    spread = float(np.percentile(level, 95) - np.percentile(level, 10))
    return len(level) < STEADY_FRAMES or spread >= STEADY_SPREAD
