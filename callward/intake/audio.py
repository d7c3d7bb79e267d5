"""What a recording is: probing it in constant memory, and decoding it for speech."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from callward.intake import formats
from callward.intake.reasons import Reason, Refusal

Samples = npt.NDArray[Any]

SILENCE_DBFS = -50.0
"""A stretch whose mean power is below this, re a full-scale square wave, is silent."""

STRETCH_SECONDS = 0.02
TOLERANCE_SECONDS = 0.25
TOLERANCE_SHARE = 0.01

_SAMPLE_TYPES: dict[str, type[np.generic]] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file we are ready to decode; more is refused as too-large."""

    max_bytes: int = 4 << 30
    max_seconds: float = 24 * 3600.0
    max_channels: int = 32
    min_rate: int = 1000
    max_rate: int = 2_000_000


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What is known of a recording.

    ``rate`` in Hz; ``samples`` per channel; ``peak`` in 0..1 of full scale;
    ``silent_share`` in 0..1: the share of 20 ms stretches below -50 dBFS, all
    channels taken together; ``truncated``: clearly less audio than promised.
    """

    container: str
    codec: str
    rate: int
    channels: int
    seconds: float
    peak: float
    silent_share: float
    samples: int
    truncated: bool


DEFAULT_LIMITS = Limits()


def probe(file: BinaryIO, *, limits: Limits = DEFAULT_LIMITS) -> AudioFacts:
    """Decode a seekable binary file to its end and say what it is.

    Truncated is a file of which more than 1 % and more than 0.25 s is missing, or
    more than is there: promised by a header that counts (not guessed from a bit rate, and not a
    streaming recorder's placeholder), or lost in packets that do not decode; or
    an Ogg file that stops inside a page. Raises Refusal: empty, not-media,
    no-audio, unsupported-codec, number-malformed or too-large.
    """
    if formats.size_of(file) > limits.max_bytes:
        raise Refusal(Reason.TOO_LARGE)
    with formats.open_audio(file) as (container, stream):
        decoder = _Decoder(file, container, stream, limits)
        levels: _Levels | None = None
        for block in decoder.blocks():
            levels = levels or _Levels(decoder.rate, decoder.channels)
            levels.add(block)
        if levels is None:
            raise Refusal(Reason.NOT_MEDIA if decoder.failed else Reason.EMPTY)
        seconds = decoder.samples / decoder.rate
        name = formats.container_name(container)
        promised = _promised_seconds(container, stream, file, seconds)
        missing = max(promised - seconds, decoder.lost)
        return AudioFacts(
            container=name,
            codec=stream.codec_context.name,
            rate=decoder.rate,
            channels=decoder.channels,
            seconds=seconds,
            peak=levels.peak,
            silent_share=levels.silent_share(),
            samples=decoder.samples,
            truncated=_is_clear(missing, seconds)
            or (name == "ogg" and formats.ends_inside_ogg_page(file)),
        )


def _is_clear(missing: float, seconds: float) -> bool:
    """Whether ``missing`` is more than rounding, priming and padding explain."""
    tolerated = max(TOLERANCE_SECONDS, TOLERANCE_SHARE * (seconds + missing))
    return missing > tolerated or missing > seconds


def channels_at(
    file: BinaryIO, rate: int, *, max_seconds: float, limits: Limits = DEFAULT_LIMITS
) -> npt.NDArray[np.int16]:
    """Decode to int16 at ``rate`` Hz, shape (channels, samples), resampled by soxr HQ.

    Memory is 2 bytes x channels x ``rate`` x seconds, twice. Raises Refusal as
    ``probe`` does; too-large above ``max_seconds``.
    """
    pieces = list(pieces_at(file, rate, max_seconds=max_seconds, limits=limits))
    return np.ascontiguousarray(np.concatenate(pieces).T)


def pieces_at(
    file: BinaryIO, rate: int, *, max_seconds: float, limits: Limits = DEFAULT_LIMITS
) -> Iterator[npt.NDArray[np.int16]]:
    """What ``channels_at`` decodes, in pieces of shape (samples, channels); memory is constant."""
    bounds = replace(limits, max_seconds=min(max_seconds, limits.max_seconds))
    if formats.size_of(file) > bounds.max_bytes:
        raise Refusal(Reason.TOO_LARGE)
    with formats.open_audio(file) as (container, stream):
        decoder = _Decoder(file, container, stream, bounds)
        for chunk in _resampled(decoder, rate):
            yield _to_int16(chunk)
        if not decoder.samples:
            raise Refusal(Reason.NOT_MEDIA if decoder.failed else Reason.EMPTY)


def _resampled(decoder: "_Decoder", rate: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield float32 chunks, shape (samples, channels), at ``rate`` Hz."""
    resampler: soxr.ResampleStream | None = None
    for block in decoder.blocks():
        chunk = _as_float(block).reshape(-1, decoder.channels)
        if decoder.rate == rate:
            yield chunk
            continue
        if resampler is None:
            resampler = soxr.ResampleStream(decoder.rate, rate, decoder.channels, quality="HQ")
        yield resampler.resample_chunk(chunk)
    if resampler is not None:
        nothing = np.zeros((0, decoder.channels), dtype=np.float32)
        yield resampler.resample_chunk(nothing, last=True)


class _Decoder:
    """Decodes one stream to its end and keeps count of what came out and what did not."""

    def __init__(
        self, file: BinaryIO, container: InputContainer, stream: AudioStream, limits: Limits
    ) -> None:
        self._file = file
        self._container = container
        self._stream = stream
        self._limits = limits
        self.rate = 0
        self.channels = 0
        self.samples = 0
        self.lost = 0.0
        self.failed = False

    def blocks(self) -> Iterator[Samples]:
        """Yield interleaved samples in blocks worth a call to numpy, to the end of the stream."""
        wav = formats.container_name(self._container) == "wav"
        if wav and self._stream.codec_context.name == "pcm_s16le":
            return self._plain_blocks()
        return self._decoded_blocks()

    def _plain_blocks(self) -> Iterator[Samples]:
        """Read samples from where libav says they start; packet by packet takes twice as long."""
        packet = next(self._container.demux(self._stream), None)
        if packet is None or packet.pos is None or not packet.size:
            return
        context = self._stream.codec_context
        self._start(context.sample_rate, context.channels)
        # Whole seconds divide into stretches without a rest.
        step = min(self.rate * max(1, _BLOCK // (self.rate * self.channels)), 4 * _BLOCK)
        left = self._stream.duration or sys.maxsize
        self._file.seek(packet.pos)
        while left > 0:
            data = self._file.read(min(step, left) * 2 * self.channels)
            samples = len(data) // (2 * self.channels)
            if not samples:
                return
            left -= samples
            self._add(samples)
            yield np.frombuffer(data, np.dtype("<i2"), samples * self.channels)

    def _decoded_blocks(self) -> Iterator[Samples]:
        waiting: list[Samples] = []
        held = 0
        for frame in self._frames():
            waiting.append(_interleaved(frame))
            held += waiting[-1].size
            if held >= _BLOCK:
                yield np.concatenate(waiting)
                waiting, held = [], 0
        if waiting:
            yield np.concatenate(waiting)

    def _frames(self) -> Iterator[AudioFrame]:
        """Yield frames of one rate and channel count; damage is counted, not raised."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.failed = True
                return
            try:
                decoded = packet.decode()
            except (av.FFmpegError, ValueError):
                self.failed = True
                self.lost += float((packet.duration or 0) * (packet.time_base or 0))
                continue
            for frame in decoded:
                if self._accepts(frame):
                    yield frame

    def _accepts(self, frame: AudioFrame) -> bool:
        channels = frame.layout.nb_channels
        if not self.rate:
            self._start(frame.sample_rate, channels)
        if not frame.samples:
            return False
        if (frame.sample_rate, channels) != (self.rate, self.channels):
            self.failed = True
            self.lost += frame.samples / max(frame.sample_rate, 1)
            return False
        self._add(frame.samples)
        return True

    def _add(self, samples: int) -> None:
        self.samples += samples
        if self.samples > self._limits.max_seconds * self.rate:
            raise Refusal(Reason.TOO_LARGE)

    def _start(self, rate: int, channels: int) -> None:
        if not self._limits.min_rate <= rate <= self._limits.max_rate or not channels:
            raise Refusal(Reason.NUMBER_MALFORMED)
        if channels > self._limits.max_channels:
            raise Refusal(Reason.TOO_LARGE)
        self.rate, self.channels = rate, channels


class _Levels:
    """Peak and silence of interleaved samples that arrive piece by piece."""

    def __init__(self, rate: int, channels: int) -> None:
        self._width = max(1, round(rate * STRETCH_SECONDS)) * channels
        self._rest: Samples | None = None
        self._stretches = 0
        self._silent = 0
        self.peak = 0.0

    def add(self, block: Samples) -> None:
        """Take in the next samples: int16, or anything ``_as_float`` understands."""
        if block.dtype != np.int16:
            block = _as_float(block)
        top = max(float(block.max()), -float(block.min())) / _full_scale(block)
        self.peak = max(self.peak, top)
        if self._rest is not None and self._rest.size:
            block = np.concatenate([self._rest, block])
        whole = block.size - block.size % self._width
        self._count(block[:whole].reshape(-1, self._width))
        self._rest = block[whole:]

    def silent_share(self) -> float:
        """The share of silent stretches; the last, shorter one counts as one."""
        if self._rest is not None and self._rest.size:
            self._count(self._rest.reshape(1, -1))
            self._rest = None
        return self._silent / self._stretches

    def _count(self, stretches: Samples) -> None:
        values = stretches.astype(np.float32, copy=False)
        energy = np.einsum("ij,ij->i", values, values)
        limit = 10 ** (SILENCE_DBFS / 10) * _full_scale(stretches) ** 2 * stretches.shape[1]
        self._stretches += len(energy)
        self._silent += int(np.count_nonzero(energy < limit))


def _full_scale(block: Samples) -> float:
    return 32768.0 if block.dtype == np.int16 else 1.0


def _interleaved(frame: AudioFrame) -> Samples:
    """The frame's samples, flat, channel after channel for each moment; not copied if packed."""
    name, samples = frame.format.name, frame.samples
    # to_ndarray copies, costs more than decoding PCM does, and knows no 64-bit integers.
    dtype = _SAMPLE_TYPES[name.removesuffix("p")]
    planes = [np.frombuffer(memoryview(plane), dtype) for plane in frame.planes]
    if frame.format.is_planar:
        return np.stack([plane[:samples] for plane in planes], axis=1).reshape(-1)
    return planes[0][: samples * frame.layout.nb_channels]


def _as_float(block: Samples) -> npt.NDArray[np.float32]:
    """Samples of any of libav's types as float32 within -1..1."""
    if block.dtype == np.uint8:
        return (block.astype(np.float32) - np.float32(128)) / np.float32(128)
    if block.dtype.kind == "i":
        return block.astype(np.float32) / np.float32(2.0 ** (8 * block.dtype.itemsize - 1))
    finite = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.asarray(np.clip(finite, -1.0, 1.0), dtype=np.float32)


def _to_int16(chunk: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(chunk * 32768), -32768, 32767).astype(np.int16)


def _promised_seconds(
    container: InputContainer, stream: AudioStream, file: BinaryIO, seconds: float
) -> float:
    """How much audio the file says there is, of which ``seconds`` came out; 0 if it is silent."""
    name = formats.container_name(container)
    if name in {"wav", "w64", "caf"}:
        return seconds * formats.chunk_promise(file)
    if name == "matroska":
        return (container.duration or 0) / 1e6
    if not stream.duration or not stream.time_base or not formats.length_is_exact(container, file):
        return 0.0
    return float(stream.duration * stream.time_base)
