"""Recordings are what they are decoded to be, and nothing else is opened for them."""

import csv
import io
import itertools
import os
import struct
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.intake import formats
from callward.intake.audio import AudioFacts, Limits, channels_at, probe
from callward.intake.reasons import RELEASABLE, Reason, Refusal
from callward.workers import WorkerFailure, map_isolated

REAL = Path(os.environ.get("CALLWARD_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
HEADERLESS = {".raw", ".pcm", ".ulaw", ".g722"}
Signal = npt.NDArray[np.int16]


def tone(seconds: float, rate: int = 8000, *, hertz: float = 440.0, level: float = 0.5) -> Signal:
    """Make a sine, shape (samples, 1)."""
    moments = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hertz * moments)).astype(np.int16)[:, None]


def wav(signal: Signal, rate: int = 8000) -> bytes:
    """Make a PCM WAV of samples, shape (samples, channels)."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(signal.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(signal.astype("<i2").tobytes())
    return file.getvalue()


def encoded(signal: Signal, container: str, codec: str, rate: int = 8000) -> bytes:
    """Encode samples, shape (samples, channels), with libav."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[signal.shape[1]]
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        frame = AudioFrame.from_ndarray(signal.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def facts(data: bytes, **limits: Any) -> AudioFacts:
    """Probe bytes."""
    return probe(io.BytesIO(data), limits=Limits(**limits))


def reason(data: bytes, **limits: Any) -> Reason:
    """Why bytes are refused."""
    with pytest.raises(Refusal) as caught:
        facts(data, **limits)
    assert caught.value.__cause__ is None
    return caught.value.reason


def with_data_size(data: bytes, size: int) -> bytes:
    """Rewrite the size field of a WAV's data chunk (the canonical 44-byte header)."""
    return data[:40] + struct.pack("<I", size) + data[44:]


def test_a_plain_recording() -> None:
    """Container, codec, rate, channels, length, peak and silence of PCM."""
    silent = np.zeros((8000, 1), np.int16)
    found = facts(wav(np.concatenate([tone(3), silent])))
    assert (found.container, found.codec) == ("wav", "pcm_s16le")
    assert (found.rate, found.channels, found.samples) == (8000, 1, 32000)
    assert found.seconds == 4.0
    assert found.peak == pytest.approx(0.5, abs=0.001)
    assert found.silent_share == pytest.approx(0.25, abs=0.01)
    assert not found.truncated


def test_full_scale_and_the_silence_limit() -> None:
    """The lowest sample is full scale; -50 dBFS is the limit of silence."""
    assert facts(wav(np.full((800, 1), -32768, np.int16))).peak == 1.0
    louder = np.full((8000, 1), 105, np.int16)  # -49.9 dBFS
    softer = np.full((8000, 1), 103, np.int16)  # -50.05 dBFS
    assert facts(wav(louder)).silent_share == 0.0
    assert facts(wav(softer)).silent_share == 1.0


def test_silence_is_of_all_channels_together() -> None:
    """A stretch in which one channel speaks is not silent."""
    speaking = tone(2)
    both = np.concatenate([speaking, np.zeros_like(speaking)], axis=1)
    assert facts(wav(both)).silent_share == 0.0
    assert facts(wav(both)).channels == 2


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(1, 3000),
    channels=st.integers(1, 3),
    rate=st.sampled_from([8000, 11025, 44100]),
    seed=st.integers(0, 1000),
)
def test_measures_agree_with_the_definition(
    samples: int, channels: int, rate: int, seed: int
) -> None:
    """Blocks and rests do not show: the figures are those of the whole signal at once."""
    random = np.random.default_rng(seed)
    loud = random.integers(-3000, 3000, (samples, channels), np.int16)
    signal = (loud * (random.random((samples, 1)) < 0.5)).astype(np.int16)
    signal[: samples // 2] //= 64
    width = round(rate * 0.02)
    power = [
        np.mean((signal[start : start + width] / 32768.0) ** 2)
        for start in range(0, samples, width)
    ]
    found = facts(wav(signal, rate))
    assert found.samples == samples
    assert found.peak == pytest.approx(np.abs(signal.astype(int)).max() / 32768)
    assert found.silent_share == pytest.approx(np.mean(np.array(power) < 1e-5))


@pytest.mark.parametrize(
    ("container", "codec", "rate", "name"),
    [
        ("wav", "pcm_mulaw", 8000, "wav"),
        ("wav", "pcm_alaw", 8000, "wav"),
        ("wav", "pcm_f32le", 8000, "wav"),
        ("wav", "adpcm_ima_wav", 8000, "wav"),
        ("w64", "pcm_s16le", 8000, "w64"),
        ("aiff", "pcm_s16be", 8000, "aiff"),
        ("au", "pcm_mulaw", 8000, "au"),
        ("caf", "pcm_s16le", 8000, "caf"),
        ("flac", "flac", 8000, "flac"),
        ("ogg", "libopus", 48000, "ogg"),
        ("mp3", "libmp3lame", 16000, "mp3"),
        ("adts", "aac", 16000, "aac"),
        ("mp4", "aac", 16000, "mov"),
        ("matroska", "libopus", 48000, "matroska"),
        ("amr", "libopencore_amrnb", 8000, "amr"),
    ],
)
def test_the_formats_of_call_recorders(container: str, codec: str, rate: int, name: str) -> None:
    """What was encoded is found again, whole, in every container."""
    found = facts(encoded(tone(3, rate), container, codec, rate))
    assert found.container == name
    assert (found.rate, found.channels) == (rate, 1)
    assert found.seconds == pytest.approx(3.0, abs=0.15)
    assert found.peak == pytest.approx(0.5, abs=0.1)
    assert found.silent_share < 0.1
    assert not found.truncated


def test_an_extension_or_name_is_never_asked_for(tmp_path: Path) -> None:
    """The content decides, whatever the file is called."""
    path = tmp_path / "call.mp3"
    path.write_bytes(wav(tone(1)))
    with path.open("rb") as file:
        assert probe(file).container == "wav"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFDB, 0x80000000])
