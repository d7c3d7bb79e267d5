"""Strings that stand for personal data, and where they are Planted."""

import csv
import io
import wave
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from callward.intake.audio import channels_at
from callward.intake.manifest import COLUMNS
from tests.support import Call, tone, write_manifest

CORE = "Quorvexia"
"""In every planted text, so that one search finds all of them."""
ACCENTED = "Žoltanéx"
"""The same for letters outside ASCII."""
NUMBERS = ("7700900777", "2079460777")
"""The planted telephone numbers' national digits: in E.164 and national form alike."""
SPELLINGS = (
    *("07700 900777", "7700 900777", "7700 900 777", "7700-900777"),
    *("020 7946 0777", "20 7946 0777", "20-7946-0777"),
)
ADDRESSES = ("203.0.113.177", "2001:db8:77:77::7777")
PLANTED = (CORE, ACCENTED, *NUMBERS, *SPELLINGS, *ADDRESSES)

CARD = "4929887654321090"
"""A card number: it is not even to be in the vault."""

BROKEN_DECODER = f"{CORE} breaks the decoder".encode()
"""What makes the sabotaged decoder raise, if a file holds it."""
FATAL_DECODER = f"{CORE} kills the decoder".encode()
"""What makes it die."""
BROKEN_ENGINE_SECONDS = 0.7
"""How long a recording is on which the sabotaged engine raises."""

SPOKEN_SECONDS = 8.0


class Planted:
    """The names that commands need again."""

    agent: Final = f"{CORE}.{ACCENTED}@agents.example"
    caller: Final = "07700 900777"
    hold_reason: Final = f"{CORE} Holdreason of {ACCENTED}, ring 07700 900777"
    open_reason: Final = f"{CORE} Openreason of {ACCENTED}"


def plant(landing: Path, instructions: Path, now: datetime, spoken: bytes) -> None:
    """Fill a landing zone in which everything that can name somebody does."""
    _good_drop(landing / "acorn" / f"{CORE} export {ACCENTED} 07700900777", now, spoken)
    _bad_rows(landing / "acorn" / f"bad rows {CORE}", now)
    _bad_manifest(landing / "acorn" / f"bad manifest {CORE}")
    stranger = landing / f"{CORE} {ACCENTED} Ltd 07700900777" / f"drop of {CORE}"
    _deliver(stranger, [_call(f"{CORE}-stranger")], now)
    (instructions / "birch.yaml").write_text(
        f"controller: birch\nname: {CORE} Ltd\n{CORE}: {ACCENTED}\n"
        f"approved_by: {CORE}@directors.example 07700900777\n",
        encoding="utf-8",
    )


def _call(external_id: str, content: bytes | None = None, **row: str) -> Call:
    return Call(
        external_id,
        content=content,
        file=f"{external_id} {ACCENTED} 07700900777.wav",
        caller=Planted.caller,
        called="+44 20 7946 0777",
        agent=Planted.agent,
        row=row,
    )


def _good_drop(folder: Path, now: datetime, spoken: bytes) -> None:
    """Calls that are taken in, and files that are refused for what they hold."""
    calls = [
        _call(f"{CORE}-plain"),
        _call(f"{CORE}-spoken", spoken),
        _call(f"{CORE}-voicemail", kind="voicemail"),
        _call(f"{CORE}-card-{CARD}"),
        _call(f"{CORE}-riff", _riff_info(tone(pitch=410))),
        _call(f"{CORE}-vorbis", _tagged("ogg", "libopus")),
        _call(f"{CORE}-flac", _tagged("flac", "flac")),
        _call(f"{CORE}-id3", _tagged("mp3", "libmp3lame")),
        _call(f"{CORE}-email", caller=f"{CORE}@callers.example"),
        _call(f"{CORE}-text", f"{CORE} wrote {ACCENTED}, no sound, {CARD}".encode()),
        _call(f"{CORE}-short", _tagged("flac", "flac")[:-12_000]),
        _call(f"{CORE}-decoder", _riff_info(tone(pitch=420)) + BROKEN_DECODER),
        _call(f"{CORE}-fatal", _riff_info(tone(pitch=470)) + FATAL_DECODER),
        _call(f"{CORE}-engine", tone(BROKEN_ENGINE_SECONDS, pitch=430)),
        _call(f"{CORE}-old"),
    ]
    _deliver(folder, calls, now, old={f"{CORE}-old": 60})
    (folder / f"unlisted {CORE} 07700900777.txt").write_text(f"{CORE} {ACCENTED} {CARD}")
    (folder / f"link {CORE}").symlink_to(f"/nowhere/{CORE}")


