"""Opening an audio file with libav, so that it sees this one file and nothing else.

libav knows some 400 formats, among them playlists and scripts that name other
files and addresses. Three doors are shut: only the containers and codecs
listed here are tried, no protocol is allowed, and whatever asks for a second
file is told no. File names never reach libav, so none is in its errors.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

import av
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer

from callward.intake.reasons import Reason, Refusal

_QUIET = -8  # AV_LOG_QUIET
# libav's log lines quote tags and names.
av.logging.set_libav_level(_QUIET)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONTAINERS = _words(
    """
    aac ac3 aiff amr asf au caf eac3 flac gsm matroska mov mp3 nistsphere ogg voc w64 wav wv
    """
)
"""libav's demuxers for call recordings; ``mov`` is MP4 as well, ``asf`` WMA."""

_PCM = _words(
    """
    alaw mulaw s8 s8_planar u8 s16le s16le_planar s16be s16be_planar u16le u16be s24le
    s24le_planar s24be u24le u24be s32le s32le_planar s32be u32le u32be s64le s64be f16le f24le
    f32le f32be f64le f64be
    """
)
CODECS = frozenset(f"pcm_{name}" for name in _PCM) | _words(
    """
    aac aac_latm ac3 eac3 adpcm_g722 adpcm_g726 adpcm_g726le adpcm_ima_qt adpcm_ima_wav
    adpcm_ms adpcm_yamaha alac als amrnb amrwb flac g723_1 g729 gsm gsm_ms ilbc libgsm
    libgsm_ms libilbc libopencore_amrnb libopencore_amrwb libopus libspeex mp1 mp1float mp2
    mp2float mp3 mp3float opus speex truespeech vorbis wavpack wmalossless wmapro wmav1
    wmav2 wmavoice
    """
)
"""libav's audio decoders; no video or picture decoder is ever opened."""

EXACT_LENGTH = _words("aiff asf au flac mov nistsphere wv")
"""Containers whose header says how long they are; elsewhere libav guesses from the bit rate."""

_BUFFER = 1 << 16
_OPTIONS = {
    "format_whitelist": ",".join(sorted(CONTAINERS)),
    "codec_whitelist": ",".join(sorted(CODECS)),
    "protocol_whitelist": "none",
    # PCM in packets of 32 KiB, not 4, each of which costs a round through Python; larger
    # ones lose more in opening, where libav looks for other codecs in the first of them.
    "max_size": str(1 << 15),
    "max_probe_packets": "0",
}
_GSM_FRAME = 33
_GSM_MAGIC = 0xD
_GSM_SAMPLE = 1 << 16
_MIN_GSM_FRAMES = 10
_TAIL = 1 << 17  # more than the largest Ogg page
_OGG_HEADER = 27
_MAX_CHUNKS = 1000
_SIZE_ELSEWHERE = 0xFFFFFFFF  # RF64: in ds64; RIFF: to the end of the file
# Recorders that cannot seek back write 0, -1, or sizes from here up: 0x7FFFFxxx, 0xFFFFFFxx.
_PLACEHOLDER = 0x7FFF_0000


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a container of chunks is laid out: where the first is, and what heads each."""

    first: int
    header: struct.Struct
    align: int
    placeholder: int = 1 << 62
    counts_header: bool = False


_RIFF = _Layout(12, struct.Struct("<4sI"), 2, _PLACEHOLDER)
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"RIFX": _Layout(12, struct.Struct(">4sI"), 2, _PLACEHOLDER),
    b"riff": _Layout(40, struct.Struct("<16sq"), 8, counts_header=True),
    b"caff": _Layout(8, struct.Struct(">4sq"), 1),
}


class _Bare:
    """A file of which libav sees neither name nor descriptor."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


@contextmanager
def open_audio(file: BinaryIO) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open the (best) audio stream of a seekable file, from its beginning.

    Raises Refusal: empty, not-media, no-audio or unsupported-codec. Errors of
    libav inside the block become not-media.
    """
    if not size_of(file):
        raise Refusal(Reason.EMPTY)
    with _mapped(), _demuxer(file) as container:
        if not container.streams.audio:
            raise Refusal(Reason.NO_AUDIO)
        stream = container.streams.best("audio")
        context = getattr(stream, "codec_context", None)
        if not isinstance(stream, AudioStream) or context is None or context.name not in CODECS:
            raise Refusal(Reason.UNSUPPORTED_CODEC)
        context.thread_count = 1  # files are shared out over processes; threads would only queue
        yield container, stream


def size_of(file: BinaryIO) -> int:
    """The file's size in bytes; leaves it at its end."""
    return file.seek(0, os.SEEK_END)