def test_streamed_wav_is_whole(size: int) -> None:
    """A recorder that could not know the length, and said so, has delivered everything."""
    found = facts(with_data_size(wav(tone(2)), size))
    assert (found.truncated, found.samples) == (False, 16000)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 8000),
        ("wav", "pcm_mulaw", 8000),
        ("flac", "flac", 8000),
        ("ogg", "libopus", 48000),
        ("mp3", "libmp3lame", 16000),
        ("aiff", "pcm_s16be", 8000),
        ("au", "pcm_mulaw", 8000),
        ("w64", "pcm_s16le", 8000),
        ("caf", "pcm_s16le", 8000),
        ("matroska", "libopus", 48000),
        ("wav", "adpcm_ima_wav", 8000),
    ],
)
def test_a_file_cut_short_is_truncated(container: str, codec: str, rate: int) -> None:
    """Half of an upload is recognised as half of a call, and can be released."""
    data = encoded(tone(6, rate), container, codec, rate)
    found = facts(data[: len(data) // 2])
    assert found.truncated
    assert 1.0 < found.seconds < 5.0
    assert Reason.TRUNCATED in RELEASABLE


def test_a_little_less_than_promised_is_tolerated() -> None:
    """Under 0.25 s, or under 1 %, is rounding; most of a short file is not."""
    data = wav(tone(10))
    assert not facts(data[:-3000]).truncated
    assert facts(data[:-5000]).truncated
    assert not facts(wav(tone(60))[:-8000]).truncated
    assert facts(wav(tone(0.1))[:144]).truncated


def test_damage_in_the_middle_is_truncated() -> None:
    """Packets that do not decode are audio that is missing."""
    data = bytearray(encoded(tone(10, 16000), "flac", "flac", 16000))
    third = len(data) // 3
    data[third : 2 * third] = bytes(third)
    assert facts(bytes(data)).truncated


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Reason.EMPTY),
        (wav(np.zeros((0, 1), np.int16)), Reason.EMPTY),
        (b"not audio at all, only words. " * 50, Reason.NOT_MEDIA),
        (bytes(5000), Reason.NOT_MEDIA),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), Reason.NOT_MEDIA),
        (b"%PDF-1.7\n" + b"x" * 500, Reason.NOT_MEDIA),
        (wav(tone(1))[:30], Reason.NOT_MEDIA),
    ],
)
def test_what_is_no_recording(data: bytes, expected: Reason) -> None:
    """Nothing, words, pictures and a broken header have their reasons."""
    assert reason(data) is expected


def test_random_bytes_are_refused() -> None:
    """Noise is refused with a reason, whatever it looks like."""
    for seed in range(20):
        noise = np.random.default_rng(seed).bytes(4000)
        assert reason(noise) in {Reason.NOT_MEDIA, Reason.EMPTY, Reason.NUMBER_MALFORMED}


