"""Spoken digits in one channel, by a digit grammar: what else is said is absorbed, not read.

The grammar is a loop of digit words beside a loop of single sounds, one per phone of
the model (context-independent, hence cheap and a little worse than a digit where a
digit is said). No words but digits can come out of it: there is no transcript.

Everything is heard at 8 kHz, as a telephone has it. The embedded model was trained at
16 kHz and takes a missing upper band for a noise; the lower band mirrored into the
upper halved the errors on single digits (tests/benchmarks/digits.py, docs/measured.md).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pocketsphinx

from callward.errors import OperatorError

Pcm = npt.NDArray[np.int16]
RATE: Final = 8_000
"""Samples per second of what is listened to."""
MODEL_RATE: Final = 16_000

DIGITS: Final = (
    "zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
TIMES: Final = ("double", "triple")
_VOCABULARY: Final = (*DIGITS, *TIMES)
_PHONES: Final = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G",
    "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH",
    "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
_FILLERS: Final = "<s> SIL\n</s> SIL\n<sil> SIL\n[NOISE] +NSN+\n[SPEECH] +SPN+\n" + "".join(
    f"++{phone}++ {phone}\n" for phone in _PHONES
)
_SOUND: Final = "++"
ABSORB: Final = 0.3
"""Weight of a single sound against a digit. With 0.2 ordinary speech is full of digits,
with 1.0 half of the digits said are lost."""
KEENLY: Final = 0.15
"""The same where a number is known to be said: what else is said may pass for digits."""
_DENSITIES: Final = 4
_DENSITIES_KEENLY: Final = 8
"""Of each state's sounds that are weighed: the fewer, the quicker."""
_BEAMS: Final = {"beam": 1e-22, "pbeam": 1e-22, "wbeam": 1e-14}
"""Far narrower than the defaults, which took three times as long and heard no better."""
_FRAME: Final = 0.01


class ListeningFailedError(OperatorError):
    """The recogniser could not be started or gave up on a recording."""

    code = "listening-failed"


@dataclass(frozen=True, slots=True)
class Sound:
    """Something said, ``start`` to ``end`` in seconds: a digit word, or other speech ("")."""

    word: str
    start: float
    end: float


def mirrored(pcm: Pcm) -> Pcm:
    """8 kHz as 16 kHz, the lower band mirrored into the upper, for the model's sake."""
    wide = np.zeros(2 * len(pcm), np.int16)
    wide[::2] = np.clip(2 * pcm.astype(np.int32), -32768, 32767)
    return wide


def sounds(pcm: Pcm, offset: float = 0.0, *, keenly: bool = False) -> Iterator[Sound]:
    """What is said in one stretch of 16 kHz ``mirrored`` speech, ``offset`` seconds in.

    ``keenly``: digits rather than other speech, in doubt. Raises ListeningFailedError.
    """
    decoder = _decoder(keenly)
    try:
        decoder.reinit_feat()  # or its estimate of noise would carry over
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), full_utt=True)
        decoder.end_utt()
        segments = list(decoder.seg() or ())
    except RuntimeError as error:
        _decoder.cache_clear()  # it may be stuck inside the utterance
        raise ListeningFailedError("the recogniser gave up on an utterance") from error
    for segment in segments:
        word = segment.word.partition("(")[0]
        digit = word in _VOCABULARY
        if digit or word.startswith(_SOUND):
            start = offset + segment.start_frame * _FRAME
            end = offset + (segment.end_frame + 1) * _FRAME
            yield Sound(word if digit else "", start, end)


@cache
def _decoder(keenly: bool) -> Any:  # noqa: FBT001 - positional, as a key of the cache
    """This process's decoder of one kind, made at first use."""
    path = _filler_file()
    try:
        decoder = pocketsphinx.Decoder(
            samprate=MODEL_RATE,
            lm=None,
            fdict=path,
            fillprob=KEENLY if keenly else ABSORB,
            topn=_DENSITIES_KEENLY if keenly else _DENSITIES,
            loglevel="FATAL",
            **_BEAMS,
        )
        even = 1 / len(_VOCABULARY)
        loop = decoder.create_fsg("digits", 0, 0, [(0, 0, even, word) for word in _VOCABULARY])
        decoder.add_fsg("digits", loop)
        decoder.activate_search("digits")
    except (RuntimeError, ValueError) as error:
        raise ListeningFailedError("the recogniser did not start") from error
    finally:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - a name, not a Path
    return decoder


def _filler_file() -> str:
    """The dictionary of sounds: pocketsphinx reads it from a file, once."""
    with tempfile.NamedTemporaryFile("w", prefix="callward-sounds-", delete=False) as file:
        file.write(_FILLERS)
    return file.name
