"""Card numbers said in audio: how many are muted wholly, what else is, and how fast.

``python -m tests.benchmarks digits``; needs the real data (CALLWARD_REAL_DATA).
"""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx

from callward.cards.grammar import DIGITS, MODEL_RATE, RATE, Pcm, mirrored
from callward.cards.listen import Stretch
from callward.cards.mute import with_margin
from callward.cardscan.hearing import listen
from callward.intake.audio import channels_at
from callward.intake.reasons import Refusal
from tests.cards.spoken import VOICES, WORDS, Spoken, Voices, has_flite

CALLS = 40
EDGE = 0.05
"""Seconds of a number's recording that are silence at either end."""
ORDINARY = ("calls", "telephone_8k", "two_speaker", "wideband", "other_lang", "non_speech")


def measure(calls: int = CALLS) -> dict[str, Any]:
    """Every figure; nothing is judged."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("CALLWARD_REAL_DATA", default)) / "1_speech"
    if not folder.is_dir():
        return {"skipped": "no real data"}
    voices = Voices(folder)
    return {
        "single_digits": _single(voices),
        "calls": {
            f"{kind} at {rate} Hz, {source}": figures
            for rate in (8000, 16000)
            for source in ("recorded", *(["made"] if has_flite() else []))
            for kind, figures in _calls(voices, rate, source, calls // 2).items()
        },
        "ordinary": dict(_ordinary(folder)),
    }


def _calls(voices: Voices, rate: int, source: str, count: int) -> dict[str, Any]:
    """Figures of calls with a card number, and of calls with a telephone number alone."""
    found = {"cards": [], "phones": []}  # type: dict[str, list[tuple[Spoken, list[Stretch]]]]
    for index in range(count):
        for kind, digits in (("cards", voices.card()), ("phones", voices.phone())):
            if source == "made":
                pcm = voices.made(digits, VOICES[index % len(VOICES)], oh=index % 2 == 0)
            else:
                pcm = voices.recorded(digits, group=4 if kind == "cards" else 5)
            call = voices.call(pcm, rate)
            found[kind].append((call, muted(call)))
    cards = found["cards"]
    return {
        "cards": {
            "calls": len(cards),
            "wholly_muted": sum(covers(call, one) for call, one in cards),
            "partly_muted": sum(
                inside(call, one) > 0 and not covers(call, one) for call, one in cards
            ),
            "share_of_seconds_muted": round(
                sum(inside(*each) for each in cards)
                / sum(call.number.end - call.number.start for call, _ in cards),
                3,
            ),
            "more_than_1s_beside": sum(beside(call, one) > 1 for call, one in cards),
        },
        "phones": {
            "calls": len(found["phones"]),
            "survive": sum(not one for _, one in found["phones"]),
        },
    }


def muted(call: Spoken) -> list[Stretch]:
    """What would be muted of a call."""
    channels = channels_at(io.BytesIO(call.wav()), RATE, max_seconds=600)
    return with_margin(listen(channels), call.seconds)


def covers(call: Spoken, found: list[Stretch]) -> bool:
    """Whether the whole number is in one muted stretch."""
    start, end = call.number.start + EDGE, call.number.end - EDGE
    return any(one.start <= start and one.end >= end for one in found)


def inside(call: Spoken, found: list[Stretch]) -> float:
    """Seconds of the number that are muted."""
    return sum(
        max(0.0, min(one.end, call.number.end) - max(one.start, call.number.start)) for one in found
    )


def beside(call: Spoken, found: list[Stretch]) -> float:
    """The longest muted piece that is not of the number, seconds."""
    pieces = [0.0]
    for one in found:
        pieces.append(min(one.end, call.number.start) - one.start)
        pieces.append(one.end - max(one.start, call.number.end))
    return max(pieces)


def _ordinary(folder: Path) -> Iterator[tuple[str, Any]]:
    """Mutes in speech without card numbers, by folder: files, seconds, mutes, speed."""
    for name in ORDINARY:
        files = mutes = 0
        seconds = muted_seconds = took = 0.0
        for path in sorted((folder / name).rglob("*.*")):
            try:
                channels = channels_at(io.BytesIO(path.read_bytes()), RATE, max_seconds=3600)
            except Refusal:
                continue
            length = channels.shape[1] / RATE
            began = time.process_time()
            found = with_margin(listen(channels), length)
            took += time.process_time() - began
            files, seconds, mutes = files + 1, seconds + length * len(channels), mutes + len(found)
            muted_seconds += sum(one.end - one.start for one in found)
        yield (
            name,
            {
                "files": files,
                "channel_seconds": round(seconds, 1),
                "mutes": mutes,
                "muted_seconds": round(muted_seconds, 1),
                "mutes_per_hour": round(mutes * 3600 / seconds, 1) if seconds else None,
                "audio_seconds_per_second": round(seconds / took, 1) if took else None,
            },
        )


def _single(voices: Voices) -> dict[str, float]:
    """Share of recorded single digits that are not heard as what they are, three ways."""
    general = pocketsphinx.Decoder(samprate=MODEL_RATE, loglevel="FATAL")
    grammar = pocketsphinx.Decoder(samprate=MODEL_RATE, lm=None, loglevel="FATAL")
    one_of = " | ".join(DIGITS)
    grammar.add_jsgf_string("one", f"#JSGF V1.0; grammar one; public <d> = ({one_of});")
    grammar.activate_search("one")
    samples = [
        (WORDS[digit], pcm)
        for speaker in voices.digits.values()
        for digit, several in speaker.items()
        for pcm in several
    ]
    return {
        "digits": len(samples),
        "general_model": _wrong(general, samples, lambda pcm: pcm),
        "digit_grammar": _wrong(grammar, samples, lambda pcm: pcm),
        "digit_grammar_mirrored": _wrong(grammar, samples, lambda pcm: mirrored(pcm[::2])),
    }


def _wrong(decoder: Any, samples: list[tuple[str, Pcm]], wide: Any) -> float:
    wrong = 0
    for word, pcm in samples:
        noise = np.random.default_rng(1).normal(0, 8, MODEL_RATE // 4).astype(np.int16)
        decoder.reinit_feat()
        decoder.start_utt()
        said = np.concatenate([noise, wide(pcm), noise])
        decoder.process_raw(said.tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        wrong += heard is None or heard.hypstr.replace("oh", "zero") != word
    return round(wrong / len(samples), 3)