def _bad_rows(folder: Path, now: datetime) -> None:
    """Every cell of the manifest in turn holds what it must not."""
    calls = [
        _call(f"{CORE}-kind", kind=f"{CORE}-kind"),
        _call(f"{CORE}-started", started_at=f"{CORE} o'clock"),
        _call(f"{CORE}-ended", ended_at=f"{CORE} o'clock"),
        _call(f"{CORE}-direction", direction=f"{CORE}-wards"),
        _call(f"{CORE}-digest", sha256=f"{CORE}-digest"),
        _call(f"{CORE}-other-digest", sha256="0" * 64),
        _call(f"{CORE}-escape", file=f"../{CORE}/07700900777.wav"),
        _call(f"{CORE}-missing", file=f"missing {CORE}.wav"),
        _call(f"{CORE}-control", agent=f"{CORE}\x07"),
        _call(f"{CORE}-plain", tone(pitch=460)),  # other content under an id that is known
    ]
    _deliver(folder, calls, now)
    with (folder / "manifest.csv").open("a", newline="") as file:
        csv.writer(file).writerow([f"{CORE} {column}" for column in (*COLUMNS, "more")])


def _bad_manifest(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{CORE}.wav").write_bytes(tone(pitch=440))
    (folder / "manifest.csv").write_text(f'{CORE},"{ACCENTED}\n07700900777', encoding="utf-8")


def _deliver(
    folder: Path, calls: list[Call], now: datetime, old: dict[str, float] | None = None
) -> None:
    folder.mkdir(parents=True)
    rows = []
    for call in calls:
        (folder / call.name).write_bytes(call.media)
        age = (old or {}).get(call.external_id, 0)
        rows.append(call.cells(now - timedelta(days=age)))
    write_manifest(folder, rows)


def _tagged(container: str, codec: str) -> bytes:
    """A second of a tone with planted tags (Vorbis comments, ID3)."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        file.metadata.update(
            title=f"{CORE} title", artist=f"{ACCENTED} 07700900777", comment=f"{CORE} comment"
        )
        stream: Any = file.add_stream(codec, rate=48_000, layout="mono")
        stream.metadata.update(title=f"{CORE} title", artist=f"{ACCENTED} 07700900777")
        moments = np.arange(48_000) / 48_000
        samples = (9000 * np.sin(2 * np.pi * 450 * moments)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=48_000, frame_size=stream.frame_size
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


def _riff_info(wav: bytes) -> bytes:
    """A WAV file with a LIST INFO chunk behind its samples."""
    text = f"{CORE} artist {ACCENTED}".encode() + b"\0"
    text += b"\0" * (len(text) % 2)
    info = b"INFO" + b"IART" + len(text).to_bytes(4, "little") + text
    chunk = b"LIST" + len(info).to_bytes(4, "little") + info
    body = wav[8:] + chunk
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def first_seconds(call: Path) -> bytes:
    """The beginning of a recording as WAV, 16 kHz."""
    with call.open("rb") as file:
        channels = channels_at(file, 16_000, max_seconds=600)
    samples = channels.T[: int(SPOKEN_SECONDS * 16_000)]
    out = io.BytesIO()
    with wave.open(out, "wb") as file_:
        file_.setnchannels(len(channels))
        file_.setsampwidth(2)
        file_.setframerate(16_000)
        file_.writeframes(np.ascontiguousarray(samples).tobytes())
    return out.getvalue()