def container_name(container: InputContainer) -> str:
    """Our name of the container: the one in ``CONTAINERS``."""
    names = container.format.name.split(",")
    return next((name for name in names if name in CONTAINERS), names[0])


def length_is_exact(container: InputContainer, file: BinaryIO) -> bool:
    """Whether the stream's duration is a promise of the file and not libav's guess."""
    name = container_name(container)
    return name in EXACT_LENGTH or (name == "mp3" and _mp3_counts_frames(file))


def chunk_promise(file: BinaryIO) -> float:
    """How many times the bytes that are there the data chunk of a file promises; at least 1.

    For WAV (RIFF, RIFX, RF64 and BW64: EBU Tech 3306), Sony Wave64 and CAF.
    libav corrects the length of such a file if it is too short, and so cannot
    tell. A size that says "to the end of the file" promises nothing.
    """
    size = size_of(file)
    file.seek(0)
    layout = _LAYOUTS.get(file.read(4))
    if layout is None:
        return 1.0
    place, elsewhere = layout.first, 0
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        raw = file.read(layout.header.size)
        if len(raw) < layout.header.size:
            break
        name, length = layout.header.unpack(raw)
        place += layout.header.size
        length -= layout.header.size if layout.counts_header else 0
        if name[:4] == b"ds64":
            elsewhere = int.from_bytes(file.read(16)[8:], "little")
        if name[:4] == b"data":
            promised = elsewhere if length == _SIZE_ELSEWHERE and elsewhere else length
            streamed = promised == length and not 0 < length < layout.placeholder
            return 1.0 if streamed or size <= place else max(1.0, promised / (size - place))
        place += max(0, length) + -length % layout.align
    return 1.0


def ends_inside_ogg_page(file: BinaryIO) -> bool:
    """Whether an Ogg file (RFC 3533) stops before the end of its last page."""
    size = size_of(file)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    start = tail.rfind(b"OggS")
    while start >= 0 and len(tail) - start > _OGG_HEADER and tail[start + 4]:
        start = tail.rfind(b"OggS", 0, start)  # chance bytes: a page's version is 0
    if start < 0:
        return False
    page = tail[start:]
    if len(page) < _OGG_HEADER:
        return True
    segments = page[_OGG_HEADER : _OGG_HEADER + page[26]]
    return len(page) < _OGG_HEADER + page[26] + sum(segments)


@contextmanager
def _mapped() -> Iterator[None]:
    """Map whatever libav and its wrapper raise on broken input to a refusal."""
    try:
        yield
    except Refusal:
        raise
    except (av.error.PatchWelcomeError, av.error.DecoderNotFoundError):
        raise Refusal(Reason.UNSUPPORTED_CODEC) from None
    except (av.FFmpegError, ArithmeticError, AttributeError, LookupError, OSError, ValueError):
        raise Refusal(Reason.NOT_MEDIA) from None


def _demuxer(file: BinaryIO) -> InputContainer:
    try:
        return _open(file, None)
    except av.error.InvalidDataError:
        if _is_gsm(file):
            return _open(file, "gsm")
        raise


def _open(file: BinaryIO, container: str | None) -> InputContainer:
    file.seek(0)
    return av.open(
        _Bare(file),
        "r",
        format=container,
        options=_OPTIONS,
        buffer_size=_BUFFER,
        io_open=_no_second_file,
    )


def _no_second_file(*_asked: object) -> NoReturn:
    raise PermissionError


def _is_gsm(file: BinaryIO) -> bool:
    """Whether a headerless file is GSM 06.10: 33-byte frames, each led by the nibble 0xD.

    libav's own guess misses files shorter than half a second.
    """
    size = size_of(file)
    file.seek(0)
    heads = file.read(_GSM_SAMPLE)[::_GSM_FRAME]
    whole = size % _GSM_FRAME == 0 and size >= _MIN_GSM_FRAMES * _GSM_FRAME
    return whole and all(head >> 4 == _GSM_MAGIC for head in heads)


def _mp3_counts_frames(file: BinaryIO) -> bool:
    """Whether the first MPEG frame, after any ID3v2 tag, is a Xing, Info or VBRI header."""
    place = file.tell()
    file.seek(0)
    head = file.read(10)
    skip = 0
    if head.startswith(b"ID3") and len(head) == 10:  # noqa: PLR2004 - ID3v2 §3.1: ten bytes
        skip = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
    file.seek(skip)
    frame = file.read(2048)
    file.seek(place)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))
