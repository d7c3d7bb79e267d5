"""A developer's script: makes the demo's recordings from `calls.json` with Debian's flite.

Run from the checkout: ``python -m deployments.demo.make_calls``. The agent is
on the left, the caller on the right, one after the other. The same flite gives
the same files. Writes the lengths back into ``calls.json`` and prints what
the recordings weigh and how well the embedded engine understands them.
"""

import json
import re
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import jiwer
import numpy as np
import typer
from av.audio.stream import AudioStream

from callward.speech.engine import RATE, Hints, Pcm
from callward.speech.listening import listen
from callward.speech.sphinx import Sphinx
from deployments.demo.calls import SCRIPT, Call, demo_calls

PAUSE = 0.4  # seconds of silence between turns and at both ends
FORMATS = {
    ".ogg": ("ogg", "libopus", RATE, 24_000),
    ".mp3": ("mp3", "libmp3lame", RATE, 32_000),
    ".flac": ("flac", "flac", RATE, None),
    # what a telephone exchange records; 16 kHz would take up a quarter of the space there is
    ".wav": ("wav", "pcm_mulaw", 8_000, None),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said on one channel and what the engine made of it."""

    said: str
    heard: str


def speak(voice: str, text: str) -> Pcm:
    """Let flite say ``text``: int16 at 16 kHz."""
    flite = shutil.which("flite")
    if flite is None:
        raise typer.BadParameter("flite is not installed (Debian package flite)")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "line.wav"
        # our own texts, no shell
        subprocess.run([flite, "-voice", voice, "-t", text, str(out)], check=True)  # noqa: S603
        with wave.open(str(out)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise typer.BadParameter(f"voice {voice} is not 16 kHz mono")
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def record(call: Call) -> Pcm:
    """Let both sides speak in turn: shape (2, samples), agent first, at 16 kHz."""
    pause = np.zeros((2, round(PAUSE * RATE)), np.int16)
    pieces = [pause]
    for line in call.script:
        spoken = speak(call.voices[line.who], line.text)
        piece = np.zeros((2, len(spoken)), np.int16)
        piece[0 if line.who == "agent" else 1] = spoken
        pieces += [piece, pause]
    return np.concatenate(pieces, axis=1)


def encode(channels: Pcm, path: Path) -> None:
    """Write two channels at 16 kHz in the format that the file's suffix names."""
    container, codec, rate, bit_rate = FORMATS[path.suffix]
    # bitexact: no random stream numbers, no version of the encoder
    with av.open(str(path), "w", container, options={"fflags": "+bitexact"}) as output:
        stream = cast("AudioStream", output.add_stream(codec, rate=rate, layout="stereo"))
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if bit_rate:
            stream.bit_rate = bit_rate
        interleaved = np.ascontiguousarray(channels.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
        frame.rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def decode(path: Path) -> Pcm:
    """Read a recording back: shape (2, samples) at 16 kHz."""
    resampler = av.AudioResampler("s16p", "stereo", RATE)
    with av.open(str(path)) as container:
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def plain(text: str) -> str:
    """Lower-case words without punctuation, for comparing."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def hear(engine: Sphinx, call: Call) -> tuple[Heard, Heard]:
    """Transcribe a call's two channels."""
    agent, caller = (
        " ".join(word.text for word in listen(engine, channel, Hints("en-GB")).words)
        for channel in decode(call.path)
    )
    return (
        Heard(plain(call.said_by("agent")), plain(agent)),
        Heard(plain(call.said_by("caller")), plain(caller)),
    )


def error_rate(channels: Iterable[Heard]) -> float:
    """Word error rate over all ``channels`` together."""
    pairs = list(channels)
    rate: float = jiwer.wer([pair.said for pair in pairs], [pair.heard for pair in pairs])
    return rate


def write_lengths(lengths: dict[str, float]) -> None:
    """Put the recordings' lengths into ``calls.json``."""
    document = json.loads(SCRIPT.read_text(encoding="utf-8"))
    for entry in document:
        entry["seconds"] = lengths[entry["file"]]
    SCRIPT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(calls: Iterable[Call]) -> None:
    """Print weight, length, and how well and how fast the engine understands each call."""
    engine = Sphinx()
    size, seconds, took, everything = 0, 0.0, 0.0, list[Heard]()
    for call in calls:
        start = time.process_time()
        heard = hear(engine, call)
        spent = time.process_time() - start
        weight = call.path.stat().st_size
        rate = error_rate(heard)
        typer.echo(f"{call.file:18} {weight:7} B {call.seconds:5.1f} s {spent:5.1f} s {rate:5.2f}")
        size, seconds, took = size + weight, seconds + call.seconds, took + spent
        everything += heard
    rate = error_rate(everything)
    typer.echo(f"{'all':18} {size:7} B {seconds:5.1f} s {took:5.1f} s {rate:5.2f}")


def main() -> None:
    """Make all recordings and report on them."""
    lengths = {}
    for call in demo_calls():
        call.path.parent.mkdir(exist_ok=True)
        channels = record(call)
        encode(channels, call.path)
        lengths[call.file] = round(channels.shape[1] / RATE, 3)
    write_lengths(lengths)
    report(demo_calls())


if __name__ == "__main__":
    main()