def test_video_without_sound_is_refused() -> None:
    """A film without an audio track is media, and says so."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        for _ in range(5):
            frame = av.VideoFrame(16, 16, "yuv420p")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert reason(file.getvalue()) is Reason.NO_AUDIO


def test_limits() -> None:
    """Bytes, seconds and channels above the limits are too large; odd rates are malformed."""
    data = wav(tone(3))
    assert reason(data, max_bytes=1000) is Reason.TOO_LARGE
    assert reason(data, max_seconds=2.9) is Reason.TOO_LARGE
    assert facts(data, max_seconds=3.0).seconds == 3.0
    assert reason(wav(np.zeros((100, 4), np.int16)), max_channels=3) is Reason.TOO_LARGE
    assert reason(wav(tone(3), rate=500)) is Reason.NUMBER_MALFORMED


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{path}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\n",
    "concat": "concat:{path}|{path}\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT3S"><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="1" bandwidth="1000"><BaseURL>{path}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "rtsp": "[Reference]\nRef1=http://127.0.0.1:9/{path}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_no_other_file_is_ever_opened(kind: str, tmp_path: Path) -> None:
    """A playlist that names a good recording beside it is not media."""
    good = tmp_path / "good.wav"
    good.write_bytes(wav(tone(3)))
    bait = tmp_path / f"bait.{kind}"
    bait.write_text(PLAYLISTS[kind].format(path=good))
    before = good.stat().st_atime_ns
    with bait.open("rb") as file:
        assert reason(file.read()) is Reason.NOT_MEDIA
    assert good.stat().st_atime_ns == before


def test_the_bait_would_work_without_our_guard(tmp_path: Path) -> None:
    """The playlist above is one that libav itself would follow: the test can fail."""
    good = tmp_path / "good.wav"
    good.write_bytes(wav(tone(3)))
    bait = tmp_path / "bait.ffconcat"
    bait.write_text(PLAYLISTS["ffconcat"].format(path="good.wav"))
    with av.open(str(bait)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 24000


def test_libav_learns_no_name(tmp_path: Path) -> None:
    """Neither refusal nor its context quotes the file's name."""
    path = tmp_path / "+447700900123.wav"
    path.write_bytes(b"nonsense" * 100)
    with path.open("rb") as file, pytest.raises(Refusal) as caught:
        probe(file)
    assert "900123" not in f"{caught.value!r} {caught.value.__context__}"


def test_only_listed_formats_and_codecs_exist() -> None:
    """Every name we allow is one that libav has, or may have, and none reads other files."""
    followers = {"hls", "concat", "concatf", "dash", "sdp", "rtsp", "image2", "lavfi", "iamf"}
    assert not formats.CONTAINERS & followers
    assert set(av.formats_available) >= formats.CONTAINERS - {"mov", "matroska", "asf"}


def test_channels_for_speech() -> None:
    """Each channel comes on its own at the rate asked for, its tone where it was."""
    left, right = tone(2, hertz=300), tone(2, hertz=1000, level=0.25)
    both = channels_at(
        io.BytesIO(wav(np.concatenate([left, right], axis=1))), 16000, max_seconds=60
    )
    assert both.dtype == np.int16
    assert both.shape == (2, 32000)
    for channel, hertz, level in ((both[0], 300, 0.5), (both[1], 1000, 0.25)):
        spectrum = np.abs(np.fft.rfft(channel))
        assert np.argmax(spectrum) / 2 == hertz
        assert np.abs(channel[1000:-1000].astype(int)).max() / 32768 == pytest.approx(level, 0.02)


def test_channels_at_the_same_rate_are_exact() -> None:
    """Nothing is resampled that need not be."""
    signal = np.random.default_rng(1).integers(-32768, 32767, (9000, 2), np.int16)
    out = channels_at(io.BytesIO(wav(signal, 16000)), 16000, max_seconds=60)
    assert np.array_equal(out, signal.T)


@pytest.mark.parametrize(
    ("container", "codec", "rate"), [("wav", "pcm_mulaw", 8000), ("ogg", "libopus", 48000)]
)
def test_compressed_channels_for_speech(container: str, codec: str, rate: int) -> None:
    """Compressed recordings come out at the rate and length of the call."""
    out = channels_at(
        io.BytesIO(encoded(tone(2, rate), container, codec, rate)), 16000, max_seconds=60
    )
    assert out.shape[0] == 1
    assert out.shape[1] == pytest.approx(32000, abs=800)
    assert np.argmax(np.abs(np.fft.rfft(out[0, :32000], 32000))) / 2 == pytest.approx(440, abs=1)


def test_channels_are_bounded() -> None:
    """More seconds than the memory is meant for are refused."""
    with pytest.raises(Refusal) as caught:
        channels_at(io.BytesIO(wav(tone(3))), 16000, max_seconds=2)
    assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(Refusal) as caught:
        channels_at(io.BytesIO(b"no audio" * 99), 16000, max_seconds=2)
    assert caught.value.reason is Reason.NOT_MEDIA


