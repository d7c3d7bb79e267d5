"""Muting: which samples go, and the recording without them as a WAV file."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from callward.cards.listen import Stretch

MARGIN: Final = 0.7
"""Seconds muted before and after a number: the end of a digit is often too quiet to be heard."""
JOIN: Final = 1.0
"""Seconds between two muted stretches that are muted as well: more of the same number."""
_PCM: Final = 1
_LARGEST: Final = 0xFFFFFFFF - 36
_BYTES: Final = 2

Samples = npt.NDArray[np.int16]


def with_margin(found: Iterable[Stretch], seconds: float) -> list[Stretch]:
    """What to mute in a recording of so many ``seconds``: with a margin, joined, in order.

    ``found`` may come from several channels: whatever was said on one is repeated, or
    echoes, on the others.
    """
    muted: list[Stretch] = []
    for one in sorted(found, key=lambda stretch: stretch.start):
        start, end = max(0.0, one.start - MARGIN), min(seconds, one.end + MARGIN)
        if end <= start:
            continue
        if muted and start - muted[-1].end <= JOIN:
            muted[-1] = Stretch(muted[-1].start, max(muted[-1].end, end))
        else:
            muted.append(Stretch(start, end))
    return muted


def silenced(
    pieces: Iterable[Samples], rate: int, stretches: Sequence[Stretch]
) -> Iterator[Samples]:
    """The same pieces, shape (samples, channels), with silence in all channels in places."""
    ranges = [(int(one.start * rate), -int(-one.end * rate // 1)) for one in stretches]
    position = 0
    for piece in pieces:
        after = position + len(piece)
        touched = [(low, high) for low, high in ranges if low < after and high > position]
        if touched:
            quiet = piece.copy()
            for low, high in touched:
                quiet[max(0, low - position) : high - position] = 0
            yield quiet
        else:
            yield piece
        position = after


def wav_header(rate: int, channels: int, samples: int) -> bytes:
    """Of a RIFF/WAVE file, PCM of 16 bits (Microsoft/IBM, Multimedia Programming Interface 1.0).

    ValueError where it would be longer than such a file can be (4 GiB).
    """
    size = samples * channels * _BYTES
    if size > _LARGEST:
        raise ValueError("too long for a WAV file")
    block = channels * _BYTES
    layout = struct.pack("<HHIIHH", _PCM, channels, rate, rate * block, block, 8 * _BYTES)
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", len(layout))
        + layout + b"data" + struct.pack("<I", size)
    )  # fmt: skip


def wav(pieces: Iterable[Samples], rate: int, channels: int, samples: int) -> Iterator[bytes]:
    """A WAV file of ``samples`` per channel, in chunks: what is missing at the end is silence.

    What there is beyond them is left out.
    """
    yield wav_header(rate, channels, samples)
    left = samples
    for piece in pieces:
        part = piece[:left]
        left -= len(part)
        yield np.ascontiguousarray(part, "<i2").tobytes()
    while left > 0:
        part = np.zeros((min(left, rate), channels), "<i2")
        left -= len(part)
        yield part.tobytes()
