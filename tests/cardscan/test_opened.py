"""Sealed recordings read as files, and listened to in blocks."""

import io
import random
import wave
from collections.abc import Iterator

import numpy as np
import pytest

from callward.cards.grammar import Sound
from callward.cards.listen import Stretch
from callward.cards.mute import Samples, wav
from callward.cardscan import hearing, opened
from callward.errors import IntegrityError
from callward.intake.audio import channels_at, probe
from tests.support import tone


class _Seal:
    """Hands out pieces, and counts how often it was opened."""

    def __init__(self, data: bytes, piece: int) -> None:
        self.data, self.piece, self.times = data, piece, 0

    def __call__(self) -> Iterator[bytes]:
        """From the start."""
        self.times += 1
        for start in range(0, len(self.data), self.piece):
            yield self.data[start : start + self.piece]
            yield b""  # as a decryptor may


@pytest.fixture(params=[0, 1 << 20], ids=["as-read", "whole"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Either way of reading; a small head and small buffers."""
    monkeypatch.setattr(opened, "IN_MEMORY", request.param)
    monkeypatch.setattr(opened, "_HEAD", 300)
    monkeypatch.setattr(opened, "_BUFFER", 64)
    return int(request.param)


def test_it_reads_like_any_file(limit: int) -> None:
    """At random places, forwards and backwards, across pieces and at the end."""
    data, chance = random.Random(1).randbytes(5000), random.Random(2)
    there = io.BytesIO(data)
    made = opened.opened(_Seal(data, 700), len(data))
    for _ in range(300):
        offset, whence = chance.choice([(chance.randrange(5200), 0), (-chance.randrange(99), 2)])
        count = chance.randrange(1500)
        assert made.seek(offset, whence) == there.seek(offset, whence)
        assert made.read(count) == there.read(count)
        assert made.tell() == there.tell()
    assert limit in (0, 1 << 20)


def test_a_recording_decodes_from_it(limit: int) -> None:
    """Probed and decoded as from memory; a large one is opened a few times, not often."""
    data = tone(0.5)
    seal = _Seal(data, 1000)
    made = opened.opened(seal, len(data))
    assert probe(made) == probe(io.BytesIO(data))
    made.seek(0)
    assert np.array_equal(
        channels_at(made, 8000, max_seconds=9), channels_at(io.BytesIO(data), 8000, max_seconds=9)
    )
    assert seal.times <= (1 if limit else 8)


def test_what_does_not_verify_is_told(limit: int) -> None:
    """The seal's own error comes through the decoder, and is not taken for a bad recording."""
    data = tone(0.5)

    def broken() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        raise IntegrityError("a sealed object does not verify")

    with pytest.raises(IntegrityError):
        probe(opened.opened(broken, len(data)))
    assert limit in (0, 1 << 20)


def test_what_is_heard_does_not_depend_on_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are as long as they are however the decoder cuts, and their times go on."""
    heard: list[tuple[int, float]] = []

    def hear(channel: Samples, offset: float, *, keenly: bool = False) -> list[Sound]:
        if keenly:
            return []
        heard.append((len(channel), offset))
        return [Sound("one", offset + n / 4, offset + n / 4 + 0.2) for n in range(4)]

    monkeypatch.setattr(hearing, "heard", hear)
    monkeypatch.setattr(hearing, "numbers", lambda said: [Stretch(said[0].start, said[-1].end)])
    monkeypatch.setattr(hearing, "_BLOCK", 8000)
    samples = np.arange(2 * 28_000, dtype=np.int16).reshape(-1, 2)
    for size in (700, 8000, 28_000):
        heard.clear()
        pieces = (samples[start : start + size] for start in range(0, len(samples), size))
        found, seconds = hearing.listen_to(pieces)
        assert seconds == 3.5
        assert heard == [(8000, n) for n in (0, 0, 1, 1, 2, 2)] + [(4000, 3), (4000, 3)]
        assert [(one.start, one.end) for one in found] == [(0.0, 3.95)] * 2


def test_a_long_wav_is_written_in_pieces() -> None:
    """What ``wav`` yields for hours of sound is never long."""
    pieces = (np.zeros((8000, 2), np.int16) for _ in range(600))
    sizes = [len(one) for one in wav(pieces, 8000, 2, 600 * 8000)]
    assert max(sizes) <= 32_000
    with wave.open(io.BytesIO(b"".join(wav(iter([]), 8000, 2, 8000)))) as file:
        assert file.getnframes() == 8000