class Counting(io.BytesIO):
    """A file that remembers the largest read asked of it."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and remember how much."""
        self.largest = max(self.largest, size if size is not None and size >= 0 else 1 << 40)
        return super().read(size)


def test_memory_does_not_grow_with_the_file() -> None:
    """However long the recording, it is read in pieces of under a mebibyte."""
    file: BinaryIO = Counting(wav(np.zeros((8000 * 600, 1), np.int16)))
    assert probe(file).seconds == 600
    assert getattr(file, "largest", 0) < 1 << 20


def read_real(path: str) -> AudioFacts | str:
    """Probe, and decode for speech, a file of the real data; a refusal is its code."""
    with Path(path).open("rb") as file:
        try:
            found = probe(file)
            channels = channels_at(file, 16000, max_seconds=3600)
        except Refusal as refusal:
            return refusal.reason.value
    assert channels.shape[0] == found.channels
    assert abs(channels.shape[1] - found.seconds * 16000) < 5
    return found


def real(folder: str) -> list[Path]:
    """Every file of the real data that its index calls audio or worse."""
    if not REAL.is_dir():
        pytest.skip("real recordings are not here: set CALLWARD_REAL_DATA")
    index = REAL / "2_codecs" / "index.tsv"
    if folder == "1_speech":
        kinds = HEADERLESS | {".wav", ".flac", ".mp3", ".gsm"}
        return sorted(p for p in (REAL / folder).rglob("*") if p.suffix.lower() in kinds)
    with index.open(newline="") as lines:
        names = [row["file"] for row in csv.DictReader(lines, delimiter="\t")]
    return [REAL / name for name in names if name.startswith(folder)]


def outcomes(paths: list[Path]) -> dict[str, AudioFacts | str | WorkerFailure]:
    """Probe files in processes of their own, with a time limit."""
    found = map_isolated(read_real, map(str, paths), processes=2, seconds_each=30)
    return {paths[index].name: outcome for index, outcome in found}


def test_real_speech_is_taken_in() -> None:
    """Real calls and prompts in all their containers are accepted, whole; headerless are not."""
    paths = real("1_speech")
    found = outcomes(paths)
    for path in paths:
        outcome = found[path.name]
        if path.suffix in HEADERLESS:
            assert outcome == Reason.NOT_MEDIA, path
        else:
            assert isinstance(outcome, AudioFacts), (path, outcome)
            assert not outcome.truncated, path


def test_real_valid_files_are_taken_in_or_rightly_refused() -> None:
    """What other libraries read we read; what none can decode is named as such."""
    paths = real("2_codecs/valid")
    undecodable = {
        "scipy_test-44100Hz-2ch-32bit-float-be.wav",  # RIFX with floats
        "scipy_test-8000Hz-le-3ch-5S-45bit.wav",
        "scipy_test-8000Hz-le-3ch-5S-53bit.wav",
    }
    for name, outcome in outcomes(paths).items():
        if name in undecodable:
            assert outcome == Reason.UNSUPPORTED_CODEC, name
        else:
            assert isinstance(outcome, AudioFacts), (name, outcome)
            assert not outcome.truncated, name


def test_real_malformed_files_never_break_anything() -> None:
    """Crash inputs of other parsers are accepted or refused, and no process dies of them."""
    found = outcomes(real("2_codecs/malformed"))
    assert not [name for name, outcome in found.items() if isinstance(outcome, WorkerFailure)]
    assert found["tinytag_empty_file.m4a"] == Reason.EMPTY
    assert found["fq_vp9.mp4"] == Reason.NO_AUDIO
    assert found["tinytag_ilbm.aiff"] == Reason.NOT_MEDIA
    early = found["scipy_test-44100Hz-le-1ch-4bytes-early-eof.wav"]
    assert isinstance(early, AudioFacts)
    assert early.truncated


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), kind=st.integers(0, 2))
def test_broken_files_are_refused_or_described(seed: int, kind: int) -> None:
    """Any bytes changed or cut away give facts or a refusal, and nothing else."""
    data = bytearray(SAMPLES[kind])
    random = np.random.default_rng(seed)
    for place in random.integers(0, min(len(data), 400), 4):
        data[place] = random.integers(0, 256)
    cut = bytes(data[: int(random.integers(1, len(data) + 1))])
    try:
        found = facts(cut)
    except Refusal:
        return
    assert found.samples > 0
    assert 0 <= found.peak <= 1
    assert 0 <= found.silent_share <= 1


SAMPLES = list(
    itertools.starmap(
        encoded,
        [
            (tone(1), "wav", "pcm_s16le"),
            (tone(1, 48000), "ogg", "libopus", 48000),
            (tone(1), "flac", "flac"),
        ],
    )
)
